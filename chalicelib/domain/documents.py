"""Documents that move an account's money outside the billing run, and what each does to the books.

An entry says everything that one command does to one account: invoices and debit notes it
issues, credit notes, receipts and journals it makes, and invoices it settles. The account
after it is the fold of the postings, so that account and ledger cannot differ:

- ``balance`` moves by what is posted to receivable and credit,
- ``credit`` and ``deposits``, which the ISP owes, by what is posted to them, with the sign turned.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from chalicelib.domain.account_bills import NewInvoice
from chalicelib.domain.accounts import Account
from chalicelib.domain.contacts import Recipient
from chalicelib.domain.errors import Conflict
from chalicelib.domain.invoices import (
    CREDIT,
    DEPOSITS,
    RECEIVABLE,
    Invoice,
    InvoiceLine,
    LineCredit,
    Posting,
    settled_state,
)
from chalicelib.domain.ledger import check_postings
from chalicelib.domain.numbering import DocumentKind as DocumentKind  # noqa: PLC0414 - documents are of it

# Invoices that one entry settles at most: what is left stays credit, to be allocated next.
SETTLED_PER_ENTRY_MAX: Final = 40
DOCUMENTS_PER_ENTRY_MAX: Final = 10
NOTE_CHARS_MAX: Final = 500


class InsufficientCredit(Conflict):
    """The account's credit does not suffice; it never goes below zero."""

    code = "insufficient_credit"


class InsufficientDeposit(Conflict):
    """The account's deposits do not suffice."""

    code = "insufficient_deposit"


@dataclass(frozen=True, slots=True)
class Settlement:
    """What an entry adds to an invoice: minor units paid, credited and written off; negative takes back.

    ``lines`` is what a credit note takes of each line, also where the invoice is paid already.
    """

    invoice: Invoice
    paid: int = 0
    credited: int = 0
    written_off: int = 0
    lines: tuple[LineCredit, ...] = ()

    @property
    def amount(self) -> int:
        """What the invoice is settled by in all."""
        return self.paid + self.credited + self.written_off

    @property
    def after(self) -> Invoice:
        """The invoice after the entry."""
        paid, credited = self.invoice.paid + self.paid, self.invoice.credited + self.credited
        written_off = self.invoice.written_off + self.written_off
        state = settled_state(total=self.invoice.total, paid=paid, credited=credited, written_off=written_off)
        lines = _added(self.invoice.credited_lines, self.lines)
        return replace(
            self.invoice,
            paid=paid,
            credited=credited,
            written_off=written_off,
            state=state,
            credited_lines=lines,
        )


def _added(before: Iterable[LineCredit], more: Iterable[LineCredit]) -> tuple[LineCredit, ...]:
    """Return what was taken of each line, with what more is taken."""
    found = {one.index: one for one in before}
    for one in more:
        known = found.get(one.index)
        if known is not None:
            taxes = tuple(map(sum, zip(known.taxes, one.taxes, strict=True)))
            one = LineCredit(one.index, known.net + one.net, taxes)  # noqa: PLW2901 - together with the known
        found[one.index] = one
    return tuple(found[index] for index in sorted(found))


