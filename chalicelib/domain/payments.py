"""Money that comes in and goes out by hand, and what settles invoices: receipts, allocations, refunds.

Each function is pure and returns the entry that one command makes. Money that comes in pays
invoices as far as it is allocated; the rest is the account's credit, which pays later invoices.
How a payment is taken back is in ``domain.reversals``.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from chalicelib.domain.accounts import Account, ChargeKind
from chalicelib.domain.cards import refuse_card_number
from chalicelib.domain.documents import (
    NOTE_CHARS_MAX,
    SETTLED_PER_ENTRY_MAX,
    DocumentKind,
    Entry,
    InsufficientDeposit,
    NewDocument,
    Settlement,
    entry_of,
)
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.invoices import CREDIT, DEPOSITS, RECEIVABLE, Invoice, Posting
from chalicelib.domain.ledger import VOUCHERS
from chalicelib.domain.money import AMOUNT_MINOR_MAX, CurrencyMismatch, InvalidAmount, Money

WRITE_OFF: Final = "write_off"
REFERENCE_CHARS_MAX: Final = 80

REASON_ALLOCATION: Final = "allocation"
REASON_DEPOSIT_SET_OFF: Final = "deposit_set_off"


class ExceedsOpen(Conflict):
    """More is to be settled of an invoice than is open."""

    code = "exceeds_open"


class NothingOpen(Conflict):
    """Nothing is open that could be settled, or there is nothing to settle it with."""

    code = "nothing_open"


class InvoiceAllocatedTwice(InvalidValue):
    """One allocation names an invoice twice."""

    code = "invoice_allocated_twice"


class ExceedsPayment(InvalidValue):
    """The allocations come to more than there is to allocate."""

    code = "exceeds_payment"


class NotInHand(Conflict):
    """Who takes money in the field has it in hand: what reached the bank is the office's to say."""

    code = "not_in_hand"


class WalletPays(Conflict):
    """A dealer's own people take payments out of the dealer's wallet, and not beside it."""

    code = "wallet_pays"


class TooManySettlements(Conflict):
    """One command would settle, or open again, more invoices than it may."""

    code = "too_many_settlements"


class Channel(StrEnum):
    """How money comes or goes by hand; payment gateways have channels of their own."""

    CASH = "cash"
    BANK_TRANSFER = "bank_transfer"
    CHEQUE = "cheque"
    OTHER = "other"


# What somebody in the field can hold, and hand over.
IN_HANDS: Final = frozenset({Channel.CASH, Channel.CHEQUE})

# Money that the company had before it came to an account: by what it is held.
VOUCHER_CHANNEL: Final = "voucher"
DEALER_CHANNEL: Final = "dealer"
_PAID_BEFORE: Final = {VOUCHER_CHANNEL: VOUCHERS}


class WriteOffReason(StrEnum):
    """Why an invoice is given up."""

    UNCOLLECTIBLE = "uncollectible"
    DISPUTE = "dispute"
    GOODWILL = "goodwill"
    ERROR = "error"
    OTHER = "other"


class Source(StrEnum):
    """What of the account's money is given back or pays invoices."""

    CREDIT = "credit"
    DEPOSIT = "deposit"


_LEDGER: Final = {Source.CREDIT: CREDIT, Source.DEPOSIT: DEPOSITS}


def cash_account(*, channel: str) -> str:
    """Return the ledger account that a channel's money comes from: cash, but for what was paid before."""
    return _PAID_BEFORE.get(channel, f"cash:{channel}")


def amount_of(*, money: Money, account: Account, param: str = "amount") -> int:
    """Return the minor units of a payment in the account's currency.

    Raises CurrencyMismatch, or InvalidAmount unless it is positive and one posting can hold it.
    """
    if money.currency != account.currency:
        raise CurrencyMismatch(f"the account is kept in {account.currency}", param=f"{param}.currency")
    if not 0 < money.amount <= AMOUNT_MINOR_MAX:
        raise InvalidAmount(f"an amount is 1 to {AMOUNT_MINOR_MAX} minor units", param=f"{param}.amount")
    return money.amount


def check_words(*, note: str = "", reference: str = "") -> None:
    """Raise InvalidValue or CardNumberRefused for what may not be written on a document."""
    limits = {"note": (note, NOTE_CHARS_MAX), "reference": (reference, REFERENCE_CHARS_MAX)}
    for param, (text, chars_max) in limits.items():
        if len(text) > chars_max:
            raise InvalidValue(f"at most {chars_max} characters", param=param)
        refuse_card_number(text=text, param=param)


# -- coming in -------------------------------------------------------------------------------


def settle(*, parts: Sequence[tuple[Invoice, int]]) -> tuple[Settlement, ...]:
    """Return what pays the named amounts of invoices.

    Raises InvoiceAllocatedTwice, ExceedsOpen, InvalidAmount or TooManySettlements.
    """
    if len(parts) > SETTLED_PER_ENTRY_MAX:
        raise TooManySettlements(f"one command settles at most {SETTLED_PER_ENTRY_MAX} invoices")
    seen: set[str] = set()
    for number, (invoice, amount) in enumerate(parts):
        if invoice.invoice_id in seen:
            message = "name each invoice once"
            raise InvoiceAllocatedTwice(message, param=f"allocations.{number}.invoice_id")
        seen.add(invoice.invoice_id)
        if amount <= 0:
            raise InvalidAmount("an allocation is positive", param=f"allocations.{number}.amount")
        if amount > invoice.open_amount:
            message = f"{invoice.open_amount} of invoice {invoice.number} is open ({invoice.state})"
            raise ExceedsOpen(message, param=f"allocations.{number}.amount")
    return tuple(Settlement(invoice, paid=amount) for invoice, amount in parts)


