"""Expenses over HTTP: paid or owed, on the day that they were, taken back once; and profit and loss."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.domain.money import AMOUNT_MINOR_MAX
from chalicelib.store.billing_state import BillingStateItem
from tests.fakes.api_client import ApiClient, Reply
from tests.integration.books_check import check_books
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.counter import Counter, line, pkr
from tests.integration.field import send
from tests.integration.shop import Item, Shop, created, ok

PAYEE = "Transworld Enterprises"


@pytest.fixture
def shop(services: EngineServices, signed_in: SignedIn) -> Shop:
    return Shop(signed_in, services)


@pytest.fixture
def till(shop: Shop) -> str:
    return str(
        created(shop.tenant.api.post("/v1/funds", json={"name": "Till", "channel": "cash"}))["fund_id"]
    )


def add(api: ApiClient, amount: int, category: str = "rent", **changes: Any) -> Reply:
    return send(api, "/v1/expenses", {"category": category, "amount": pkr(amount), **changes})


def act(api: ApiClient, expense: Item, what: str, **body: object) -> Reply:
    return send(api, f"/v1/expenses/{expense['expense_id']}/{what}", body)


def balances(api: ApiClient) -> dict[str, int]:
    rows = ok(api.get("/v1/ledger/trial-balance"))["rows"]
    return {row["account"]: row["closing"] for row in rows if row["closing"]}


def test_profit_and_loss_is_what_the_trial_balance_says(
    shop: Shop, till: str, services: EngineServices
) -> None:
    api, counter = shop.tenant.api, Counter(shop)
    counter.invoice(line(10_000))
    lost = counter.invoice(line(700))
    counter.pay(10_000)
    created(counter.send(f"/v1/invoices/{lost['invoice_id']}/write-offs", {"reason": "uncollectible"}))
    send(api, f"/v1/funds/{till}/closings", {"counted": pkr(9_990), "reason": "change"})

    upstream = created(
        add(api, 3_000, "upstream", paid_from=till, on="2041-05-02", payee=PAYEE, reference="B7")
    )
    owed = created(add(api, 1_200, "generator_hire"))
    wrong = created(add(api, 50, "fuel", paid_from=till))
    ok(act(api, wrong, "reversal", reason="recorded twice"))
    assert balances(api)["payable"] == -1_200
    paid = ok(act(api, owed, "payment", paid_from=till))
    assert (owed["paid_from"], paid["paid_from"]) == (None, till)

    found = ok(api.get("/v1/profit-and-loss"))
    assert found["income"] == [{"name": "revenue:one_time", "amount": 10_700}]
    assert {one["name"]: one["amount"] for one in found["expenses"]} == {
        "generator_hire": 1_200,
        "upstream": 3_000,
    }
    assert (found["write_offs"], found["cash_difference"], found["result"]) == (700, 10, 5_790)
    held = balances(api)
    assert found["result"] == sum(amount for name, amount in held.items() if name in {"cash:cash", "payable"})
    assert ok(api.get("/v1/profit-and-loss?to=2041-05-14&from=2041-05-01"))["result"] == -3_000
    listed = ok(api.get("/v1/expenses"))["items"]
    assert {(one["category"], one["reversed_by"] is None) for one in listed} == {
        ("fuel", False),
        ("generator_hire", True),
        ("upstream", True),
    }
    assert listed[-1] == upstream == ok(api.get(f"/v1/expenses/{upstream['expense_id']}"))
    assert (upstream["payee"], upstream["reference"], upstream["on"]) == (PAYEE, "B7", "2041-05-02")
    by_category = ok(api.get("/v1/expenses?category=upstream&from=2041-05-01"))["items"]
    assert [one["expense_id"] for one in by_category] == [upstream["expense_id"]]
    assert not any(PAYEE in str(item) for item in shop.items())
    check_books(services, shop.tenant.tenant_id)


def test_an_expense_is_paid_and_taken_back_once(shop: Shop, till: str, services: EngineServices) -> None:
    api = shop.tenant.api
    owed = created(add(api, 500))

    with ThreadPoolExecutor(3) as pool:
        payments = list(pool.map(lambda _: act(api, owed, "payment", paid_from=till), range(3)))
        reversals = list(pool.map(lambda _: act(api, owed, "reversal", reason="a mistake"), range(3)))

    assert sorted(one.status for one in payments) == [200, 409, 409]
    assert sorted(one.status for one in reversals) == [200, 409, 409]
    assert {one.code for one in payments if one.status == 409} == {"expense_paid"}
    assert act(api, owed, "payment", paid_from=till).problem == (409, "expense_reversed", None)
    assert balances(api) == {}
    check_books(services, shop.tenant.tenant_id)


def test_what_is_no_expense_is_refused_and_leaves_nothing(
    shop: Shop, till: str, other_tenant: SignedIn
) -> None:
    api = shop.tenant.api
    theirs = created(other_tenant.api.post("/v1/funds", json={"name": "Till", "channel": "cash"}))["fund_id"]
    expense = created(add(other_tenant.api, 5))
    before = len(shop.items())

    for changes, problem in (
        ({"amount": pkr(0)}, (422, "invalid_amount", "amount.amount")),
        ({"amount": pkr(-5)}, (422, "invalid_value", "amount.amount")),
        ({"amount": pkr(AMOUNT_MINOR_MAX + 1)}, (422, "invalid_value", "amount.amount")),
        ({"amount": {"amount": 1.5, "currency": "PKR"}}, (422, "invalid_type", "amount.amount")),
        ({"amount": {"amount": 5, "currency": "USD"}}, (422, "currency_mismatch", "amount.currency")),
        ({"category": "Rent & more"}, (422, "invalid_value", "category")),
        ({"on": "2041-05-16"}, (422, "invalid_value", "on")),
        ({"on": "2040-01-01"}, (422, "invalid_value", "on")),
        ({"paid_from": theirs}, (404, "not_found", "paid_from")),
        ({"paid_from": "fnd_1"}, (404, "not_found", "paid_from")),
        ({"paid_from": f"fnd_{shop.tenant.tenant_id.removeprefix('ten_')}"}, (404, "not_found", "paid_from")),
    ):
        body = {"category": "rent", "amount": pkr(5), "paid_from": till, **changes}
        assert send(api, "/v1/expenses", body).problem == problem, changes
    for what, body in (("payment", {"paid_from": till}), ("reversal", {"reason": "not mine"})):
        assert act(api, expense, what, **body).problem == (404, "not_found", "expense_id")
    assert api.get(f"/v1/expenses/{expense['expense_id']}").status == 404
    assert api.get("/v1/expenses?from=2041-05-02&to=2041-05-01").problem == (422, "invalid_value", "to")
    assert len(shop.items()) == before


def test_nothing_is_dated_into_a_closed_month(shop: Shop, till: str) -> None:
    state = BillingStateItem.get(f"{shop.tenant.tenant_id}#BILLING", "STATE")
    state.update(actions=[BillingStateItem.closed_through.set("2041-04-30")])

    late = add(shop.tenant.api, 5, paid_from=till, on="2041-04-30")

    assert late.problem == (409, "period_closed", "on")
    created(add(shop.tenant.api, 5, paid_from=till, on="2041-05-01"))
