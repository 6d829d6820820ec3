"""The next invoice that a change of package foretells is the one that runs then issue."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, sign_up_and_in
from tests.integration.shop import Item, Shop
from tests.integration.test_package_changes import NOON, Counter, rupees, sold


@pytest.fixture
def counter(services: EngineServices, clock: FakeClock, api: ApiClient) -> Counter:
    """1 November 2026, and the tenant signed up today."""
    clock.set(NOON)
    return Counter(Shop(sign_up_and_in(api, services), services), clock)


def test_the_next_invoice_is_that_of_a_charge_that_waits(counter: Counter) -> None:
    """Sold in the evening, after the run of the day: what it costs to activate comes the day after."""
    shop = counter.shop
    subscriber, subscription = sold(counter)
    counter.go_to(date(2026, 11, 11))
    other = shop.package(activation_fee=rupees(50_000), price=rupees(90_000), timing="arrears")
    shop.subscribe(subscriber, other)
    faster = shop.package(price=rupees(600_000))

    # The old one goes on until its period ends; the fee comes before.
    changed = counter.change(subscription, faster, effective="period_end")

    assert changed["next_invoice"]["on"] == "2026-11-12"
    counter.go_to(date(2026, 11, 12))
    assert_is_newest(counter, subscriber, changed["next_invoice"])
    assert shop.invoices(subscriber)[-1]["total"]["amount"] == 50_000


def test_the_next_invoice_has_the_cycle_and_the_charge_of_one_day(counter: Counter) -> None:
    shop = counter.shop
    subscriber, subscription = sold(counter)
    counter.go_to(date(2026, 11, 11))
    shop.subscribe(
        subscriber, shop.package(activation_fee=rupees(50_000), price=rupees(90_000)), starts_on="2026-11-12"
    )

    changed = counter.change(subscription, shop.package(price=rupees(600_000)), effective="2026-11-12")

    assert [line["kind"] for line in changed["next_invoice"]["lines"]].count("activation") == 1
    counter.go_to(date(2026, 11, 12))
    assert_is_newest(counter, subscriber, changed["next_invoice"])


def test_the_next_invoice_of_days_that_runs_have_yet_to_make_good(counter: Counter, clock: FakeClock) -> None:
    """Runs were away for two days: the next cycle is billed under its own date, not today's."""
    shop, (subscriber, subscription) = counter.shop, sold(counter)
    counter.go_to(date(2026, 11, 11))
    shop.subscribe(
        subscriber, shop.package(price=rupees(90_000), activation_fee=rupees(700)), starts_on="2026-11-12"
    )
    clock.set(datetime(2026, 11, 14, 7, tzinfo=UTC))
    shop.sign_in_again()

    changed = counter.change(subscription, shop.package(), effective="period_end")

    assert changed["next_invoice"]["on"] == "2026-11-12"
    counter.bill()
    assert_is_newest(counter, subscriber, changed["next_invoice"])


def assert_is_newest(counter: Counter, subscriber: Item, foretold: Item) -> None:
    """The subscriber's newest invoice is the one that was foretold."""
    newest = max(counter.shop.invoices(subscriber), key=lambda one: str(one["number"]))
    assert newest["issued_on"] == foretold["on"]
    assert (newest["lines"], newest["total"]) == (foretold["lines"], foretold["total"])
