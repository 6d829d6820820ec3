"""Subscriptions: packages in use by a subscriber."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, field_validator

from chalicelib.api.packages import CycleBody
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, MoneyIn, MoneyOut, Patch, Schema
from chalicelib.domain.accounts import Discount, SubscriptionState, subscription_id
from chalicelib.domain.billing import next_bill_date
from chalicelib.domain.money import Money
from chalicelib.domain.package_changes import QUANTITY_MAX
from chalicelib.domain.packages import RefundPolicy
from chalicelib.domain.pending_charges import Fee
from chalicelib.domain.periods import BillingTiming
from chalicelib.domain.staff import Permission
from chalicelib.domain.subscriptions import SuspensionReason, suspension_reason
from chalicelib.usecases import subscriptions
from chalicelib.usecases.changes import UNCHANGED

PackageId = Annotated[str, Field(min_length=1, max_length=40, examples=["pkg_01JD0000000000000000000000"])]
SubscriptionId = Annotated[
    str, Field(min_length=1, max_length=40, examples=["sbn_01JD0000000000000000000000-1"])
]
CouponCode = Annotated[str, Field(min_length=1, max_length=40, examples=["RAMADAN25"])]
WAIVE_REASON_CHARS_MAX = 200
NewState = Literal["active", "pending"]
State = Literal["active", "paused", "suspended", "terminated"]


class WaivedFee(Schema):
    """A fee that is not charged, and why."""

    fee: Fee
    reason: Line = Field(min_length=3, max_length=WAIVE_REASON_CHARS_MAX, examples=["Ramadan offer"])


class SubscriptionIn(Schema):
    """A package to sell.

    It is ``active`` at once, though nothing is billed before ``starts_on``, or ``pending``
    until it is made active, such as after the installation.
    """

    package_id: PackageId
    starts_on: date | None = Field(
        default=None, description="first day of service; today unless given", examples=["2026-11-01"]
    )
    anchor_day: int | None = Field(
        default=None,
        ge=1,
        le=31,
        description="day of the month (1 to 31), or of the week (1 is Monday), on which periods begin; "
        "that of starts_on unless given, or of the tenant's bill_day where that is set",
    )
    price_override: MoneyIn | None = Field(
        default=None, description="price of a cycle in the place of the package's"
    )
    state: NewState = "active"
    parent_id: SubscriptionId | None = Field(
        default=None, description="the subscription of the service that an add-on is sold beside"
    )
    waive_fees: list[WaivedFee] = Field(
        default=[], max_length=len(Fee), description="fees of the package that are not charged"
    )

    quantity: int = Field(default=1, ge=1, le=QUANTITY_MAX, description="the price is charged so many times")
    coupon: CouponCode | None = Field(
        default=None, description="a coupon to redeem: its discount is from the first bill on"
    )

    @field_validator("waive_fees")
    @classmethod
    def _each_once(cls, waived: list[WaivedFee]) -> list[WaivedFee]:
        if len({one.fee for one in waived}) < len(waived):
            raise ValueError("a fee is waived once")
        return waived

    def new(self) -> subscriptions.NewSubscription:
        """Return the use case's value."""
        return subscriptions.NewSubscription(
            package_id=self.package_id,
            starts_on=self.starts_on,
            anchor_day=self.anchor_day,
            price_override=self.price_override.money() if self.price_override else None,
            state=SubscriptionState(self.state),
            parent_id=self.parent_id,
            waived={one.fee: one.reason for one in self.waive_fees},
            quantity=self.quantity,
            coupon=self.coupon,
        )


class SubscriptionPatch(Patch):
    """What changes; invoices that are issued stay.

    Days out of service are not billed: when a subscription becomes active again, its next
    period begins that day. A terminated one is billed up to ``ends_on``, its first day
    without service; that is today unless given. Until that day it may be made ``active``
    again, which withdraws the end, or be given another ``ends_on``. Days paid after the end are
    credited as the package's refund policy has it, days of a pause that were billed in full when
    service resumes.
    """

    NULLABLE = frozenset({"price_override"})

    state: State | None = None
    ends_on: date | None = Field(default=None, examples=["2026-11-30"])
    price_override: MoneyIn | None = Field(default=None, description="null: the package's price again")
    must_pay_override: Line | None = Field(
        default=None,
        min_length=3,
        max_length=WAIVE_REASON_CHARS_MAX,
        description="why suspended service is restored though fees are to be paid first",
    )

    refund: RefundPolicy | None = Field(
        default=None,
        description="what of the days paid after an end is credited; that of the package unless given, "
        "and never less",
    )
    refund_reason: Line | None = Field(
        default=None, min_length=3, max_length=WAIVE_REASON_CHARS_MAX, description="why it is more"
    )
    suspended_for: Literal["non_payment", "other"] | None = Field(
        default=None,
        description="why it is suspended: other unless given; what is for non_payment is active again "
        "with the payment after which nothing is overdue and the fees to be paid first are paid",
    )

    def change(self) -> subscriptions.SubscriptionChange:
        """Return the use case's value."""
        price = self.price_override.money() if self.price_override else None
        return subscriptions.SubscriptionChange(
            state=SubscriptionState(self.state) if self.state else None,
            ends_on=self.ends_on,
            price_override=price if "price_override" in self.model_fields_set else UNCHANGED,
            must_pay_override=self.must_pay_override,
            refund=self.refund,
            refund_reason=self.refund_reason,
            suspended_for=SuspensionReason(self.suspended_for) if self.suspended_for else None,
        )


