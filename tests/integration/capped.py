"""Subscriptions with data caps, over HTTP: recording use, topping it up, closing it, and days that pass."""

from __future__ import annotations

from datetime import UTC, date, datetime

from tests.fakes.api_client import Reply
from tests.fakes.clock import FakeClock
from tests.integration.shop import Item, Shop, ok


def cap(included_mib: int = 1_024, action: str = "block", **changes: object) -> Item:
    """Return a cap."""
    return {"included_mib": included_mib, "action": action, **changes}


def money(amount: int) -> Item:
    """Return an amount in the tenant's currency."""
    return {"amount": amount, "currency": "PKR"}


CHARGED = cap(action="charge", rollover=True, overage_per_gib=money(2_500))


def sold(shop: Shop, **changes: object) -> Item:
    """Sell a package to a new subscriber."""
    return shop.subscribe(shop.subscriber(), shop.package(**changes))


def path(sold: Item, rest: str = "usage") -> str:
    """Return a path of a subscription."""
    return f"/v1/subscriptions/{sold['subscription_id']}/{rest}"


def record(shop: Shop, sold: Item, record_id: str, down_mib: int, **changes: object) -> Reply:
    """Record data used."""
    body = {"record_id": record_id, "up_mib": 0, "down_mib": down_mib, **changes}
    return shop.tenant.api.post(path(sold), json=body)


def close(shop: Shop, sold: Item, start: str, key: str = "k") -> Reply:
    """Close a period by hand."""
    headers = {"Idempotency-Key": f"{key}-{start}"}
    return shop.tenant.api.post(path(sold, "usage/closings"), json={"period_start": start}, headers=headers)


def top_up(shop: Shop, sold: Item, package: Item, key: str = "t1") -> Reply:
    """Buy a top-up."""
    headers = {"Idempotency-Key": key}
    body = {"package_id": package["package_id"]}
    return shop.tenant.api.post(path(sold, "top-ups"), json=body, headers=headers)


def wake(shop: Shop, clock: FakeClock, day: date) -> None:
    """Let it be noon of a day, and nothing billed since."""
    clock.set(datetime(day.year, day.month, day.day, 7, 0, tzinfo=UTC))
    shop.sign_in_again()


def go_to(shop: Shop, clock: FakeClock, day: date) -> None:
    """Let it be noon of a day, and every day until then billed."""
    wake(shop, clock, day)
    shop.bill(clock.now())


def told(answer: Item, *names: str) -> tuple[object, ...]:
    """Return fields of an answer."""
    return tuple(answer[name] for name in names)


def read(shop: Shop, invoice: Item) -> Item:
    """Return an invoice in full."""
    return ok(shop.tenant.api.get(f"/v1/invoices/{invoice['invoice_id']}"))
