"""Redeeming a coupon, together with what it is redeemed for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar

from chalicelib.domain.accounts import Account, Discount
from chalicelib.domain.discounts import UnknownCoupon, normal_code, redeemed_discount
from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.ports.store import TenantStore, Write
from chalicelib.usecases.backoff import backoff_seconds

T = TypeVar("T")

ATTEMPTS_MAX: Final = 12


@dataclass(frozen=True, slots=True)
class Redemption:
    """A coupon's discount, and the writes that count it."""

    discount: Discount
    writes: Sequence[Write]


def redemption(*, store: TenantStore, code: str, account: Account, package_id: str, on: date) -> Redemption:
    """Return what a coupon gives an account for a package on a date.

    Raises InvalidDiscount, UnknownCoupon, CouponNotValid or CouponUsedUp.
    """
    normal = normal_code(code=code, param="coupon")
    try:
        coupon = store.coupons.get(code=normal)
    except NotFound:
        raise UnknownCoupon(f"there is no coupon {normal}", param="coupon") from None
    before = 0
    if coupon.per_subscriber_max is not None:
        before = store.coupons.redeemed_by(code=normal, account_id=account.account_id)
    discount = redeemed_discount(coupon=coupon, package_id=package_id, on=on, by_subscriber=before)
    return Redemption(discount, store.coupons.redeem(coupon=coupon, account_id=account.account_id))


def again_where_busy(*, attempt: Callable[[], T], pause: Callable[[float], None] = time.sleep) -> T:
    """Return what ``attempt`` does, computed anew where others got in its way; or raise Busy."""
    for number in range(ATTEMPTS_MAX):
        if number:
            pause(backoff_seconds(attempt=number))
        try:
            return attempt()
        except (Busy, StaleVersion):
            continue
    raise Busy("other changes kept getting in the way; nothing was written, so try again")
