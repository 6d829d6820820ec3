"""The terms of a package as JSON: phases, bundle, fees, data cap."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from chalicelib.api.schemas import Line, MoneyIn, MoneyOut, Schema
from chalicelib.domain.money import Money
from chalicelib.domain.package_terms import (
    BUNDLE_PARTS_MAX,
    BUNDLE_WEIGHT_MAX,
    MIB_MAX,
    PAUSE_SHARE_MAX,
    PHASE_PERIODS_MAX,
    PHASES_MAX,
    TERM_NAME_CHARS_MAX,
    VALID_MINUTES_MAX,
    VALID_MINUTES_MIN,
)
from chalicelib.domain.packages import (
    SPEED_KBPS_MAX,
    BundlePart,
    CapAction,
    DataCap,
    Package,
    Phase,
    RefundPolicy,
)
from chalicelib.usecases.changes import UNCHANGED
from chalicelib.usecases.package_terms import CapAsked, PhaseAsked, Terms

TermName = Annotated[Line, Field(min_length=1, max_length=TERM_NAME_CHARS_MAX)]
Mib = Annotated[int, Field(ge=0, le=MIB_MAX)]
PauseShare = Annotated[
    int,
    Field(
        ge=0, le=PAUSE_SHARE_MAX, description="part of the price, in millionths, that is billed while paused"
    ),
]
ValidMinutes = Annotated[
    int,
    Field(
        ge=VALID_MINUTES_MIN,
        le=VALID_MINUTES_MAX,
        description="how long a prepaid package lasts; its cycle unless given",
    ),
]
TopUpMib = Annotated[int, Field(ge=1, le=MIB_MAX, description="what a top_up adds to a running period")]


class PhaseIn(Schema):
    """The price of a cycle in the next ``periods`` periods: a trial has the price 0."""

    name: TermName = Field(examples=["Trial"])
    periods: int = Field(ge=1, le=PHASE_PERIODS_MAX, examples=[1])
    price: MoneyIn


class PhaseOut(Schema):
    """A phase."""

    name: str
    periods: int
    price: MoneyOut

    @classmethod
    def of(cls, phase: Phase, currency: str) -> PhaseOut:
        """Render a phase."""
        price = MoneyOut.of(Money(phase.price, currency))
        return cls(name=phase.name, periods=phase.periods, price=price)


class BundlePartBody(Schema):
    """A part of a bundle: ``weight`` of all weights of the price, on a line and in a tax group of its own."""

    name: TermName = Field(examples=["Internet"])
    weight: int = Field(ge=1, le=BUNDLE_WEIGHT_MAX, examples=[3])
    tax_group: str | None = Field(default=None, min_length=1, max_length=40)


class CapIn(Schema):
    """How many MiB a period includes, and what comes after.

    ``block`` ends service until the next period, ``fair_use`` goes on at the two speeds, and
    ``charge`` bills ``overage_per_gib`` after the period, by the MiB.
    """

    included_mib: Mib = Field(examples=[102_400])
    action: CapAction
    fair_use_down_kbps: int | None = Field(default=None, ge=1, le=SPEED_KBPS_MAX)
    fair_use_up_kbps: int | None = Field(default=None, ge=1, le=SPEED_KBPS_MAX)
    rollover: bool = Field(
        default=False, description="what is not used of included_mib is added to the next period"
    )
    overage_per_gib: MoneyIn | None = None

    def asked(self) -> CapAsked:
        """Return the use case's value."""
        price = self.overage_per_gib
        return CapAsked(
            included_mib=self.included_mib,
            action=self.action,
            fair_use_down_kbps=self.fair_use_down_kbps,
            fair_use_up_kbps=self.fair_use_up_kbps,
            rollover=self.rollover,
            overage_per_gib=price.money() if price else None,
        )


