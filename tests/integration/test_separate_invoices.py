"""One invoice a day, or one for each subscription, as a subscriber has it: over HTTP and by runs."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Final

import pytest

from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, sign_up_and_in
from tests.integration.exporting import Exporter
from tests.integration.shop import Item, Shop, if_match, ok

# Noon in Karachi: the day's run is due.
DECEMBER: Final = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
JANUARY: Final = datetime(2027, 1, 1, 7, 0, tzinfo=UTC)
FEBRUARY: Final = datetime(2027, 2, 1, 7, 0, tzinfo=UTC)


@pytest.fixture
def shop(services: EngineServices, clock: FakeClock, api: ApiClient) -> Shop:
    """1 December 2026, and the tenant signed up today."""
    clock.set(DECEMBER)
    return Shop(sign_up_and_in(api, services), services)


def path_of(subscriber: Item) -> str:
    return f"/v1/subscribers/{subscriber['subscriber_id']}"


def try_to_set(shop: Shop, subscriber: Item, **changes: object) -> Reply:
    api, path = shop.tenant.api, path_of(subscriber)
    return api.patch(path, json=changes, headers=if_match(ok(api.get(path))))


def sold(shop: Shop, package: Item, **subscriber: object) -> Item:
    """Return a subscriber with two subscriptions that start today."""
    found = shop.subscriber(**subscriber)
    shop.subscribe(found, package)
    shop.subscribe(found, package)
    return found


def lines_on(shop: Shop, subscriber: Item, on: datetime) -> list[int]:
    """Return how many lines each invoice of a day has."""
    found = [one for one in shop.invoices(subscriber) if one["issued_on"] == str(on.date())]
    return [len(one["lines"]) for one in found]


def run(shop: Shop, clock: FakeClock, on: datetime) -> None:
    clock.set(on)
    shop.sign_in_again()
    shop.bill(on)


def test_two_subscribers_of_a_tenant_have_it_each_their_way(shop: Shop, clock: FakeClock) -> None:
    package = shop.package()
    separate, usual = sold(shop, package, consolidated=False), sold(shop, package)
    assert (separate["consolidated"], usual["consolidated"]) == (False, None)
    rehearsed = ok(shop.tenant.api.get(f"/v1/billing/rehearsal?through={DECEMBER.date()}"))
    next_ones = [ok(shop.tenant.api.get(f"{path_of(one)}/next-invoices")) for one in (separate, usual)]

    run(shop, clock, DECEMBER)

    assert (lines_on(shop, separate, DECEMBER), lines_on(shop, usual, DECEMBER)) == ([1, 1], [2])
    assert rehearsed["invoices"] == 3
    assert [[len(one["lines"]) for one in each["invoices"]] for each in next_ones] == [[1, 1], [2]]


def test_a_change_takes_effect_with_the_next_bills_and_null_is_the_tenants_way(
    shop: Shop, clock: FakeClock
) -> None:
    package = shop.package()
    one, other = sold(shop, package, consolidated=False), sold(shop, package)
    run(shop, clock, DECEMBER)

    assert ok(try_to_set(shop, one, consolidated=True))["consolidated"] is True
    assert ok(try_to_set(shop, other, consolidated=False, name="Ayesha Khan"))["consolidated"] is False
    assert (lines_on(shop, one, DECEMBER), lines_on(shop, other, DECEMBER)) == ([1, 1], [2])
    run(shop, clock, JANUARY)
    assert (lines_on(shop, one, JANUARY), lines_on(shop, other, JANUARY)) == ([2], [1, 1])

    tenant = ok(shop.tenant.api.get("/v1/tenant"))
    ok(shop.tenant.api.patch("/v1/tenant", json={"consolidated": False}, headers=if_match(tenant)))
    assert ok(try_to_set(shop, other, consolidated=None))["consolidated"] is None
    ok(try_to_set(shop, other, code="C-RENAMED"))
    run(shop, clock, FEBRUARY)
    assert (lines_on(shop, one, FEBRUARY), lines_on(shop, other, FEBRUARY)) == ([2], [1, 1])
    assert ok(shop.tenant.api.get(path_of(one)))["consolidated"] is True


def test_a_quote_shows_the_next_invoice_as_it_will_be(shop: Shop, clock: FakeClock) -> None:
    package, faster = shop.package(), shop.package(price={"amount": 600_000, "currency": "PKR"})
    separate, usual = sold(shop, package, consolidated=False), sold(shop, package)
    run(shop, clock, DECEMBER)

    def quoted(subscriber: Item) -> int:
        first = ok(shop.tenant.api.get(path_of(subscriber)))["subscriptions"][0]
        path = f"/v1/subscriptions/{first['subscription_id']}/package-change-quotes"
        wish = {"package_id": faster["package_id"], "effective": "period_end", "proration": "none"}
        return len(ok(shop.tenant.api.post(path, json=wish))["next_invoice"]["lines"])

    assert (quoted(separate), quoted(usual)) == (1, 2)


@pytest.mark.parametrize("value", [1, "true", []])
def test_what_is_no_truth_value_is_refused(shop: Shop, value: object) -> None:
    subscriber = shop.subscriber()

    assert try_to_set(shop, subscriber, consolidated=value).problem == (422, "invalid_type", "consolidated")
    assert ok(shop.tenant.api.get(path_of(subscriber)))["consolidated"] is None


def test_an_export_tells_it(shop: Shop) -> None:
    for code, consolidated in (("C-1", False), ("C-2", None), ("C-3", True)):
        shop.subscriber(code=code, consolidated=consolidated)

    _, archive = Exporter(shop.services, shop.tenant).run()

    rows = [json.loads(line) for line in archive.read("subscribers.jsonl").splitlines()]
    assert [row["consolidated"] for row in rows] == [False, None, True]
    table = csv.DictReader(io.StringIO(archive.read("subscribers.csv").decode("utf-8-sig")))
    assert [row["consolidated"] for row in table] == ["false", "", "true"]
