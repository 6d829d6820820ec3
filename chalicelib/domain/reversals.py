"""Taking a payment back: what it pays is open again, and its credit is gone.

A payment that turns out not to be one (a bounced cheque, a typing error) is reversed as a whole, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from chalicelib.domain.accounts import Account, ChargeKind, PendingCharge
from chalicelib.domain.documents import (
    SETTLED_PER_ENTRY_MAX,
    Document,
    DocumentKind,
    Entry,
    InsufficientCredit,
    NewDocument,
    Settlement,
    entry_of,
)
from chalicelib.domain.errors import Conflict
from chalicelib.domain.invoices import CREDIT, RECEIVABLE, Invoice, Posting
from chalicelib.domain.money import Money
from chalicelib.domain.payments import DEALER_CHANNEL, TooManySettlements, cash_account, moved
from chalicelib.domain.pending_charges import with_charges

REASON_REVERSAL: Final = "payment_reversed"
REASON_BOUNCED: Final = "bounced_cheque"
_CHEQUE: Final = "cheque"


class NotAPayment(Conflict):
    """Only the receipt of a payment can be reversed."""

    code = "not_a_payment"


class AlreadyReversed(Conflict):
    """The payment is reversed; that happens once."""

    code = "already_reversed"


class NotACheque(Conflict):
    """Only a payment by cheque can bounce, and only for that is a fee charged."""

    code = "not_a_cheque"


class PartlyGivenBack(Conflict):
    """A part of the payment was given back or charged back: it is not taken back as a whole."""

    code = "partly_given_back"


def check_reversible(*, document: Document, by_dealer: bool = False) -> None:
    """Raise NotAPayment, AlreadyReversed or PartlyGivenBack unless a receipt stands as a whole.

    What a dealer's wallet paid is taken back with the dealer's sale, which says so.
    """
    check_stands(document=document)
    if not by_dealer:
        check_by_no_dealer(document=document)
    if document.left != document.amount:
        message = f"{document.amount - document.left} of the payment was given back or charged back"
        raise PartlyGivenBack(message)


def check_stands(*, document: Document) -> None:
    """Raise NotAPayment or AlreadyReversed unless the document is a receipt that stands."""
    if document.kind is not DocumentKind.RECEIPT:
        raise NotAPayment("only the receipt of a payment can be taken back, moved or given back")
    if document.reversed_by:
        raise AlreadyReversed(f"the payment was reversed by {document.reversed_by}")


def check_by_no_dealer(*, document: Document) -> None:
    """Raise NotAPayment for a dealer's sale: taken back otherwise, the dealer would keep its share."""
    if document.channel == DEALER_CHANNEL:
        raise NotAPayment("a dealer's wallet paid this: take the dealer's sale back")


def check_bounced(*, document: Document, reason: str, fee: Money | None) -> None:
    """Raise NotACheque where a bank's return, or its fee, is told of what was no cheque."""
    bounced = reason == REASON_BOUNCED
    if (bounced and document.channel != _CHEQUE) or (fee is not None and not bounced):
        raise NotACheque("only a cheque bounces, and only for that is a fee charged")


def returned_cheque_fee(*, receipt: Document, amount: int, tax_group: str | None, on: date) -> PendingCharge:
    """Return what a returned cheque costs: a charge for the next bill, once for each receipt."""
    _, _, key = receipt.document_id.partition("-")
    return PendingCharge(
        key=f"{_CHEQUE}:{key}",
        kind=ChargeKind.ONE_TIME,
        description=f"Returned cheque, receipt {receipt.number}",
        unit_price=amount,
        quantity=1,
        tax_group=tax_group,
        on=on,
    )


def own_settlements(*, receipt: Document, invoices: Sequence[Invoice]) -> tuple[Settlement, ...]:
    """Return what a receipt pays now, taken back as far as the invoices (its own) are paid still.

    What credit notes took of an invoice when it was paid became credit: of that the invoice is
    not open again, but credited, and the credit is what goes.
    """
    parts = dict(receipt.pays)
    back = [(one, min(parts[one.invoice_id], one.paid)) for one in invoices]
    return tuple(
        Settlement(invoice, paid=-part, credited=min(part, became_credit(invoice=invoice)))
        for invoice, part in back
        if part
    )


def became_credit(*, invoice: Invoice) -> int:
    """Return what credit notes took of an invoice that was paid already, in minor units."""
    return sum(one.total for one in invoice.credited_lines) - invoice.credited


def missing_for_reversal(*, account: Account, receipt: Document, own: Sequence[Settlement]) -> int:
    """Return what of a receipt neither its own invoices nor the account's credit can give back.

    So much of its credit paid other invoices since, which are to be opened again.
    """
    return max(0, receipt.amount + sum(one.amount for one in own) - account.credit)


def open_more(
    *, taken: Mapping[str, Settlement], others: Sequence[Invoice], missing: int
) -> dict[str, Settlement]:
    """Return what is taken back of invoices, by id, with as much more of ``others`` as is missing.

    Raises InsufficientCredit where they do not come to that, or TooManySettlements.
    """
    found, left = dict(taken), missing
    for invoice in others:
        known = found.get(invoice.invoice_id, Settlement(invoice))
        kept = became_credit(invoice=invoice) - known.credited
        part = min(left, invoice.paid + known.paid - kept)
        if part > 0:
            found[invoice.invoice_id] = replace(known, paid=known.paid - part)
            left -= part
    if left:
        raise InsufficientCredit(f"{left} of the payment was given back or spent: charge that first")
    if len(found) > SETTLED_PER_ENTRY_MAX:
        raise TooManySettlements(f"this would open more than {SETTLED_PER_ENTRY_MAX} invoices again")
    return found


def reverse(
    *,
    account: Account,
    receipt: Document,
    own: Sequence[Settlement],
    others: Sequence[Invoice] = (),
    note: str = "",
    reason: str = REASON_REVERSAL,
    charges: Sequence[PendingCharge] = (),
    back: Sequence[Posting] = (),
) -> Entry:
    """Return the journal that takes a receipt back: its invoices are open again, its credit is gone.

    Where its credit paid other invoices since, ``others`` (paid ones, the newest first) are opened
    as far as it takes. ``charges`` wait for the next bill, such as a bank's fee. The money goes back to
    where the channel's came from, or where ``back`` says, as of a dealer's sale. Raises NotAPayment,
    AlreadyReversed, PartlyGivenBack, TooManySettlements, TooManyCharges, or InsufficientCredit where
    the credit was given back in money.
    """
    check_reversible(document=receipt, by_dealer=bool(back))
    taken = {one.invoice.invoice_id: one for one in own}
    missing = missing_for_reversal(account=account, receipt=receipt, own=own)
    taken = open_more(taken=taken, others=others, missing=missing)
    opened = -sum(one.amount for one in taken.values())
    postings = (
        Posting(RECEIVABLE, opened),
        Posting(CREDIT, receipt.amount - opened),
        *(back or [Posting(cash_account(channel=receipt.channel), -receipt.amount)]),
    )
    journal = NewDocument(
        DocumentKind.JOURNAL,
        receipt.amount,
        moved(postings=postings),
        channel=receipt.channel,
        reason=reason,
        about=receipt.document_id,
        reference=receipt.reference,
        note=note,
    )
    changed = with_charges(account=account, charges=charges)
    settled = tuple(taken.values())
    return entry_of(account=account, changed=changed, documents=[journal], settled=settled, reverses=receipt)
