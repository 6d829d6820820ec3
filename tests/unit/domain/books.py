"""An account whose invoices and documents are kept in lists, billed day by day, for tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from chalicelib.domain.account_bills import NewInvoice, bill_account
from chalicelib.domain.accounts import Account, ChargeKind, invoice_id
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.documents import Document, Entry, IssuedInvoice, NewDocument, Settlement, entry_of
from chalicelib.domain.invoices import Invoice, InvoiceLine, settled_state
from chalicelib.domain.periods import Period
from tests.unit.domain.selling import DAY


@dataclass
class AccountBooks:
    """What the store keeps of one account."""

    account: Account
    catalogue: Catalogue
    invoices: list[Invoice] = field(default_factory=list)
    notes: list[Document] = field(default_factory=list)

    def run(self, on: date) -> None:
        """Bill what is due on a date."""
        slots = [sub.slot for sub in self.account.subscriptions]
        bill = bill_account(
            account=self.account, slots=slots, on=on, catalogue=self.catalogue, charges_max=400
        )
        assert not bill.quarantined, bill.quarantined
        keys = {one.invoice_id for one in self.invoices}
        for new in bill.invoices:
            made = self._issued(new, on, new.key)
            assert made.invoice_id not in keys, "an invoice is made once"
            self.invoices.append(made)
        if bill.after is not None:
            self.account = bill.after
        self.check()

    def post(self, entry: Entry, on: date) -> None:
        """Keep what an entry does."""
        assert entry.before == self.account
        for one in entry.settled:
            self._settle(one)
        for offset, issued in enumerate(entry.invoices):
            self.invoices.append(self._issued(issued.invoice, on, (on, 200 + len(self.invoices) + offset)))
        self.notes += [self._made(one, on) for one in entry.documents]
        self.account = entry.after
        self.check()

    def do(
        self,
        on: date,
        changed: Account,
        *,
        invoices: Sequence[NewInvoice] = (),
        documents: Sequence[NewDocument] = (),
        settled: Sequence[Settlement] = (),
    ) -> None:
        """Post an entry of a command."""
        issued = [IssuedInvoice(one, on) for one in invoices]
        self.post(
            entry_of(
                account=self.account, changed=changed, invoices=issued, documents=documents, settled=settled
            ),
            on,
        )

    def check(self) -> None:
        """What is open on invoices is what the account owes without its credit."""
        owed = sum(one.open_amount for one in self.invoices)
        assert owed == self.account.balance + self.account.credit

    def net_days(self) -> Counter[date]:
        """Return how often each day is charged, less how often it was given back."""
        charged = [line for one in self.invoices for line in one.lines]
        days = _days(charged)
        days.subtract(_days([line for one in self.notes for line in one.lines]))
        return days

    @property
    def net(self) -> int:
        """What was charged, less what was given back, before tax."""
        return sum(one.net for one in self.invoices) - sum(
            line.net for one in self.notes for line in one.lines
        )

    def _settle(self, settlement: Settlement) -> None:
        index = self.invoices.index(settlement.invoice)
        self.invoices[index] = settlement.after

    def _issued(self, new: NewInvoice, on: date, key: tuple[date, int]) -> Invoice:
        start, slot = key
        return Invoice(
            invoice_id=invoice_id(account_id=self.account.account_id, period_start=start, slot=slot),
            account_id=self.account.account_id,
            account_code=self.account.code,
            number="",
            sequence=len(self.invoices) + 1,
            series="INV#2027",
            state=settled_state(total=new.total, paid=new.from_credit),
            currency=self.account.currency,
            issued_on=on,
            due_on=on,
            period=Period(
                min(line.period.start for line in new.lines), max(line.period.end for line in new.lines)
            ),
            lines=new.lines,
            postings=new.postings,
            run_id="",
            paid=new.from_credit,
        )

    def _made(self, new: NewDocument, on: date) -> Document:
        return Document(
            document_id=f"crn_{len(self.notes)}",
            account_id=self.account.account_id,
            account_code=self.account.code,
            kind=new.kind,
            number="",
            sequence=len(self.notes) + 1,
            series="CRN#2027",
            currency=self.account.currency,
            issued_on=on,
            amount=new.amount,
            postings=new.postings,
            settled=(),
            lines=new.lines,
            about=new.about,
        )


def _days(lines: Sequence[InvoiceLine]) -> Counter[date]:
    found: Counter[date] = Counter()
    for line in lines:
        if line.kind is ChargeKind.RECURRING:
            found.update(line.period.start + DAY * index for index in range(line.period.days))
    return found
