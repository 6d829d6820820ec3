"""Statements of account: every document in order, the running balance, and where it ends."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

from tests.integration.books_check import check_books
from tests.integration.shop import Item
from tests.integration.test_ledger import NOVEMBER_2, Ledger, ledger  # noqa: F401 - the fixture
from tests.integration.test_posting import charge, pay

DECEMBER_2 = datetime(2027, 12, 2, 8, tzinfo=UTC)


def statement(ledger: Ledger, subscriber: Item, query: str = "") -> Item:  # noqa: F811
    """Ask for a statement."""
    return ledger.get(f"/v1/subscribers/{subscriber['subscriber_id']}/statement{query}")


def told(found: Item) -> list[tuple[str, str, int, int]]:
    """Return day, number, amount and balance of each line."""
    return [
        (one["issued_on"], one["number"], one["amount"]["amount"], one["balance"]["amount"])
        for one in found["lines"]
    ]


def two_months(ledger: Ledger) -> Item:  # noqa: F811
    """A subscriber with a payment in advance, two months billed, and a router."""
    subscriber = ledger.served()
    ledger.post(subscriber, lambda books: pay(books, 300_000))
    ledger.shop.bill(NOVEMBER_2)
    ledger.until(DECEMBER_2)
    ledger.shop.bill(DECEMBER_2)
    ledger.post(subscriber, lambda books: charge(books, 50_000))
    return subscriber


def test_every_document_in_order_with_the_running_balance(ledger: Ledger) -> None:  # noqa: F811
    subscriber = two_months(ledger)

    found = statement(ledger, subscriber, "?from=2027-11-01")

    assert (found["first"], found["last"], found["opening"]["amount"]) == ("2027-11-01", "2027-12-02", 0)
    assert told(found) == [
        ("2027-11-02", "INV-2028-000001", 226_614, 226_614),
        ("2027-11-02", "RCP-2028-000001", -300_000, -73_386),
        ("2027-12-02", "INV-2028-000002", 226_614, 153_228),
        ("2027-12-02", "INV-2028-000003", 50_000, 203_228),
    ]
    account = ledger.get(f"/v1/subscribers/{subscriber['subscriber_id']}")
    assert found["closing"] == account["balance"] == {"amount": 203_228, "currency": "PKR"}
    check_books(ledger.services, ledger.tenant_id)


def test_a_period_opens_with_what_was_before_and_ends_before_what_is_after(ledger: Ledger) -> None:  # noqa: F811
    subscriber = two_months(ledger)

    november = statement(ledger, subscriber, "?from=2027-11-01&to=2027-11-30")
    december = statement(ledger, subscriber)
    between = statement(ledger, subscriber, "?from=2027-11-03&to=2027-11-20")

    assert november["closing"]["amount"] == december["opening"]["amount"] == -73_386
    assert [one[1] for one in told(december)] == ["INV-2028-000002", "INV-2028-000003"]
    assert (told(between), between["opening"], between["closing"]) == ([], *[november["closing"]] * 2)
    reply = ledger.shop.tenant.api.get(
        f"/v1/subscribers/{subscriber['subscriber_id']}/statement?from=2027-12-01&to=2027-11-30"
    )
    assert (reply.status, reply.json["param"]) == (422, "to")
    assert ledger.shop.tenant.api.get("/v1/subscribers/sbr_x/statement").status == 404


def test_invoices_stand_on_the_day_they_were_issued_not_under_their_period(ledger: Ledger) -> None:  # noqa: F811
    """A service that began in September is billed in November: three invoices of November."""
    package = ledger.shop.package(price={"amount": 100_000, "currency": "PKR"}, tax_group=None)
    subscriber = ledger.shop.subscriber()
    ledger.shop.subscribe(subscriber, package, starts_on="2027-09-01")
    ledger.shop.bill(NOVEMBER_2)

    found = statement(ledger, subscriber, "?from=2027-11-01&to=2027-11-30")

    issued = {one["issued_on"] for one in ledger.shop.invoices(subscriber)}
    assert {day for day, *_ in told(found)} == issued
    assert (found["opening"]["amount"], found["closing"]["amount"]) == (0, 300_000)
    assert [one[1] for one in told(found)] == sorted(one[1] for one in told(found))


def test_a_statement_as_a_table(ledger: Ledger) -> None:  # noqa: F811
    subscriber = two_months(ledger)
    path = f"/v1/subscribers/{subscriber['subscriber_id']}/statement?from=2027-12-01&format=csv"

    reply = ledger.shop.tenant.api.get(path)

    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert [(one["kind"], one["amount"], one["balance"]) for one in rows] == [
        ("opening", "", "-733.86"),
        ("INV", "2266.14", "1532.28"),
        ("INV", "500.00", "2032.28"),
        ("closing", "", "2032.28"),
    ]
    assert rows[1]["due_on"] == date(2027, 12, 9).isoformat()
