"""Coupons, and the discounts of subscriptions."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from pydantic import Field, model_validator

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import ListAnswer, ListQuery, Schema
from chalicelib.api.subscriptions import CouponCode, PackageId, SubscriptionOut
from chalicelib.domain.accounts import Discount
from chalicelib.domain.discounts import COUPON_PACKAGES_MAX, Coupon
from chalicelib.domain.staff import Permission
from chalicelib.usecases import coupons


class DiscountIn(Schema):
    """A discount of the price before tax: a share in millionths, or minor units a cycle; or a coupon's.

    ``periods`` is for how many bills, forever unless given. ``code`` names it on the invoice.
    """

    coupon: CouponCode | None = Field(default=None, description="a coupon to redeem, and nothing else")
    code: CouponCode | None = Field(default=None, examples=["LOYAL"])
    share_millionths: int | None = Field(default=None, description="1000000 is the whole price")
    amount: int | None = Field(default=None, description="minor units of the account's currency, a cycle")
    periods: int | None = Field(default=None, examples=[3])

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        own = {"code", "share_millionths", "amount", "periods"} & self.model_fields_set
        if self.coupon is not None and own:
            raise ValueError("a coupon says what it gives")
        if self.coupon is None and self.code is None:
            raise ValueError("name a coupon, or the code of a discount")
        return self

    def given(self) -> Discount | str:
        """Return the domain's discount, or the coupon's code."""
        if self.coupon is not None:
            return self.coupon
        return Discount(self.code or "", self.share_millionths or 0, self.amount or 0, self.periods)


class CouponIn(Schema):
    """A discount for whoever brings the code, whatever its case.

    It is redeemed from ``valid_from`` through ``valid_until``, both included; without ``package_ids``
    for any package.
    """

    code: CouponCode
    share_millionths: int | None = Field(default=None, examples=[250000])
    amount: int | None = Field(default=None, description="minor units of the tenant's currency, a cycle")
    periods: int | None = Field(default=None, description="for how many bills; forever unless given")
    valid_from: date | None = None
    valid_until: date | None = Field(default=None, examples=["2027-03-31"])
    redemptions_max: int | None = Field(default=None, description="in all", examples=[100])
    per_subscriber_max: int | None = Field(default=None, examples=[1])
    package_ids: list[PackageId] = Field(default=[], max_length=COUPON_PACKAGES_MAX)

    def coupon(self, *, at: datetime) -> Coupon:
        """Return the domain's value."""
        return Coupon(
            code=self.code,
            created_at=at,
            share=self.share_millionths or 0,
            amount=self.amount or 0,
            periods=self.periods,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            redemptions_max=self.redemptions_max,
            per_subscriber_max=self.per_subscriber_max,
            package_ids=tuple(self.package_ids),
        )


class CouponOut(Schema):
    """A coupon, and how often it was redeemed."""

    code: str = Field(examples=["RAMADAN25"])
    share_millionths: int | None
    amount: int | None
    periods: int | None
    valid_from: date | None
    valid_until: date | None
    redemptions_max: int | None
    per_subscriber_max: int | None
    package_ids: list[str]
    closed: bool
    redeemed: int
    created_at: datetime

    @classmethod
    def of(cls, coupon: Coupon) -> CouponOut:
        """Render a coupon."""
        return cls(
            code=coupon.code,
            share_millionths=coupon.share or None,
            amount=coupon.amount or None,
            periods=coupon.periods,
            valid_from=coupon.valid_from,
            valid_until=coupon.valid_until,
            redemptions_max=coupon.redemptions_max,
            per_subscriber_max=coupon.per_subscriber_max,
            package_ids=list(coupon.package_ids),
            closed=coupon.closed,
            redeemed=coupon.redeemed,
            created_at=coupon.created_at,
        )


class CouponList(ListAnswer):
    """Coupons."""

    items: list[CouponOut]


@endpoint("GET", "/v1/coupons", permission=Permission.PACKAGES_READ, query=ListQuery, answer=CouponList)
def list_coupons(request: Request) -> CouponList:
    """List the coupons in the order of their codes, closed ones too."""
    page = request.store.coupons.list(limit=request.query_as(ListQuery).limit, after=request.after)
    return request.listing(CouponList, page, CouponOut.of)


@endpoint(
    "POST",
    "/v1/coupons",
    permission=Permission.PACKAGES_WRITE,
    body=CouponIn,
    answer=CouponOut,
    status=201,
    idempotent=True,
)
def create_coupon(request: Request) -> CouponOut:
    """Add a coupon; its terms never change."""
    coupon = coupons.create_coupon(
        store=request.store,
        coupon=request.body_as(CouponIn).coupon(at=request.now),
        note=request.note("coupon.created", request.body_as(CouponIn).code),
        idempotency=request.idempotency,
    )
    return CouponOut.of(coupon)


@endpoint("GET", "/v1/coupons/{code}", permission=Permission.PACKAGES_READ, answer=CouponOut)
def get_coupon(request: Request) -> CouponOut:
    """Show a coupon, and how often it was redeemed."""
    return CouponOut.of(coupons.get_coupon(store=request.store, code=request.path["code"]))


@endpoint("POST", "/v1/coupons/{code}/close", permission=Permission.PACKAGES_WRITE, answer=CouponOut)
def close_coupon(request: Request) -> CouponOut:
    """Take a coupon out of use; the discounts that it gave go on."""
    coupon = coupons.close_coupon(
        store=request.store,
        code=request.path["code"],
        note=request.note("coupon.closed", request.path["code"]),
    )
    return CouponOut.of(coupon)


@endpoint(
    "POST",
    "/v1/subscriptions/{subscription_id}/discounts",
    permission=Permission.SUBSCRIBERS_WRITE,
    body=DiscountIn,
    field_permissions={"code": Permission.INVOICES_WRITE},
    answer=SubscriptionOut,
    status=201,
    idempotent=True,
)
def give_discount(request: Request) -> SubscriptionOut:
    """Give a subscription a discount, or redeem a coupon for it; from its next bill on."""
    held = coupons.give_discount(
        store=request.store,
        subscription_id=request.path["subscription_id"],
        given=request.body_as(DiscountIn).given(),
        at=request.now,
        note=request.note("subscription.discount_given", request.path["subscription_id"]),
        idempotency=request.idempotency,
    )
    return SubscriptionOut.of(held)


@endpoint(
    "DELETE",
    "/v1/subscriptions/{subscription_id}/discounts/{code}",
    permission=Permission.SUBSCRIBERS_WRITE,
    answer=SubscriptionOut,
    if_match=True,
)
def take_discount(request: Request) -> SubscriptionOut:
    """Take a discount from a subscription, from its next bill on."""
    held = coupons.take_discount(
        store=request.store,
        subscription_id=request.path["subscription_id"],
        code=request.path["code"],
        if_match=request.if_match,
        at=request.now,
        note=request.note("subscription.discount_taken", request.path["subscription_id"]),
    )
    return SubscriptionOut.of(held)
