"""Invoices by hand, payments, credit notes and their like over HTTP, on the engine."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, sign_up_and_in
from tests.integration.counter import Counter, amounts, line, pkr
from tests.integration.shop import Item, Shop, created, ok

NOON = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
STEPS = ["invoice", "invoice", "pay", "pay", "reverse", "credit", "allocate", "refund", "write_off"]


@pytest.fixture
def counter(services: EngineServices, clock: FakeClock, api: ApiClient) -> Counter:
    """1 December 2026, at noon in Karachi."""
    clock.set(NOON)
    return Counter(Shop(sign_up_and_in(api, services), services))


def test_an_invoice_equals_its_preview_and_pays_itself_from_credit(counter: Counter) -> None:
    counter.tax()
    counter.pay(100_000)
    body = {
        "lines": [
            line(164_900, tax_group="internet", description="Home 20"),
            line(50_000, quantity=2, period_start="2026-12-01", period_end="2027-01-01"),
        ],
        "due_on": "2026-12-20",
        "note": "as agreed on the telephone",
    }
    before = counter.books()

    preview = ok(counter.shop.tenant.api.post(f"{counter.path}/invoice-previews", json=body))
    assert counter.books() == before
    invoice = created(counter.send("invoices", body))

    same = ("issued_on", "due_on", "lines", "net", "tax", "total", "postings")
    assert {name: invoice[name] for name in same} == {name: preview[name] for name in same}
    assert preview["from_credit"] == invoice["paid"] == pkr(100_000)
    assert (invoice["total"], invoice["open"]) == (pkr(326_614), pkr(226_614))  # 2,266.14 and 1,000.00
    assert (invoice["state"], invoice["number"]) == ("partly_paid", "INV-2027-000001")
    assert invoice["recipient"]["name"] == "Ali Raza"
    assert counter.now(invoice)["note"] == "as agreed on the telephone"
    assert invoice["lines"][1]["period_end"] == "2027-01-01"
    assert counter.books() == {"balance": 226_614, "credit": 0, "deposits": 0}


def test_payments_pay_the_oldest_due_first_or_what_is_named(counter: Counter) -> None:
    late = counter.invoice(line(1_000), due_on="2026-12-31")
    soon = counter.invoice(line(500), due_on="2026-12-05")

    first = counter.pay(600, reference="slip 12", note="at the door")
    assert first["settled"] == [
        {"invoice_id": soon["invoice_id"], "amount": 500},
        {"invoice_id": late["invoice_id"], "amount": 100},
    ]
    assert (first["kind"], first["number"], first["reference"]) == ("receipt", "RCP-2027-000001", "slip 12")
    assert counter.now(soon)["state"] == "paid"

    part = [{"invoice_id": late["invoice_id"], "amount": pkr(200)}]
    second = counter.pay(250, channel="bank_transfer", allocations=part)
    assert (second["to_credit"], counter.now(late)["open"]) == (pkr(50), pkr(700))
    third = counter.pay(1_000, allocate="none")
    assert (third["settled"], third["to_credit"]) == ([], pkr(1_000))

    journal = created(counter.send("allocations", {}))
    assert (journal["kind"], journal["amount"]) == ("journal", pkr(700))
    assert counter.now(late)["state"] == "paid"
    assert counter.books() == {"balance": -350, "credit": 350, "deposits": 0}
    assert ok(counter.shop.tenant.api.get(f"/v1/documents/{first['document_id']}")) == first


def test_a_bounced_cheque_opens_the_invoices_again_once(counter: Counter) -> None:
    invoice = counter.invoice(line(1_000))
    cheque = counter.pay(1_500, channel="cheque", reference="000123")
    later = counter.invoice(line(300))
    assert later["state"] == "paid"

    journal = created(counter.reverse(cheque))

    assert amounts(journal["postings"]) == {"receivable": 1_300, "credit": 200, "cash:cheque": -1_500}
    assert [counter.now(one)["state"] for one in (invoice, later)] == ["open", "open"]
    assert counter.reverse(cheque).problem == (409, "already_reversed", None)
    shown = ok(counter.shop.tenant.api.get(f"/v1/documents/{cheque['document_id']}"))
    assert shown["reversed_by"] == journal["document_id"]
    assert counter.books() == {"balance": 1_300, "credit": 0, "deposits": 0}
    counter.pay(1_300)
    assert counter.books() == {"balance": 0, "credit": 0, "deposits": 0}


def test_credit_notes_mirror_the_stored_taxes_to_the_last_paisa(counter: Counter) -> None:
    counter.tax()
    invoice = counter.invoice(line(164_900, tax_group="internet"), line(10_001))

    notes = [
        counter.credit(invoice, share_millionths=333_333),
        counter.credit(invoice, lines=[{"line": 0, "amount": 7}]),
        counter.credit(invoice, lines=[{"line": 1}]),
        counter.credit(invoice, note="the rest"),
    ]

    whole = {name: -amount for name, amount in amounts(invoice["postings"]).items()}
    back: dict[str, int] = {}
    for note in notes:
        for name, amount in amounts(note["postings"]).items():
            back[name] = back.get(name, 0) + amount
    assert back == whole
    now = counter.now(invoice)
    assert (now["state"], now["credited"], now["open"]) == ("void", invoice["total"], pkr(0))
    assert counter.try_to_credit(invoice).problem == (409, "nothing_to_credit", None)
    listed = counter.get("/v1/documents?kind=credit_note")["items"]
    assert listed == notes
    assert [one["number"] for one in counter.get("documents?kind=credit_note&limit=2")["items"]] == [
        "CRN-2027-000004",
        "CRN-2027-000003",
    ]
    assert notes[0]["recipient"]["name"] == "Ali Raza"
    assert counter.books() == {"balance": 0, "credit": 0, "deposits": 0}


def test_the_credit_of_a_paid_invoice_stays_or_is_given_back(counter: Counter) -> None:
    invoice = counter.invoice(line(1_000), line(600))
    counter.pay(1_500)

    kept = counter.credit(invoice, lines=[{"line": 0, "amount": 400}])
    assert (kept["settled"], kept["to_credit"]) == (
        [{"invoice_id": invoice["invoice_id"], "amount": 100}],
        pkr(300),
    )
    assert counter.now(invoice)["state"] == "paid"
    given = counter.credit(invoice, lines=[{"line": 1}], refund={"channel": "cash"})
    assert given["to_credit"] == pkr(600)
    [refund] = counter.get("documents?kind=refund")["items"]
    assert (refund["amount"], refund["about"]) == (pkr(600), invoice["invoice_id"])

    created(counter.send("refunds", {"amount": pkr(300), "channel": "bank_transfer"}))
    refused = counter.send("refunds", {"amount": pkr(1), "channel": "cash"})
    assert refused.problem == (409, "insufficient_credit", "amount")
    assert counter.books() == {"balance": 0, "credit": 0, "deposits": 0}


def test_a_debit_note_adds_to_an_invoice(counter: Counter) -> None:
    invoice = counter.invoice(line(1_000))
    note = created(counter.send(f"/v1/invoices/{invoice['invoice_id']}/debit-notes", {"lines": [line(250)]}))
    assert (note["kind"], note["number"], note["about"]) == (
        "debit_note",
        "DBN-2027-000001",
        invoice["invoice_id"],
    )
    assert counter.get("/v1/debit-notes")["items"] == [note]
    assert [one["number"] for one in counter.get("/v1/invoices")["items"]] == [invoice["number"]]
    counter.pay(1_250)
    assert counter.now(note)["state"] == "paid"
    assert counter.books() == {"balance": 0, "credit": 0, "deposits": 0}


def test_a_write_off_gives_up_what_is_open(counter: Counter) -> None:
    invoice = counter.invoice(line(1_000))
    counter.pay(400)
    where = f"/v1/invoices/{invoice['invoice_id']}/write-offs"
    assert counter.send(where, {"reason": "uncollectible", "amount": pkr(601)}).code == "exceeds_open"

    journal = created(counter.send(where, {"reason": "uncollectible", "note": "moved away"}))

    assert amounts(journal["postings"]) == {"write_off": 600, "receivable": -600}
    now = counter.now(invoice)
    assert (now["state"], now["written_off"], now["open"]) == ("written_off", pkr(600), pkr(0))
    assert counter.send(where, {"reason": "other"}).problem == (409, "nothing_open", None)
    assert counter.try_to_credit(invoice).code == "exceeds_creditable"
    assert counter.books() == {"balance": 0, "credit": 0, "deposits": 0}


def test_a_deposit_that_never_came_in_is_not_given_back(counter: Counter) -> None:
    """A written-off deposit is no loss, for nothing was lost, and there is nothing to pay out."""
    issued = counter.invoice(line(1_000, kind="deposit"), line(500))
    given_up = created(
        counter.send(f"/v1/invoices/{issued['invoice_id']}/write-offs", {"reason": "uncollectible"})
    )

    assert amounts(given_up["postings"]) == {"deposits": 1_000, "write_off": 500, "receivable": -1_500}
    refund = {"amount": pkr(1), "channel": "cash", "source": "deposit"}
    assert counter.send("refunds", refund).problem == (409, "insufficient_deposit", "amount")
    assert counter.books() == {"balance": 0, "credit": 0, "deposits": 0}


def test_a_deposit_is_set_off_and_given_back(counter: Counter) -> None:
    counter.invoice(line(2_000, kind="deposit"))
    refund = {"amount": pkr(1), "channel": "cash", "source": "deposit"}
    assert counter.send("refunds", refund).problem == (409, "insufficient_deposit", "amount")
    counter.pay(2_000)
    bill = counter.invoice(line(500))

    journal = created(counter.send("allocations", {"source": "deposit"}))
    assert amounts(journal["postings"]) == {"deposits": 500, "receivable": -500}
    assert counter.now(bill)["state"] == "paid"
    created(counter.send("refunds", {**refund, "amount": pkr(1_500)}))
    assert counter.books() == {"balance": 0, "credit": 0, "deposits": 0}


def test_what_comes_next_is_what_the_runs_issue(counter: Counter) -> None:
    shop = counter.shop
    package = shop.package(activation_fee=pkr(50_000))
    shop.subscribe(counter.subscriber, package, starts_on="2026-12-12", anchor_day=1)
    assert counter.get("next-invoices?on=2026-12-11")["invoices"] == []
    first = counter.get("next-invoices")
    assert (first["through"], len(first["invoices"])) == ("2026-12-12", 1)

    told = counter.get("next-invoices?on=2027-02-01")
    assert [one["issued_on"] for one in told["invoices"]] == ["2026-12-12", "2027-01-01", "2027-02-01"]
    assert told["invoices"][0] == first["invoices"][0]

    shop.bill(datetime(2027, 2, 1, 7, tzinfo=UTC))
    issued = shop.invoices(counter.subscriber)
    same = ("lines", "net", "tax", "total", "postings")
    assert [{name: one[name] for name in same} for one in issued] == [
        {name: one[name] for name in same} for one in told["invoices"]
    ]


def test_once_by_its_key_also_when_many_ask_at_once(counter: Counter) -> None:
    counter.invoice(line(1_000))
    body = {"amount": pkr(1_000), "channel": "cash"}

    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: counter.send("payments", body, key="once"), range(4)))

    assert {one.status for one in replies} == {201}
    assert len({one.json["document_id"] for one in replies}) == 1
    assert counter.send("payments", {**body, "amount": pkr(1)}, key="once").code == "idempotency_key_reused"
    assert counter.books() == {"balance": 0, "credit": 0, "deposits": 0}


def test_credit_notes_side_by_side_never_come_to_more_than_the_invoice(counter: Counter) -> None:
    invoice = counter.invoice(line(1_000))
    chosen = {"lines": [{"line": 0, "amount": 300}]}

    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: counter.try_to_credit(invoice, **chosen), range(6)))

    assert sorted(one.status for one in replies) == [201, 201, 201, 409, 409, 409]
    assert counter.now(invoice)["credited"] == pkr(900)
    assert counter.books() == {"balance": 100, "credit": 0, "deposits": 0}


def test_every_command_is_audited(counter: Counter) -> None:
    before = counter.audited()
    invoice = counter.invoice(line(1_000))
    receipt = counter.pay(600)
    created(counter.reverse(receipt))
    counter.credit(invoice)
    assert counter.audited() == before + 4


def test_whatever_the_counter_does_the_books_agree(counter: Counter) -> None:
    counter.tax()
    draw = random.Random(20261201)  # the same steps each time
    invoices: list[Item] = []
    receipts: list[Item] = []
    for _ in range(50):
        step, amount = draw.choice(STEPS), draw.randint(1, 300_000)
        if step == "invoice":
            kind = draw.choice(["one_time", "deposit"])
            group = "internet" if kind == "one_time" else None
            invoices.append(counter.invoice(line(amount, kind=kind, tax_group=group)))
        elif step == "pay":
            receipts.append(counter.pay(amount, allocate=draw.choice(["oldest_due", "none"])))
        elif step == "reverse" and receipts:
            counter.reverse(draw.choice(receipts))
        elif step == "credit" and invoices:
            counter.try_to_credit(draw.choice(invoices), share_millionths=draw.randint(1, 1_000_000))
        elif step == "allocate":
            counter.send("allocations", {"source": draw.choice(["credit", "deposit"])})
        elif step == "refund":
            counter.send("refunds", {"amount": pkr(amount // 10), "channel": "cash"})
        elif step == "write_off" and invoices:
            one = draw.choice(invoices)["invoice_id"]
            counter.send(f"/v1/invoices/{one}/write-offs", {"reason": "other", "amount": pkr(amount)})
        counter.books()
    kinds = {one["kind"] for one in counter.get("documents?limit=200")["items"]}
    assert kinds == {"credit_note", "receipt", "refund", "journal"}
