"""Credit notes by hand: all that is left of an invoice, a share of it, or amounts of its lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.credit_notes import (
    CreditedLine,
    CreditReason,
    credit_note,
    lines_of_invoice,
    share_of_invoice,
    to_credit,
    whole_invoice,
)
from chalicelib.domain.documents import Document, Entry, entry_of
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.payments import Channel, check_words, refund_document
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore
from chalicelib.usecases.invoices import get_invoice
from chalicelib.usecases.posting import Books, post


@dataclass(frozen=True, slots=True)
class CreditAsked:
    """What is credited: amounts by line (None all of it), a share in millionths, or all that is left.

    Of what is not open any more, ``refund_by`` gives the money back instead of making it credit.
    """

    reason: CreditReason
    note: str = ""
    amounts: Mapping[int, int | None] | None = None
    share: int | None = None
    refund_by: Channel | None = None
    reference: str = ""


def issue_credit_note(
    *,
    store: TenantStore,
    invoice_id: str,
    asked: CreditAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Document:
    """Credit an issued invoice with its own taxes; unpaid and credited whole, it is void.

    Raises NotFound, NothingToCredit, ExceedsCreditable, UnknownLine, InsufficientDeposit.
    """
    about = get_invoice(store=store, invoice_id=invoice_id, at=at).invoice
    check_words(note=asked.note, reference=asked.reference)

    def make(books: Books) -> Entry:
        now = store.invoices.get(invoice_id=about.invoice_id)
        made, settlement = credit_note(
            invoice=now, lines=_chosen(now, asked), reason=asked.reason.value, note=asked.note
        )
        documents, rest = [made], to_credit(document=made)
        if rest and asked.refund_by is not None:
            given = refund_document(amount=rest, channel=asked.refund_by.value, reference=asked.reference)
            documents.append(replace(given, about=about.invoice_id))
        return entry_of(account=books.subscriber.account, documents=documents, settled=[settlement])

    posted = post(
        store=store,
        subscriber_id=about.account_id,
        make=make,
        at=at,
        note=note,
        idempotency=idempotency,
        answer=lambda posted: posted.document,
    )
    return posted.document


def _chosen(invoice: Invoice, asked: CreditAsked) -> tuple[CreditedLine, ...]:
    if asked.amounts is not None:
        return lines_of_invoice(invoice=invoice, amounts=asked.amounts)
    if asked.share is not None:
        return share_of_invoice(invoice=invoice, share=asked.share)
    return whole_invoice(invoice=invoice)
