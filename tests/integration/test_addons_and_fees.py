"""Add-ons beside their service, activation fees and deposits, through billing runs on the engine."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, sign_up_and_in
from tests.integration.shop import Item, Shop, if_match, ok

NOON = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)


@pytest.fixture
def shop(clock: FakeClock, api: ApiClient, services: EngineServices) -> Shop:
    """A shop that signed up on 1 December 2026, at noon."""
    clock.set(NOON)
    return Shop(sign_up_and_in(api, services), services)


def money(amount: int) -> Item:
    return {"amount": amount, "currency": "PKR"}


def go_to(shop: Shop, clock: FakeClock, day: date) -> None:
    clock.set(datetime(day.year, day.month, day.day, 7, 0, tzinfo=UTC))
    shop.bill(clock.now())
    shop.sign_in_again()


def billed(shop: Shop, subscriber: Item) -> list[tuple[str, list[tuple[str, int, int]]]]:
    """Return issue date and each line's kind, net and tax of each invoice, in the order of issue."""
    found = [
        ok(shop.tenant.api.get(f"/v1/invoices/{one['invoice_id']}")) for one in shop.invoices(subscriber)
    ]
    return sorted(
        (
            invoice["issued_on"],
            [(one["kind"], one["net"], one["total"] - one["net"]) for one in invoice["lines"]],
        )
        for invoice in found
    )


def with_ten_percent(shop: Shop) -> None:
    component = {"code": "gst", "name": "Sales tax", "rate_millionths": 100_000}
    rows = [{"starts_on": "2020-01-01", "components": [component]}]
    body = {"name": "Internet", "rows": rows}
    ok(shop.tenant.api.put("/v1/tenant/tax-groups/internet", json=body, headers={"If-Match": '"2"'}))


FEES = {"activation_fee": money(50_000), "deposit": money(200_000)}


def test_fees_are_on_the_first_invoice_the_deposit_without_tax(shop: Shop, clock: FakeClock) -> None:
    with_ten_percent(shop)
    subscriber = shop.subscriber()
    shop.subscribe(subscriber, shop.package(tax_group="internet", **FEES))

    go_to(shop, clock, date(2027, 1, 2))

    fees = [("activation", 50_000, 5_000), ("deposit", 200_000, 0)]
    recurring = ("recurring", 310_000, 31_000)
    assert billed(shop, subscriber) == [("2026-12-01", [recurring, *fees]), ("2027-01-01", [recurring])]


def test_fees_of_what_is_billed_in_arrears_do_not_wait_for_it(shop: Shop, clock: FakeClock) -> None:
    subscriber = shop.subscriber()
    shop.subscribe(subscriber, shop.package(timing="arrears", **FEES), starts_on="2026-12-05")

    go_to(shop, clock, date(2027, 1, 6))

    assert billed(shop, subscriber) == [
        ("2026-12-05", [("activation", 50_000, 0), ("deposit", 200_000, 0)]),
        ("2027-01-05", [("recurring", 310_000, 0)]),
    ]


def test_fees_of_what_was_sold_after_todays_run_or_before_today_are_billed_by_the_next(
    shop: Shop, clock: FakeClock
) -> None:
    go_to(shop, clock, date(2026, 12, 3))
    subscribers = [shop.subscriber(), shop.subscriber()]
    package = shop.package(timing="arrears", **FEES)
    shop.subscribe(subscribers[0], package)
    shop.subscribe(subscribers[1], package, starts_on="2026-12-01")

    go_to(shop, clock, date(2026, 12, 4))

    for subscriber in subscribers:
        assert billed(shop, subscriber) == [
            ("2026-12-04", [("activation", 50_000, 0), ("deposit", 200_000, 0)])
        ]


def test_fees_are_waived_with_a_reason(shop: Shop, clock: FakeClock) -> None:
    subscriber, package = shop.subscriber(), shop.package(**FEES)
    waived = [{"fee": "activation", "reason": "Ramadan offer"}]
    shop.subscribe(subscriber, package, waive_fees=waived)

    go_to(shop, clock, date(2026, 12, 2))

    assert billed(shop, subscriber) == [("2026-12-01", [("recurring", 310_000, 0), ("deposit", 200_000, 0)])]


@pytest.mark.parametrize(
    "waived",
    [
        [{"fee": "activation"}],
        [{"fee": "activation", "reason": " "}],
        [{"fee": "price", "reason": "because"}],
        [{"fee": "activation", "reason": "because"}, {"fee": "activation", "reason": "again"}],
    ],
)
def test_fees_are_not_waived_without_one(shop: Shop, waived: list[Item]) -> None:
    reply = shop.try_to_subscribe(shop.subscriber(), shop.package(**FEES), waive_fees=waived)
    assert reply.status == 422


