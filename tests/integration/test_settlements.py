"""A vendor's file compared with a day's payments over HTTP, the file store and the worker."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from unittest.mock import patch

import pytest

from chalicelib.domain.payments import receive
from chalicelib.jobs.imports import work_imports
from chalicelib.ports.store import AuditNote
from chalicelib.store.base import StoreUnavailable
from chalicelib.store.settlements import DynamoSettlements
from chalicelib.usecases.posting import post
from chalicelib.usecases.reconciliations import receipts_between
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.fakes.queues import AtOnce
from tests.integration.books_check import check_books
from tests.integration.conftest import NOW, EngineServices, SignedIn
from tests.integration.counter import Counter
from tests.integration.gatewaying import Till
from tests.integration.importing import http_put
from tests.integration.shop import Item, Shop, created, ok

TODAY = NOW.date()
HEADER = "Transaction ID,Order Id,Amount,Fee,Status,Currency\n"


@dataclass
class Accountant:
    """Compares files with payments."""

    counter: Counter
    services: EngineServices

    def paid(self, reference: str, amount: int, *, days: int = 0, channel: str = "jazzcash") -> str:
        """Have a gateway's payment recorded some days from today."""
        at = NOW + timedelta(days=days)
        posted = post(
            store=self.counter.shop.tenant.store,
            subscriber_id=self.counter.subscriber["subscriber_id"],
            make=lambda books: receive(
                account=books.subscriber.account, amount=amount, channel=channel, reference=reference
            ),
            at=at,
            note=AuditNote("stf_1", "payment.recorded", "x", at),
        )
        return posted.documents[0].document_id

    def compare(self, rows: str, header: str = HEADER, **changes: object) -> Item:
        """Begin a settlement, upload its file, and have it compared; return it."""
        data, api = (header + rows).encode(), self.counter.shop.tenant.api
        body = {
            "channel": "jazzcash",
            "on": TODAY.isoformat(),
            "file_name": "x.csv",
            "size_bytes": len(data),
            **changes,
        }
        begun = created(api.post("/v1/settlements", json=body))
        path = f"/v1/settlements/{begun['settlement']['settlement_id']}"
        assert api.post(f"{path}/start").problem[:2] == (409, "file_not_uploaded")
        assert http_put(begun["upload"]["url"], data, begun["upload"]["headers"]) == 200
        assert api.post(f"{path}/start").status == 202
        return ok(api.get(path))

    def lines(self, settlement: Item, result: str) -> list[Item]:
        """Every line of a result, a page at a time."""
        found: list[Item] = []
        path = f"/v1/settlements/{settlement['settlement_id']}/lines?result={result}&limit=2"
        page = self.counter.get(path)
        found += page["items"]
        while page["next_cursor"]:
            page = self.counter.get(f"{path}&cursor={page['next_cursor']}")
            found += page["items"]
        return found

    def resolve(self, settlement: Item, line_id: str, **body: object) -> Reply:
        """Resolve a line."""
        path = f"/v1/settlements/{settlement['settlement_id']}/lines/{line_id}/resolution"
        return self.counter.send(path, body)

    def reopen(self, settlement: Item, line_id: str) -> Reply:
        """Undo how a line was resolved."""
        path = f"/v1/settlements/{settlement['settlement_id']}/lines/{line_id}/resolution"
        return self.counter.shop.tenant.api.delete(path)


@pytest.fixture
def accountant(services: EngineServices, signed_in: SignedIn) -> Iterator[Accountant]:
    at_once = AtOnce(services, work_imports)
    with patch.dict(vars(services), import_queue=at_once):
        yield Accountant(Counter(Shop(signed_in, services)), services)


def test_a_file_is_compared_once_and_what_differs_is_resolved(accountant: Accountant) -> None:
    mine, other = accountant.paid("T1", 50_000), accountant.paid("T2", 70_000)
    lost = accountant.paid("T3", 90_000)
    accountant.paid("T1", 1, channel="easypaisa")
    yesterday = accountant.paid("T0", 1_000, days=1)
    rows = (
        "T1,,500.00,5.00,Success,PKR\nT2,,701.00,7,Success,PKR\nT9,O9,300,3,paid,PKR\nT1,,500,,paid,\n"
        "T0,,10,,paid,\nT8,,what,,paid,\nT7,,5,,FAILED,\n"
    )

    done = accountant.compare(rows)

    assert (done["state"], done["totals"]["lines"]) == (
        "succeeded",
        {
            "matched": 2,
            "missing_here": 1,
            "missing_there": 1,
            "amount_differs": 1,
            "duplicate": 1,
            "unreadable": 1,
        },
    )
    assert (done["totals"]["rows"], done["totals"]["left_out"], done["totals"]["fees"]) == (7, 1, 1_500)
    assert (done["totals"]["here"], done["totals"]["there"]) == (210_000, 151_100)
    assert [one["document_id"] for one in accountant.lines(done, "matched")] == [mine, yesterday]
    [differs] = accountant.lines(done, "amount_differs")
    assert (differs["document_id"], differs["amount"], differs["ours"]) == (other, 70_100, 70_000)
    assert [one["document_id"] for one in accountant.lines(done, "missing_there")] == [lost]
    assert accountant.lines(done, "unreadable")[0]["problem"] == "invalid_amount"
    again = accountant.compare(rows)
    assert (again["state"], again["failure"]["code"]) == ("failed", "settlement_repeated")
    assert accountant.compare(rows + "\n")["totals"] == done["totals"]
    check_books(accountant.services, accountant.counter.shop.tenant.tenant_id)