class DiscountOut(Schema):
    """A reduction of the price before tax: a share in millionths, or an amount in minor units a cycle.

    ``periods`` are those it is left for; null is forever.
    """

    code: str = Field(examples=["RAMADAN"])
    share_millionths: int | None = Field(examples=[250000])
    amount: int | None
    periods: int | None

    @classmethod
    def of(cls, discount: Discount) -> DiscountOut:
        """Render a discount."""
        return cls(
            code=discount.code,
            share_millionths=discount.share or None,
            amount=discount.amount or None,
            periods=discount.periods,
        )


class SubscriptionOut(Schema):
    """A subscription; ``version`` is its account's, which billing moves too.

    Service is billed up to ``billed_to``, exclusive. ``next_bill_on`` is null where nothing
    more is billed as things stand. ``overbilled_days`` are the days before ``billed_to`` on
    which a pause or an end leaves no service and which are not credited. ``edition`` is that of the
    package when it was sold; ``parent_id`` the service that an add-on belongs to. ``replaces`` and
    ``replaced_by`` are the subscriptions before and after a change of package.
    """

    subscription_id: str = Field(examples=["sbn_01JD0000000000000000000000-1"])
    subscriber_id: str = Field(examples=["sbr_01JD0000000000000000000000"])
    package_id: str
    edition: int
    parent_id: str | None
    state: SubscriptionState
    suspended_for: SuspensionReason | None
    starts_on: date
    ends_on: date | None
    paused_on: date | None
    anchor_day: int
    cycle: CycleBody
    timing: BillingTiming
    price_override: MoneyOut | None
    quantity: int
    discounts: list[DiscountOut]
    replaces: str | None
    replaced_by: str | None
    billed_to: date
    overbilled_days: int
    next_bill_on: date | None
    version: int

    @classmethod
    def of(cls, held: subscriptions.HeldSubscription) -> SubscriptionOut:
        """Render a subscription."""
        sub, price = held.subscription, held.subscription.price_override
        return cls(
            subscription_id=held.subscription_id,
            subscriber_id=held.account.account_id,
            package_id=sub.package_id,
            edition=sub.edition,
            parent_id=None
            if sub.parent is None
            else subscription_id(account_id=held.account.account_id, slot=sub.parent),
            state=sub.state,
            suspended_for=suspension_reason(subscription=sub),
            starts_on=sub.starts_on,
            ends_on=sub.ends_on,
            paused_on=sub.paused_on,
            anchor_day=sub.anchor_day,
            cycle=CycleBody.of(sub.cycle),
            timing=sub.timing,
            price_override=None if price is None else MoneyOut.of(Money(price, held.account.currency)),
            quantity=sub.quantity,
            discounts=[DiscountOut.of(one) for one in sub.discounts if not one.spent],
            replaces=None
            if sub.replaces is None
            else subscription_id(account_id=held.account.account_id, slot=sub.replaces),
            replaced_by=held.replaced_by,
            billed_to=sub.billed_to,
            overbilled_days=sub.overbilled_days,
            next_bill_on=next_bill_date(subscription=sub),
            version=held.account.version,
        )


@endpoint(
    "POST",
    "/v1/subscribers/{subscriber_id}/subscriptions",
    permission=Permission.SUBSCRIBERS_WRITE,
    body=SubscriptionIn,
    field_permissions={"waive_fees": Permission.FEES_WAIVE, "price_override": Permission.INVOICES_WRITE},
    answer=SubscriptionOut,
    status=201,
    idempotent=True,
)
def create_subscription(request: Request) -> SubscriptionOut:
    """Sell a package to a subscriber. Its activation fee and deposit are on the first invoice."""
    held = subscriptions.create_subscription(
        store=request.store,
        subscriber_id=request.path["subscriber_id"],
        new=request.body_as(SubscriptionIn).new(),
        at=request.now,
        note=request.note("subscription.created", request.path["subscriber_id"]),
        idempotency=request.idempotency,
    )
    return SubscriptionOut.of(held)


@endpoint(
    "GET",
    "/v1/subscriptions/{subscription_id}",
    permission=Permission.SUBSCRIBERS_READ,
    answer=SubscriptionOut,
)
def get_subscription(request: Request) -> SubscriptionOut:
    """Show a subscription."""
    return SubscriptionOut.of(
        subscriptions.get_subscription(store=request.store, subscription_id=request.path["subscription_id"])
    )


@endpoint(
    "PATCH",
    "/v1/subscriptions/{subscription_id}",
    permission=Permission.SUBSCRIBERS_WRITE,
    body=SubscriptionPatch,
    field_permissions={
        "must_pay_override": Permission.FEES_WAIVE,
        "refund": Permission.INVOICES_WRITE,
        "price_override": Permission.INVOICES_WRITE,
    },
    answer=SubscriptionOut,
    if_match=True,
)
def change_subscription(request: Request) -> SubscriptionOut:
    """Pause, suspend, resume or terminate a subscription, or change its price. Add-ons follow."""
    held = subscriptions.change_subscription(
        store=request.store,
        subscription_id=request.path["subscription_id"],
        change=request.body_as(SubscriptionPatch).change(),
        if_match=request.if_match,
        at=request.now,
        note=request.note("subscription.changed", request.path["subscription_id"]),
    )
    return SubscriptionOut.of(held)
