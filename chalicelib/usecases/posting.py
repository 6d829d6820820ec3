"""Posting an entry: read the account afresh, compute what the command does, write it whole.

Whatever moves meanwhile (the account, the number series, an invoice) refuses the write, and
the command is computed anew from what stands then. So a command happens once and whole,
whoever else is at the same account.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from chalicelib.domain.documents import Document, DocumentKind, Entry
from chalicelib.domain.errors import Busy, Conflict, NotFound, StaleVersion
from chalicelib.domain.invoices import Invoice, fiscal_year
from chalicelib.domain.ledger import PeriodClosed
from chalicelib.domain.subscribers import Subscriber
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.store import AuditNote, DocumentTaken, Idempotency, NumbersTaken, TenantStore, Write
from chalicelib.usecases.backoff import backoff_seconds
from chalicelib.usecases.restored_lines import restored_by

POST_ATTEMPTS_MAX: Final = 12


class TooManyDocuments(Conflict):
    """The account has as many documents on one day as it may."""

    code = "too_many_documents"


@dataclass(frozen=True, slots=True)
class Posted:
    """What an entry made, and the account after it."""

    entry: Entry
    invoices: tuple[Invoice, ...]
    documents: tuple[Document, ...]

    @property
    def document(self) -> Document:
        """The first document, which is the command's own."""
        return self.documents[0]


@dataclass(frozen=True, slots=True)
class Books:
    """What a command is computed from: as it stands now, and the tenant's date today."""

    tenant: Tenant
    subscriber: Subscriber
    today: date
    store: TenantStore

    def open_invoices(self) -> tuple[Invoice, ...]:
        """Return the account's invoices that are not settled."""
        account = self.subscriber.account
        return self.store.documents.open_invoices(
            account_id=account.account_id, receivable=account.balance + account.credit
        )


def post(
    *,
    store: TenantStore,
    subscriber_id: str,
    make: Callable[[Books], Entry],
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
    answer: Callable[[Posted], object] | None = None,
    besides: Callable[[Posted], Sequence[Write]] | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Posted:
    """Make an entry of one account, dated the tenant's today, and write it whole.

    ``make`` may be called several times, each with the books as they stand then. ``answer`` turns
    what was posted into what is kept for the idempotency key; ``besides`` describes what else is
    written with it, from what the last call of ``make`` saw. Lines that were suspended for non-payment
    come back with what pays for them (``restored_lines``). Raises NotFound, Busy, TooManyDocuments,
    PeriodClosed where the tenant's today is in a closed month (by a change of its time zone), or
    what ``make`` raises.
    """
    taken_at = None
    for attempt in range(POST_ATTEMPTS_MAX):
        if attempt:
            pause(backoff_seconds(attempt=attempt))
        books = books_of(store=store, subscriber_id=subscriber_id, at=at)
        if taken_at == books.subscriber.account.version:
            raise TooManyDocuments("this account has too many documents today: try again tomorrow")
        back = restored_by(books=books, entry=make(books))
        entry = back.entry
        writes, invoices, documents = store.documents.post(
            entry=entry,
            on=books.today,
            fiscal_year=fiscal_year(on=books.today, start_month=books.tenant.fiscal_year_start_month),
            recipient=books.subscriber.contact.recipient,
            actor_id=note.actor_id,
        )
        posted = Posted(entry, invoices, documents)
        told = replace(note, details={**note.details, **_told(posted)})
        try:
            store.commit(
                *writes,
                store.note(note=told),
                *back.writes(store=store, note=note),
                *_mails(books, documents, at),
                *(besides(posted) if besides else ()),
                *store.remember(idempotency=idempotency, answer=answer(posted) if answer else posted),
            )
        except DocumentTaken:  # by another writer, or, where the account did not move, long since
            taken_at = entry.before.version
        except (NumbersTaken, StaleVersion, Busy):
            continue
        else:
            return posted
    raise Busy("other changes kept getting in the way; nothing was written, so try again")


def books_of(*, store: TenantStore, subscriber_id: str, at: datetime) -> Books:
    """Return a subscriber's books as they stand now, or raise NotFound."""
    try:
        read = store.subscribing(subscriber_id=subscriber_id)
    except NotFound:
        raise NotFound("no such subscriber", param="subscriber_id") from None
    today = read.tenant.local_date(at=at)
    if read.closed_through is not None and today <= read.closed_through:
        raise PeriodClosed(f"the books are closed through {read.closed_through}")
    return Books(read.tenant, read.subscriber, today, store)


def _mails(books: Books, documents: Sequence[Document], at: datetime) -> Sequence[Write]:
    """Describe that receipts are to be mailed, where the tenant mails them to who has an address."""
    if not (books.tenant.receipt_mails and books.subscriber.contact.email):
        return ()
    mails = books.store.money.receipt_mails
    receipts = [one for one in documents if one.kind is DocumentKind.RECEIPT]
    return [mails.add(document_id=one.document_id, at=at) for one in receipts]


def _told(posted: Posted) -> dict[str, object]:
    """Return what the audit entry tells: identifiers, numbers and amounts, before and after."""
    entry = posted.entry
    return {
        "documents": [
            *({"id": one.invoice_id, "number": one.number, "total": one.total} for one in posted.invoices),
            *(
                {"id": one.document_id, "number": one.number, "amount": one.amount}
                for one in posted.documents
            ),
        ],
        "settled": {one.invoice.number: one.amount for one in entry.settled},
        "balance": [entry.before.balance, entry.after.balance],
        "credit": [entry.before.credit, entry.after.credit],
    }
