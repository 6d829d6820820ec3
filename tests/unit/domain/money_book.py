"""An account's books with what becomes of its receipts."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.chargebacks import Chargeback, charge_back, win
from chalicelib.domain.documents import Document, Entry
from chalicelib.domain.invoices import CHARGEBACKS, Invoice
from chalicelib.domain.reallocations import reallocate
from tests.unit.domain.account_book import START, AccountBook


class MoneyBook(AccountBook):
    """An account's books with the cases by which banks took payments back."""

    def __init__(self) -> None:
        super().__init__()
        self.cases: list[Chargeback] = []
        self.regained = 0

    def now(self, receipt: Document) -> Document:
        """The receipt as it stands."""
        return self.documents[receipt.document_id]

    def own(self, receipt: Document) -> list[Invoice]:
        """The invoices that a receipt pays now."""
        return [self.invoices[one] for one, _ in self.now(receipt).pays]

    def move(self, receipt: Document, *parts: tuple[Invoice, int]) -> Entry:
        """Let a receipt pay these, and nothing else."""
        entry = reallocate(
            account=self.account,
            receipt=self.now(receipt),
            own=self.own(receipt),
            parts=[(self.invoices[one.invoice_id], amount) for one, amount in parts],
        )
        self.apply(entry)
        return entry

    def charge_back(self, receipt: Document, amount: int | None = None) -> Chargeback:
        """Let the payer's bank take a payment back."""
        entry = charge_back(
            account=self.account,
            receipt=self.now(receipt),
            own=self.own(receipt),
            amount=amount,
            case_id=f"case-{len(self.cases)}",
            on=START,
            payment_days=7,
        )
        self.apply(entry)
        journal = list(self.documents.values())[-1]
        note = list(self.invoices)[-1] if entry.invoices else ""
        case = Chargeback(
            "stripe",
            f"case-{len(self.cases)}",
            receipt.document_id,
            journal.amount,
            "PKR",
            journal.document_id,
            note,
        )
        self.cases.append(case)
        return case

    def win(self, case: Chargeback) -> None:
        """Let a case be won."""
        opened = [self.invoices[one] for one, _ in self.documents[case.journal_id].settled]
        opened += [self.invoices[case.debit_note_id]] if case.debit_note_id else []
        receipt = self.documents[case.receipt_id]
        by = replace(case, channel=receipt.channel)
        before = self.ledger[CHARGEBACKS]
        self.apply(win(account=self.account, case=by, receipt=receipt, opened=opened))
        self.regained += before - self.ledger[CHARGEBACKS]
        self.cases[self.cases.index(case)] = replace(case, won_by="jrn_1")
