"""Rows of an import in transactions: each batch with the import's progress, or its halves.

The import's cursor moves in the same transaction as the subscribers it has passed. So a
worker may be killed anywhere, run twice, or run beside itself: what is committed is whole and
counted once, and what is not is found again after the cursor. A row that the store refuses is
found by halving its batch, and costs no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.accounts import Account
from chalicelib.domain.contacts import code_key
from chalicelib.domain.csv_records import Record
from chalicelib.domain.errors import Busy, Conflict, InvalidValue, StaleVersion
from chalicelib.domain.import_rows import NewSubscriber, RowReader
from chalicelib.domain.imports import ImportJob, ImportProgress, RowFate, RowReport, advance
from chalicelib.domain.jobs import JobFailure, JobState, JobTaken
from chalicelib.domain.plans import PlanLimitReached
from chalicelib.domain.subscribers import CodeTaken, Subscriber
from chalicelib.domain.subscriptions import subscribe
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.services import Blobs, Ids
from chalicelib.ports.store import AuditNote, Stores, TenantStore, Write
from chalicelib.usecases.backoff import backoff_seconds
from chalicelib.usecases.limits import BATCH_ACTIONS_MAX

ROWS_PER_BATCH_MAX: Final = 200
# An item holds 400 KB, and the reports of a batch are one item.
REPORT_BYTES_PER_BATCH_MAX: Final = 200_000
ATTEMPTS_PER_BATCH_MAX: Final = 8


class ImportTaken(JobTaken):
    """Another worker is at this import; what it does is as good as ours."""

    code = "import_taken"


@dataclass(frozen=True, slots=True)
class ImportWork:
    """What working on imports needs; ``pause`` waits some seconds, ``out_of_time`` ends early."""

    stores: Stores
    blobs: Blobs
    ids: Ids
    now: Callable[[], datetime]
    pause: Callable[[float], None]
    out_of_time: Callable[[], bool]


@dataclass(slots=True)
class Run:
    """One worker's stretch of an import: the job as it was last written, and what was seen.

    ``room`` is how many subscribers more the tenant's plan allows; None where it does not say.
    """

    work: ImportWork
    tenant: Tenant
    store: TenantStore
    job: ImportJob
    reader: RowReader
    seen: set[str] = field(default_factory=set)
    room: int | None = None

    @property
    def progress(self) -> ImportProgress:
        """How far the import is, as it was last written."""
        assert self.job.progress is not None, "a started import has progress"
        return self.job.progress

    def reopen(self) -> None:
        """Forget what the store has read."""
        self.store = self.work.stores.of(tenant_id=self.tenant.tenant_id)


@dataclass(frozen=True, slots=True)
class Row:
    """One row and what it comes to: a subscriber with the writes that add it, or reports of why not."""

    row: int
    end: int
    subscriber: Subscriber | None = None
    writes: Sequence[Write] = ()
    reports: Sequence[RowReport] = ()

    @property
    def report_bytes(self) -> int:
        """How many bytes its reports take."""
        return sum(report.size_bytes for report in self.reports)


# -- rows ----------------------------------------------------------------------------------


def read_rows(*, run: Run, records: Sequence[Record]) -> list[Row]:
    """Read a window of rows, and tell those whose code is new."""
    found = [(record, run.reader.read(record=record)) for record in records]
    codes = [new.code for _, new in found if isinstance(new, NewSubscriber)]
    existing = run.store.subscribers.existing_codes(codes=codes) if codes else set()
    rows: list[Row] = []
    for record, new in found:
        if not isinstance(new, NewSubscriber):
            rows.append(Row(record.row, record.end, reports=new))
            continue
        key = code_key(code=new.code)
        if key in run.seen:
            message = "an earlier row of this file has the same code"
            report = RowReport(record.row, RowFate.FAILED, "duplicate_in_file", message, subject=new.code)
            rows.append(Row(record.row, record.end, reports=[report]))
        elif new.code in existing:
            rows.append(Row(record.row, record.end, reports=[_exists(record.row, new.code)]))
        elif run.room == 0:
            message = "the plan allows no more subscribers: change the plan, then import the file again"
            report = RowReport(record.row, RowFate.FAILED, PlanLimitReached.code, message, subject=new.code)
            rows.append(Row(record.row, record.end, reports=[report]))
        else:
            run.room = None if run.room is None else run.room - 1
            subscriber = _subscriber(run, new)
            writes = run.store.subscribers.add(subscriber=subscriber)
            rows.append(Row(record.row, record.end, subscriber, writes))
        run.seen.add(key)
    return rows


def _exists(row: int, code: str) -> RowReport:
    return RowReport(row, RowFate.EXISTING, "exists", "a subscriber has this code already", subject=code)


def _subscriber(run: Run, new: NewSubscriber) -> Subscriber:
    currency = run.tenant.currency
    subscriber_id = run.work.ids.new(prefix="sbr")
    account = Account(subscriber_id, new.code, currency, balance=0, version=1)
    if new.subscription is not None:
        subscription = subscribe(
            account=account,
            package=new.subscription.package,
            starts_on=new.subscription.start,
            anchor_day=new.subscription.anchor_day,
            price_override=new.subscription.price,
        )
        account = account.with_subscription(subscription=subscription)
    return Subscriber(
        subscriber_id=subscriber_id,
        code=new.code,
        area=new.area,
        contact=new.contact,
        account=account,
        archived=False,
        created_at=run.work.now(),
    )


# -- batches -------------------------------------------------------------------------------


def commit_full(*, run: Run, rows: Sequence[Row], rest: bool) -> Sequence[Row]:
    """Commit full batches of the rows; return those left for the next, none where ``rest`` goes too."""
    while rows:
        batch, left = _first_batch(rows)
        if not left and not rest:
            return batch
        _commit(run, batch)
        rows = left
    return []


def _first_batch(rows: Sequence[Row]) -> tuple[Sequence[Row], Sequence[Row]]:
    """Split rows after those that one transaction and one item of reports hold, one row at least."""
    actions: set[object] = set()
    report_bytes = 0
    for count, row in enumerate(rows):
        actions |= {write.once or id(write) for write in row.writes}
        report_bytes += row.report_bytes
        full = len(actions) > BATCH_ACTIONS_MAX or count == ROWS_PER_BATCH_MAX
        if count and (full or report_bytes > REPORT_BYTES_PER_BATCH_MAX):
            return rows[:count], rows[count:]
    return rows, []


def _renewed(store: TenantStore, row: Row) -> Row:
    """Describe adding a row's subscriber once more, by what the store reads now."""
    if row.subscriber is None:
        return row
    return replace(row, writes=store.subscribers.add(subscriber=row.subscriber))