def receive(
    *,
    account: Account,
    amount: int,
    channel: str,
    settled: Sequence[Settlement] = (),
    reference: str = "",
    note: str = "",
    about: str = "",
) -> Entry:
    """Return the entry of a payment: what it settles, and the rest as credit; or raise ExceedsPayment.

    ``about`` is the fund of who holds the money, where that is not the office.
    """
    paid = sum(one.amount for one in settled)
    if paid > amount:
        raise ExceedsPayment(f"{paid} is allocated of a payment of {amount}", param="allocations")
    postings = (
        Posting(cash_account(channel=channel), amount),
        Posting(RECEIVABLE, -paid),
        Posting(CREDIT, paid - amount),
    )
    receipt = NewDocument(
        DocumentKind.RECEIPT,
        amount,
        moved(postings=postings),
        channel=channel,
        about=about,
        reference=reference,
        note=note,
    )
    return entry_of(account=account, documents=[receipt], settled=settled)


def set_off(
    *, account: Account, settled: Sequence[Settlement], source: Source = Source.CREDIT, note: str = ""
) -> Entry:
    """Return the journal by which the account's credit, or its deposit, pays invoices.

    Raises NothingOpen, InsufficientCredit or InsufficientDeposit.
    """
    amount = sum(one.amount for one in settled)
    if not amount:
        raise NothingOpen(f"there is no open invoice, or no {source} to pay it with")
    postings = (Posting(_LEDGER[source], amount), Posting(RECEIVABLE, -amount))
    reason = REASON_ALLOCATION if source is Source.CREDIT else REASON_DEPOSIT_SET_OFF
    journal = NewDocument(DocumentKind.JOURNAL, amount, postings, reason=reason, note=note)
    return entry_of(account=account, documents=[journal], settled=settled)


def available(*, account: Account, source: Source) -> int:
    """Return what there is of the account's credit or deposits, in minor units."""
    return account.credit if source is Source.CREDIT else account.deposits


# -- going out -------------------------------------------------------------------------------


def refund_document(
    *, amount: int, channel: str, source: Source = Source.CREDIT, reference: str = "", note: str = ""
) -> NewDocument:
    """Return the document of money that is given back."""
    postings = (Posting(_LEDGER[source], amount), Posting(cash_account(channel=channel), -amount))
    return NewDocument(
        DocumentKind.REFUND,
        amount,
        postings,
        channel=channel,
        reason=source.value,
        reference=reference,
        note=note,
    )


def refund(
    *,
    account: Account,
    amount: int,
    channel: str,
    source: Source = Source.CREDIT,
    reference: str = "",
    note: str = "",
) -> Entry:
    """Return the entry of money given back: of the credit, or of a deposit as far as nothing is owed.

    Raises InsufficientCredit or InsufficientDeposit.
    """
    if source is Source.DEPOSIT:
        free = account.deposits - max(0, account.balance)
        if amount > free:
            message = f"{max(0, free)} of the deposits may be given back: what is owed is set off first"
            raise InsufficientDeposit(message, param="amount")
    document = refund_document(amount=amount, channel=channel, source=source, reference=reference, note=note)
    return entry_of(account=account, documents=[document])


def write_off(
    *, account: Account, invoice: Invoice, amount: int | None, reason: str, note: str = ""
) -> Entry:
    """Return the entry by which an invoice is given up, whole or in part; all that is open where None.

    A deposit that was billed and never came in is not held: what is given up takes from deposits
    first, as far as the invoice billed one, and only the rest is a loss. Raises NothingOpen or
    ExceedsOpen.
    """
    if not invoice.open_amount:
        raise NothingOpen(f"nothing of the invoice is open: it is {invoice.state}")
    lost = invoice.open_amount if amount is None else amount
    if lost > invoice.open_amount:
        raise ExceedsOpen(f"{invoice.open_amount} of the invoice is open", param="amount")
    unheld = max(0, min(lost, deposits_of(invoice=invoice) - invoice.written_off, account.deposits))
    sides = (Posting(DEPOSITS, unheld), Posting(WRITE_OFF, lost - unheld), Posting(RECEIVABLE, -lost))
    journal = NewDocument(
        DocumentKind.JOURNAL,
        lost,
        tuple(side for side in sides if side.amount),
        reason=reason,
        about=invoice.invoice_id,
        note=note,
    )
    return entry_of(account=account, documents=[journal], settled=[Settlement(invoice, written_off=lost)])


def deposits_of(*, invoice: Invoice) -> int:
    """Return what an invoice billed as deposits and no credit note took back, in minor units."""
    credited = {one.index: one.net for one in invoice.credited_lines}
    return sum(
        line.net - credited.get(index, 0)
        for index, line in enumerate(invoice.lines)
        if line.kind is ChargeKind.DEPOSIT
    )


def moved(*, postings: Sequence[Posting]) -> tuple[Posting, ...]:
    """Return the sides of an entry that move anything."""
    return tuple(one for one in postings if one.amount)
