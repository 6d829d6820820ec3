"""Moving what a receipt pays to other invoices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.documents import SETTLED_PER_ENTRY_MAX, Document, Entry
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.payments import TooManySettlements, amount_of, check_words
from chalicelib.domain.reallocations import oldest_first, reallocate
from chalicelib.domain.reversals import check_stands
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore
from chalicelib.usecases.posting import Books, post
from chalicelib.usecases.settlements import Allocation, own_invoice


@dataclass(frozen=True, slots=True)
class ReallocationAsked:
    """What a receipt is to pay, and nothing else: the ``allocations``, and the rest is credit.

    With ``oldest_due`` it pays the oldest due invoices instead, as if it came in now.
    """

    allocations: Sequence[Allocation] = ()
    oldest_due: bool = False
    note: str = ""


def reallocate_receipt(
    *,
    store: TenantStore,
    document_id: str,
    asked: ReallocationAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Document:
    """Move what a receipt pays: a journal; the receipt keeps what it pays now.

    Raises NotFound, UnknownInvoice, CurrencyMismatch, and what ``reallocate`` raises.
    """
    receipt = store.documents.get(document_id=document_id)
    check_stands(document=receipt)
    check_words(note=asked.note)

    def make(books: Books) -> Entry:
        now = store.documents.get(document_id=document_id)
        check_stands(document=now)
        own = [store.invoices.get(invoice_id=one) for one, _ in now.pays]
        account = books.subscriber.account
        parts = (
            oldest_first(account=account, receipt=now, own=own, others=books.open_invoices())
            if asked.oldest_due
            else _named(books, asked.allocations)
        )
        return reallocate(account=account, receipt=now, own=own, parts=parts, note=asked.note)

    posted = post(
        store=store,
        subscriber_id=receipt.account_id,
        make=make,
        at=at,
        note=note,
        idempotency=idempotency,
        answer=lambda posted: posted.document,
    )
    return posted.document


def _named(books: Books, allocations: Sequence[Allocation]) -> list[tuple[Invoice, int]]:
    """Return the named invoices with what is to be paid of each."""
    if len(allocations) > SETTLED_PER_ENTRY_MAX:
        message = f"one command settles at most {SETTLED_PER_ENTRY_MAX} invoices"
        raise TooManySettlements(message, param="allocations")
    parts = []
    for number, one in enumerate(allocations):
        where = f"allocations.{number}"
        amount = amount_of(money=one.amount, account=books.subscriber.account, param=f"{where}.amount")
        invoice = own_invoice(books=books, invoice_id=one.invoice_id, param=f"{where}.invoice_id")
        parts.append((invoice, amount))
    return parts
