"""Moving what a receipt pays to other invoices.

A receipt never changes, but what it pays may: a journal opens the invoices that it is taken from,
settles those that it goes to, and leaves the rest as credit. The receipt keeps what it pays now, so
that taking it back later opens those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from chalicelib.domain.accounts import Account
from chalicelib.domain.documents import (
    SETTLED_PER_ENTRY_MAX,
    Document,
    DocumentKind,
    Entry,
    InsufficientCredit,
    NewDocument,
    Settlement,
    allocate,
    entry_of,
)
from chalicelib.domain.errors import Conflict
from chalicelib.domain.invoices import CREDIT, RECEIVABLE, Invoice, Posting
from chalicelib.domain.money import InvalidAmount
from chalicelib.domain.payments import (
    ExceedsOpen,
    ExceedsPayment,
    InvoiceAllocatedTwice,
    TooManySettlements,
    moved,
)
from chalicelib.domain.reversals import became_credit, check_stands, own_settlements

REASON_REALLOCATION: Final = "reallocation"


class NothingMoved(Conflict):
    """The receipt pays these invoices already, by these amounts."""

    code = "nothing_moved"


def reallocate(
    *,
    account: Account,
    receipt: Document,
    own: Sequence[Invoice],
    parts: Sequence[tuple[Invoice, int]],
    note: str = "",
) -> Entry:
    """Return the journal after which a receipt pays ``parts`` and nothing else; the rest is credit.

    ``own`` are the invoices that it pays now. Raises NotAPayment, AlreadyReversed,
    InvoiceAllocatedTwice, InvalidAmount, ExceedsPayment, ExceedsOpen, TooManySettlements,
    NothingMoved, or InsufficientCredit where the receipt's money went elsewhere since.
    """
    check_stands(document=receipt)
    wanted = _wanted(receipt, parts)
    invoices = {one.invoice_id: one for one in (*own, *(invoice for invoice, _ in parts))}
    paid = {one.invoice_id: min(dict(receipt.pays)[one.invoice_id], one.paid) for one in own}
    settled = []
    for invoice_id, invoice in invoices.items():
        step = wanted.get(invoice_id, 0) - paid.get(invoice_id, 0)
        if step > invoice.open_amount:
            place = next(number for number, (one, _) in enumerate(parts) if one.invoice_id == invoice_id)
            message = f"{invoice.open_amount} of invoice {invoice.number} is open ({invoice.state})"
            raise ExceedsOpen(message, param=f"allocations.{place}.amount")
        if step:
            settled.append(_step(invoice, step))
    if len(settled) > SETTLED_PER_ENTRY_MAX:
        raise TooManySettlements(f"one command moves at most {SETTLED_PER_ENTRY_MAX} invoices")
    if not settled:
        raise NothingMoved("the receipt pays just that already")
    return _entry(account, receipt, settled, wanted, note)


def _wanted(receipt: Document, parts: Sequence[tuple[Invoice, int]]) -> dict[str, int]:
    """Return the wanted amounts by invoice."""
    wanted: dict[str, int] = {}
    for number, (invoice, amount) in enumerate(parts):
        if invoice.invoice_id in wanted:
            message = "name each invoice once"
            raise InvoiceAllocatedTwice(message, param=f"allocations.{number}.invoice_id")
        if amount <= 0:
            raise InvalidAmount("an allocation is positive", param=f"allocations.{number}.amount")
        wanted[invoice.invoice_id] = amount
    if sum(wanted.values()) > receipt.left:
        message = f"{sum(wanted.values())} is allocated of a payment of which {receipt.left} is left"
        raise ExceedsPayment(message, param="allocations")
    return wanted


def _step(invoice: Invoice, step: int) -> Settlement:
    """Return what settles an invoice by ``step``, or opens it where negative.

    What credit notes took of it when it was paid became credit: of that it is credited, not open.
    """
    if step > 0:
        return Settlement(invoice, paid=step)
    return Settlement(invoice, paid=step, credited=min(-step, became_credit(invoice=invoice)))


def _entry(
    account: Account,
    receipt: Document,
    settled: Sequence[Settlement],
    wanted: Mapping[str, int],
    note: str,
) -> Entry:
    opened = -sum(one.amount for one in settled if one.amount < 0)
    paid = sum(one.amount for one in settled if one.amount > 0)
    if paid - opened > account.credit:
        message = f"{paid} is to be paid, and there is {opened + account.credit}: the rest was spent"
        raise InsufficientCredit(message, param="allocations")
    sides = (Posting(RECEIVABLE, opened), Posting(RECEIVABLE, -paid), Posting(CREDIT, paid - opened))
    journal = NewDocument(
        DocumentKind.JOURNAL,
        max(opened, paid),
        moved(postings=sides),
        reason=REASON_REALLOCATION,
        about=receipt.document_id,
        note=note,
    )
    return entry_of(
        account=account,
        documents=[journal],
        settled=settled,
        marked=replace(receipt, allocated=tuple(wanted.items())),
    )


def oldest_first(
    *, account: Account, receipt: Document, own: Sequence[Invoice], others: Sequence[Invoice]
) -> tuple[tuple[Invoice, int], ...]:
    """Return what a receipt would pay if it came in now: the oldest due invoices first.

    ``own`` are the invoices that it pays now, ``others`` the open ones. Each comes back as it stands.
    """
    freed = {one.invoice.invoice_id: one for one in own_settlements(receipt=receipt, invoices=own)}
    there = {one.invoice_id: one for one in (*others, *own)}
    after = [freed[key].after if key in freed else invoice for key, invoice in there.items()]
    opened = sum(-one.amount for one in freed.values())
    free = allocate(amount=min(receipt.left, opened + account.credit), invoices=after)
    return tuple((there[one.invoice.invoice_id], one.paid) for one in free)
