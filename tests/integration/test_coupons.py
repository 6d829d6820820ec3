"""Discounts and coupons over HTTP: what they take off, and limits that hold however many come."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest

from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn, sign_up_and_in
from tests.integration.shop import Item, Shop, created, if_match, ok
from tests.integration.test_package_changes import Counter, rupees

NOON = datetime(2026, 11, 1, 7, 0, tzinfo=UTC)
PRICE = 300_000


@pytest.fixture
def counter(services: EngineServices, clock: FakeClock, api: ApiClient) -> Counter:
    """1 November 2026, and the tenant signed up today."""
    clock.set(NOON)
    return Counter(Shop(sign_up_and_in(api, services), services), clock)


def coupon(counter: Counter, **terms: object) -> Item:
    """Create a coupon and return it."""
    body = {"code": "ramadan25", "share_millionths": 250_000, **terms}
    return created(counter.shop.tenant.api.post("/v1/coupons", json=body))


def discount(counter: Counter, subscription: Item, **body: object) -> Reply:
    """Ask for a discount of a subscription."""
    path = f"/v1/subscriptions/{subscription['subscription_id']}/discounts"
    return counter.shop.tenant.api.post(path, json=body)


def totals(counter: Counter, subscriber: Item) -> list[int]:
    """Return the totals of a subscriber's invoices, oldest first."""
    return [one["total"]["amount"] for one in counter.shop.invoices(subscriber)]


def sell(counter: Counter, **changes: object) -> tuple[Item, Item]:
    """Return a subscriber and a subscription from 1 November, not billed yet."""
    shop, subscriber = counter.shop, counter.shop.subscriber()
    return subscriber, shop.subscribe(subscriber, shop.package(price=rupees(PRICE)), **changes)


def test_a_discount_counts_its_bills_and_can_be_taken_away(counter: Counter) -> None:
    subscriber, subscription = sell(counter)

    created(discount(counter, subscription, code="loyal", share_millionths=100_000, periods=2))
    after = created(discount(counter, subscription, code="SORRY", amount=50_000))
    assert [one["code"] for one in after["discounts"]] == ["LOYAL", "SORRY"]
    counter.go_to(date(2026, 12, 1))
    path = f"/v1/subscriptions/{subscription['subscription_id']}/discounts/sorry"
    now = counter.subscription(subscription)
    left = ok(counter.shop.tenant.api.delete(path, headers=if_match(now)))
    counter.go_to(date(2027, 1, 1))

    assert left["discounts"] == []
    assert totals(counter, subscriber) == [220_000, 220_000, PRICE]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"code": "X1", "share_millionths": 1_010_000}, (422, "invalid_discount", "share_millionths")),
        ({"code": "X1", "share_millionths": -1}, (422, "invalid_discount", "share_millionths")),
        ({"code": "X1", "amount": -1}, (422, "invalid_discount", "amount")),
        ({"code": "X1", "amount": 10**12}, (422, "invalid_discount", "amount")),
        ({"code": "X1", "amount": 1, "share_millionths": 1}, (422, "invalid_discount", "share_millionths")),
        ({"code": "X1"}, (422, "invalid_discount", "share_millionths")),
        ({"code": "X1", "amount": 1, "periods": 0}, (422, "invalid_discount", "periods")),
        ({"code": "a:b", "amount": 1}, (422, "invalid_discount", "code")),
        ({"coupon": "NONE"}, (422, "unknown_coupon", "coupon")),
        ({"coupon": "NONE", "amount": 1}, (422, "invalid_value", None)),
        ({}, (422, "invalid_value", None)),
    ],
)
def test_a_discount_that_cannot_be_is_refused(
    counter: Counter, body: Item, problem: tuple[int, str, str | None]
) -> None:
    _, subscription = sell(counter)
    before = counter.shop.items()

    assert discount(counter, subscription, **body).problem == problem
    assert counter.shop.items() == before


def test_the_whole_price_may_be_taken_off(counter: Counter) -> None:
    subscriber, subscription = sell(counter)

    created(discount(counter, subscription, code="STAFF", share_millionths=1_000_000))
    counter.bill()

    assert totals(counter, subscriber) == [0]
    assert discount(counter, subscription, code="staff", amount=1).problem[:2] == (409, "discount_taken")


def test_a_subscription_has_at_most_five_discounts(counter: Counter) -> None:
    _, subscription = sell(counter)
    for index in range(5):
        created(discount(counter, subscription, code=f"D{index}", amount=1))

    assert discount(counter, subscription, code="D5", amount=1).problem[:2] == (409, "too_many_discounts")


