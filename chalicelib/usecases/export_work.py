"""Making an export: read everything once, write one archive, and only then say that it is there.

An export is made whole or not at all: the archive appears in the file store when its upload
is complete, and the job tells of it afterwards. A worker that dies leaves nothing, and the
next one makes the export anew under a key of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from typing import IO, Any, Final, Protocol, cast

from chalicelib.domain.accounts import Account
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.documents import Document
from chalicelib.domain.errors import StaleVersion
from chalicelib.domain.export_money import COMPANY_JOURNALS, LEDGER_DAYS
from chalicelib.domain.export_records import ControlTotals, Records
from chalicelib.domain.export_schema import schema_text
from chalicelib.domain.export_tables import (
    DOCUMENTS,
    INVOICE_LINES,
    INVOICES,
    SUBSCRIBERS,
    SUBSCRIPTIONS,
    TABLES,
    Row,
    Table,
    document_row,
    invoice_line_rows,
    invoice_row,
    subscriber_row,
    subscription_rows,
)
from chalicelib.domain.exports import README_TEXT, ExportJob, ExportSums, archive_key, manifest_head
from chalicelib.domain.invoices import Invoice, Posting
from chalicelib.domain.jobs import JobFailure, JobState, JobTaken
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.numbering import DocumentKind
from chalicelib.domain.subscribers import Subscriber
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.services import Blobs
from chalicelib.ports.store import AuditNote, Stores, SubscriberQuery, TenantStore
from chalicelib.usecases.export_archive import (
    SCRATCH_BYTES_MAX,
    Archive,
    ExportTooLarge,
    Spool,
    archive_chunks,
)
from chalicelib.usecases.paging import each

# The store reads ahead by about as many rows: smaller pages would read them several times.
SUBSCRIBERS_PER_READ: Final = 1_000
INVOICES_PER_READ: Final = 1_000
ROWS_PER_CHECK: Final = 500
ARCHIVE_CONTENT_TYPE: Final = "application/zip"


class ExportTaken(JobTaken):
    """Another worker makes this export."""

    code = "export_taken"


class RecordReader(Protocol):
    """The tables beside subscribers and documents, as who asked for the export may see them."""

    @property
    def tables(self) -> Sequence[Records]:
        """The tables that there are."""

    @property
    def left_out(self) -> Sequence[Records]:
        """The tables that are left out."""

    def of_company(self) -> Iterator[tuple[Records, Iterator[Row]]]:
        """Yield each table with its rows, but for what accounts and invoices have."""

    def of_account(self, *, account: Account) -> Iterator[tuple[Records, Row]]:
        """Yield the rows of what is filed under an account and found by it alone."""

    def of_invoice(self, *, invoice: Invoice) -> Iterator[tuple[Records, Row]]:
        """Yield the rows of what is filed beside an invoice."""


@dataclass(frozen=True, slots=True)
class _Making:
    """An export in the making: what it is made of, where its rows go, and what they come to."""

    work: ExportWork
    store: TenantStore
    records: RecordReader
    today: date
    spools: Mapping[str, Spool]
    sums: ExportSums = field(default_factory=ExportSums)
    totals: ControlTotals = field(default_factory=ControlTotals)

    def add(self, table: Table, row: Row) -> None:
        """Keep a row; every so many rows, raise ExportTooLarge where there is no room or time left."""
        spool = self.spools[table.name]
        spool.add(row=row)
        if spool.rows % ROWS_PER_CHECK == 1:
            _check_limits(self.work, self.spools)

    def add_record(self, records: Records, row: Row) -> None:
        """Keep a row of what is beside subscribers and documents, and count its amounts."""
        self.add(records.table, row)
        self.totals.add(table=records.table, row=row)
        if records is COMPANY_JOURNALS:
            parts = cast(Sequence[Mapping[str, Any]], row["postings"])
            self.sums.add_postings(
                currency=str(row["currency"]), postings=[Posting(**part) for part in parts]
            )
        elif records is LEDGER_DAYS:
            net = cast(int, row["debit"]) - cast(int, row["credit"])
            self.sums.add_turnover(currency=str(row["currency"]), account=str(row["account"]), net=net)


@dataclass(frozen=True, slots=True)
class ExportWork:
    """What making exports needs; ``scratch`` opens a temporary file, gone once closed.

    ``records`` opens what is read besides subscribers and documents, for a job at an instant.

    ``out_of_time_to_read`` leaves time to write what was read, ``out_of_time`` leaves time to
    say that it was too much: a worker that is ended by force says nothing.
    """

    stores: Stores
    blobs: Blobs
    now: Callable[[], datetime]
    scratch: Callable[[], IO[bytes]]
    records: Callable[[TenantStore, Tenant, ExportJob, datetime], RecordReader]
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
    tenant = store.profile()
    records = work.records(store, tenant, job, generated_at)
    tables = [*TABLES, *(one.table for one in records.tables)]
    with ExitStack() as scratches:
        spools = {
            table.name: Spool(table=table, scratch=scratches.enter_context(work.scratch()))
            for table in tables
        }
        making = _Making(work, store, records, tenant.local_date(at=generated_at), spools)
        _read(making)
        counts = {name: spool.rows for name, spool in spools.items()}
        manifest = manifest_head(
            tenant=tenant,
            job=job,
            generated_at=generated_at,
            counts=counts,
            sums=making.sums,
            totals=making.totals.found,
            left_out={one.name: one.permission.value for one in records.left_out},
        )
        archive = Archive(at=generated_at)
        chunks = archive_chunks(
            archive=archive,
            spools=list(spools.values()),
            texts={
                "README.txt": README_TEXT,
                "schema.json": schema_text(tables=tables, records=records.tables),
            },
            manifest=manifest,
        )
        size_bytes = work.blobs.write(
            key=archive_key(tenant_id=store.tenant_id, export_id=job.export_id, attempt=job.attempt),
            chunks=_in_time(work, chunks),
            content_type=ARCHIVE_CONTENT_TYPE,
        )
    done = _ended(job, work.now(), JobState.SUCCEEDED)
    return replace(done, size_bytes=size_bytes, sha256=archive.digest, counts=counts)


def _read(making: _Making) -> None:
    """Read everything once, table by table; what is named by accounts and invoices with them."""
    _read_subscribers(making)
    for invoice in _invoices(making.store):
        making.add(INVOICES, invoice_row(invoice=invoice, today=making.today))
        for row in invoice_line_rows(invoice=invoice):
            making.add(INVOICE_LINES, row)
        for records, row in making.records.of_invoice(invoice=invoice):
            making.add_record(records, row)
        making.sums.add_invoice(invoice=invoice)
    for document in _documents(making.store):
        making.add(DOCUMENTS, document_row(document=document))
        making.sums.add_document(document=document)
    for records, rows in making.records.of_company():
        for row in rows:
            making.add_record(records, row)
        making.spools[records.name].close()
    for spool in making.spools.values():
        spool.close()


def _read_subscribers(making: _Making) -> None:
    store = making.store
    catalogue = Catalogue(
        packages={package.package_id: package for package in store.packages.all()},
        tax_groups={},
        editions={(one.package_id, one.edition): one for one in store.packages.editions()},
    )
    for subscriber in _subscribers(store):
        making.add(SUBSCRIBERS, subscriber_row(subscriber=subscriber))
        for row in subscription_rows(subscriber=subscriber, catalogue=catalogue, today=making.today):
            making.add(SUBSCRIPTIONS, row)
        for records, row in making.records.of_account(account=subscriber.account):
            making.add_record(records, row)
        making.sums.add_balance(subscriber=subscriber)


def _in_time(work: ExportWork, chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        if work.out_of_time():
            raise ExportTooLarge("there is more data than one export can write in its time")
        yield chunk


def _check_limits(work: ExportWork, spools: Mapping[str, Spool]) -> None:
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
            read = partial(store.invoices.by_number, kind=kind.value, fiscal_year=year, newest_first=False)
            yield from each(read=read, limit=INVOICES_PER_READ)


def _documents(store: TenantStore) -> Iterator[Document]:
    """Yield every other document by its kind, in the order of numbers, year by year."""
    for kind in DocumentKind:
        if kind in {DocumentKind.INVOICE, DocumentKind.DEBIT_NOTE, DocumentKind.COMPANY_JOURNAL}:
            continue  # the former are another table, the latter of no subscriber
        for year in store.invoices.series_years(kind=kind.value):
            read = partial(store.documents.by_number, kind=kind, fiscal_year=year, newest_first=False)
            yield from each(read=read, limit=INVOICES_PER_READ)


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
