"""Coupons, and the discounts of subscriptions."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from chalicelib.domain.accounts import Discount, Subscription
from chalicelib.domain.discounts import (
    Coupon,
    InvalidCoupon,
    InvalidDiscount,
    check_coupon,
    normal_code,
    with_discount,
    without_discount,
)
from chalicelib.domain.errors import NotFound
from chalicelib.domain.package_changes import replaced_by
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore
from chalicelib.usecases.posting import Books, books_of
from chalicelib.usecases.redemptions import Redemption, again_where_busy, redemption
from chalicelib.usecases.subscriptions import HeldSubscription, held_subscription, parse_id
from chalicelib.usecases.versions import require_version

# -- the tenant's coupons --------------------------------------------------------------------


def create_coupon(
    *, store: TenantStore, coupon: Coupon, note: AuditNote, idempotency: Idempotency | None = None
) -> Coupon:
    """Add a coupon; raises InvalidDiscount, InvalidCoupon or CouponTaken."""
    checked = check_coupon(coupon=coupon)
    for package_id in checked.package_ids:
        try:
            store.packages.get(package_id=package_id)
        except NotFound:
            raise InvalidCoupon(f"there is no package {package_id}", param="package_ids") from None
    told = replace(note, object_id=checked.code, details=_told(checked))
    store.commit(
        *store.coupons.add(coupon=checked),
        store.note(note=told),
        *store.remember(idempotency=idempotency, answer=checked),
    )
    return checked


def get_coupon(*, store: TenantStore, code: str) -> Coupon:
    """Return a coupon, whatever the case of its code; or raise NotFound."""
    try:
        normal = normal_code(code=code)
    except InvalidDiscount:
        raise NotFound("no such coupon", param="code") from None
    return store.coupons.get(code=normal)


def close_coupon(*, store: TenantStore, code: str, note: AuditNote) -> Coupon:
    """Take a coupon out of use; discounts that it gave go on. Raises NotFound."""
    coupon = get_coupon(store=store, code=code)
    if coupon.closed:
        return coupon
    store.commit(
        *store.coupons.close(code=coupon.code), store.note(note=replace(note, object_id=coupon.code))
    )
    return replace(coupon, closed=True)


# -- discounts of a subscription -------------------------------------------------------------


def give_discount(
    *,
    store: TenantStore,
    subscription_id: str,
    given: Discount | str,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> HeldSubscription:
    """Give a subscription a discount, or that of the coupon whose code is given, from its next bill on.

    Raises NotFound, what ``with_discount`` raises, or what ``redemption`` does.
    """
    account_id, slot = parse_id(subscription_id=subscription_id)

    def _attempt() -> HeldSubscription:
        books = _books(store, account_id, at)
        before = held_subscription(account=books.subscriber.account, slot=slot)
        found = _found(books, before, given)
        after = with_discount(subscription=before.subscription, discount=found.discount)
        held = _with(before, after)
        store.commit(
            *store.subscribers.change_account(before=before.account, after=held.account),
            *found.writes,
            store.note(note=replace(note, details=_discount_told(after.discounts[-1], given))),
            *store.remember(idempotency=idempotency, answer=held),
        )
        return held

    return again_where_busy(attempt=_attempt)


def take_discount(
    *,
    store: TenantStore,
    subscription_id: str,
    code: str,
    if_match: int | None,
    at: datetime,
    note: AuditNote,
) -> HeldSubscription:
    """Take a discount from a subscription, from its next bill on; raises NotFound or StaleVersion.

    What waits to take its place by a change of package loses it too.
    """
    account_id, slot = parse_id(subscription_id=subscription_id)
    books = _books(store, account_id, at)
    before = held_subscription(account=books.subscriber.account, slot=slot)
    require_version(current=before.account.version, expected=if_match)
    held = _with(before, without_discount(subscription=before.subscription, code=code))
    successor = replaced_by(account=held.account, slot=slot)
    if successor is not None and successor.starts_on > books.today:
        with suppress(NotFound):
            left = without_discount(subscription=successor, code=code)
            held = replace(held, account=held.account.with_subscription(subscription=left))
    store.commit(
        *store.subscribers.change_account(before=before.account, after=held.account),
        store.note(note=replace(note, details={"discount": code.strip().upper()})),
    )
    return held


def _books(store: TenantStore, account_id: str, at: datetime) -> Books:
    try:
        return books_of(store=store, subscriber_id=account_id, at=at)
    except NotFound:
        raise NotFound("no such subscription", param="subscription_id") from None


def _found(books: Books, before: HeldSubscription, given: Discount | str) -> Redemption:
    if isinstance(given, Discount):
        return Redemption(given, ())
    return redemption(
        store=books.store,
        code=given,
        account=before.account,
        package_id=before.subscription.package_id,
        on=books.today,
    )


def _with(before: HeldSubscription, after: Subscription) -> HeldSubscription:
    account = before.account.with_subscription(subscription=after)
    return HeldSubscription(replace(account, version=account.version + 1), after)


def _discount_told(discount: Discount, given: Discount | str) -> dict[str, object]:
    return {
        "discount": discount.code,
        "share": discount.share,
        "amount": discount.amount,
        "periods": discount.periods,
        "coupon": not isinstance(given, Discount),
    }


def _told(coupon: Coupon) -> dict[str, object]:
    return {
        "share": coupon.share,
        "amount": coupon.amount,
        "periods": coupon.periods,
        "valid_from": coupon.valid_from and coupon.valid_from.isoformat(),
        "valid_until": coupon.valid_until and coupon.valid_until.isoformat(),
        "redemptions_max": coupon.redemptions_max,
        "per_subscriber_max": coupon.per_subscriber_max,
        "package_ids": list(coupon.package_ids),
    }