def test_an_addon_is_sold_beside_an_active_service_of_the_same_subscriber(shop: Shop) -> None:
    subscriber, other = shop.subscriber(), shop.subscriber()
    service, addon = shop.package(), shop.package(kind="addon", cycle="year")
    parent = shop.subscribe(subscriber, service)["subscription_id"]
    sold = shop.subscribe(subscriber, addon, parent_id=parent)
    assert (sold["parent_id"], sold["cycle"]) == (parent, {"unit": "month", "count": 12})
    paused = shop.subscribe(subscriber, service)
    shop.change(paused, state="paused")

    refused: list[tuple[Item, Item, dict[str, object], tuple[str, str]]] = [
        (subscriber, addon, {}, ("invalid_parent", "parent_id")),
        (subscriber, service, {"parent_id": parent}, ("invalid_parent", "parent_id")),
        (subscriber, addon, {"parent_id": sold["subscription_id"]}, ("invalid_parent", "parent_id")),
        (subscriber, addon, {"parent_id": paused["subscription_id"]}, ("invalid_parent", "parent_id")),
        (
            subscriber,
            addon,
            {"parent_id": parent, "starts_on": "2026-11-30"},
            ("invalid_parent", "starts_on"),
        ),
        (other, addon, {"parent_id": parent}, ("unknown_parent", "parent_id")),
        (subscriber, addon, {"parent_id": "sbn_x"}, ("unknown_parent", "parent_id")),
        (subscriber, shop.package(kind="prepaid"), {}, ("not_subscribable", "package_id")),
        (subscriber, shop.package(kind="top_up", top_up_mib=1), {}, ("not_subscribable", "package_id")),
    ]
    for who, package, changes, (code, param) in refused:
        assert shop.try_to_subscribe(who, package, **changes).problem == (422, code, param)


def states(shop: Shop, *subscriptions: Item) -> list[str]:
    found = [ok(shop.tenant.api.get(f"/v1/subscriptions/{one['subscription_id']}")) for one in subscriptions]
    return [one["state"] for one in found]


def test_addons_follow_their_service_out_and_back_and_to_the_end(shop: Shop, clock: FakeClock) -> None:
    subscriber, addon = shop.subscriber(), shop.package(kind="addon", price=money(31_000))
    service = shop.subscribe(subscriber, shop.package())
    first, second = (
        shop.subscribe(subscriber, addon, parent_id=service["subscription_id"]) for _ in range(2)
    )
    go_to(shop, clock, date(2026, 12, 5))
    shop.change(second, state="paused")
    go_to(shop, clock, date(2026, 12, 10))

    shop.change(service, state="suspended")
    assert states(shop, service, first, second) == ["suspended", "suspended", "paused"]
    blocked = shop.try_to_change(
        ok(shop.tenant.api.get(f"/v1/subscriptions/{first['subscription_id']}")), state="active"
    )
    assert blocked.problem == (409, "service_not_active", "state")
    go_to(shop, clock, date(2027, 1, 10))
    shop.change(service, state="active")
    assert states(shop, service, first, second) == ["active", "active", "paused"]

    shop.change(service, state="terminated", ends_on="2027-01-20")
    go_to(shop, clock, date(2027, 2, 2))
    assert states(shop, service, first, second) == ["terminated"] * 3
    # Nothing from 1 to 10 January; then 10 of 31 days of each price, at 10,000 and 1,000 a day.
    assert [lines for on, lines in billed(shop, subscriber) if on > "2026-12-31"] == [
        [("recurring", 100_000, 0), ("recurring", 10_000, 0)]
    ]


def test_an_addon_ends_by_itself_but_not_after_its_service(shop: Shop) -> None:
    subscriber, addon = shop.subscriber(), shop.package(kind="addon")
    service = shop.subscribe(subscriber, shop.package())
    first = shop.subscribe(subscriber, addon, parent_id=service["subscription_id"])
    shop.change(service, state="terminated", ends_on="2026-12-20")

    now = ok(shop.tenant.api.get(f"/v1/subscriptions/{first['subscription_id']}"))
    assert (now["state"], now["ends_on"]) == ("terminated", "2026-12-20")
    late = shop.tenant.api.patch(
        f"/v1/subscriptions/{first['subscription_id']}", json={"ends_on": "2026-12-21"}, headers=if_match(now)
    )
    assert late.problem == (422, "end_out_of_range", "ends_on")
    assert shop.change(first, ends_on="2026-12-15")["ends_on"] == "2026-12-15"
    shop.change(service, ends_on="2026-12-25")
    assert shop.change(service, state="active")["state"] == "active"
    assert states(shop, first) == ["terminated"]