def test_a_worker_that_died_before_its_end_leaves_no_line_behind(
    accountant: Accountant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given lines that were kept of a day, what comes in before the next worker compares is in its lines."""
    died: list[object] = []

    def dies(*_: object, **__: object) -> None:
        died.append(True)
        raise StoreUnavailable("the database does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(DynamoSettlements, "finish", dies)
        begun = accountant.compare("T1,,500.00,,Success,PKR\n")
    assert (begun["state"], died) == ("queued", [True])
    accountant.paid("T1", 50_000)
    path = f"/v1/settlements/{begun['settlement_id']}"
    assert accountant.counter.shop.tenant.api.post(f"{path}/start").status == 202

    done = accountant.counter.get(path)

    assert (done["state"], done["totals"]["lines"]["matched"]) == ("succeeded", 1)
    assert len(accountant.lines(done, "matched")) == 1
    assert accountant.lines(done, "missing_here") == []


def test_a_missing_payment_is_recorded_once_and_given_up_again(accountant: Accountant) -> None:
    done = accountant.compare("T9,O9,300,3,paid,PKR\nT8,,5,,paid,PKR\n")
    record = {"kind": "recorded", "subscriber_id": accountant.counter.subscriber["subscriber_id"]}
    with ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(lambda _: accountant.resolve(done, "missing_here-1", **record), range(2)))

    assert sorted(one.status for one in replies) == [201, 409]
    [line, _] = accountant.lines(done, "missing_here")
    receipt = accountant.counter.get(f"/v1/documents/{line['resolution']['document_id']}")
    assert (receipt["channel"], receipt["reference"], receipt["amount"]["amount"]) == (
        "jazzcash",
        "T9",
        30_000,
    )
    assert accountant.counter.books()["credit"] == 30_000
    assert accountant.reopen(done, "missing_here-1").problem[:2] == (409, "payment_stands")
    assert accountant.counter.reverse(receipt).status == 201
    assert ok(accountant.reopen(done, "missing_here-1"))["resolution"] is None
    linked = {"kind": "linked", "document_id": accountant.counter.pay(500)["document_id"]}
    for body, refused in (
        ({"kind": "linked", "document_id": receipt["document_id"]}, (422, "unknown_payment")),
        ({"kind": "explained"}, (422, "invalid_value")),
        ({"kind": "linked", "document_id": "rcp_x"}, (422, "unknown_payment")),
        ({"kind": "recorded", "subscriber_id": "sbr_x"}, (404, "not_found")),
    ):
        assert accountant.resolve(done, "missing_here-2", **body).problem[:2] == refused
    assert accountant.resolve(done, "missing_here-2", **linked).status == 201
    assert accountant.resolve(done, "missing_here-2", **linked).problem[:2] == (409, "line_resolved")
    assert accountant.resolve(done, "missing_here-3", **linked).problem[:2] == (404, "not_found")
    audit = accountant.counter.get(f"/v1/audit?object_id={done['settlement_id']}")["items"]
    assert {"settlement.begun", "settlement.compared", "settlement.resolved", "settlement.reopened"} <= {
        one["action"] for one in audit
    }


@pytest.mark.parametrize(
    ("header", "rows", "changes", "code"),
    [
        ("Name,City\n", "Ali,Lahore\n", {}, "missing_columns"),
        (HEADER, "T1,,5,,paid,USD\n", {}, "other_currency"),
        (HEADER, "", {}, "no_rows"),
        (HEADER, "T1,,5,,paid,PKR\n", {"columns": {"fee": "Provision"}}, "missing_columns"),
    ],
)
def test_a_file_of_something_else_is_refused_as_a_whole(
    accountant: Accountant, header: str, rows: str, changes: Item, code: str
) -> None:
    refused = accountant.compare(rows, header, **changes)
    assert (refused["state"], refused["failure"]["code"], refused["totals"]) == ("failed", code, None)


def test_a_payment_that_the_file_of_another_day_has_is_not_missed_in_its_own(accountant: Accountant) -> None:
    early = accountant.paid("T1", 50_000)  # by the vendor's clock it was yesterday still
    transfer = accountant.paid("T2", 70_000, channel="bank_transfer")
    yesterday = accountant.compare(
        "T1,,500,,paid,\nT2,,700,,paid,\nT3,,5,,paid,\n",
        on=(TODAY - timedelta(days=1)).isoformat(),
    )
    assert [one["document_id"] for one in accountant.lines(yesterday, "matched")] == [early]
    linked = {"kind": "linked", "document_id": transfer}
    created(accountant.resolve(yesterday, "missing_here-1", **linked))
    recorded = {"kind": "recorded", "subscriber_id": accountant.counter.subscriber["subscriber_id"]}
    created(accountant.resolve(yesterday, "missing_here-2", **recorded))
    accountant.paid("T4", 100)

    today = accountant.compare("T4,,1,,paid,\n")
    of_bank = accountant.compare("T5,,1,,paid,\n", channel="bank_transfer")

    assert (accountant.lines(today, "missing_there"), accountant.lines(of_bank, "missing_there")) == ([], [])
    assert ok(accountant.reopen(yesterday, "missing_here-1"))["resolution"] is None
    [missed] = accountant.lines(
        accountant.compare("T6,,1,,paid,\n", channel="bank_transfer"), "missing_there"
    )
    assert missed["document_id"] == transfer


def test_what_a_file_told_first_is_not_taken_again_when_the_gateway_tells(
    accountant: Accountant, api: ApiClient
) -> None:
    till = Till.open(accountant.counter.shop, api, accountant.counter)
    invoice, named = till.invoice_and_collection(50_000)
    _, numbered = till.invoice_and_collection(7_000)
    _, told = till.invoice_and_collection(3_000)
    rows = f"txn_1,{named['reference']},500,,paid,\ntxn_2,,70,,paid,\ntxn_3,{told['reference']},30,,paid,\n"
    done = accountant.compare(rows, channel="sandbox")
    till.notify(told, transaction="txn_3")
    record = {"kind": "recorded", "subscriber_id": accountant.counter.subscriber["subscriber_id"]}

    replies = [accountant.resolve(done, f"missing_here-{one}", **record) for one in (1, 2, 3)]

    assert [one.status for one in replies] == [201, 201, 409]
    assert replies[2].problem[:2] == (409, "payment_known")
    assert accountant.counter.now(invoice)["state"] == "paid"
    late = [till.notify(named, transaction="txn_1"), till.notify(numbered, transaction="txn_2")]
    assert late == ["parked", "parked"]
    assert [one["reason"] for one in till.parked()] == ["recorded_by_hand"] * 2
    assert accountant.counter.books() == {"balance": 0, "credit": 0, "deposits": 0}


def test_the_days_about_the_turn_of_a_fiscal_year_are_compared_alike(
    accountant: Accountant, clock: FakeClock
) -> None:
    last = (date(2041, 6, 30) - TODAY).days
    paid = [accountant.paid(f"T{number}", 100, days=last + number - 1) for number in range(3)]
    clock.set(NOW + timedelta(days=last + 2))
    accountant.counter.shop.sign_in_again()

    june = accountant.compare("T0,,1,,paid,\nT2,,1,,paid,\n", on="2041-06-30")
    july = accountant.compare("T1,,1,,paid,\n", on="2041-07-01")

    assert [one["document_id"] for one in accountant.lines(june, "matched")] == [paid[0], paid[2]]
    assert [one["document_id"] for one in accountant.lines(june, "missing_there")] == [paid[1]]
    assert [one["document_id"] for one in accountant.lines(july, "matched")] == [paid[1]]
    assert accountant.lines(july, "missing_there") == []


def test_days_without_a_file_are_told_and_payments_found_by_their_day(accountant: Accountant) -> None:
    for days in range(4):
        for number in range(2):
            accountant.paid(f"T{days}{number}", 100, days=days)
    path = f"/v1/settlement-gaps?from={TODAY}&to={TODAY + timedelta(days=3)}"
    assert [(one["channel"], one["received"]) for one in accountant.counter.get(path)["items"]] == [
        ("jazzcash", 200)
    ] * 4
    accountant.compare("T00,,1,,paid,PKR\nT01,,1,,paid,PKR\n")

    left = accountant.counter.get(path)["items"]
    store = accountant.counter.shop.tenant.store
    between = receipts_between(store=store, first=TODAY + timedelta(days=1), last=TODAY + timedelta(days=2))

    assert [one["on"] for one in left] == [(TODAY + timedelta(days=n)).isoformat() for n in (1, 2, 3)]
    assert [one.reference for one in between] == ["T10", "T11", "T20", "T21"]
    first = store.money.settlements.first_number(fiscal_year=2041, on=TODAY + timedelta(days=2))
    assert first == 5
    assert accountant.counter.get("/v1/settlement-gaps?from=2041-01-31&to=2041-03-01")["items"] == []
    accountant.paid("T40", 300, days=-80)
    [gap] = accountant.counter.get("/v1/settlement-gaps?from=2041-01-31&to=2041-03-01")["items"]
    assert (gap["on"], gap["received"]) == ((TODAY - timedelta(days=80)).isoformat(), 300)
    too_long = f"/v1/settlement-gaps?from={TODAY}&to={TODAY + timedelta(days=31)}"
    assert accountant.counter.shop.tenant.api.get(too_long).problem[:2] == (422, "invalid_value")