@dataclass(frozen=True, slots=True)
class IssuedInvoice:
    """An invoice or debit note to be issued; ``about`` is the invoice that a debit note adds to."""

    invoice: NewInvoice
    due_on: date
    kind: DocumentKind = DocumentKind.INVOICE
    note: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A credit note, receipt, refund or journal to be made; ``amount`` in minor units, never negative.

    ``channel`` is how money came or went (``cash``, ``bank_transfer`` …), ``reason`` a code such as
    ``write_off``, ``about`` the invoice that it is about, ``reference`` the world's own number for
    it (of a cheque, of a gateway's transaction), ``note`` what staff wrote.
    """

    kind: DocumentKind
    amount: int
    postings: tuple[Posting, ...]
    lines: tuple[InvoiceLine, ...] = ()
    channel: str = ""
    reason: str = ""
    about: str = ""
    reference: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """All that one command does to one account, to be written whole or not at all.

    ``reverses`` is the document that its first one takes back, ``marked`` a receipt as it is after the
    entry: what it pays now, what of it was given back or charged back.
    """

    before: Account
    after: Account
    invoices: tuple[IssuedInvoice, ...] = ()
    documents: tuple[NewDocument, ...] = ()
    settled: tuple[Settlement, ...] = ()
    reverses: Document | None = None
    marked: Document | None = None

    @property
    def postings(self) -> list[Posting]:
        """Every posting of the entry."""
        issued = [posting for one in self.invoices for posting in one.invoice.postings]
        return issued + [posting for one in self.documents for posting in one.postings]


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was made; ``settled`` are (invoice id, minor units) that it went to.

    ``reversed_by`` is the id of the journal that took it back, empty while it stands. Of a receipt,
    ``allocated`` is what it pays now where that was changed since, and ``refunded`` and ``charged_back``
    are minor units of it that were given back, and that the payer's bank took back.
    """

    document_id: str
    account_id: str
    account_code: str
    kind: DocumentKind
    number: str
    sequence: int
    series: str
    currency: str
    issued_on: date
    amount: int
    postings: tuple[Posting, ...]
    settled: tuple[tuple[str, int], ...]
    lines: tuple[InvoiceLine, ...] = ()
    channel: str = ""
    reason: str = ""
    about: str = ""
    reference: str = ""
    note: str = ""
    recipient: Recipient | None = None
    reversed_by: str = ""
    allocated: tuple[tuple[str, int], ...] | None = None
    refunded: int = 0
    charged_back: int = 0

    @property
    def pays(self) -> tuple[tuple[str, int], ...]:
        """The invoices that it pays now: (invoice id, minor units)."""
        return self.settled if self.allocated is None else self.allocated

    @property
    def left(self) -> int:
        """What of a receipt is neither given back nor charged back, in minor units."""
        return self.amount - self.refunded - self.charged_back


def entry_of(
    *,
    account: Account,
    changed: Account | None = None,
    invoices: Sequence[IssuedInvoice] = (),
    documents: Sequence[NewDocument] = (),
    settled: Sequence[Settlement] = (),
    reverses: Document | None = None,
    marked: Document | None = None,
) -> Entry:
    """Return the entry whose account is the fold of its postings.

    ``changed`` is the account with what else the command changes, such as subscriptions; its
    money is ``account``'s still. Raises InsufficientCredit or InsufficientDeposit.
    """
    assert len(invoices) + len(documents) <= DOCUMENTS_PER_ENTRY_MAX, "an entry is one command's"
    assert len(settled) <= SETTLED_PER_ENTRY_MAX, "what is settled fits one transaction"
    postings = [posting for one in invoices for posting in one.invoice.postings]
    postings += [posting for one in documents for posting in one.postings]
    after = fold(account=changed or account, postings=postings)
    steps = max(1, len(invoices) + len(documents))
    entry = Entry(
        account,
        replace(after, version=account.version + steps),
        tuple(invoices),
        tuple(documents),
        tuple(one for one in settled if one.amount or one.paid or one.credited or one.lines),
        reverses,
        marked,
    )
    check_postings(postings=entry.postings)
    return entry


def fold(*, account: Account, postings: Iterable[Posting]) -> Account:
    """Return the account after postings; raise InsufficientCredit or InsufficientDeposit."""
    balance, credit, deposits = account.balance, account.credit, account.deposits
    for posting in postings:
        if posting.account == RECEIVABLE:
            balance += posting.amount
        elif posting.account == CREDIT:
            balance += posting.amount
            credit -= posting.amount
        elif posting.account == DEPOSITS:
            deposits -= posting.amount
    if credit < 0:
        raise InsufficientCredit(
            f"the account's credit does not suffice: it is {account.credit}", param="amount"
        )
    if deposits < 0:
        raise InsufficientDeposit(
            f"the account's deposits do not suffice: they are {account.deposits}", param="amount"
        )
    return replace(account, balance=balance, credit=credit, deposits=deposits)


def allocate(*, amount: int, invoices: Sequence[Invoice]) -> tuple[Settlement, ...]:
    """Return what an amount pays of open invoices: the oldest due first, each as far as it goes."""
    settled: list[Settlement] = []
    left = amount
    for invoice in sorted(invoices, key=_oldest_due):
        part = min(left, invoice.open_amount)
        if part <= 0 or len(settled) == SETTLED_PER_ENTRY_MAX:
            break
        settled.append(Settlement(invoice, paid=part))
        left -= part
    return tuple(settled)


def _oldest_due(invoice: Invoice) -> tuple[date, date, bool, int]:
    """A debit note comes after the invoices of its day: sequences of two series do not compare."""
    addition = invoice.kind != DocumentKind.INVOICE.value
    return invoice.due_on, invoice.issued_on, addition, invoice.sequence


# -- identifiers ---------------------------------------------------------------------------


def document_key(*, on: date, slot: int) -> str:
    """Return the key of a document within its account."""
    return f"{on:%Y%m%d}-{slot}"


def document_id(*, kind: DocumentKind, account_id: str, key: str) -> str:
    """Return ``crn_<account ULID>-<yyyymmdd>-<slot>``, by kind; a company journal's is of a fund's ULID."""
    return f"{kind.value.lower()}_{account_id.removeprefix('sbr_').removeprefix('fnd_')}-{key}"
