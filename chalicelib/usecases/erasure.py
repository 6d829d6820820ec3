"""Erasing a subscriber, so that it can be killed at any point and begun again, and repeated after a restore.

First the erasure ledger has an entry, of identifiers alone; then each step takes away what it finds,
and finds nothing where it was done before; last the ledger says that it is done. Whoever restores the
tables repeats what the ledger names (``repeat_erasures``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from chalicelib.domain.contacts import Contact
from chalicelib.domain.erasure import kept_of, without_person
from chalicelib.domain.errors import Busy, DomainError, NotFound, StaleVersion
from chalicelib.domain.privacy_requests import Kept
from chalicelib.domain.staff import LastOwner
from chalicelib.ports.privacy import Erased
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.erasing import commit_all, erase_requests
from chalicelib.usecases.paging import each
from chalicelib.usecases.staff_erasure import Sessions, erase_staff

DOCUMENTS_PER_READ: Final = 200
ATTEMPTS_MAX: Final = 5
ERASER: Final = "system"


class ErasuresLeft(DomainError):
    """Somebody who was erased is the only owner in a restored table: a company is left to nobody."""

    code = "erasures_left"


def erase(*, store: TenantStore, erased: Erased, at: datetime) -> tuple[Kept, ...]:
    """Take everything away that names a subscriber, and return the documents that stay.

    Repeating it does what is left. An identifier that is nobody's is noted as done: a restored table
    may be older than the subscriber. Raises Busy where others keep changing the subscriber.
    """
    subject_id = erased.subject_id
    tenant = store.profile()
    since = tenant.created_at - timedelta(days=1)
    data = store.subject_data
    with suppress(NotFound):
        _erase_person(store, erased, at)
    commit_all(store=store, writes=data.erase_items(account_id=subject_id))
    commit_all(store=store, writes=data.erase_entries(subject_id=subject_id, since=since))
    commit_all(store=store, writes=data.erase_answers(subject_id=subject_id))
    erase_requests(store=store, erased=erased)
    if erased.done_at is None:
        store.commit(store.privacy.note_erasure(erased=replace(erased, done_at=at)))
    return kept_of(documents=_documents(store, subject_id), start_month=tenant.fiscal_year_start_month)


def repeat_erasures(*, store: TenantStore, sessions: Sessions, at: datetime) -> int:
    """Do every erasure of the ledger again, after the tables were restored; return how many there are.

    ``sessions`` are staff's. Raises ErasuresLeft, after all the others, where the restored table has
    somebody as the only owner.
    """
    count, left = 0, []
    for count, erased in enumerate(store.privacy.erasures(), start=1):  # noqa: B007 - the count is the answer
        try:
            erase_again(store=store, sessions=sessions, erased=erased, at=at)
        except LastOwner:
            left.append(erased.subject_id)
    if left:
        raise ErasuresLeft(f"the only owner in the restored table: {left}; make another one, and repeat")
    return count


def erase_again(*, store: TenantStore, sessions: Sessions, erased: Erased, at: datetime) -> None:
    """Do one erasure of the ledger again; raises LastOwner where the table has somebody as the only owner."""
    if erased.of_staff:
        erase_staff(store=store, sessions=sessions, erased=erased, at=at)
    else:
        erase(store=store, erased=erased, at=at)


def _erase_person(store: TenantStore, erased: Erased, at: datetime) -> None:
    """Blank the person, with the row of the list, the blind indexes and the copy on the account."""
    why = {"request": erased.request_id}
    note = AuditNote(ERASER, "subscriber.erased", erased.subject_id, at, details=why)
    for _ in range(ATTEMPTS_MAX):
        before = store.subscribers.get(subscriber_id=erased.subject_id)
        after = without_person(subscriber=before)
        if after == before and before.contact == Contact():
            return
        off = [] if before.archived else [store.plans.counted(more=-1, of=erased.subject_id)]
        with suppress(StaleVersion):
            changed = store.subscribers.change_profile(before=before, after=after)
            store.commit(*changed, *off, store.note(note=note))
            return
    raise Busy("others keep changing the subscriber: try again")


def _documents(store: TenantStore, account_id: str) -> Iterator[tuple[str, str, date]]:
    invoices = partial(store.invoices.of_account, account_id=account_id)
    for invoice in each(read=invoices, limit=DOCUMENTS_PER_READ):
        yield invoice.invoice_id, invoice.number, invoice.issued_on
    documents = partial(store.documents.of_account, account_id=account_id)
    for document in each(read=documents, limit=DOCUMENTS_PER_READ):
        yield document.document_id, document.number, document.issued_on
