"""Erasing a subscriber, so that it can be killed at any point and begun again, and repeated after a restore.

First the erasure ledger has an entry, of identifiers alone; then each step takes away what it finds,
and finds nothing where it was done before; last the ledger says that it is done. Whoever restores the
tables repeats what the ledger names (``repeat_erasures``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from chalicelib.domain.contacts import Contact
from chalicelib.domain.erasure import kept_of, without_person, without_words
from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.privacy_requests import Kept
from chalicelib.ports.privacy import Erased
from chalicelib.ports.store import AuditNote, TenantStore, Write

WRITES_PER_COMMIT: Final = 50
DOCUMENTS_PER_READ: Final = 200
ATTEMPTS_MAX: Final = 5
ERASER: Final = "system"


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
    _commit_all(store, data.erase_items(account_id=subject_id))
    _commit_all(store, data.erase_entries(subject_id=subject_id, since=since))
    _commit_all(store, data.erase_answers(subject_id=subject_id))
    _erase_requests(store, erased)
    if erased.done_at is None:
        store.commit(store.privacy.note_erasure(erased=replace(erased, done_at=at)))
    return kept_of(documents=_documents(store, subject_id), start_month=tenant.fiscal_year_start_month)


def repeat_erasures(*, store: TenantStore, at: datetime) -> int:
    """Do every erasure of the ledger again, after the tables were restored; return how many there are."""
    count = 0
    for count, erased in enumerate(store.privacy.erasures(), start=1):  # noqa: B007 - the count is the answer
        erase(store=store, erased=erased, at=at)
    return count


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


def _erase_requests(store: TenantStore, erased: Erased) -> None:
    """Take what is personal off the person's other requests; that of the erasure still has to tell them."""
    for request in store.privacy.each_of(subject_id=erased.subject_id):
        after = without_words(request=request)
        if request.request_id != erased.request_id and replace(after, version=request.version) != request:
            store.commit(*store.privacy.change(before=request, after=after))


def _documents(store: TenantStore, account_id: str) -> Iterator[tuple[str, str, date]]:
    after: str | None = None
    invoices = partial(store.invoices.of_account, account_id=account_id, limit=DOCUMENTS_PER_READ)
    while True:
        page = invoices(after=after)
        yield from ((one.invoice_id, one.number, one.issued_on) for one in page.items)
        after = page.after
        if after is None:
            break
    documents = partial(store.documents.of_account, account_id=account_id, limit=DOCUMENTS_PER_READ)
    while True:
        others = documents(after=after)
        yield from ((one.document_id, one.number, one.issued_on) for one in others.items)
        after = others.after
        if after is None:
            return


def _commit_all(store: TenantStore, writes: Iterable[Write]) -> None:
    held: list[Write] = []
    for write in writes:
        held.append(write)
        if len(held) == WRITES_PER_COMMIT:
            store.commit(*held)
            held.clear()
    if held:
        store.commit(*held)
