"""Working on an import: from the cursor to the end of the file, or of the time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from chalicelib.domain.contacts import code_key
from chalicelib.domain.csv_inspect import FileTooLarge, encoding_of_all
from chalicelib.domain.csv_records import Record, TooManyBadQuotes, read_records
from chalicelib.domain.errors import StaleVersion
from chalicelib.domain.import_rows import NewSubscriber, RowReader
from chalicelib.domain.imports import LINES_MAX, ROWS_MAX, ImportJob, ImportProgress, report_key, upload_key
from chalicelib.domain.jobs import JobFailure, JobState
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.ports.services import BlobGone
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.import_batches import (
    ImportTaken,
    ImportWork,
    Row,
    Run,
    changed_job,
    commit_full,
    read_rows,
)
from chalicelib.usecases.import_report import report_chunks
from chalicelib.usecases.plans import subscribers_left

ROWS_PER_WINDOW: Final = 100
# Blank rows are passed over, but not without a look at the clock now and then.
RECORDS_PER_WINDOW: Final = 1_000
# The store is opened anew so often, for it keeps what it has read, such as how far billing is.
WINDOWS_PER_STORE: Final = 10
REPORT_CONTENT_TYPE: Final = "text/csv; charset=utf-8"


def work_on_import(*, work: ImportWork, tenant_id: str, import_id: str) -> bool:
    """Import rows from the cursor on; return whether the import is finished.

    Raises ImportTaken where another worker moves the same import, Busy where the store stays
    contended, and what the store raises where it does not answer. Whatever was committed stays.
    """
    store = work.stores.of(tenant_id=tenant_id)
    job = store.imports.get(import_id=import_id)
    if job.finished or not job.begun:
        return True
    assert job.source is not None, "a started import has a source"
    assert job.mapping is not None, "a started import has a mapping"
    assert job.started_at is not None, "a started import has a start"
    tenant = store.profile()
    if not may(state=tenant.state, capability=Capability.IMPORT):
        _stop(work, store, job)
        return True
    reader = RowReader(
        mapping=job.mapping,
        header=job.source.header,
        packages=store.packages.all(),
        currency=tenant.currency,
        today=tenant.local_date(at=job.started_at),
        tax_groups=tenant.tax_groups,
        bill_day=tenant.bill_day,
    )
    run = Run(work, tenant, store, job, reader, room=subscribers_left(store=store))
    try:
        return _import_rows(run)
    except BlobGone:
        _end(
            run, JobState.FAILED, JobFailure("file_changed", "the uploaded file was replaced, or has expired")
        )
    except (FileTooLarge, TooManyBadQuotes) as error:
        _end(run, JobState.FAILED, JobFailure(error.code, error.message))
    except UnicodeDecodeError:
        _end(run, JobState.FAILED, JobFailure("not_csv", "the file's text cannot be read"))
    return True


def _stop(work: ImportWork, store: TenantStore, job: ImportJob) -> None:
    """End an import whose company's account has ended; starting it again goes on once that is back."""
    failure = JobFailure("tenant_in_recovery", "the company's account has ended; start the import again")
    after = changed_job(job=job, at=work.now(), state=JobState.FAILED, failure=failure)
    store.commit(*store.imports.change(before=job, after=after))


def give_up(*, work: ImportWork, tenant_id: str, import_id: str) -> None:
    """Mark an import that its workers could not get on with; starting it again goes on with it."""
    store = work.stores.of(tenant_id=tenant_id)
    job = store.imports.get(import_id=import_id)
    if job.finished or not job.begun:
        return
    failure = JobFailure("internal_error", "something went wrong on our side; start the import again")
    after = changed_job(job=job, at=work.now(), state=JobState.FAILED, failure=failure)
    store.commit(*store.imports.change(before=job, after=after))


