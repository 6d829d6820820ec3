"""One account's books in memory: entries are applied to them as the store writes them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

from chalicelib.domain.accounts import Account, invoice_id
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.credit_notes import creditable
from chalicelib.domain.documents import Document, DocumentKind, Entry, NewDocument, document_id
from chalicelib.domain.invoices import Invoice, InvoiceState, settled_state
from chalicelib.domain.periods import Period
from chalicelib.domain.taxes import TaxGroup, TaxRow
from tests.unit.domain.documents_drawn import COMPONENTS

START = date(2026, 11, 1)
ACCOUNT = Account("sbr_01JD0000000000000000000000", "C-1", "PKR", balance=0, version=1)
CATALOGUE = Catalogue(
    packages={},
    tax_groups={"internet": TaxGroup("internet", "Internet", (TaxRow(date(2020, 1, 1), COMPONENTS),))},
    round_to=100,
)


class AccountBook:
    """The account, its invoices and documents, and the ledger, after every entry so far."""

    def __init__(self) -> None:
        self.account = ACCOUNT
        self.invoices: dict[str, Invoice] = {}
        self.documents: dict[str, Document] = {}
        self.ledger: Counter[str] = Counter()

    @property
    def open(self) -> list[Invoice]:
        """The invoices that are not settled."""
        return [one for one in self.invoices.values() if one.open_amount]

    def apply(self, entry: Entry) -> None:
        """Write an entry."""
        assert entry.before == self.account
        for offset, issued in enumerate(entry.invoices):
            number = len(self.invoices) + 1
            new = issued.invoice
            key = invoice_id(
                account_id=ACCOUNT.account_id,
                period_start=START + timedelta(days=number),
                slot=200 + offset,
            )
            self.invoices[key] = Invoice(
                key,
                ACCOUNT.account_id,
                ACCOUNT.code,
                f"INV-2027-{number}",
                number,
                "INV#2027",
                settled_state(total=new.total, paid=new.from_credit),
                "PKR",
                START,
                issued.due_on,
                Period.day(on=START),
                new.lines,
                new.postings,
                "stf_1",
                paid=new.from_credit,
                kind=issued.kind.value,
                about=issued.about,
            )
        settled = tuple((one.invoice.invoice_id, one.amount) for one in entry.settled)
        made = [self._document(new, settled) for new in entry.documents]
        for one in entry.settled:
            assert self.invoices[one.invoice.invoice_id] == one.invoice
            self.invoices[one.invoice.invoice_id] = one.after
        if entry.reverses is not None:
            before = self.documents[entry.reverses.document_id]
            self.documents[before.document_id] = replace(before, reversed_by=made[0].document_id)
        if entry.marked is not None:
            assert not self.documents[entry.marked.document_id].reversed_by
            self.documents[entry.marked.document_id] = entry.marked
        for posting in entry.postings:
            self.ledger[posting.account] += posting.amount
        self.account = entry.after

    def _document(self, new: NewDocument, settled: tuple[tuple[str, int], ...]) -> Document:
        number = len(self.documents) + 1
        key = document_id(kind=new.kind, account_id=ACCOUNT.account_id, key=f"20261101-{number}")
        self.documents[key] = Document(
            key,
            ACCOUNT.account_id,
            ACCOUNT.code,
            new.kind,
            f"{new.kind}-{number}",
            number,
            f"{new.kind}#2027",
            "PKR",
            START,
            new.amount,
            new.postings,
            settled,
            new.lines,
            new.channel,
            new.reason,
            new.about,
        )
        return self.documents[key]

    def check(self) -> None:
        """Assert everything that must hold of an account's books at any time."""
        ledger, account = self.ledger, self.account
        assert sum(ledger.values()) == 0
        assert account.balance == ledger["receivable"] + ledger["credit"]
        assert account.credit == -ledger["credit"] >= 0
        assert account.deposits == -ledger["deposits"] >= 0
        assert sum(one.open_amount for one in self.invoices.values()) == ledger["receivable"]
        cash = sum(amount for name, amount in ledger.items() if name.startswith("cash:"))
        assert cash == self._received() - self._given_back()
        for receipt in self.documents.values():
            assert min(receipt.refunded, receipt.charged_back) >= 0
            assert max(receipt.refunded, receipt.charged_back) <= receipt.amount
            assert all(part > 0 for _, part in receipt.pays) or receipt.kind is not DocumentKind.RECEIPT
        for one in self.invoices.values():
            assert min(one.paid, one.credited, one.written_off, one.open_amount) >= 0
            assert one.state is _state(one)
            taken = sum(line.total for line in one.credited_lines)
            assert one.credited <= taken <= one.total
            assert creditable(invoice=one) >= 0 or one.written_off
            noted = sum(
                document.amount
                for document in self.documents.values()
                if document.kind is DocumentKind.CREDIT_NOTE and document.about == one.invoice_id
            )
            assert taken == noted

    def _received(self) -> int:
        return sum(
            one.amount - one.charged_back
            for one in self.documents.values()
            if one.kind is DocumentKind.RECEIPT and not one.reversed_by
        )

    def _given_back(self) -> int:
        refunds = [one for one in self.documents.values() if one.kind is DocumentKind.REFUND]
        return sum(one.amount for one in refunds if not one.reversed_by)


def _state(invoice: Invoice) -> InvoiceState:
    """Return the state that the amounts say, computed otherwise than by the domain."""
    settled = invoice.paid + invoice.credited + invoice.written_off
    if settled < invoice.total:
        return InvoiceState.PARTLY_PAID if settled else InvoiceState.OPEN
    if invoice.written_off:
        return InvoiceState.WRITTEN_OFF
    return InvoiceState.VOID if invoice.credited == invoice.total else InvoiceState.PAID