class CapOut(Schema):
    """A data cap."""

    included_mib: int
    action: CapAction
    fair_use_down_kbps: int | None
    fair_use_up_kbps: int | None
    rollover: bool
    overage_per_gib: MoneyOut | None

    @classmethod
    def of(cls, cap: DataCap, currency: str) -> CapOut:
        """Render a data cap."""
        price = cap.overage_per_gib
        return cls(
            included_mib=cap.included_mib,
            action=cap.action,
            fair_use_down_kbps=cap.fair_use_down_kbps,
            fair_use_up_kbps=cap.fair_use_up_kbps,
            rollover=cap.rollover,
            overage_per_gib=None if price is None else MoneyOut.of(Money(price, currency)),
        )


class TermsIn(Schema):
    """The terms that a new package may have."""

    phases: list[PhaseIn] = Field(
        default=[], max_length=PHASES_MAX, description="prices of the first periods, one after another"
    )
    bundle: list[BundlePartBody] = Field(
        default=[],
        max_length=BUNDLE_PARTS_MAX,
        description="2 to 10 parts that the price is split into, each with taxes of its own",
    )
    activation_fee: MoneyIn | None = Field(
        default=None, description="billed once with the first invoice, taxed by tax_group"
    )
    deposit: MoneyIn | None = Field(
        default=None, description="billed once with the first invoice, not taxed, and to be given back"
    )
    pause_share: PauseShare = 0
    refund: RefundPolicy = Field(
        default=RefundPolicy.NONE,
        description="what of a paid period is credited when service ends within it",
    )
    cap: CapIn | None = None
    valid_minutes: ValidMinutes | None = None
    top_up_mib: TopUpMib | None = None

    def terms(self) -> Terms:
        """Return the use case's value: what was sent."""
        return terms_of(self)


def terms_of(body: Any) -> Terms:
    """Return the terms that a body sets; ``body`` has the fields of ``TermsIn``, and None for none."""
    sent = body.model_fields_set
    phases, cap = body.phases or [], body.cap
    fees = {
        name: getattr(body, name).money()
        for name in ("activation_fee", "deposit")
        if name in sent and getattr(body, name) is not None
    }
    return Terms(
        phases=tuple(PhaseAsked(one.name, one.periods, one.price.money()) for one in phases)
        if "phases" in sent
        else UNCHANGED,
        bundle=tuple(BundlePart(one.name, one.weight, one.tax_group) for one in body.bundle or [])
        if "bundle" in sent
        else UNCHANGED,
        pause_share=body.pause_share if "pause_share" in sent else UNCHANGED,
        refund=body.refund if "refund" in sent else UNCHANGED,
        cap=(cap.asked() if cap else None) if "cap" in sent else UNCHANGED,
        valid_minutes=body.valid_minutes if "valid_minutes" in sent else UNCHANGED,
        top_up_mib=body.top_up_mib if "top_up_mib" in sent else UNCHANGED,
        **fees,
    )


class TermsOut(Schema):
    """The terms of an edition."""

    phases: list[PhaseOut]
    bundle: list[BundlePartBody]
    activation_fee: MoneyOut
    deposit: MoneyOut
    pause_share: int
    refund: RefundPolicy
    cap: CapOut | None
    valid_minutes: int | None
    top_up_mib: int | None

    @classmethod
    def told(cls, package: Package) -> dict[str, Any]:
        """Return the fields of a package's terms."""
        currency = package.price.currency
        return {
            "phases": [PhaseOut.of(one, currency) for one in package.phases],
            "bundle": [
                BundlePartBody(name=one.name, weight=one.weight, tax_group=one.tax_group)
                for one in package.bundle
            ],
            "activation_fee": MoneyOut.of(Money(package.activation_fee, currency)),
            "deposit": MoneyOut.of(Money(package.deposit, currency)),
            "pause_share": package.pause_share,
            "refund": package.refund,
            "cap": None if package.cap is None else CapOut.of(package.cap, currency),
            "valid_minutes": package.valid_minutes,
            "top_up_mib": package.top_up_mib,
        }
