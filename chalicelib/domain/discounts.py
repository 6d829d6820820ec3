"""Discounts of subscriptions, and coupons that give them.

A discount is taken off the price before tax: a share of it, or an amount a cycle. A coupon is
the tenant's promise of one to whoever brings its code, within its dates and limits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from chalicelib.domain.accounts import (
    DISCOUNTS_PER_SUBSCRIPTION_MAX,
    Discount,
    InvalidTransition,
    Subscription,
    SubscriptionState,
)
from chalicelib.domain.charges import SHARE_PER_UNIT
from chalicelib.domain.errors import Conflict, InvalidValue, NotFound
from chalicelib.domain.packages import PRICE_MINOR_MAX

DISCOUNT_PERIODS_MAX: Final = 120
COUPON_PACKAGES_MAX: Final = 50
REDEMPTIONS_MAX: Final = 1_000_000
CODE_CHARS_MAX: Final = 24
# No colon: a code stands in the trace of a line between two.
_CODE: Final = re.compile(r"[A-Z0-9][A-Z0-9_-]{1,23}\Z", re.ASCII)


class InvalidDiscount(InvalidValue):
    """The discount is none, negative, or more than the whole price; or its code or periods cannot be."""

    code = "invalid_discount"


class DiscountTaken(Conflict):
    """The subscription has a discount of this code."""

    code = "discount_taken"


class TooManyDiscounts(Conflict):
    """The subscription has as many discounts as one may have."""

    code = "too_many_discounts"


class InvalidCoupon(InvalidValue):
    """The coupon's dates, limits or packages are not possible."""

    code = "invalid_coupon"


class CouponTaken(Conflict):
    """Another coupon of this tenant has the code."""

    code = "coupon_taken"


class UnknownCoupon(InvalidValue):
    """The tenant has no coupon of this code."""

    code = "unknown_coupon"


class CouponNotValid(Conflict):
    """The coupon is closed, or not valid today or for this package."""

    code = "coupon_not_valid"


class CouponUsedUp(Conflict):
    """The coupon was redeemed as often as it may be, in all or by this subscriber."""

    code = "coupon_used_up"


@dataclass(frozen=True, slots=True)
class Coupon:
    """A discount for whoever brings the code.

    ``share`` (millionths) or ``amount`` (minor units of the tenant's currency, a cycle) and ``periods``
    are those of the discount. It is redeemed from ``valid_from`` through ``valid_until``, both
    included, in the tenant's dates; ``package_ids`` empty means any. ``redeemed`` counts.
    """

    code: str
    created_at: datetime
    share: int = 0
    amount: int = 0
    periods: int | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    redemptions_max: int | None = None
    per_subscriber_max: int | None = None
    package_ids: tuple[str, ...] = ()
    closed: bool = False
    redeemed: int = 0

    @property
    def discount(self) -> Discount:
        """What it gives."""
        return Discount(self.code, self.share, self.amount, self.periods)


def normal_code(*, code: str, param: str = "code") -> str:
    """Return a code in capitals, or raise InvalidDiscount."""
    normal = code.strip().upper()
    if not _CODE.match(normal):
        message = f"a code has 2 to {CODE_CHARS_MAX} letters A to Z, digits, - and _"
        raise InvalidDiscount(message, param=param)
    return normal


def check_discount(*, discount: Discount) -> Discount:
    """Return the discount with its code in capitals, or raise InvalidDiscount.

    A share is above 0 and at most the whole price, an amount above 0, and it is one of the two.
    """
    code = normal_code(code=discount.code)
    if bool(discount.share) == bool(discount.amount):
        raise InvalidDiscount("a discount is either a share or an amount", param="share_millionths")
    if not 0 <= discount.share <= SHARE_PER_UNIT:
        message = f"a share is 1 to {SHARE_PER_UNIT} millionths: {SHARE_PER_UNIT} is the whole price"
        raise InvalidDiscount(message, param="share_millionths")
    if not 0 <= discount.amount <= PRICE_MINOR_MAX:
        raise InvalidDiscount(f"an amount is 1 to {PRICE_MINOR_MAX} minor units", param="amount")
    if discount.periods is not None and not 1 <= discount.periods <= DISCOUNT_PERIODS_MAX:
        message = f"a discount is for 1 to {DISCOUNT_PERIODS_MAX} periods, or without a number forever"
        raise InvalidDiscount(message, param="periods")
    return replace(discount, code=code)


