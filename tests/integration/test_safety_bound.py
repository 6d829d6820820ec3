"""What runs invoice one subscriber on one run date is bounded: over HTTP and by runs on the engine."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from chalicelib.domain.runs import SHARD_SPACE, RunShard
from chalicelib.jobs.billing import work_billing
from chalicelib.usecases.billing import ShardTask
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, sign_up_and_in
from tests.integration.shop import Item, Shop, if_match, ok

# Noon in Karachi: the day's run is due.
NOON: Final = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
PRICE: Final = 310_000
LIMIT: Final = 350_000


@pytest.fixture
def shop(services: EngineServices, clock: FakeClock, api: ApiClient) -> Shop:
    """1 December 2026, and the tenant signed up today."""
    clock.set(NOON)
    return Shop(sign_up_and_in(api, services), services)


def set_tenant(shop: Shop, **changes: object) -> Item:
    tenant = ok(shop.tenant.api.get("/v1/tenant"))
    return ok(shop.tenant.api.patch("/v1/tenant", json=changes, headers=if_match(tenant)))


def balance(shop: Shop, subscriber: Item) -> int:
    amount: int = ok(shop.tenant.api.get(f"/v1/subscribers/{subscriber['subscriber_id']}"))["balance"][
        "amount"
    ]
    return amount


def held(shop: Shop, on: datetime = NOON) -> list[tuple[str, str]]:
    """Return whose subscriptions the run of a day has set aside, and why."""
    path = f"/v1/billing/runs/{on.date()}/quarantined"
    return [(one["subscriber_id"], one["code"]) for one in ok(shop.tenant.api.get(path))["items"]]


def retry_tomorrow(shop: Shop, clock: FakeClock) -> None:
    """File what today's run set aside again, and run tomorrow's."""
    assert shop.tenant.api.post(f"/v1/billing/runs/{NOON.date()}/quarantined/retry").status == 202
    clock.set(NOON + timedelta(days=1))
    shop.sign_in_again()
    shop.bill(NOON + timedelta(days=1))


def test_separate_invoices_of_one_day_are_bounded_together(shop: Shop, clock: FakeClock) -> None:
    set_tenant(shop, consolidated=False, invoice_limit=LIMIT)
    many, one, package = shop.subscriber(), shop.subscriber(), shop.package()
    for _ in range(5):
        shop.subscribe(many, package)
    shop.subscribe(one, package)

    shop.bill(NOON)

    whose = many["subscriber_id"]
    assert held(shop) == [(whose, "safety_bound")] * 5
    assert (shop.invoices(many), balance(shop, many)) == ([], 0)
    assert [invoice["total"]["amount"] for invoice in shop.invoices(one)] == [PRICE]

    set_tenant(shop, invoice_limit=5 * PRICE)
    retry_tomorrow(shop, clock)
    assert [invoice["total"]["amount"] for invoice in shop.invoices(many)] == [PRICE] * 5
    assert balance(shop, many) == 5 * PRICE


def test_months_that_one_run_catches_up_are_bounded_together(shop: Shop, clock: FakeClock) -> None:
    set_tenant(shop, invoice_limit=LIMIT)
    subscriber = shop.subscriber()
    shop.subscribe(subscriber, shop.package(), starts_on="2026-07-01")

    shop.bill(NOON)

    assert held(shop) == [(subscriber["subscriber_id"], "safety_bound")]
    assert (shop.invoices(subscriber), balance(shop, subscriber)) == ([], 0)

    set_tenant(shop, invoice_limit=6 * PRICE)
    retry_tomorrow(shop, clock)
    assert len(shop.invoices(subscriber)) == 6


def test_a_rehearsal_foretells_what_the_bound_sets_aside(shop: Shop) -> None:
    set_tenant(shop, consolidated=False, invoice_limit=LIMIT)
    subscriber, package = shop.subscriber(), shop.package()
    for _ in range(2):
        shop.subscribe(subscriber, package)

    rehearsal = ok(shop.tenant.api.get(f"/v1/billing/rehearsal?through={NOON.date()}"))

    assert rehearsal["invoices"] == 0
    assert [one["code"] for one in rehearsal["quarantined"]] == ["safety_bound"] * 2


def test_what_is_sold_after_the_days_run_counts_with_what_it_has_billed(
    shop: Shop, services: EngineServices
) -> None:
    """Today's run goes on with what was sold since: still one account and one date."""
    set_tenant(shop, invoice_limit=LIMIT)
    subscriber, package = shop.subscriber(), shop.package()
    shop.subscribe(subscriber, package)
    shop.bill(NOON)
    shop.subscribe(subscriber, package)

    assert shop.tenant.api.post("/v1/billing/runs").status == 202
    task = ShardTask(shop.tenant.tenant_id, NOON.date(), RunShard(0, SHARD_SPACE - 1))
    event = {"Records": [{"messageId": "m", "body": json.dumps(task.message())}]}
    assert work_billing(services, event) == {"batchItemFailures": []}

    assert held(shop) == [(subscriber["subscriber_id"], "safety_bound")]
    assert len(shop.invoices(subscriber)) == 1


def test_a_tenant_that_sets_no_limit_is_protected_by_the_one_of_its_packages(
    shop: Shop, clock: FakeClock
) -> None:
    """100 times the dearest package; a price that is 1,000 times too high is no longer billed."""
    assert ok(shop.tenant.api.get("/v1/tenant"))["invoice_limit"] is None
    package = shop.package()
    mistaken, right = shop.subscriber(), shop.subscriber()
    price = {"amount": PRICE * 1000, "currency": "PKR"}
    shop.subscribe(mistaken, package, price_override=price)
    shop.subscribe(right, package, price_override={"amount": PRICE * 100, "currency": "PKR"})

    shop.bill(NOON)

    assert held(shop) == [(mistaken["subscriber_id"], "safety_bound")]
    assert (shop.invoices(mistaken), len(shop.invoices(right))) == ([], 1)

    assert set_tenant(shop, invoice_limit=0)["invoice_limit"] == 0
    retry_tomorrow(shop, clock)
    assert [invoice["total"] for invoice in shop.invoices(mistaken)] == [price]
    assert set_tenant(shop, invoice_limit=None)["invoice_limit"] is None