def _import_rows(run: Run) -> bool:
    """Import to the end of the file or of the time; return whether the end was reached."""
    if run.progress.read == 0:
        _settle_encoding(run)
    _remember(run)
    pending: Sequence[Row] = []
    records = _records(run, run.progress)
    for count in itertools.count(1):
        window, ended = _window(records)
        # Where there are only blank rows there is no progress to write: it goes on to the next row.
        pause = run.work.out_of_time() and bool(window)
        renew = count % WINDOWS_PER_STORE == 0
        rows = [*pending, *read_rows(run=run, records=window)]
        pending = commit_full(run=run, rows=rows, rest=pause or renew or ended)
        if run.progress.read > ROWS_MAX:
            raise FileTooLarge(f"the file has more than {ROWS_MAX:,} rows")
        if ended and not pause:
            return _finish(run)
        if pause:
            break
        if renew:
            run.reopen()
    return False


def _window(records: Iterator[Record]) -> tuple[list[Record], bool]:
    """Return the next rows that are not blank, and whether the file ends there."""
    window: list[Record] = []
    for count, record in enumerate(records, start=1):
        if record.row > LINES_MAX:
            raise FileTooLarge(f"the file has more than {LINES_MAX:,} rows, blank ones included")
        if not record.blank:
            window.append(record)
        if len(window) == ROWS_PER_WINDOW or count >= RECORDS_PER_WINDOW:
            return window, False
    return window, True


def _records(run: Run, start: ImportProgress) -> Iterator[Record]:
    source = run.job.source
    assert source is not None
    key = upload_key(tenant_id=run.tenant.tenant_id, import_id=run.job.import_id)
    chunks = run.work.blobs.read(key=key, start=start.offset, etag=source.etag)
    return read_records(chunks=chunks, csv_format=source.format, offset=start.offset, row=start.row)


def _settle_encoding(run: Run) -> None:
    """Look at all bytes before the first row is read: the mapping has seen the file's beginning only."""
    source = run.job.source
    assert source is not None
    key = upload_key(tenant_id=run.tenant.tenant_id, import_id=run.job.import_id)
    chunks = run.work.blobs.read(key=key, start=source.header_end, etag=source.etag)
    encoding = encoding_of_all(chunks=chunks, found=source.format)
    if encoding != source.format.encoding:
        run.job = replace(run.job, source=replace(source, format=replace(source.format, encoding=encoding)))


def _remember(run: Run) -> None:
    """Read the codes before the cursor once more, so that their repetitions are known as such."""
    source = run.job.source
    assert source is not None
    if run.progress.read == 0:
        return
    top = replace(run.progress, offset=source.header_end, row=source.header_row)
    for record in _records(run, top):
        if record.end > run.progress.offset:
            return
        found = run.reader.read(record=record) if not record.blank else None
        if isinstance(found, NewSubscriber):
            run.seen.add(code_key(code=found.code))


# -- the end -------------------------------------------------------------------------------


def _finish(run: Run) -> bool:
    """Write the report and mark the import as done; a report that is there already is replaced."""
    run.work.blobs.write(
        key=report_key(tenant_id=run.tenant.tenant_id, import_id=run.job.import_id),
        chunks=report_chunks(reports=run.store.imports.reports(import_id=run.job.import_id)),
        content_type=REPORT_CONTENT_TYPE,
    )
    _end(run, JobState.SUCCEEDED, None)
    return True


def _end(run: Run, state: JobState, failure: JobFailure | None) -> None:
    now = run.work.now()
    after = replace(changed_job(job=run.job, at=now, state=state, failure=failure), finished_at=now)
    note = AuditNote(
        actor_id=run.job.created_by,
        action=f"import.{state.value}",
        object_id=run.job.import_id,
        at=now,
        details={"created": run.progress.created, "read": run.progress.read},
    )
    try:
        run.store.commit(*run.store.imports.change(before=run.job, after=after), run.store.note(note=note))
    except StaleVersion:
        raise ImportTaken("another worker is at this import") from None
    run.job = after
