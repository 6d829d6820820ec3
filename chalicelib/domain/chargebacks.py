"""Chargebacks: a payer's bank takes a payment back by its gateway, and nobody can refuse it.

What the receipt left as credit goes first, then its invoices are open again, the newest due first,
then other credit goes. Where the money was given back or spent meanwhile, the subscriber owes the
rest by a debit note. A chargeback that is won brings the money back: it pays what was opened, also where that
was given up since, and the rest is credit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from chalicelib.domain.account_bills import new_invoice
from chalicelib.domain.accounts import Account, ChargeKind
from chalicelib.domain.documents import (
    SETTLED_PER_ENTRY_MAX,
    Document,
    DocumentKind,
    Entry,
    IssuedInvoice,
    NewDocument,
    Settlement,
    entry_of,
)
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.invoices import (
    CHARGEBACKS,
    CREDIT,
    RECEIVABLE,
    Invoice,
    InvoiceLine,
    Posting,
    due_date,
)
from chalicelib.domain.ledger import IN_HAND
from chalicelib.domain.payments import (
    DEALER_CHANNEL,
    VOUCHER_CHANNEL,
    WRITE_OFF,
    ExceedsPayment,
    cash_account,
    deposits_of,
    moved,
)
from chalicelib.domain.periods import Period
from chalicelib.domain.reversals import became_credit, check_stands

REASON_CHARGEBACK: Final = "chargeback"
REASON_CHARGEBACK_WON: Final = "chargeback_won"
CASE_CHARS_MAX: Final = 80
# Money of these is in a fund, or was paid before: an entry of the account alone would not move that.
_BY_NO_BANK: Final = frozenset({IN_HAND, DEALER_CHANNEL, VOUCHER_CHANNEL})


class NotByBank(Conflict):
    """The payment came by hand, out of a wallet or by a voucher: there is no bank to take it back."""

    code = "not_by_bank"


class ChargedBackAlready(Conflict):
    """The case took its money already; that happens once."""

    code = "charged_back_already"


class NoChargeback(Conflict):
    """No such case took money, or it was won already."""

    code = "no_chargeback"


class ChargebackState(StrEnum):
    """Where a case stands."""

    LOST = "lost"
    WON = "won"


@dataclass(frozen=True, slots=True)
class Chargeback:
    """A case by which money was taken back; ``amount`` in minor units of ``currency``.

    ``case_id`` is the gateway's. ``receipt_id`` is what it took from, ``journal_id`` what took it,
    ``debit_note_id`` what the subscriber owes of it anew, ``won_by`` what gave it back: empty where
    there is none.
    """

    channel: str
    case_id: str
    receipt_id: str
    amount: int
    currency: str
    journal_id: str
    debit_note_id: str = ""
    won_by: str = ""

    @property
    def state(self) -> ChargebackState:
        """Where it stands; until it is won it is lost."""
        return ChargebackState.WON if self.won_by else ChargebackState.LOST


def check_case(*, case_id: str) -> None:
    """Raise InvalidValue unless it is 1 to 80 printable ASCII characters without blanks."""
    if not 1 <= len(case_id) <= CASE_CHARS_MAX or not case_id.isascii() or " " in case_id:
        raise InvalidValue("not the number of a case", param="case")
    if not case_id.isprintable():
        raise InvalidValue("not the number of a case", param="case")


def check_charged(*, receipt: Document) -> None:
    """Raise NotAPayment, AlreadyReversed or NotByBank unless a receipt stands that a bank paid."""
    check_stands(document=receipt)
    if receipt.channel in _BY_NO_BANK:
        raise NotByBank(f"the payment came by {receipt.channel}: no bank takes that back")


def charge_back(
    *,
    account: Account,
    receipt: Document,
    own: Sequence[Invoice],
    amount: int | None,
    case_id: str,
    on: date,
    payment_days: int,
) -> Entry:
    """Return the entry by which a payer's bank takes a payment back, or ``amount`` minor units of it.

    ``own`` are the invoices that the receipt pays. Raises NotAPayment, AlreadyReversed, NotByBank, or
    ExceedsPayment for more than was not charged back yet: refunds do not protect from it.
    """
    check_charged(receipt=receipt)
    there = receipt.amount - receipt.charged_back
    taken = there if amount is None else amount
    if not 0 < taken <= there:
        raise ExceedsPayment(f"{there} of the payment is not charged back yet", param="amount")
    unspent = max(0, receipt.left - sum(part for _, part in receipt.pays))
    from_credit = min(taken, unspent, account.credit)
    settled, pays = _opened(receipt, own, taken - from_credit)
    opened = -sum(one.amount for one in settled)
    from_credit += min(taken - from_credit - opened, account.credit - from_credit)
    owed = taken - from_credit - opened
    sides = (
        Posting(RECEIVABLE, opened),
        Posting(CREDIT, from_credit),
        Posting(CHARGEBACKS, owed),
        Posting(cash_account(channel=receipt.channel), -taken),
    )
    journal = NewDocument(
        DocumentKind.JOURNAL,
        taken,
        moved(postings=sides),
        channel=receipt.channel,
        reason=REASON_CHARGEBACK,
        about=receipt.document_id,
        reference=case_id,
    )
    notes = [_debit_note(account, receipt, owed, on, payment_days)] if owed else []
    marked = replace(receipt, charged_back=receipt.charged_back + taken, allocated=pays)
    return entry_of(account=account, invoices=notes, documents=[journal], settled=settled, marked=marked)


def _opened(
    receipt: Document, own: Sequence[Invoice], wanted: int
) -> tuple[list[Settlement], tuple[tuple[str, int], ...]]:
    """Return what opens the receipt's invoices by ``wanted`` or less, and what it pays afterwards.

    What credit notes took of an invoice when it was paid became credit: of that it is credited, not open.
    """
    pays = dict(receipt.pays)
    settled: list[Settlement] = []
    for invoice in sorted(own, key=lambda one: (one.due_on, one.invoice_id), reverse=True):
        left = wanted + sum(one.amount for one in settled)
        if left <= 0 or len(settled) == SETTLED_PER_ENTRY_MAX:
            break
        kept = became_credit(invoice=invoice)
        part = min(pays[invoice.invoice_id], invoice.paid, left + kept)
        if part <= kept:
            continue
        settled.append(Settlement(invoice, paid=-part, credited=min(part, kept)))
        pays[invoice.invoice_id] -= part
    return settled, tuple((one, part) for one, part in pays.items() if part)


def _debit_note(account: Account, receipt: Document, owed: int, on: date, payment_days: int) -> IssuedInvoice:
    line = InvoiceLine(
        f"Chargeback of {receipt.number}",
        "",
        0,
        Period.day(on=on),
        owed,
        1,
        1,
        owed,
        (),
        ChargeKind.CHARGEBACK,
        0,
    )
    invoice = new_invoice(lines=[line], credit=0, round_to=0, on=on, version=account.version)
    due_on = due_date(issued_on=on, payment_days=payment_days)
    return IssuedInvoice(invoice, due_on, DocumentKind.DEBIT_NOTE)


def win(*, account: Account, case: Chargeback, receipt: Document, opened: Sequence[Invoice]) -> Entry:
    """Return the entry by which a won chargeback's money is back: it pays ``opened``, the rest is credit.

    ``opened`` are the invoices that the chargeback opened or made, in the order in which they are paid.
    What was given up of them meanwhile was the company's loss, and is no more: it goes before the
    subscriber's credit. Where they are more than one entry settles, the last stays as it is, and what
    would have paid it is credit. Raises NoChargeback where it was won already.
    """
    if case.state is ChargebackState.WON:
        raise NoChargeback(f"the case was won already, by {case.won_by}", param="case")
    # A case may have opened as many invoices as one entry settles, and made a debit note besides.
    settled = _paid_again(case.amount, opened)[:SETTLED_PER_ENTRY_MAX]
    left = case.amount - sum(one.paid for one in settled)
    credited = sum(one.credited for one in opened if one.invoice_id == case.debit_note_id)
    forgiven = min(left, credited)
    pays = dict(receipt.pays)
    for one in settled:
        pays[one.invoice.invoice_id] = pays.get(one.invoice.invoice_id, 0) + one.paid
    sides = (
        Posting(cash_account(channel=case.channel), case.amount),
        Posting(RECEIVABLE, -sum(one.amount for one in settled)),
        Posting(WRITE_OFF, sum(one.written_off for one in settled)),
        Posting(CHARGEBACKS, -forgiven),
        Posting(CREDIT, forgiven - left),
    )
    journal = NewDocument(
        DocumentKind.JOURNAL,
        case.amount,
        moved(postings=sides),
        channel=case.channel,
        reason=REASON_CHARGEBACK_WON,
        about=receipt.document_id,
        reference=case.case_id,
    )
    marked = replace(receipt, charged_back=receipt.charged_back - case.amount, allocated=tuple(pays.items()))
    return entry_of(account=account, documents=[journal], settled=settled, marked=marked)


def _paid_again(amount: int, opened: Sequence[Invoice]) -> list[Settlement]:
    """Return what an amount pays of invoices: what is open of them first, then what was written off.

    A deposit that was never held is not paid by what took its place, so it stays given up.
    """
    paid = {one.invoice_id: 0 for one in opened}
    regained = dict(paid)
    left = amount
    for invoice in opened:
        paid[invoice.invoice_id] = min(left, invoice.open_amount)
        left -= paid[invoice.invoice_id]
    for invoice in opened:
        lost = invoice.written_off if not deposits_of(invoice=invoice) else 0
        regained[invoice.invoice_id] = min(left, lost)
        left -= regained[invoice.invoice_id]
    return [
        Settlement(one, paid=paid[one.invoice_id] + back, written_off=-back)
        for one in opened
        for back in (regained[one.invoice_id],)
        if paid[one.invoice_id] + back
    ]