def with_discount(*, subscription: Subscription, discount: Discount) -> Subscription:
    """Return the subscription with one more discount, from its next bill on.

    Raises InvalidDiscount, DiscountTaken, TooManyDiscounts, or InvalidTransition where it is ended.
    """
    checked = check_discount(discount=discount)
    if subscription.state is SubscriptionState.TERMINATED:
        raise InvalidTransition("a terminated subscription takes no discount", param="state")
    kept = tuple(one for one in subscription.discounts if one.code != checked.code or not one.spent)
    if any(one.code == checked.code for one in kept):
        raise DiscountTaken(f"the subscription has a discount {checked.code} already", param="code")
    if sum(not one.spent for one in kept) >= DISCOUNTS_PER_SUBSCRIPTION_MAX:
        message = f"a subscription has at most {DISCOUNTS_PER_SUBSCRIPTION_MAX} discounts"
        raise TooManyDiscounts(message)
    return replace(subscription, discounts=(*kept, checked))


def without_discount(*, subscription: Subscription, code: str) -> Subscription:
    """Return the subscription without a discount, from its next bill on; or raise NotFound."""
    gone, left = code.strip().upper(), subscription.discounts
    left = tuple(one for one in left if one.code != gone or one.spent)
    if len(left) == len(subscription.discounts):
        raise NotFound("the subscription has no such discount", param="code")
    return replace(subscription, discounts=left)


def check_coupon(*, coupon: Coupon) -> Coupon:
    """Return the coupon with its code in capitals, or raise InvalidDiscount or InvalidCoupon."""
    checked = check_discount(discount=coupon.discount)
    begins, ends = coupon.valid_from, coupon.valid_until
    if begins is not None and ends is not None and ends < begins:
        raise InvalidCoupon("a coupon is not valid until a day before its first", param="valid_until")
    limits = {
        "redemptions_max": coupon.redemptions_max,
        "per_subscriber_max": coupon.per_subscriber_max,
    }
    for param, limit in limits.items():
        if limit is not None and not 1 <= limit <= REDEMPTIONS_MAX:
            raise InvalidCoupon(f"a limit is 1 to {REDEMPTIONS_MAX}, or none", param=param)
    if len(set(coupon.package_ids)) > COUPON_PACKAGES_MAX:
        raise InvalidCoupon(f"a coupon names at most {COUPON_PACKAGES_MAX} packages", param="package_ids")
    return replace(coupon, code=checked.code, package_ids=tuple(sorted(set(coupon.package_ids))))


def redeemed_discount(*, coupon: Coupon, package_id: str, on: date, by_subscriber: int) -> Discount:
    """Return the discount of a coupon redeemed on a date; ``by_subscriber`` is how often it was before.

    Raises CouponNotValid or CouponUsedUp.
    """
    if coupon.closed:
        raise CouponNotValid(f"the coupon {coupon.code} is closed", param="coupon")
    if coupon.valid_from is not None and on < coupon.valid_from:
        raise CouponNotValid(f"the coupon {coupon.code} is valid from {coupon.valid_from}", param="coupon")
    if coupon.valid_until is not None and on > coupon.valid_until:
        message = f"the coupon {coupon.code} was valid until {coupon.valid_until}"
        raise CouponNotValid(message, param="coupon")
    if coupon.package_ids and package_id not in coupon.package_ids:
        raise CouponNotValid(f"the coupon {coupon.code} is not for this package", param="coupon")
    if coupon.redemptions_max is not None and coupon.redeemed >= coupon.redemptions_max:
        raise CouponUsedUp(f"the coupon {coupon.code} is used up", param="coupon")
    if coupon.per_subscriber_max is not None and by_subscriber >= coupon.per_subscriber_max:
        raise CouponUsedUp(f"this subscriber has used up the coupon {coupon.code}", param="coupon")
    return coupon.discount
