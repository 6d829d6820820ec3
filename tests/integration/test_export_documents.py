"""What an export has besides invoices: debit notes, receipts and journals, whose sums are the books."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

from chalicelib.domain.documents import DocumentKind, Entry
from chalicelib.usecases.posting import Books
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.exporting import Exporter
from tests.integration.shop import Shop
from tests.integration.test_posting import charge, pay, posted, spend


def debit(books: Books, amount: int) -> Entry:
    """A debit note of one line."""
    entry = charge(books, amount)
    return replace(
        entry, invoices=tuple(replace(one, kind=DocumentKind.DEBIT_NOTE) for one in entry.invoices)
    )


def test_an_export_has_every_document_and_its_sums_are_the_books(
    signed_in: SignedIn, services: EngineServices
) -> None:
    shop = Shop(signed_in, services)
    payer, debtor = (shop.subscriber()["subscriber_id"] for _ in range(2))
    posted(shop, services, payer, lambda books: charge(books, 1_000))
    receipt = posted(shop, services, payer, lambda books: pay(books, 1_500)).documents[0]
    journal = posted(shop, services, payer, lambda books: spend(books, 200)).documents[0]
    posted(shop, services, debtor, lambda books: charge(books, 700))
    note = posted(shop, services, debtor, lambda books: debit(books, 300)).invoices[0]

    _, archive = Exporter(services, signed_in).run()

    tables = {
        name: [json.loads(line) for line in archive.read(f"{name}.jsonl").splitlines()]
        for name in ("subscribers", "invoices", "documents")
    }
    assert [(one["kind"], one["number"], one["open"]) for one in tables["invoices"]] == [
        ("INV", "INV-2027-000001", 0),
        ("INV", "INV-2027-000002", 700),
        ("DBN", note.number, 300),
    ]
    shown = {one["number"]: one for one in tables["documents"]}
    assert set(shown) == {receipt.number, journal.number}
    paid = shown[receipt.number]
    assert (paid["kind"], paid["amount"], paid["channel"], paid["note"]) == (
        "RCP",
        1_500,
        "cash",
        "paid at the counter",
    )
    assert [one["amount"] for one in paid["settled"]] == [1_000]
    cells = list(csv.DictReader(io.StringIO(archive.read("documents.csv").decode())))
    assert {one["number"]: one["amount"] for one in cells} == {
        receipt.number: "15.00",
        journal.number: "2.00",
    }
    sums = json.loads(archive.read("manifest.json"))["sums"]["PKR"]
    assert sums["documents"] == {
        "RCP": {"count": 1, "amount": 1_500},
        "JRN": {"count": 1, "amount": 200},
    }
    assert (sums["invoices"]["count"], sums["invoices"]["open"]) == (3, 1_000)
    # What is open, less the 300 of credit that are left of the payment.
    assert sums["balances"] == sum(one["balance"] for one in tables["subscribers"]) == 700