def test_a_coupon_is_redeemed_when_selling_and_later(counter: Counter) -> None:
    made = coupon(counter, periods=1, redemptions_max=2)
    assert (made["code"], made["redeemed"]) == ("RAMADAN25", 0)
    first, _ = sell(counter, coupon="Ramadan25")
    second, later = sell(counter)

    given = created(discount(counter, later, coupon="RAMADAN25"))
    counter.go_to(date(2026, 12, 1))

    assert given["discounts"] == [
        {"code": "RAMADAN25", "share_millionths": 250_000, "amount": None, "periods": 1}
    ]
    assert totals(counter, first) == totals(counter, second) == [225_000, PRICE]
    third = counter.shop.try_to_subscribe(
        counter.shop.subscriber(), counter.shop.package(), coupon="RAMADAN25"
    )
    assert third.problem == (409, "coupon_used_up", "coupon")
    assert ok(counter.shop.tenant.api.get("/v1/coupons/ramadan25"))["redeemed"] == 2


def test_dates_packages_closing_and_the_limit_of_one_subscriber(counter: Counter) -> None:
    shop = counter.shop
    subscriber, subscription = sell(counter)
    coupon(counter, code="SOON", valid_from="2026-11-02")
    coupon(counter, code="OVER", valid_until="2026-10-31")
    coupon(counter, code="OTHER", package_ids=[shop.package()["package_id"]])
    coupon(counter, code="CLOSED")
    ok(shop.tenant.api.post("/v1/coupons/CLOSED/close"))
    coupon(counter, code="ONCE", per_subscriber_max=1)

    for code in ("SOON", "OVER", "OTHER", "CLOSED"):
        refused = discount(counter, subscription, coupon=code)
        assert refused.problem == (409, "coupon_not_valid", "coupon"), code
    created(discount(counter, subscription, coupon="ONCE"))
    again = shop.try_to_subscribe(subscriber, shop.package(), coupon="ONCE")
    assert again.problem == (409, "coupon_used_up", "coupon")
    assert [one["code"] for one in ok(shop.tenant.api.get("/v1/coupons"))["items"]] == [
        "CLOSED",
        "ONCE",
        "OTHER",
        "OVER",
        "SOON",
    ]


@pytest.mark.parametrize(
    ("terms", "problem"),
    [
        ({"share_millionths": 1_010_000}, (422, "invalid_discount", "share_millionths")),
        ({"valid_from": "2026-12-02", "valid_until": "2026-12-01"}, (422, "invalid_coupon", "valid_until")),
        ({"redemptions_max": 0}, (422, "invalid_coupon", "redemptions_max")),
        ({"per_subscriber_max": -1}, (422, "invalid_coupon", "per_subscriber_max")),
        ({"package_ids": ["pkg_none"]}, (422, "invalid_coupon", "package_ids")),
    ],
)
def test_a_coupon_that_cannot_be_is_refused(
    counter: Counter, terms: Item, problem: tuple[int, str, str | None]
) -> None:
    body = {"code": "RAMADAN25", "share_millionths": 250_000, **terms}
    assert counter.shop.tenant.api.post("/v1/coupons", json=body).problem == problem
    coupon(counter)
    taken = counter.shop.tenant.api.post("/v1/coupons", json={"code": "ramadan25", "amount": 5})
    assert taken.problem == (409, "coupon_taken", "code")


def test_no_coupon_of_another_tenant(counter: Counter, other_tenant: SignedIn) -> None:
    coupon(counter)

    assert other_tenant.api.get("/v1/coupons/RAMADAN25").status == 404
    assert ok(other_tenant.api.get("/v1/coupons"))["items"] == []


def test_twenty_at_once_redeem_a_coupon_exactly_as_often_as_it_may_be(counter: Counter) -> None:
    coupon(counter, redemptions_max=5)
    waiting = [sell(counter)[1] for _ in range(20)]

    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda one: discount(counter, one, coupon="RAMADAN25"), waiting))

    statuses = sorted(reply.status for reply in replies)
    assert statuses == [201] * 5 + [409] * 15
    assert {reply.code for reply in replies if reply.status == 409} == {"coupon_used_up"}
    given = [one for one in map(counter.subscription, waiting) if one["discounts"]]
    assert len(given) == 5
    assert ok(counter.shop.tenant.api.get("/v1/coupons/RAMADAN25"))["redeemed"] == 5
