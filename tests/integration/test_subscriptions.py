"""Subscriptions over HTTP, on the engine: selling, changing, and what the due files hold."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn, sign_up_and_in
from tests.integration.shop import Item, Shop, created, if_match, ok

# Noon in Karachi, after the billing hour.
NOON = datetime(2026, 11, 10, 7, 0, tzinfo=UTC)


@pytest.fixture
def shop(services: EngineServices, clock: FakeClock, signed_in: SignedIn) -> Shop:
    return Shop(signed_in, services)


@pytest.fixture
def november(services: EngineServices, clock: FakeClock, api: object) -> Shop:
    """A tenant that signed up on 10 November 2026, and for which it is still that day."""
    from tests.fakes.api_client import ApiClient

    assert isinstance(api, ApiClient)
    clock.set(NOON)
    return Shop(sign_up_and_in(api, services), services)


def path_of(subscription: Item) -> str:
    return f"/v1/subscriptions/{subscription['subscription_id']}"


# -- selling --------------------------------------------------------------------------------


def test_a_subscription_is_sold_read_and_shown_with_its_subscriber(november: Shop) -> None:
    api, subscriber, package = november.tenant.api, november.subscriber(), november.package(cycle="quarter")

    reply = november.try_to_subscribe(subscriber, package)

    subscription = created(reply)
    ulid = subscriber["subscriber_id"].removeprefix("sbr_")
    assert subscription == {
        "subscription_id": f"sbn_{ulid}-1",
        "subscriber_id": subscriber["subscriber_id"],
        "package_id": package["package_id"],
        "edition": 1,
        "parent_id": None,
        "state": "active",
        "suspended_for": None,
        "starts_on": "2026-11-10",
        "ends_on": None,
        "paused_on": None,
        "anchor_day": 10,
        "cycle": {"unit": "month", "count": 3},
        "timing": "advance",
        "price_override": None,
        "quantity": 1,
        "discounts": [],
        "replaces": None,
        "replaced_by": None,
        "billed_to": "2026-11-10",
        "overbilled_days": 0,
        "next_bill_on": "2026-11-10",
        "version": 2,
    }
    assert reply.headers["ETag"] == '"2"'
    assert ok(api.get(path_of(subscription))) == subscription
    shown = ok(api.get(f"/v1/subscribers/{subscriber['subscriber_id']}"))
    assert shown["subscriptions"] == [subscription]
    assert shown["status"] == "active"


def test_start_anchor_price_and_state_may_be_given(november: Shop) -> None:
    price = {"amount": 0, "currency": "PKR"}
    subscription = november.subscribe(
        november.subscriber(),
        november.package(),
        starts_on="2026-12-15",
        anchor_day=1,
        price_override=price,
        state="pending",
    )

    assert subscription["starts_on"] == subscription["billed_to"] == "2026-12-15"
    assert (subscription["anchor_day"], subscription["price_override"]) == (1, price)
    assert (subscription["state"], subscription["next_bill_on"]) == ("pending", None)


def test_slots_count_up(november: Shop) -> None:
    subscriber, package = november.subscriber(), november.package()
    for slot in (1, 2, 3):
        sold = november.subscribe(subscriber, package)
        assert sold["subscription_id"].endswith(f"-{slot}")


BAD_SALES: dict[str, tuple[Item, str, str]] = {
    "a start in the far past": ({"starts_on": "2025-11-08"}, "start_out_of_range", "starts_on"),
    "a start in the year 1": ({"starts_on": "0001-01-01"}, "start_out_of_range", "starts_on"),
    "a start in the far future": ({"starts_on": "2027-11-12"}, "start_out_of_range", "starts_on"),
    "a start in the year 9999": ({"starts_on": "9999-12-31"}, "start_out_of_range", "starts_on"),
    "a start beyond years": ({"starts_on": "10000-01-01"}, "invalid_value", "starts_on"),
    "a day that is none": ({"starts_on": "2026-02-30"}, "invalid_value", "starts_on"),
    "a start by number": ({"starts_on": 20261110}, "invalid_type", "starts_on"),
    "an instant for a start": ({"starts_on": "2026-11-10T10:00:00Z"}, "invalid_value", "starts_on"),
    "anchor 0": ({"anchor_day": 0}, "invalid_value", "anchor_day"),
    "anchor 32": ({"anchor_day": 32}, "invalid_value", "anchor_day"),
    "a negative price": (
        {"price_override": {"amount": -1, "currency": "PKR"}},
        "invalid_value",
        "price_override.amount",
    ),
    "an absurd price": (
        {"price_override": {"amount": 10**12, "currency": "PKR"}},
        "invalid_price",
        "price_override.amount",
    ),
    "a price in dollars": (
        {"price_override": {"amount": 1, "currency": "USD"}},
        "currency_mismatch",
        "price_override.currency",
    ),
    "a state that none begins with": ({"state": "paused"}, "invalid_value", "state"),
    "no such package": (
        {"package_id": "pkg_01JD0000000000000000000000"},
        "unknown_package",
        "package_id",
    ),
    "a malformed package": ({"package_id": "#"}, "unknown_package", "package_id"),
    "an unknown field": ({"discount": 5}, "unknown_field", "discount"),
}


@pytest.mark.parametrize("what", BAD_SALES)
def test_what_cannot_be_sold_is_refused_and_nothing_changes(november: Shop, what: str) -> None:
    changes, code, param = BAD_SALES[what]
    subscriber, package = november.subscriber(), november.package()
    before = november.items()

    reply = november.try_to_subscribe(subscriber, package, **changes)

    assert reply.problem == (422, code, param)
    assert november.items() == before


def test_a_weekly_anchor_is_a_day_of_the_week(november: Shop) -> None:
    subscriber, package = november.subscriber(), november.package(cycle="week")

    assert november.subscribe(subscriber, package)["anchor_day"] == 2  # a Tuesday
    assert november.try_to_subscribe(subscriber, package, anchor_day=8).problem == (
        422,
        "invalid_anchor",
        "anchor_day",
    )


def test_an_archived_package_is_not_sold_and_its_subscriptions_go_on(november: Shop) -> None:
    subscriber, package = november.subscriber(), november.package()
    sold = november.subscribe(subscriber, package)
    ok(november.tenant.api.post(f"/v1/packages/{package['package_id']}/archive"))

    assert november.try_to_subscribe(subscriber, package).problem == (409, "package_archived", "package_id")
    assert november.change(sold, price_override={"amount": 5, "currency": "PKR"})["state"] == "active"


def test_an_account_holds_twenty(november: Shop) -> None:
    subscriber, package = november.subscriber(), november.package()
    for _ in range(20):
        november.subscribe(subscriber, package)

    assert november.try_to_subscribe(subscriber, package).problem == (409, "too_many_subscriptions", None)


def test_the_same_key_sells_once(november: Shop) -> None:
    subscriber, package = november.subscriber(), november.package()
    path, key = f"/v1/subscribers/{subscriber['subscriber_id']}/subscriptions", {"Idempotency-Key": "k1"}
    body = {"package_id": package["package_id"]}

    first = november.tenant.api.post(path, json=body, headers=key)
    second = november.tenant.api.post(path, json=body, headers=key)

    assert (first.status, second.status) == (201, 201)
    assert second.body == first.body
    assert second.headers["Idempotent-Replayed"] == "true"
    shown = ok(november.tenant.api.get(f"/v1/subscribers/{subscriber['subscriber_id']}"))
    assert len(shown["subscriptions"]) == 1


def test_of_sales_at_once_none_is_lost_and_none_takes_anothers_slot(november: Shop) -> None:
    subscriber, package = november.subscriber(), november.package()

    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: november.try_to_subscribe(subscriber, package), range(4)))

    sold = sorted(reply.json["subscription_id"] for reply in replies if reply.status == 201)
    assert {reply.status for reply in replies} <= {201, 412}
    shown = ok(november.tenant.api.get(f"/v1/subscribers/{subscriber['subscriber_id']}"))
    assert [one["subscription_id"] for one in shown["subscriptions"]] == sold
    assert len(set(sold)) == len(sold) >= 1


# -- changing -------------------------------------------------------------------------------


def test_pause_resume_suspend_terminate(november: Shop) -> None:
    sold = november.subscribe(november.subscriber(), november.package())

    paused = november.change(sold, state="paused")
    back = november.change(sold, state="active")
    suspended = november.change(sold, state="suspended")
    ended = november.change(sold, state="terminated", ends_on="2026-11-20")

    assert (paused["state"], paused["paused_on"], paused["next_bill_on"]) == ("paused", "2026-11-10", None)
    assert back == {**sold, "version": 4}
    assert suspended["state"] == "suspended"
    assert (ended["state"], ended["ends_on"], ended["next_bill_on"]) == ("terminated", "2026-11-20", None)
    assert ended["version"] == 6


def test_a_price_of_its_own_is_set_and_taken_back(november: Shop) -> None:
    sold = november.subscribe(november.subscriber(), november.package())
    price = {"amount": 99, "currency": "PKR"}

    assert november.change(sold, price_override=price)["price_override"] == price
    assert november.change(sold, price_override=None)["price_override"] is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, (422, "invalid_value", None)),
        ({"state": None}, (422, "invalid_type", "state")),
        ({"state": "pending"}, (422, "invalid_value", "state")),
        ({"state": "active"}, (409, "invalid_transition", "state")),
        ({"ends_on": "2026-12-01"}, (422, "invalid_value", "ends_on")),
        ({"state": "paused", "ends_on": "2026-12-01"}, (422, "invalid_value", "ends_on")),
        ({"state": "terminated", "ends_on": "2026-11-09"}, (422, "end_out_of_range", "ends_on")),
        ({"state": "terminated", "ends_on": "9999-12-31"}, (422, "end_out_of_range", "ends_on")),
        (
            {"price_override": {"amount": -5, "currency": "PKR"}},
            (422, "invalid_value", "price_override.amount"),
        ),
        (
            {"price_override": {"amount": 5, "currency": "EUR"}},
            (422, "currency_mismatch", "price_override.currency"),
        ),
        ({"billed_to": "2030-01-01"}, (422, "unknown_field", "billed_to")),
        ({"package_id": "pkg_x"}, (422, "unknown_field", "package_id")),
    ],
)
def test_a_bad_change_is_refused_and_nothing_changes(
    november: Shop, change: Item, problem: tuple[int, str, str | None]
) -> None:
    sold = november.subscribe(november.subscriber(), november.package())
    before = november.items()

    reply = november.try_to_change(sold, **change)

    assert reply.problem == problem
    assert november.items() == before


def test_a_stale_version_is_refused(november: Shop) -> None:
    sold = november.subscribe(november.subscriber(), november.package())
    november.change(sold, state="paused")

    assert november.try_to_change(sold, state="terminated").problem == (412, "stale_version", "If-Match")
    assert november.tenant.api.patch(path_of(sold), json={"state": "active"}).status == 428


@pytest.mark.parametrize(
    "subscription_id",
    [
        "sbn_01JD0000000000000000000000-1",
        "sbn_x-1",
        "sbn_01JD0000000000000000000000-01",
        "sbn_01JD0000000000000000000000-%EF%BC%91",
        "x" * 3000,
        "%2F",
    ],
)
def test_what_is_no_subscription_is_absent(shop: Shop, subscription_id: str) -> None:
    api, path = shop.tenant.api, f"/v1/subscriptions/{subscription_id}"

    assert api.get(path).status == 404
    assert api.patch(path, json={"state": "paused"}, headers={"If-Match": '"1"'}).status == 404


def test_another_tenants_subscription_and_package_are_absent(shop: Shop, other_tenant: SignedIn) -> None:
    package, subscriber = shop.package(), shop.subscriber()
    sold = shop.subscribe(subscriber, package)
    theirs = Shop(other_tenant, shop.services)

    assert other_tenant.api.get(path_of(sold)).problem == (404, "not_found", "subscription_id")
    assert theirs.try_to_change(sold, state="paused").status == 404
    assert theirs.try_to_subscribe(subscriber, package).status == 404
    foreign = theirs.try_to_subscribe(theirs.subscriber(), package)
    assert foreign.problem == (422, "unknown_package", "package_id")
    assert ok(shop.tenant.api.get(path_of(sold))) == sold


# -- the due files --------------------------------------------------------------------------


def test_a_subscription_is_filed_under_its_anchor_and_taken_out_when_it_ends_unbilled(
    november: Shop,
) -> None:
    sold = november.subscribe(
        november.subscriber(), november.package(cycle="quarter"), starts_on="2026-12-31"
    )
    assert november.filed() == ["m03-02-31"]

    november.change(sold, price_override={"amount": 1, "currency": "PKR"})
    november.change(sold, state="paused")
    assert november.filed() == ["m03-02-31"]

    november.change(sold, state="terminated")
    assert november.filed() == []


def test_a_first_period_before_the_anchor_is_filed_under_its_date_too(november: Shop) -> None:
    november.subscribe(november.subscriber(), november.package(), starts_on="2026-12-10", anchor_day=1)

    assert november.filed() == ["m01-00-01", "on-2026-12-10"]


def test_a_start_in_the_past_is_filed_under_the_next_run(november: Shop) -> None:
    november.subscribe(november.subscriber(), november.package(), starts_on="2026-10-05")

    # Sign-up is on the 10th, so runs begin with that date.
    assert november.filed() == ["m01-00-05", "on-2026-11-10"]


def test_after_the_days_run_a_sale_is_filed_under_tomorrow(november: Shop) -> None:
    november.bill(NOON)

    november.subscribe(november.subscriber(), november.package())

    assert november.filed() == ["m01-00-10", "on-2026-11-11"]


def test_a_sale_waits_for_no_run_that_started_since_it_was_read(november: Shop) -> None:
    """Given a store that read the billing state before today's run started."""
    subscriber, package = november.subscriber(), november.package()
    store = november.tenant.store
    read = store.subscribing(subscriber_id=subscriber["subscriber_id"], package_id=package["package_id"])
    november.bill(NOON)

    from dataclasses import replace
    from datetime import date

    from chalicelib.domain.errors import Busy
    from chalicelib.domain.subscriptions import subscribe

    assert read.package is not None
    before = read.subscriber.account
    sale = subscribe(account=before, package=read.package, starts_on=date(2026, 11, 10))
    after = replace(before.with_subscription(subscription=sale), version=2)

    with pytest.raises(Busy):
        store.commit(*store.subscribers.change_account(before=before, after=after))
    assert november.filed() == []


def test_a_change_goes_by_the_version_alone_when_billing_moved_it(november: Shop) -> None:
    sold = november.subscribe(november.subscriber(), november.package())
    november.bill(NOON)

    reply = november.try_to_change(sold, state="paused")

    assert reply.problem == (412, "stale_version", "If-Match")
    now = ok(november.tenant.api.get(path_of(sold)))
    assert (now["version"], now["billed_to"]) == (3, "2026-12-10")
    assert (
        november.tenant.api.patch(path_of(sold), json={"state": "paused"}, headers=if_match(now)).status
        == 200
    )
