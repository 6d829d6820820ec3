"""Any sequence of documents, runs and closings: the books stay right, and readers see them balanced."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.domain.invoices import CREDIT, DEPOSITS, RECEIVABLE
from chalicelib.usecases.books_audit import audit_books
from chalicelib.usecases.ledger import read_trial_balance
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.integration.books_check import check_books
from tests.integration.conftest import EngineServices, sign_up_and_in
from tests.integration.shop import Item, Shop, if_match, ok
from tests.integration.test_ledger import NOVEMBER_2, Ledger, ledger  # noqa: F401 - the fixture
from tests.integration.test_posting import charge, pay

BEGIN = datetime(2027, 11, 18, 8, tzinfo=UTC)
DAYS = 24
REFUSED = {404, 409, 422}


class Clerk:
    """Does something at random with a subscriber's money; what is refused is no matter."""

    def __init__(self, ledger: Ledger, seed: int) -> None:  # noqa: F811
        self._ledger = ledger
        self._random = random.Random(seed)
        self.done: dict[str, int] = {}

    def act(self, subscribers: list[Item]) -> None:
        """Do one thing."""
        one = self._random.choice(subscribers)
        doings: list[Callable[[str], Reply | None]] = [
            self.pay,
            self.pay,
            self.invoice,
            self.credit_note,
            self.refund,
            self.write_off,
            self.reverse,
            self.allocate,
        ]
        doing = self._random.choice(doings)
        reply = doing(one["subscriber_id"])
        if reply is not None:
            assert reply.status == 201 or reply.status in REFUSED, reply.text
            name = f"{doing.__name__} {'done' if reply.status == 201 else 'refused'}"
            self.done[name] = self.done.get(name, 0) + 1

    def _post(self, path: str, body: Item) -> Reply:
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        return self._ledger.shop.tenant.api.post(path, json=body, headers=headers)

    def _money(self, most: int) -> Item:
        return {"amount": self._random.randint(1, most), "currency": "PKR"}

    def _invoice_of(self, subscriber_id: str) -> str | None:
        found = self._ledger.get(f"/v1/subscribers/{subscriber_id}/invoices")["items"]
        return self._random.choice(found)["invoice_id"] if found else None

    def pay(self, subscriber_id: str) -> Reply:
        channel = self._random.choice(["cash", "bank_transfer", "cheque"])
        body = {"amount": self._money(400_000), "channel": channel}
        if self._random.random() < 0.3:
            body["allocate"] = "none"
        return self._post(f"/v1/subscribers/{subscriber_id}/payments", body)

    def invoice(self, subscriber_id: str) -> Reply:
        kind = self._random.choice(["one_time", "activation", "deposit"])
        line = {"description": "Router", "unit_price": self._money(90_000), "kind": kind}
        if kind != "deposit":
            line["tax_group"] = "internet"
        return self._post(f"/v1/subscribers/{subscriber_id}/invoices", {"lines": [line]})

    def credit_note(self, subscriber_id: str) -> Reply | None:
        if (invoice_id := self._invoice_of(subscriber_id)) is None:
            return None
        share = self._random.randint(1, 1_000_000)
        body = {"reason": "error", "share_millionths": share}
        return self._post(f"/v1/invoices/{invoice_id}/credit-notes", body)

    def refund(self, subscriber_id: str) -> Reply:
        source = self._random.choice(["credit", "deposit"])
        body = {"amount": self._money(50_000), "channel": "cash", "source": source}
        return self._post(f"/v1/subscribers/{subscriber_id}/refunds", body)

    def write_off(self, subscriber_id: str) -> Reply | None:
        if (invoice_id := self._invoice_of(subscriber_id)) is None:
            return None
        return self._post(f"/v1/invoices/{invoice_id}/write-offs", {"reason": "uncollectible"})

    def reverse(self, subscriber_id: str) -> Reply | None:
        documents = self._ledger.get(f"/v1/subscribers/{subscriber_id}/documents")["items"]
        receipts = [one["document_id"] for one in documents if one["document_id"].startswith("rcp_")]
        if not receipts:
            return None
        chosen = self._random.choice(receipts)
        return self._post(f"/v1/documents/{chosen}/reversal", {"reason": "the cheque bounced"})

    def allocate(self, subscriber_id: str) -> Reply:
        return self._post(f"/v1/subscribers/{subscriber_id}/allocations", {})


@pytest.fixture
def late_november(api: ApiClient, services: EngineServices, clock: FakeClock) -> Ledger:
    """An ISP that signed up on 18 November 2027 and rounds invoices to whole rupees."""
    clock.set(BEGIN)
    made = Ledger(Shop(sign_up_and_in(api, services), services), services, clock)
    tenant = ok(made.shop.tenant.api.get("/v1/tenant"))
    ok(made.shop.tenant.api.patch("/v1/tenant", json={"round_to": 100}, headers=if_match(tenant)))
    return made


