"""What is refused of manual invoices, payments and corrections: clearly, the books unchanged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn, sign_up_and_in
from tests.integration.counter import Counter, line, pkr
from tests.integration.shop import Item, Shop, ok

NOON = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
HUGE = 10_000_000_000_001
NOWHERE = "01JD0000000000000000000000"


@pytest.fixture
def counter(services: EngineServices, clock: FakeClock, api: ApiClient) -> Counter:
    """1 December 2026, at noon in Karachi."""
    clock.set(NOON)
    return Counter(Shop(sign_up_and_in(api, services), services))


def usd(amount: int) -> Item:
    return {"amount": amount, "currency": "USD"}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"lines": []}, (422, "too_many_lines", "lines")),
        ({"lines": [line(1)] * 500}, (422, "too_many_lines", "lines")),
        ({"lines": [line(0)]}, (422, "invalid_amount", "lines.0.unit_price.amount")),
        ({"lines": [line(5), line(-1)]}, (422, "invalid_value", "lines.1.unit_price.amount")),
        ({"lines": [line(HUGE)]}, (422, "invalid_value", "lines.0.unit_price.amount")),
        ({"lines": [line(HUGE - 1, quantity=2)]}, (422, "amount_out_of_range", "lines.0.quantity")),
        ({"lines": [line(HUGE - 1)] * 2}, (422, "amount_out_of_range", None)),
        ({"lines": [line(1, quantity=0)]}, (422, "invalid_value", "lines.0.quantity")),
        ({"lines": [line(1, unit_price=usd(1))]}, (422, "currency_mismatch", "lines.0.unit_price.currency")),
        ({"lines": [line(1, tax_group="none")]}, (422, "unknown_tax_group", "lines.0.tax_group")),
        ({"lines": [line(1, kind="recurring")]}, (422, "invalid_value", "lines.0.kind")),
        ({"lines": [line(1, period_start="2026-12-01")]}, (422, "invalid_value", "lines.0.period_start")),
        (
            {"lines": [line(1, period_start="2026-12-01", period_end="9999-12-31")]},
            (422, "invalid_value", "lines.0.period_end"),
        ),
        (
            {"lines": [line(1, description="card 4111 1111 1111 1111")]},
            (422, "card_number_refused", "lines.0.description"),
        ),
        ({"lines": [line(1)], "due_on": "2026-11-30"}, (422, "invalid_value", "due_on")),
        ({"lines": [line(1)], "due_on": "9999-12-31"}, (422, "invalid_value", "due_on")),
        ({"lines": [line(1)], "note": "x" * 501}, (422, "invalid_value", "note")),
    ],
)
def test_refused_invoices(counter: Counter, body: Item, problem: tuple[int, str, str | None]) -> None:
    assert counter.send("invoices", body).problem == problem
    assert counter.shop.tenant.api.post(f"{counter.path}/invoice-previews", json=body).problem == problem
    assert counter.books() == {"balance": 0, "credit": 0, "deposits": 0}


def test_the_largest_invoice_is_issued(counter: Counter) -> None:
    invoice = counter.invoice(*[line(7, description="ß" * 120)] * 200)
    assert counter.now(invoice)["total"] == pkr(1_400)
    counter.credit(invoice, lines=[{"line": number} for number in range(200)])
    assert counter.now(invoice)["state"] == "void"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"amount": pkr(0)}, (422, "invalid_amount", "amount.amount")),
        ({"amount": pkr(-1)}, (422, "invalid_value", "amount.amount")),
        ({"amount": pkr(HUGE)}, (422, "invalid_value", "amount.amount")),
        ({"amount": usd(5)}, (422, "currency_mismatch", "amount.currency")),
        ({"channel": "barter"}, (422, "invalid_value", "channel")),
        ({"reference": "5555 5555 5555 4444"}, (422, "card_number_refused", "reference")),
        ({"allocate": "newest"}, (422, "invalid_value", "allocate")),
    ],
)
def test_refused_payments(counter: Counter, changes: Item, problem: tuple[int, str, str]) -> None:
    body = {"amount": pkr(10), "channel": "cash", **changes}
    assert counter.send("payments", body).problem == problem
    assert counter.books() == {"balance": 0, "credit": 0, "deposits": 0}


def test_refused_allocations(counter: Counter) -> None:
    invoice = counter.invoice(line(100))
    void = counter.invoice(line(50))
    counter.credit(void)
    other = Counter(counter.shop)
    foreign = other.invoice(line(70))

    def allocated(*parts: tuple[str, int], amount: int = 1_000) -> tuple[int, str, str | None]:
        named = [{"invoice_id": one, "amount": pkr(part)} for one, part in parts]
        body = {"amount": pkr(amount), "channel": "cash", "allocations": named}
        return counter.send("payments", body).problem

    where = "allocations.0.invoice_id"
    mine = invoice["invoice_id"]
    assert allocated((mine, 101)) == (409, "exceeds_open", "allocations.0.amount")
    assert allocated((mine, 0)) == (422, "invalid_amount", "allocations.0.amount.amount")
    assert allocated((mine, 60), amount=50) == (422, "exceeds_payment", "allocations")
    assert allocated((mine, 1), (mine, 1)) == (422, "invoice_allocated_twice", "allocations.1.invoice_id")
    assert allocated((void["invoice_id"], 1)) == (409, "exceeds_open", "allocations.0.amount")
    assert allocated((foreign["invoice_id"], 1)) == (422, "unknown_invoice", where)
    assert allocated((f"inv_{NOWHERE}-20261201-1", 1)) == (422, "unknown_invoice", where)
    assert allocated(("inv_x", 1)) == (422, "unknown_invoice", where)
    assert allocated(*[(mine, 1)] * 41) == (409, "too_many_settlements", "allocations")
    assert counter.send("allocations", {}).problem == (409, "nothing_open", None)
    refused = counter.send("allocations", {"allocations": [{"invoice_id": mine, "amount": pkr(1)}]})
    assert refused.problem == (409, "insufficient_credit", "amount")
    assert counter.now(invoice)["open"] == pkr(100)


def test_refused_credit_notes(counter: Counter) -> None:
    invoice = counter.invoice(line(100), line(60))

    def credited(**body: object) -> tuple[int, str, str | None]:
        return counter.try_to_credit(invoice, **body).problem

    assert credited(lines=[{"line": 0, "amount": 101}]) == (409, "exceeds_creditable", "lines.0.amount")
    assert credited(lines=[{"line": 0, "amount": 0}]) == (422, "invalid_value", "lines.0.amount")
    assert credited(lines=[{"line": 2}]) == (422, "unknown_line", "lines.0.line")
    assert credited(lines=[{"line": 0}, {"line": 0}]) == (422, "invalid_value", "lines")
    assert credited(lines=[{"line": 0}], share_millionths=5)[1] == "invalid_value"
    assert credited(share_millionths=1_010_000) == (422, "invalid_value", "share_millionths")
    assert credited(share_millionths=1) == (409, "nothing_to_credit", None)
    counter.credit(invoice)
    assert credited() == (409, "nothing_to_credit", None)
    added = counter.send(f"/v1/invoices/{invoice['invoice_id']}/debit-notes", {"lines": [line(1)]})
    assert added.problem == (409, "invoice_void", None)
    assert counter.books() == {"balance": 0, "credit": 0, "deposits": 0}


def test_what_is_another_tenants_is_not_there(counter: Counter, other_tenant: SignedIn) -> None:
    invoice = counter.invoice(line(100))
    receipt = counter.pay(40)
    for invoice_id in (invoice["invoice_id"], f"inv_{NOWHERE}-20261201-200", "inv_x"):
        for path, body in (
            ("credit-notes", {"reason": "error"}),
            ("debit-notes", {"lines": [line(1)]}),
            ("write-offs", {"reason": "other"}),
        ):
            reply = other_tenant.api.post(
                f"/v1/invoices/{invoice_id}/{path}", json=body, headers={"Idempotency-Key": "k"}
            )
            assert reply.problem == (404, "not_found", "invoice_id")
    for document_id in (receipt["document_id"], f"rcp_{NOWHERE}-20261201-200", "x"):
        assert other_tenant.api.get(f"/v1/documents/{document_id}").problem == (
            404,
            "not_found",
            "document_id",
        )
        reply = other_tenant.api.post(
            f"/v1/documents/{document_id}/reversal",
            json={"reason": "mine now"},
            headers={"Idempotency-Key": "k"},
        )
        assert reply.problem == (404, "not_found", "document_id")
    for subscriber_id in (counter.subscriber["subscriber_id"], f"sbr_{NOWHERE}", "x"):
        path = f"/v1/subscribers/{subscriber_id}"
        for name, sent in (
            ("invoices", {"lines": [line(1)]}),
            ("payments", {"amount": pkr(1), "channel": "cash"}),
            ("refunds", {"amount": pkr(1), "channel": "cash"}),
            ("allocations", {}),
        ):
            reply = other_tenant.api.post(f"{path}/{name}", json=sent, headers={"Idempotency-Key": "k"})
            assert reply.problem == (404, "not_found", "subscriber_id")
        assert other_tenant.api.get(f"{path}/documents").status == 404
        assert other_tenant.api.get(f"{path}/next-invoices").status == 404
    assert counter.books() == {"balance": 60, "credit": 0, "deposits": 0}


def test_only_receipts_are_reversed_and_not_what_was_given_back(counter: Counter) -> None:
    receipt = counter.pay(100)
    refund = counter.send("refunds", {"amount": pkr(30), "channel": "cash"}).json
    assert counter.reverse(refund).problem == (409, "not_a_payment", None)
    assert counter.reverse(receipt).problem == (409, "insufficient_credit", None)
    assert counter.books() == {"balance": -70, "credit": 70, "deposits": 0}


def test_money_needs_a_key(counter: Counter) -> None:
    reply = counter.shop.tenant.api.post(
        f"{counter.path}/payments", json={"amount": pkr(1), "channel": "cash"}
    )
    assert reply.problem == (400, "invalid_header", "Idempotency-Key")


@pytest.mark.parametrize("on", ["2026-11-30", "2028-01-01", "9999-12-31", "2026-02-30"])
def test_next_invoices_are_for_a_date_ahead(counter: Counter, on: str) -> None:
    reply = counter.shop.tenant.api.get(f"{counter.path}/next-invoices?on={on}")
    assert reply.problem == (422, "invalid_value", "on")
    assert ok(counter.shop.tenant.api.get(f"{counter.path}/next-invoices"))["invoices"] == []


def test_an_account_has_so_many_documents_a_day(counter: Counter, clock: FakeClock) -> None:
    for _ in range(56):
        counter.pay(1)
    body = {"amount": pkr(1), "channel": "cash"}
    assert counter.send("payments", body).problem == (409, "too_many_documents", None)
    assert counter.books() == {"balance": -56, "credit": 56, "deposits": 0}

    clock.advance(timedelta(days=1))
    counter.shop.sign_in_again()
    counter.pay(1)
    assert counter.books()["credit"] == 57
