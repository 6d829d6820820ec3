"""The run ledger over the API: totals by ledger account, what is set aside and whose, and the retry."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from chalicelib.domain.accounts import ChargeKind, PendingCharge
from chalicelib.domain.periods import date_bucket
from chalicelib.store import keys
from chalicelib.store.accounts import encode_charges
from chalicelib.store.due import due_sort_key
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.shop import Item, Shop, if_match, ok


@pytest.fixture
def shop(signed_in: SignedIn, services: EngineServices) -> Shop:
    return Shop(signed_in, services)


def today_of(shop: Shop, clock: FakeClock) -> date:
    return shop.tenant.store.profile().local_date(at=clock.now())


def at_noon(on: date) -> datetime:
    return datetime.fromisoformat(f"{on}T07:00:00+00:00")  # noon in Karachi


def set_limit(shop: Shop, limit: int) -> None:
    tenant = ok(shop.tenant.api.get("/v1/tenant"))
    changed = shop.tenant.api.patch("/v1/tenant", json={"invoice_limit": limit}, headers=if_match(tenant))
    assert ok(changed)["invoice_limit"] == limit


def test_a_run_tells_its_totals_by_ledger_account(shop: Shop, clock: FakeClock) -> None:
    today = today_of(shop, clock)
    package = shop.package()
    for _ in range(2):
        shop.subscribe(shop.subscriber(), package, starts_on=today.isoformat())
    shop.bill(at_noon(today))

    run = ok(shop.tenant.api.get(f"/v1/billing/runs/{today}"))

    assert run["invoices"] == 2
    assert run["ledger"]["receivable"] == run["total"]["amount"]
    assert run["ledger"]["revenue:recurring"] == -run["net"]["amount"]
    assert sum(run["ledger"].values()) == 0


def test_what_a_limit_sets_aside_is_visible_with_whose_it_is_and_billed_once_it_is_raised(
    shop: Shop, clock: FakeClock
) -> None:
    today = today_of(shop, clock)
    subscriber = shop.subscriber()
    sold = shop.subscribe(subscriber, shop.package(), starts_on=today.isoformat())
    set_limit(shop, 1)
    shop.bill(at_noon(today))
    path = f"/v1/billing/runs/{today}"

    run = ok(shop.tenant.api.get(path))
    assert (run["state"], run["invoices"], run["quarantined"]) == ("completed_with_quarantine", 0, 1)
    (held,) = ok(shop.tenant.api.get(f"{path}/quarantined"))["items"]
    assert (held["subscriber_id"], held["subscription_id"], held["code"]) == (
        subscriber["subscriber_id"],
        sold["subscription_id"],
        "safety_bound",
    )

    set_limit(shop, 0)
    assert shop.tenant.api.post(f"{path}/quarantined/retry").json == {"retried": 1, "remaining": 0}
    tomorrow = today + timedelta(days=1)
    clock.set(at_noon(tomorrow))
    shop.sign_in_again()
    shop.bill(at_noon(tomorrow))
    assert len(shop.invoices(subscriber)) == 1
    assert ok(shop.tenant.api.get(f"/v1/billing/runs/{tomorrow}"))["state"] == "completed"


def test_pending_charges_that_cannot_be_billed_are_set_aside_and_retried_too(
    shop: Shop, clock: FakeClock
) -> None:
    today = today_of(shop, clock)
    subscriber = shop.subscriber()
    fee = PendingCharge("k", ChargeKind.ONE_TIME, "Router", 5_000, 1, "no-such-group", today)
    put_charge(shop, subscriber, fee)
    shop.bill(at_noon(today))
    path = f"/v1/billing/runs/{today}/quarantined"

    (held,) = ok(shop.tenant.api.get(path))["items"]

    assert (held["subscriber_id"], held["subscription_id"]) == (subscriber["subscriber_id"], None)
    assert held["code"] == "catalogue_mismatch"
    assert shop.tenant.api.post(f"{path}/retry").json == {"retried": 1, "remaining": 0}
    assert ok(shop.tenant.api.get(path))["items"] == []
    put_charge(shop, subscriber, PendingCharge("k", ChargeKind.ONE_TIME, "Router", 5_000, 1, None, today))
    tomorrow = today + timedelta(days=1)
    clock.set(at_noon(tomorrow))
    shop.sign_in_again()
    shop.bill(at_noon(tomorrow))
    (invoice,) = shop.invoices(subscriber)
    assert invoice["total"]["amount"] == 5_000


def put_charge(shop: Shop, subscriber: Item, charge: PendingCharge) -> None:
    """Give the account a pending charge, filed for its date."""
    tenant_id, account_id = shop.tenant.tenant_id, subscriber["subscriber_id"]
    table = shop.services.settings.tenants_table
    shop.services.wire.call(
        "UpdateItem",
        {
            "TableName": table,
            "Key": {"pk": {"S": keys.account(tenant_id, account_id)}, "sk": {"S": keys.ACCOUNT}},
            "UpdateExpression": "SET ch=:c,v=v+:o",
            "ExpressionAttributeValues": {":c": {"S": encode_charges((charge,))}, ":o": {"N": "1"}},
        },
    )
    filed = {
        "pk": {"S": keys.due(tenant_id, date_bucket(on=charge.on))},
        "sk": {"S": due_sort_key(account_id=account_id, slot=0)},
    }
    shop.services.wire.call("PutItem", {"TableName": table, "Item": filed})