@pytest.mark.parametrize("seed", [1, 2])
def test_the_books_are_right_whatever_happens(late_november: Ledger, seed: int) -> None:
    isp, clerk = late_november, Clerk(late_november, seed)
    subscribers = [isp.served(price=164_900 + extra) for extra in (0, 33, 70_000)]
    closed: Item | None = None
    for day in range(DAYS):
        at = BEGIN + timedelta(days=day)
        isp.until(at)
        isp.shop.bill(at)
        for _ in range(3):
            clerk.act(subscribers)
        if at.date() == date(2027, 12, 2):
            reply = isp.shop.tenant.api.post("/v1/ledger/closings", json={"month": "2027-11"})
            assert reply.status == 201, reply.text
            closed = reply.json

    trial = isp.trial(date(2027, 11, 1))
    audit = check_books(isp.services, isp.tenant_id)

    assert audit.accounts == 3
    assert audit.documents > DAYS
    assert sum(count for name, count in clerk.done.items() if name.endswith("done")) > DAYS
    # The ledger's balances are the accounts' together, and each statement leads to its account's.
    accounts = [isp.store.subscribers.get(subscriber_id=one["subscriber_id"]).account for one in subscribers]
    closing = {name: row[3] for name, row in trial.items()}
    assert closing.get(CREDIT, 0) == -sum(one.credit for one in accounts)
    assert closing.get(DEPOSITS, 0) == -sum(one.deposits for one in accounts)
    assert closing.get(RECEIVABLE, 0) == sum(one.balance + one.credit for one in accounts)
    for account in accounts:
        path = f"/v1/subscribers/{account.account_id}/statement"
        whole = isp.get(f"{path}?from=2027-11-01")
        assert (whole["opening"]["amount"], whole["closing"]["amount"]) == (0, account.balance)
        november, december = isp.get(f"{path}?from=2027-11-01&to=2027-11-30"), isp.get(path)
        assert november["closing"] == december["opening"]
        assert len(whole["lines"]) == len(november["lines"]) + len(december["lines"])
    # What was closed is as it was closed.
    assert closed is not None
    checked = isp.get("/v1/ledger/closings/2027-11")
    assert (checked["closing"]["rows"], checked["differences"]) == (closed["rows"], [])


def test_readers_see_balanced_books_while_documents_are_made(ledger: Ledger) -> None:  # noqa: F811
    subscribers = [ledger.shop.subscriber() for _ in range(4)]

    def work(one: Item) -> None:
        for amount in range(1, 9):
            ledger.post(one, lambda books, amount=amount: charge(books, 100 * amount))
            ledger.post(one, lambda books, amount=amount: pay(books, 130 * amount))

    with ThreadPoolExecutor(5) as pool:
        busy = [pool.submit(work, one) for one in subscribers]
        looked = 0
        while not all(one.done() for one in busy) or not looked:
            trial = read_trial_balance(store=ledger.store, first=None, last=None, at=NOVEMBER_2)
            assert trial.balanced
            assert audit_books(store=ledger.store).differences == []
            looked += 1
        for one in busy:
            one.result()
    assert check_books(ledger.services, ledger.tenant_id).documents == 4 * 16


# -- what an audit must find -----------------------------------------------------------------


def spoil(ledger: Ledger, key: tuple[str, str], name: str, value: int) -> None:  # noqa: F811
    """Change an item's number behind the platform's back."""
    pk, sk = key
    ledger.services.wire.call(
        "UpdateItem",
        {
            "TableName": ledger.services.settings.tenants_table,
            "Key": {"pk": {"S": f"{ledger.tenant_id}#{pk}"}, "sk": {"S": sk}},
            "UpdateExpression": "SET #a=:v",
            "ExpressionAttributeNames": {"#a": name},
            "ExpressionAttributeValues": {":v": {"N": str(value)}},
        },
    )


def test_an_audit_finds_what_was_changed_behind_the_platforms_back(ledger: Ledger) -> None:  # noqa: F811
    subscriber = ledger.shop.subscriber()
    made = [
        ledger.post(subscriber, lambda books, amount=amount: charge(books, amount))
        for amount in (100, 200, 300)
    ]
    ulid, last = subscriber["subscriber_id"].removeprefix("sbr_"), made[-1].invoices[0].invoice_id
    sk = f"INV#{last.partition('-')[2]}"
    check_books(ledger.services, ledger.tenant_id)

    spoil(ledger, (f"A#{ulid}", "ACCOUNT"), "b", 599)
    spoil(ledger, (f"A#{ulid}", sk), "n", 9)
    spoil(ledger, ("SER", "INV#2028"), "n", 5)

    found = audit_books(store=ledger.store).differences
    assert {(one.flaw.value, one.about, one.expected, one.found) for one in found} == {
        ("account_balance", subscriber["subscriber_id"], 600, 599),
        ("document_number", last, 3, 9),
        ("series_end", "INV#2028", 5, 4),
    }
    pieces = ledger.get("/v1/ledger/audit/accounts")
    assert [one["flaw"] for one in pieces["items"]] == ["account_balance"]
    assert (pieces["accounts"], pieces["documents"]) == (1, {"INV#2028": 3})
    numbers = ledger.get("/v1/ledger/audit/series/INV/2028?limit=2")
    assert (numbers["numbers"], numbers["items"]) == (2, [])
    rest = ledger.get(f"/v1/ledger/audit/series/INV/2028?limit=2&cursor={numbers['next_cursor']}")
    assert [one["flaw"] for one in rest["items"]] == ["document_number", "series_end"]
    assert ledger.shop.tenant.api.get("/v1/ledger/audit/series/XYZ/2028").status == 404
