"""Imports: asking for one, looking at the file, mapping its columns, starting, looking on.

The work itself is in ``import_work``. Until an import is started its file and mapping may
change; from then on both are fixed, the file by its etag.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.csv_inspect import (
    FILE_BYTES_MAX,
    INSPECTED_BYTES,
    FileTooLarge,
    Inspection,
    check_file_name,
    inspect_csv,
)
from chalicelib.domain.csv_records import Record
from chalicelib.domain.errors import StaleVersion
from chalicelib.domain.import_mapping import ImportField, ImportMapping, check_mapping, suggest_columns
from chalicelib.domain.import_rows import NewSubscriber, RowReader
from chalicelib.domain.imports import (
    AT_WORK_MAX,
    PREVIEW_ROWS,
    UPLOAD_TTL_SECONDS,
    AlreadyStarted,
    FileChanged,
    ImportJob,
    ImportSource,
    NotFinished,
    NotMapped,
    NotUploaded,
    RowFate,
    RowReport,
    TooManyImports,
    first_progress,
    report_key,
    upload_key,
)
from chalicelib.domain.jobs import DOWNLOAD_TTL_SECONDS, FileExpired, JobState
from chalicelib.ports.services import BlobInfo, Blobs, JobQueue
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore
from chalicelib.usecases.downloads import Download
from chalicelib.usecases.subscribers import IDENTIFYING

UPLOAD_CONTENT_TYPE: Final = "text/csv"
# A worker writes its progress every second or so: who says nothing for this long is gone. Its
# message comes again by itself, a quarter of an hour after it was taken; starting again is sooner.
STALLED_AFTER: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Upload:
    """A new import and where its file is to be PUT."""

    job: ImportJob
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Preview:
    """What the uploaded file turned out to be, and a guess at its mapping."""

    job: ImportJob
    size_bytes: int
    inspection: Inspection
    suggested: Mapping[ImportField, str]


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What would become of a row by the mapping."""

    row: int
    fate: RowFate
    reports: tuple[RowReport, ...]


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapped import, and what the mapping makes of the first rows."""

    job: ImportJob
    sample: tuple[RowOutcome, ...]


def create_import(
    *,
    store: TenantStore,
    blobs: Blobs,
    import_id: str,
    file_name: str,
    size_bytes: int,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Upload:
    """Ask for an import; raise NotCsv or FileTooLarge. The URL takes one file of exactly that size."""
    check_file_name(name=file_name)
    if size_bytes > FILE_BYTES_MAX:
        raise FileTooLarge(f"an import file has at most {FILE_BYTES_MAX >> 20} MB", param="size_bytes")
    job = ImportJob(
        import_id=import_id,
        file_name=file_name,
        size_bytes=size_bytes,
        state=JobState.AWAITING_UPLOAD,
        created_by=note.actor_id,
        created_at=at,
    )
    url = blobs.presigned_put(
        key=upload_key(tenant_id=store.tenant_id, import_id=import_id),
        content_type=UPLOAD_CONTENT_TYPE,
        size_bytes=size_bytes,
        ttl_seconds=UPLOAD_TTL_SECONDS,
    )
    upload = Upload(job, url, at + timedelta(seconds=UPLOAD_TTL_SECONDS))
    store.commit(
        *store.imports.add(job=job),
        store.note(note=replace(note, details={"size_bytes": size_bytes}, personal={"file_name": file_name})),
        *store.remember(idempotency=idempotency, answer=upload),
    )
    return upload


def preview_import(*, store: TenantStore, blobs: Blobs, import_id: str, note: AuditNote) -> Preview:
    """Look at the beginning of the uploaded file; how many rows it has shows when it is imported.

    That is audited, with what columns seem to hold of people's numbers: any may hold them, whatever
    it is called. Raises NotFound, NotUploaded, and NotCsv, EmptyFile, NoRows, RecordTooLong, BadHeader
    or FileTooLarge.
    """
    job = store.imports.get(import_id=import_id)
    info, inspection = _inspect(store, blobs, job)
    suggested = suggest_columns(header=inspection.header)
    fields = sorted(IDENTIFYING & {name.value for name in suggested})
    store.commit(store.note(note=replace(note, details={"rows": len(inspection.first), "fields": fields})))
    return Preview(job, info.size_bytes, inspection, suggested)


def map_import(
    *, store: TenantStore, blobs: Blobs, import_id: str, mapping: ImportMapping, at: datetime, note: AuditNote
) -> Mapped:
    """Say which column holds what; may be said again until the import starts.

    Raises as ``preview_import``, AlreadyStarted, and UnknownColumn, AmbiguousColumn,
    MissingColumn or another InvalidValue where the mapping does not fit.
    """
    before = store.imports.get(import_id=import_id)
    if before.begun:
        raise AlreadyStarted("the import has started: its mapping no longer changes")
    info, inspection = _inspect(store, blobs, before)
    check_mapping(mapping=mapping, header=inspection.header)
    tenant = store.profile()
    reader = RowReader(
        mapping=mapping,
        header=inspection.header,
        packages=store.packages.all(),
        currency=tenant.currency,
        today=tenant.local_date(at=at),
        tax_groups=tenant.tax_groups,
        bill_day=tenant.bill_day,
    )
    reader.check_defaults()
    source = ImportSource(
        etag=info.etag,
        size_bytes=info.size_bytes,
        format=inspection.format,
        header=inspection.header,
        header_row=inspection.header_row,
        header_end=inspection.header_end,
    )
    after = replace(
        before,
        state=JobState.READY,
        source=source,
        mapping=mapping,
        progress=first_progress(source=source),
        updated_at=at,
        version=before.version + 1,
    )
    store.commit(*store.imports.change(before=before, after=after), store.note(note=note))
    return Mapped(after, tuple(_outcome(reader, record) for record in inspection.first))


def start_import(
    *, store: TenantStore, blobs: Blobs, queue: JobQueue, import_id: str, at: datetime, note: AuditNote
) -> ImportJob:
    """Start a mapped import, or go on with one that failed; starting twice does no harm.

    Raises NotFound, NotMapped, FileChanged, or TooManyImports where others are at work already.
    """
    before = store.imports.get(import_id=import_id)
    stalled = before.updated_at is None or at - before.updated_at >= STALLED_AFTER
    if before.state is JobState.SUCCEEDED or (before.at_work and not stalled):
        return before
    if before.at_work:
        # The message of an earlier start may be lost: another does no harm, one at a time.
        return _sent(store, queue, before, replace(before, updated_at=at, version=before.version + 1), note)
    if before.source is None or before.mapping is None:
        raise NotMapped("say first which column holds what: PUT its mapping")
    info = blobs.info(key=upload_key(tenant_id=store.tenant_id, import_id=import_id))
    if info is None or info.etag != before.source.etag:
        raise FileChanged("the file is not the one that was mapped: look at it and map it again")
    if store.imports.count_at_work() >= AT_WORK_MAX:
        raise TooManyImports(
            f"{AT_WORK_MAX} imports are at work: start this one when one of them is finished"
        )
    after = replace(
        before,
        state=JobState.QUEUED,
        started_at=before.started_at or at,
        updated_at=at,
        failure=None,
        version=before.version + 1,
    )
    return _sent(store, queue, before, after, note)


def withdraw_import(*, store: TenantStore, import_id: str, note: AuditNote) -> None:
    """Forget an import that was not started; its file goes with the other uploads, in a week at most.

    Raises NotFound, or AlreadyStarted.
    """
    job = store.imports.get(import_id=import_id)
    if job.begun:
        raise AlreadyStarted("the import has started: it is kept, with what became of its rows")
    store.commit(*store.imports.remove(job=job), store.note(note=note))


def _sent(
    store: TenantStore, queue: JobQueue, before: ImportJob, after: ImportJob, note: AuditNote
) -> ImportJob:
    """Keep that the import is started, then tell a worker; of two starts at once one does."""
    try:
        store.commit(*store.imports.change(before=before, after=after), store.note(note=note))
    except StaleVersion:
        now = store.imports.get(import_id=before.import_id)
        if not now.begun:
            raise
        return now
    queue.send(message=import_message(tenant_id=store.tenant_id, import_id=before.import_id))
    return after


def import_message(*, tenant_id: str, import_id: str) -> Mapping[str, object]:
    """Return what travels in the queue."""
    return {"tenant_id": tenant_id, "import_id": import_id}


def report_of(*, store: TenantStore, blobs: Blobs, import_id: str, at: datetime) -> Download:
    """Return where the report is: a CSV of the rows that were not created, and why.

    Raises NotFound, NotFinished or FileExpired.
    """
    job = store.imports.get(import_id=import_id)
    if not job.finished:
        raise NotFinished("the report is made when the import is finished")
    key = report_key(tenant_id=store.tenant_id, import_id=import_id)
    if blobs.info(key=key) is None:
        raise FileExpired("the report is deleted by now: reports are kept for a week")
    name = f"{import_id}-report.csv"
    url = blobs.presigned_get(key=key, file_name=name, ttl_seconds=DOWNLOAD_TTL_SECONDS)
    return Download(url, name, at + timedelta(seconds=DOWNLOAD_TTL_SECONDS))


def _inspect(store: TenantStore, blobs: Blobs, job: ImportJob) -> tuple[BlobInfo, Inspection]:
    key = upload_key(tenant_id=store.tenant_id, import_id=job.import_id)
    info = blobs.info(key=key)
    if info is None:
        raise NotUploaded("the file has not arrived: PUT it to the URL of the import first")
    if info.size_bytes > FILE_BYTES_MAX:
        raise FileTooLarge(f"an import file has at most {FILE_BYTES_MAX >> 20} MB")
    chunks = blobs.read(key=key, etag=info.etag, chunk_bytes=INSPECTED_BYTES)
    return info, inspect_csv(chunks=chunks, first_rows=PREVIEW_ROWS)


def _outcome(reader: RowReader, record: Record) -> RowOutcome:
    found = reader.read(record=record)
    if isinstance(found, NewSubscriber):
        return RowOutcome(record.row, RowFate.CREATED, ())
    return RowOutcome(record.row, found[0].fate, tuple(found))