def _commit(run: Run, rows: Sequence[Row]) -> None:
    """Commit one batch with the import's progress, or its halves where it is refused.

    Where a billing run starts meanwhile, what starts today is filed under another date besides:
    a row takes more writes then, and what was one batch may be two.
    """
    for attempt in range(ATTEMPTS_PER_BATCH_MAX):
        after = _advanced(run, rows)
        try:
            run.store.commit(*_writes(run, after, rows))
        except StaleVersion:
            _taken_or_ours(run, after)
            return
        except Busy:
            run.work.pause(backoff_seconds(attempt=attempt + 1))
            run.reopen()
            rows = [_renewed(run.store, row) for row in rows]
            if _first_batch(rows)[1]:
                commit_full(run=run, rows=rows, rest=True)
                return
        except (Conflict, InvalidValue) as error:
            _isolate(run, rows, error)
            return
        else:
            run.job = after
            return
    raise Busy("other changes kept getting in the way of the import")


def _writes(run: Run, after: ImportJob, rows: Sequence[Row]) -> list[Write]:
    """Describe a batch. Progress comes first: where another worker moved it, nothing else matters."""
    store = run.store
    writes = [*store.imports.change(before=run.job, after=after)]
    reports = [report for row in rows for report in row.reports]
    if reports:
        writes += store.imports.report(job=after, reports=reports)
    added = [write for row in rows for write in row.writes]
    if added:
        created = sum(row.subscriber is not None for row in rows)
        note = AuditNote(
            actor_id=run.job.created_by,
            action="subscribers.imported",
            object_id=run.job.import_id,
            at=run.work.now(),
            details={"rows": [rows[0].row, rows[-1].row], "created": created},
        )
        counted = store.plans.counted(more=created, of=f"{run.job.import_id}-{rows[-1].row}")
        writes += [*added, counted, store.note(note=note)]
    return writes


def _advanced(run: Run, rows: Sequence[Row]) -> ImportJob:
    progress = advance(
        progress=run.progress,
        offset=rows[-1].end,
        row=rows[-1].row,
        created=sum(row.subscriber is not None for row in rows),
        reports=[report for row in rows for report in row.reports],
    )
    return changed_job(job=run.job, at=run.work.now(), state=JobState.RUNNING, progress=progress)


def _taken_or_ours(run: Run, after: ImportJob) -> None:
    """Go on where the stored progress is ours: the answer to our write was lost on the way."""
    stored = run.store.imports.get(import_id=run.job.import_id)
    if stored.version != after.version or stored.progress != after.progress:
        raise ImportTaken("another worker is at this import")
    run.job = stored


def _isolate(run: Run, rows: Sequence[Row], error: Conflict | InvalidValue) -> None:
    """Commit the halves of a refused batch, down to the row at fault, which becomes a report."""
    if len(rows) > 1:
        middle = len(rows) // 2
        _commit(run, rows[:middle])
        _commit(run, rows[middle:])
        return
    row = rows[0]
    assert row.subscriber is not None, "only a subscriber can be refused"
    code = row.subscriber.code
    if isinstance(error, CodeTaken):
        report = _exists(row.row, code)
    else:
        report = RowReport(row.row, RowFate.FAILED, error.code, error.message, subject=code)
    _commit(run, [Row(row.row, row.end, reports=[report])])


def changed_job(
    *,
    job: ImportJob,
    at: datetime,
    state: JobState,
    progress: ImportProgress | None = None,
    failure: JobFailure | None = None,
) -> ImportJob:
    """Return the job's next version, without the failure of an earlier attempt unless given."""
    return replace(
        job,
        state=state,
        progress=progress or job.progress,
        failure=failure,
        updated_at=at,
        version=job.version + 1,
    )
