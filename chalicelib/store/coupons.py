"""Coupons in DynamoDB: counters that never pass their limits.

- ``<tenant>#CPN`` / code: the coupon and how often it was redeemed.
- ``<tenant>#A#<ulid>`` / ``CPN#<code>``: how often by the subscriber.
- ``<tenant>#NOTED#redeemed`` / ``<code>#<ulid>``: that they did, so that the coupon finds them.

A redemption adds one to both under the condition that the limit is not reached, in the
transaction of what it is redeemed for: so the limit holds however many come at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final

import orjson
from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition

from chalicelib.domain.discounts import Coupon, CouponTaken
from chalicelib.domain.errors import Busy, NotFound
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, from_iso, nullable, put, put_new, to_iso, update
from chalicelib.store.paging import query_page

REDEEMED: Final = "redeemed"


class CouponItem(TenantsItem):
    """``<tenant>#CPN`` / code; ``terms`` is JSON and never changes."""

    terms = UnicodeAttribute(attr_name="t")
    closed = BooleanAttribute(attr_name="x")
    redeemed = NumberAttribute(attr_name="n")
    at = UnicodeAttribute()


class RedeemedItem(TenantsItem):
    """``<tenant>#A#<ulid>`` / ``CPN#<code>``."""

    redeemed = NumberAttribute(attr_name="n")


class RedeemerItem(TenantsItem):
    """``<tenant>#NOTED#redeemed`` / ``<code>#<ulid>``; its key says it all."""


class DynamoCoupons(OfTenant):
    """A tenant's coupons."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id

    def get(self, *, code: str) -> Coupon:
        """Return the coupon, or raise NotFound."""
        try:
            return _coupon(CouponItem.get(keys.coupons(self._tenant_id), code, consistent_read=True))
        except DoesNotExist:
            raise _absent() from None

    def list(self, *, limit: int, after: str | None) -> Page[Coupon]:
        """Return a page in the order of the codes."""
        page = query_page(CouponItem, keys.coupons(self._tenant_id), limit=limit, after=after)
        return Page(tuple(map(_coupon, page.items)), page.after)

    def redeemed_by(self, *, code: str, account_id: str) -> int:
        """Return how often a subscriber redeemed a coupon."""
        pk, sk = keys.account(self._tenant_id, account_id), keys.redeemed_coupon(code)
        try:
            return int(RedeemedItem.get(pk, sk, consistent_read=True).redeemed)
        except DoesNotExist:
            return 0

    def redemptions(self) -> Iterator[tuple[str, str, int]]:
        """Yield code, subscriber and how often, of everybody who redeemed a coupon."""
        for item in RedeemerItem.query(keys.noted(self._tenant_id, REDEEMED), consistent_read=True):
            code, _, ulid = str(item.sk).rpartition("#")
            account_id = f"sbr_{ulid}"
            yield code, account_id, self.redeemed_by(code=code, account_id=account_id)

    def add(self, *, coupon: Coupon) -> Sequence[ModelWrite]:
        """Describe adding a coupon; refused with CouponTaken."""
        item = CouponItem(
            keys.coupons(self._tenant_id),
            coupon.code,
            terms=orjson.dumps(_terms(coupon)).decode(),
            closed=False,
            redeemed=0,
            at=to_iso(coupon.created_at),
        )
        return [put_new(item, refused=CouponTaken("another coupon has this code", param="code"))]

    def close(self, *, code: str) -> Sequence[ModelWrite]:
        """Describe closing a coupon; refused with NotFound."""
        item = CouponItem(keys.coupons(self._tenant_id), code)
        there = CouponItem.pk.exists()
        return [update(item, actions=[CouponItem.closed.set(True)], condition=there, refused=_absent())]

    def redeem(self, *, coupon: Coupon, account_id: str) -> Sequence[ModelWrite]:
        """Describe counting a redemption; refused with Busy where a limit was reached meanwhile."""
        moved = Busy("the coupon changed meanwhile; nothing was written, so try again")
        whole = CouponItem(keys.coupons(self._tenant_id), coupon.code)
        open_still: Condition = CouponItem.closed == False  # noqa: E712 - a condition of the database
        if coupon.redemptions_max is not None:
            open_still = open_still & (CouponItem.redeemed < coupon.redemptions_max)
        mine = RedeemedItem(keys.account(self._tenant_id, account_id), keys.redeemed_coupon(coupon.code))
        by = RedeemerItem(
            keys.noted(self._tenant_id, REDEEMED), f"{coupon.code}#{account_id.removeprefix('sbr_')}"
        )
        free: Condition | None = None
        if coupon.per_subscriber_max is not None:
            counted = RedeemedItem.redeemed
            free = counted.does_not_exist() | (counted < coupon.per_subscriber_max)
        return [
            update(whole, actions=[CouponItem.redeemed.add(1)], condition=open_still, refused=moved),
            update(mine, actions=[RedeemedItem.redeemed.add(1)], condition=free, refused=moved),
            put(by, condition=None, refused=moved),
        ]


def _terms(coupon: Coupon) -> dict[str, Any]:
    terms = {
        "share": coupon.share,
        "amount": coupon.amount,
        "periods": coupon.periods,
        "valid_from": coupon.valid_from and coupon.valid_from.isoformat(),
        "valid_until": coupon.valid_until and coupon.valid_until.isoformat(),
        "redemptions_max": coupon.redemptions_max,
        "per_subscriber_max": coupon.per_subscriber_max,
        "package_ids": coupon.package_ids,
    }
    return {name: value for name, value in terms.items() if value}


def _coupon(item: CouponItem) -> Coupon:
    terms: dict[str, Any] = orjson.loads(nullable(item.terms) or "{}")
    for name in ("valid_from", "valid_until"):
        if name in terms:
            terms[name] = date.fromisoformat(terms[name])
    terms["package_ids"] = tuple(terms.get("package_ids", ()))
    return Coupon(
        code=item.sk,
        created_at=from_iso(item.at),
        closed=bool(item.closed),
        redeemed=int(item.redeemed),
        **terms,
    )


def _absent() -> NotFound:
    return NotFound("no such coupon", param="code")
