"""The terms of a package as they are asked for: amounts with their currency, made the domain's."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from chalicelib.domain.money import CurrencyMismatch, Money
from chalicelib.domain.packages import BundlePart, CapAction, DataCap, Package, Phase, RefundPolicy
from chalicelib.usecases.changes import UNCHANGED, Unchanged


@dataclass(frozen=True, slots=True)
class PhaseAsked:
    """A phase, its price for one cycle."""

    name: str
    periods: int
    price: Money


@dataclass(frozen=True, slots=True)
class CapAsked:
    """A data cap."""

    included_mib: int
    action: CapAction
    fair_use_down_kbps: int | None = None
    fair_use_up_kbps: int | None = None
    rollover: bool = False
    overage_per_gib: Money | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms to set; those of a new package that are not set are none."""

    phases: tuple[PhaseAsked, ...] | Unchanged = UNCHANGED
    bundle: tuple[BundlePart, ...] | Unchanged = UNCHANGED
    activation_fee: Money | Unchanged = UNCHANGED
    deposit: Money | Unchanged = UNCHANGED
    pause_share: int | Unchanged = UNCHANGED
    refund: RefundPolicy | Unchanged = UNCHANGED
    cap: CapAsked | Unchanged | None = UNCHANGED
    valid_minutes: int | Unchanged | None = UNCHANGED
    top_up_mib: int | Unchanged | None = UNCHANGED


def with_terms(*, package: Package, terms: Terms) -> Package:
    """Return the package with the terms set, not checked but for CurrencyMismatch."""
    currency = package.price.currency
    asked: dict[str, Any] = {field.name: getattr(terms, field.name) for field in fields(terms)}
    given = {name: value for name, value in asked.items() if not isinstance(value, Unchanged)}
    for name in ("activation_fee", "deposit"):
        if name in given:
            given[name] = _minor(given[name], currency, name)
    if "phases" in given:
        given["phases"] = tuple(
            Phase(one.name, one.periods, _minor(one.price, currency, f"phases.{place}.price"))
            for place, one in enumerate(given["phases"])
        )
    if given.get("cap") is not None:
        given["cap"] = _cap(given["cap"], currency)
    return replace(package, **given)


def _cap(asked: CapAsked, currency: str) -> DataCap:
    price = asked.overage_per_gib
    return DataCap(
        included_mib=asked.included_mib,
        action=asked.action,
        fair_use_down_kbps=asked.fair_use_down_kbps,
        fair_use_up_kbps=asked.fair_use_up_kbps,
        rollover=asked.rollover,
        overage_per_gib=None if price is None else _minor(price, currency, "cap.overage_per_gib"),
    )


def _minor(price: Money, currency: str, param: str) -> int:
    if price.currency != currency:
        raise CurrencyMismatch(f"prices are in {currency}", param=f"{param}.currency")
    return price.amount
