"""Coupons as the store keeps them, with how often each was redeemed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.discounts import Coupon

if TYPE_CHECKING:
    from chalicelib.ports.store import Page, Write


class Coupons(Protocol):
    """A tenant's coupons."""

    def get(self, *, code: str) -> Coupon:
        """Return the coupon, or raise NotFound."""

    def list(self, *, limit: int, after: str | None) -> Page[Coupon]:
        """Return a page in the order of the codes."""

    def redeemed_by(self, *, code: str, account_id: str) -> int:
        """Return how often a subscriber redeemed a coupon."""

    def redemptions(self) -> Iterator[tuple[str, str, int]]:
        """Yield code, subscriber and how often, of everybody who redeemed a coupon."""

    def add(self, *, coupon: Coupon) -> Sequence[Write]:
        """Describe adding a coupon; refused with CouponTaken."""

    def close(self, *, code: str) -> Sequence[Write]:
        """Describe closing a coupon; refused with NotFound."""

    def redeem(self, *, coupon: Coupon, account_id: str) -> Sequence[Write]:
        """Describe counting a redemption, in all and by the subscriber.

        Refused with Busy where a limit was reached or the coupon closed meanwhile: read it again.
        """
