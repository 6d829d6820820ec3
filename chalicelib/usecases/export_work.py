"""Making an export: read everything once, write one archive, and only then say that it is there.

An export is made whole or not at all: the archive appears in the file store when its upload
is complete, and the job tells of it afterwards. A worker that dies leaves nothing, and the
next one makes the export anew under a key of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import IO, Final, TypeVar

from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.documents import Document
from chalicelib.domain.errors import StaleVersion
from chalicelib.domain.export_tables import (
    DOCUMENTS,
    INVOICE_LINES,
    INVOICES,
    SUBSCRIBERS,
    SUBSCRIPTIONS,
    TABLES,
    document_row,
    invoice_line_rows,
    invoice_row,
    subscriber_row,
    subscription_rows,
)
from chalicelib.domain.exports import README_TEXT, ExportJob, ExportSums, archive_key, manifest_head
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.jobs import JobFailure, JobState, JobTaken
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.numbering import DocumentKind
from chalicelib.domain.subscribers import Subscriber
from chalicelib.ports.services import Blobs
from chalicelib.ports.store import AuditNote, Page, Stores, SubscriberQuery, TenantStore
from chalicelib.usecases.export_archive import (
    SCRATCH_BYTES_MAX,
    Archive,
    ExportTooLarge,
    Spool,
    archive_chunks,
)

T = TypeVar("T")

# The store reads ahead by about as many rows: smaller pages would read them several times.
SUBSCRIBERS_PER_READ: Final = 1_000
INVOICES_PER_READ: Final = 1_000
ROWS_PER_CHECK: Final = 500
ARCHIVE_CONTENT_TYPE: Final = "application/zip"


class ExportTaken(JobTaken):
    """Another worker makes this export."""

    code = "export_taken"


@dataclass(frozen=True, slots=True)
class ExportWork:
    """What making exports needs; ``scratch`` opens a temporary file, gone once closed.

    ``out_of_time_to_read`` leaves time to write what was read, ``out_of_time`` leaves time to
    say that it was too much: a worker that is ended by force says nothing.
    """

    stores: Stores
    blobs: Blobs
    now: Callable[[], datetime]
    scratch: Callable[[], IO[bytes]]
    out_of_time_to_read: Callable[[], bool]
    out_of_time: Callable[[], bool]


def make_export(*, work: ExportWork, tenant_id: str, export_id: str) -> bool:
    """Make an export, again from the start where an earlier worker did not end; return that it is ended.

    Raises ExportTaken where another worker took it over, and what stores raise where they do
    not answer. An export that does not fit ends as failed, with the reason.
    """
    store = work.stores.of(tenant_id=tenant_id)
    before = store.exports.get(export_id=export_id)
    if before.finished or not may(state=store.profile().state, capability=Capability.EXPORT):
        return True
    now = work.now()
    job = replace(
        before,
        state=JobState.RUNNING,
        attempt=before.attempt + 1,
        started_at=before.started_at or now,
        updated_at=now,
        version=before.version + 1,
    )
    _change(store, before, job)
    try:
        made = _make(work, store, job)
    except ExportTooLarge as error:
        failed = _ended(job, work.now(), JobState.FAILED)
        _end(store, job, replace(failed, failure=JobFailure(error.code, error.message)))
        return True
    _end(store, job, made)
    return True


def give_up(*, work: ExportWork, tenant_id: str, export_id: str) -> None:
    """Mark an export that its workers could not make; needs no key, for keys may be what was away."""
    store = work.stores.of(tenant_id=tenant_id)
    job = store.exports.get(export_id=export_id)
    if not job.finished:
        failure = JobFailure("internal_error", "something went wrong on our side; ask for another export")
        _end(store, job, replace(_ended(job, work.now(), JobState.FAILED), failure=failure))


def _make(work: ExportWork, store: TenantStore, job: ExportJob) -> ExportJob:
    """Write the archive; return the job as it then stands."""
    generated_at = work.now()
    tenant, sums = store.profile(), ExportSums()
    with ExitStack() as scratches:
        spools = {
            table.name: Spool(table=table, scratch=scratches.enter_context(work.scratch()))
            for table in TABLES
        }
        today = tenant.local_date(at=generated_at)
        _read_subscribers(work, store, spools, sums, today)
        _read_invoices(work, store, spools, sums, today)
        _read_documents(work, store, spools, sums)
        for spool in spools.values():
            spool.close()
        counts = {name: spool.rows for name, spool in spools.items()}
        manifest = manifest_head(tenant=tenant, job=job, generated_at=generated_at, counts=counts, sums=sums)
        archive = Archive(at=generated_at)
        size_bytes = work.blobs.write(
            key=archive_key(tenant_id=store.tenant_id, export_id=job.export_id, attempt=job.attempt),
            chunks=_in_time(
                work,
                archive_chunks(
                    archive=archive, spools=list(spools.values()), readme=README_TEXT, manifest=manifest
                ),
            ),
            content_type=ARCHIVE_CONTENT_TYPE,
        )
    done = _ended(job, work.now(), JobState.SUCCEEDED)
    return replace(done, size_bytes=size_bytes, sha256=archive.digest, counts=counts)


def _read_subscribers(
    work: ExportWork, store: TenantStore, spools: dict[str, Spool], sums: ExportSums, today: date
) -> None:
    catalogue = Catalogue(
        packages={package.package_id: package for package in store.packages.all()},
        tax_groups={},
        editions={(one.package_id, one.edition): one for one in store.packages.editions()},
    )
    for count, subscriber in enumerate(_subscribers(store)):
        spools[SUBSCRIBERS.name].add(row=subscriber_row(subscriber=subscriber))
        for row in subscription_rows(subscriber=subscriber, catalogue=catalogue, today=today):
            spools[SUBSCRIPTIONS.name].add(row=row)
        sums.add_balance(subscriber=subscriber)
        if count % ROWS_PER_CHECK == 0:
            _check_limits(work, spools)


def _read_invoices(
    work: ExportWork, store: TenantStore, spools: dict[str, Spool], sums: ExportSums, today: date
) -> None:
    for count, invoice in enumerate(_invoices(store)):
        spools[INVOICES.name].add(row=invoice_row(invoice=invoice, today=today))
        for row in invoice_line_rows(invoice=invoice):
            spools[INVOICE_LINES.name].add(row=row)
        sums.add_invoice(invoice=invoice)
        if count % ROWS_PER_CHECK == 0:
            _check_limits(work, spools)


def _read_documents(work: ExportWork, store: TenantStore, spools: dict[str, Spool], sums: ExportSums) -> None:
    for count, document in enumerate(_documents(store)):
        spools[DOCUMENTS.name].add(row=document_row(document=document))
        sums.add_document(document=document)
        if count % ROWS_PER_CHECK == 0:
            _check_limits(work, spools)


def _in_time(work: ExportWork, chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        if work.out_of_time():
            raise ExportTooLarge("there is more data than one export can write in its time")
        yield chunk


def _check_limits(work: ExportWork, spools: dict[str, Spool]) -> None:
    if work.out_of_time_to_read():
        raise ExportTooLarge("there is more data than one export can take in its time")
    if sum(spool.size_bytes for spool in spools.values()) > SCRATCH_BYTES_MAX:
        raise ExportTooLarge("there is more data than one export can hold")


def _subscribers(store: TenantStore) -> Iterator[Subscriber]:
    """Yield every subscriber in the order of codes, archived ones too."""
    after: str | None = None
    query = SubscriberQuery(archived=True)
    while True:
        page = store.subscribers.list(query=query, limit=SUBSCRIBERS_PER_READ, after=after)
        for subscriber in store.subscribers.many(subscriber_ids=[one.subscriber_id for one in page.items]):
            yield with_past(store=store, subscriber=subscriber)
        after = page.after
        if after is None:
            return


def with_past(*, store: TenantStore, subscriber: Subscriber) -> Subscriber:
    """Return a subscriber with the subscriptions that are over and left the account, where any did."""
    account = subscriber.account
    if not account.slots_used:
        return subscriber
    past = store.subscribers.past_subscriptions(account_id=account.account_id)
    return replace(subscriber, account=replace(account, subscriptions=(*past, *account.subscriptions)))


def _invoices(store: TenantStore) -> Iterator[Invoice]:
    """Yield every invoice, then every debit note, in the order of numbers, year by year."""
    for kind in (DocumentKind.INVOICE, DocumentKind.DEBIT_NOTE):
        for year in store.invoices.series_years(kind=kind.value):
            yield from _pages(partial(store.invoices.by_number, kind=kind.value, fiscal_year=year))


def _documents(store: TenantStore) -> Iterator[Document]:
    """Yield every other document by its kind, in the order of numbers, year by year."""
    for kind in DocumentKind:
        if kind in {DocumentKind.INVOICE, DocumentKind.DEBIT_NOTE, DocumentKind.COMPANY_JOURNAL}:
            continue  # the former are another table, the latter of no subscriber
        for year in store.invoices.series_years(kind=kind.value):
            yield from _pages(partial(store.documents.by_number, kind=kind, fiscal_year=year))


def _pages(read: Callable[..., Page[T]]) -> Iterator[T]:
    after: str | None = None
    while True:
        page = read(limit=INVOICES_PER_READ, after=after, newest_first=False)
        yield from page.items
        after = page.after
        if after is None:
            return


def _ended(job: ExportJob, at: datetime, state: JobState) -> ExportJob:
    return replace(job, state=state, finished_at=at, version=job.version + 1)


def _end(store: TenantStore, before: ExportJob, after: ExportJob) -> None:
    assert after.finished_at is not None, "an ended export has an end"
    made = after.state is JobState.SUCCEEDED
    note = AuditNote(
        actor_id=before.created_by,
        action=f"export.{after.state.value}",
        object_id=before.export_id,
        at=after.finished_at,
        # Details are encrypted: a failure has none, so that it can be told while keys are away.
        details={"counts": dict(after.counts), "sha256": after.sha256} if made else {},
    )
    _change(store, before, after, note=note)


def _change(
    store: TenantStore, before: ExportJob, after: ExportJob, *, note: AuditNote | None = None
) -> None:
    notes = [store.note(note=note)] if note else []
    try:
        store.commit(*store.exports.change(before=before, after=after), *notes)
    except StaleVersion:
        raise ExportTaken("another worker makes this export") from None
