"""Rehearsing runs: any date's billing against the real books, and nothing written to them.

What is due is read from the due list that runs read, account by account, and billed in
memory by the rule that runs bill with. What nobody did yet (changes of subscriptions), and what
runs charge before they bill (late fees, use of data beyond a cap), is not foreseen. Where a run
is at work, what it has issued is billed already and is not counted again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import islice
from typing import Final

from chalicelib.domain.account_bills import AccountBill, Quarantine
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.errors import StaleVersion
from chalicelib.domain.invoices import fiscal_year
from chalicelib.domain.jobs import JobFailure, JobState
from chalicelib.domain.periods import buckets_of_run
from chalicelib.domain.rehearsals import (
    REHEARSALS_AT_ONCE_MAX,
    REHEARSED_DAYS_MAX,
    NothingToRehearse,
    Rehearsal,
    RehearsalBook,
    RehearsalJob,
    RehearsalNotReady,
    RehearsalTooLarge,
    RehearsedCharge,
    TooManyRehearsals,
    charges_of_lines,
    rehearse_account,
    rehearsed_dates,
)
from chalicelib.domain.runs import SHARD_SPACE, BillingRun, RunShard, RunState
from chalicelib.ports.billing import AccountRead, RehearsalBooks
from chalicelib.ports.services import JobQueue, QueueUnavailable
from chalicelib.ports.store import AuditNote, Idempotency, Page, TenantStore
from chalicelib.usecases.billing import load_catalogue
from chalicelib.usecases.billing_shard import INVOICES_PER_BATCH_MAX

ACCOUNTS_PER_READ: Final = 96
# What is worked out while somebody waits: about a second, far from a request's 29.
REHEARSED_AT_ONCE_MAX: Final = 3_000
# A job looks at the tenant in so many parts, so that its memory is that of one of them.
JOB_PARTS: Final = 16
REHEARSALS_LOOKED_AT: Final = 20
RUNS_PER_READ: Final = 50

# (date, index of the bucket) and slot of each look of a run at an account.
_Look = tuple[date, int, int]


@dataclass(frozen=True, slots=True)
class RehearsalWork:
    """What rehearsing reads with: ``filed_max`` bounds what is due, ``parts`` cuts the work."""

    store: TenantStore
    books: RehearsalBooks
    out_of_time: Callable[[], bool]
    filed_max: int | None = REHEARSED_AT_ONCE_MAX
    parts: int = 1


def rehearse(*, work: RehearsalWork, through: date) -> Rehearsal:
    """Return what runs would bill for every date from the first that is not billed through ``through``.

    Raises NothingToRehearse, RehearsalTooLarge where there is more than the work is bounded to.
    """
    store = work.store
    dates = rehearsed_dates(completed_through=store.billing_state().completed_through, through=through)
    tenant = store.profile()
    compared = _newest_run(store)
    if work.filed_max is not None and compared is not None and compared.invoices > work.filed_max:
        raise _too_large()
    catalogue, book = load_catalogue(tenant=tenant, store=store), RehearsalBook()
    for part in _parts(work.parts):
        _rehearse_part(work, part, dates, catalogue, book)
    before = None
    if compared is not None:
        year = fiscal_year(on=compared.on, start_month=tenant.fiscal_year_start_month)
        before = compared.on, _charged(work.books, compared.on, year)
    return book.close(dates=dates, currency=tenant.currency, before=before)


def _too_large() -> RehearsalTooLarge:
    return RehearsalTooLarge("there is too much to work out at once: ask for it as a job")


def _parts(count: int) -> list[RunShard]:
    edges = [SHARD_SPACE * index // count for index in range(count + 1)]
    return [RunShard(edges[index], edges[index + 1] - 1) for index in range(count)]


def _rehearse_part(
    work: RehearsalWork, part: RunShard, dates: Sequence[date], catalogue: Catalogue, book: RehearsalBook
) -> None:
    looks = iter(_looks(work, part, dates).items())
    while chunk := dict(islice(looks, ACCOUNTS_PER_READ)):
        if work.out_of_time():
            raise _too_large()
        reads = work.books.accounts(account_ids=list(chunk))
        for account_id, found in chunk.items():
            if account_id in reads:
                for on, bill in _bills(reads[account_id], found, catalogue):
                    book.add(account_id=account_id, on=on, bill=bill)


def _looks(work: RehearsalWork, part: RunShard, dates: Sequence[date]) -> dict[str, list[_Look]]:
    """Return when runs look at each account: each bucket is read once, however often it comes up."""
    when: dict[str, list[tuple[date, int]]] = {}
    for on in dates:
        for index, bucket in enumerate(buckets_of_run(on=on)):
            when.setdefault(bucket, []).append((on, index))
    found: dict[str, list[_Look]] = {}
    filed = 0
    for bucket, times in when.items():
        if work.out_of_time():
            raise _too_large()
        for account_id, slot in work.books.filed(bucket=bucket, shard=part):
            filed += 1
            if work.filed_max is not None and filed > work.filed_max:
                raise _too_large()
            found.setdefault(account_id, []).extend((on, index, slot) for on, index in times)
    return found


def _bills(read: AccountRead, looks: list[_Look], catalogue: Catalogue) -> Iterator[tuple[date, AccountBill]]:
    by_bucket: dict[tuple[date, int], list[int]] = {}
    for on, index, slot in sorted(looks):
        by_bucket.setdefault((on, index), []).append(slot)
    if read.unreadable:
        for (on, _), slots in by_bucket.items():
            held = [Quarantine(slot, "record_unreadable", "the recipient cannot be read") for slot in slots]
            yield on, AccountBill(quarantined=held)
        return
    yield from rehearse_account(
        account=read.account,
        looks=[(on, slots) for (on, _), slots in by_bucket.items()],
        catalogue=catalogue,
        charges_max=INVOICES_PER_BATCH_MAX,
    )


def _newest_run(store: TenantStore) -> BillingRun | None:
    """Return the newest completed run that issued invoices, within so many days; None where there is none."""
    after: str | None = None
    for _ in range(-(-REHEARSED_DAYS_MAX // RUNS_PER_READ)):
        page = store.runs.list(limit=RUNS_PER_READ, after=after)
        for run in page.items:
            if run.invoices and run.state is not RunState.RUNNING:
                return run
        after = page.after
        if after is None:
            break
    return None


def _charged(books: RehearsalBooks, on: date, year: int) -> Mapping[str, RehearsedCharge]:
    """Return what a run charged for each subscription first."""
    charged: dict[str, RehearsedCharge] = {}
    for account_id, lines in books.issued(on=on, fiscal_year=year):
        for key, charge in charges_of_lines(account_id=account_id, lines=lines).items():
            charged.setdefault(key, charge)
    return charged


# -- as a job ------------------------------------------------------------------------------


def create_rehearsal(
    *,
    store: TenantStore,
    queue: JobQueue,
    rehearsal_id: str,
    through: date,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> RehearsalJob:
    """Ask for a rehearsal of any size.

    Raises NothingToRehearse, TooManyRehearsals, or QueueUnavailable: then the job is marked as failed.
    """
    rehearsed_dates(completed_through=store.billing_state().completed_through, through=through)
    recent = store.rehearsals.list(limit=REHEARSALS_LOOKED_AT, after=None).items
    if sum(not one.as_of(at=at).finished for one in recent) >= REHEARSALS_AT_ONCE_MAX:
        raise TooManyRehearsals(f"{REHEARSALS_AT_ONCE_MAX} rehearsals are worked on: wait for one to end")
    job = RehearsalJob(rehearsal_id, through, JobState.QUEUED, created_by=note.actor_id, created_at=at)
    store.commit(
        *store.rehearsals.add(job=job),
        store.note(note=note),
        *store.remember(idempotency=idempotency, answer=job),
    )
    try:
        queue.send(message={"tenant_id": store.tenant_id, "rehearsal_id": rehearsal_id})
    except QueueUnavailable as error:
        _fail(store, job, JobFailure(error.code, error.message), at)
        raise
    return job


def show_rehearsal(*, store: TenantStore, rehearsal_id: str, at: datetime) -> RehearsalJob:
    """Return the job as it stands, or raise NotFound."""
    return store.rehearsals.get(rehearsal_id=rehearsal_id).as_of(at=at)


def list_rehearsals(*, store: TenantStore, limit: int, after: str | None, at: datetime) -> Page[RehearsalJob]:
    """Return a page of jobs as they stand, newest first."""
    page = store.rehearsals.list(limit=limit, after=after)
    return replace(page, items=tuple(job.as_of(at=at) for job in page.items))


def result_of(*, store: TenantStore, rehearsal_id: str, at: datetime) -> Rehearsal:
    """Return what a rehearsal came to; raises NotFound or RehearsalNotReady."""
    job = show_rehearsal(store=store, rehearsal_id=rehearsal_id, at=at)
    if job.state is JobState.FAILED:
        raise RehearsalNotReady("the rehearsal could not be worked out: ask for another")
    if not job.finished:
        raise RehearsalNotReady("the rehearsal is not worked out yet: look again in a moment")
    return store.rehearsals.result(rehearsal_id=rehearsal_id)


def work_on_rehearsal(
    *,
    store: TenantStore,
    books: RehearsalBooks,
    rehearsal_id: str,
    now: Callable[[], datetime],
    out_of_time: Callable[[], bool],
) -> None:
    """Work a rehearsal out and keep what it comes to; one that is finished already stays as it is.

    Two workers at one job both work it out, and one of them keeps it.
    """
    job = store.rehearsals.get(rehearsal_id=rehearsal_id)
    if job.finished:
        return
    begun = replace(job, state=JobState.RUNNING, started_at=now(), version=job.version + 1)
    work = RehearsalWork(store=store, books=books, out_of_time=out_of_time, filed_max=None, parts=JOB_PARTS)
    try:
        store.commit(*store.rehearsals.change(before=job, after=begun))
        result = rehearse(work=work, through=job.through)
        ended = replace(begun, state=JobState.SUCCEEDED, finished_at=now(), version=begun.version + 1)
        store.commit(*store.rehearsals.change(before=begun, after=ended, result=result))
    except StaleVersion:
        return
    except RehearsalTooLarge:
        message = "there is more than one worker can work out in its time: rehearse fewer days"
        _fail(store, begun, JobFailure(RehearsalTooLarge.code, message), now())
    except NothingToRehearse as error:
        _fail(store, begun, JobFailure(error.code, error.message), now())


def give_up(*, store: TenantStore, rehearsal_id: str, at: datetime) -> None:
    """Mark a rehearsal as failed whose message failed for the last time."""
    job = store.rehearsals.get(rehearsal_id=rehearsal_id)
    if not job.finished:
        message = "it failed again and again on our side: ask for another, or tell support"
        _fail(store, job, JobFailure("internal_error", message), at)


def _fail(store: TenantStore, job: RehearsalJob, failure: JobFailure, at: datetime) -> None:
    failed = replace(job, state=JobState.FAILED, finished_at=at, failure=failure, version=job.version + 1)
    store.commit(*store.rehearsals.change(before=job, after=failed))
