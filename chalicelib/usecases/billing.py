"""Billing runs: planning them, working on a shard, and looking at them.

A run is one tenant's billing for one local date. Dates are run in order, none is left out:
the next run is that of the day after the last completed one, so days without a scheduler are
caught up oldest first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import zip_longest
from typing import Final

from chalicelib.domain.billing_state import BillingState
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.errors import DomainError, NotFound
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.runs import (
    BillingRun,
    RunShard,
    RunState,
    ShardProgress,
    run_id,
    run_shards,
)
from chalicelib.domain.safety_bounds import default_invoice_limit
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.billing import BillingBooks
from chalicelib.ports.runs import Runs, RunStarted
from chalicelib.ports.services import JobQueue
from chalicelib.ports.store import AuditNote, TenantRegistry, TenantStore
from chalicelib.usecases.billing_shard import ShardRun, bill_shard

TENANTS_PER_PAGE: Final = 100
# Each subscription filed again is two of a transaction's 100 actions.
RETRIED_PER_COMMIT: Final = 48
# Ten transactions of about a tenth of a second: far from a request's 29 seconds.
RETRIED_PER_REQUEST_MAX: Final = 10 * RETRIED_PER_COMMIT
# More than so many are not counted, for every one is read.
REMAINING_COUNTED_MAX: Final = 10_000
# The planner's schedule.
PLANNED_EVERY: Final = timedelta(minutes=15)
# A shard that has not moved for this long is asked for again; its worker died, or its message did.
STALLED_AFTER: Final = timedelta(minutes=10)


# Told of each run once, by whoever completed it.
Completed = Callable[[BillingRun], None]


def _untold(_run: BillingRun, /) -> None:
    """Tell nobody."""


# What comes before a shard's first bill; whether all of it is done.
Prepare = Callable[["ShardTask"], bool]


def _nothing(_task: ShardTask, /) -> bool:
    """Prepare nothing."""
    return True


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard to be billed: what travels in the queue."""

    tenant_id: str
    on: date
    shard: RunShard

    def message(self) -> Mapping[str, object]:
        """Return the queue's JSON."""
        return {
            "tenant_id": self.tenant_id,
            "on": self.on.isoformat(),
            "first": self.shard.first,
            "last": self.shard.last,
        }


def shard_task(*, message: Mapping[str, object]) -> ShardTask:
    """Read what ``ShardTask.message`` wrote; KeyError or ValueError where it did not."""
    shard = RunShard(int(str(message["first"])), int(str(message["last"])))
    return ShardTask(str(message["tenant_id"]), date.fromisoformat(str(message["on"])), shard)


def last_due_date(*, tenant: Tenant, at: datetime) -> date:
    """Return the newest local date whose billing hour has come."""
    today = tenant.local_date(at=at)
    return today if tenant.local_hour(at=at) >= tenant.billing_hour else today - timedelta(days=1)


def plan_tenant(
    *, tenant: Tenant, store: TenantStore, at: datetime, completed: Completed = _untold
) -> list[ShardTask]:
    """Return the shards to be worked on now; start the next run where the last is complete.

    An unfinished run's stalled shards come again; a finished one is completed. Calling it
    twice, or from two planners at once, starts nothing twice.
    """
    if not may(state=tenant.state, capability=Capability.BILL):
        return []
    state = store.billing_state()
    if state.started_through > state.completed_through:
        run = store.runs.get(on=state.started_through)
        if not finish_run(run=run, runs=store.runs, at=at, completed=completed):
            return [
                ShardTask(tenant.tenant_id, run.on, progress.shard)
                for progress in run.shards
                if not progress.done and _stalled(progress, at)
            ]
        state = store.billing_state()
    on = state.completed_through + timedelta(days=1)
    if on > last_due_date(tenant=tenant, at=at):
        return []
    run = BillingRun(
        run_id=run_id(on=on),
        on=on,
        state=RunState.RUNNING,
        started_at=at,
        currency=tenant.currency,
        shards=tuple(ShardProgress(shard=shard) for shard in run_shards(accounts=state.looked_at)),
    )
    try:
        store.runs.start(run=run, after=state.completed_through)
    except RunStarted:
        return []
    return [ShardTask(tenant.tenant_id, on, progress.shard) for progress in run.shards]


def _stalled(progress: ShardProgress, at: datetime) -> bool:
    return progress.updated_at is None or at - progress.updated_at >= STALLED_AFTER


def finish_run(*, run: BillingRun, runs: Runs, at: datetime, completed: Completed = _untold) -> bool:
    """Complete a run whose shards are all done; return whether it is complete."""
    if run.state is not RunState.RUNNING:
        return True
    if not all(progress.done for progress in run.shards):
        return False
    state = RunState.COMPLETED_WITH_QUARANTINE if run.quarantined else RunState.COMPLETED
    done = replace(run, state=state, completed_at=at)
    if runs.complete(run=done):
        completed(done)
    return True


@dataclass(slots=True)
class PlanReport:
    """What one pass of the planner did: shards enqueued, and tenants it could not plan."""

    sent: int = 0
    failed: list[str] = field(default_factory=list)
    unfinished: bool = False


def plan_all(
    *,
    registry: TenantRegistry,
    plan: Callable[[Tenant], list[ShardTask]],
    queue: JobQueue,
    at: datetime,
    out_of_time: Callable[[], bool] = lambda: False,
) -> PlanReport:
    """Plan every active tenant and enqueue its shards, each tenant's first before any one's second.

    Each pass begins elsewhere, so that where time runs out it is not always for the same. A pass
    starts one date of a tenant at most; when that is billed, its worker starts the next.

    A tenant that cannot be planned never stops the others; it is named in the report. Each
    message is one shard of one tenant, so that a large tenant takes its turn like any other.
    """
    report = PlanReport()
    later: list[list[ShardTask]] = []
    after: str | None = None
    while True:
        page = registry.active(after=after, limit=TENANTS_PER_PAGE, turn=planning_turn(at=at))
        for tenant in page.items:
            if out_of_time():
                # What was started and is not sent is asked for again by the next pass.
                report.unfinished = True
                return report
            try:
                tasks = plan(tenant)
            except DomainError:
                report.failed.append(tenant.tenant_id)
                continue
            later.append(tasks[1:])
            _send(tasks[:1], queue, report)
        after = page.after
        if after is None:
            break
    for turn in zip_longest(*filter(None, later)):
        _send([task for task in turn if task is not None], queue, report)
    return report


def _send(tasks: list[ShardTask], queue: JobQueue, report: PlanReport) -> None:
    for task in tasks:
        try:
            queue.send(message=task.message())
            report.sent += 1
        except DomainError:
            report.failed.append(task.tenant_id)


def planning_turn(*, at: datetime) -> int:
    """Return the number of the planner's pass: one more with each tick, and one more with each day.

    Without the latter every day's pass at one hour would begin at the same place.
    """
    ticks_a_day = timedelta(days=1) // PLANNED_EVERY
    ticks = int(at.timestamp()) // (PLANNED_EVERY // timedelta(seconds=1))
    return ticks + ticks // ticks_a_day


def work_shard(
    *,
    task: ShardTask,
    tenant: Tenant,
    store: TenantStore,
    books: BillingBooks,
    now: Callable[[], datetime],
    out_of_time: Callable[[], bool],
    pause: Callable[[float], None] = time.sleep,
    completed: Completed = _untold,
    prepare: Prepare = _nothing,
) -> list[ShardTask]:
    """Bill a shard and return what is to be done next: its rest, or the next date's shards.

    ``prepare`` is called before the shard's first bill, and again where it did not come to its
    end; it may set subscriptions aside. A message that comes again after its run is complete costs one read.
    """
    started = store.runs.get(on=task.on)
    if started.state is not RunState.RUNNING:
        return []
    untouched = any(one.shard == task.shard and not one.begun for one in started.shards)
    if untouched and not prepare(task):
        return [task]
    catalogue = load_catalogue(tenant=tenant, store=store)
    shard_run = ShardRun(
        tenant=tenant,
        on=task.on,
        shard=task.shard,
        books=books,
        catalogue=catalogue,
        today=tenant.local_date(at=now()),
        pause=pause,
        out_of_time=out_of_time,
    )
    progress = bill_shard(run=shard_run)
    if not progress.done:
        return [task]
    run = store.runs.get(on=task.on)
    if not finish_run(run=run, runs=store.runs, at=now(), completed=completed):
        return []
    return plan_tenant(tenant=tenant, store=store, at=now(), completed=completed)


def load_catalogue(*, tenant: Tenant, store: TenantStore) -> Catalogue:
    """Return what billing needs besides the accounts."""
    packages, editions = list(store.packages.all()), list(store.packages.editions())
    limit = tenant.invoice_limit
    if limit is None:
        limit = default_invoice_limit(packages=[*packages, *editions], currency=tenant.currency)
    return Catalogue(
        packages={package.package_id: package for package in packages},
        tax_groups={group.code: group for group in tenant.tax_groups},
        editions={(one.package_id, one.edition): one for one in editions},
        round_to=tenant.round_to,
        consolidated=tenant.consolidated,
        invoice_limit=limit,
    )


def start_due(
    *, store: TenantStore, queue: JobQueue, at: datetime, completed: Completed = _untold
) -> BillingState:
    """Start the tenant's next run if one is due, enqueue its shards, and return how far billing is.

    Where every date is billed, the newest run goes on with what was sold since it started. An
    tenant that is not billed starts nothing.
    """
    tenant = store.profile()
    due = plan_tenant(tenant=tenant, store=store, at=at, completed=completed)
    tasks = due or _go_on(tenant=tenant, store=store)
    for task in tasks:
        queue.send(message=task.message())
    return store.billing_state()


def _go_on(*, tenant: Tenant, store: TenantStore) -> list[ShardTask]:
    """Reopen the newest run for what was filed since it started; return its shards."""
    state = store.billing_state()
    on = state.completed_through
    if not may(state=tenant.state, capability=Capability.BILL) or state.started_through != on:
        return []
    if not store.runs.filed_since(on=on):
        return []
    try:
        run = store.runs.get(on=on)
        store.runs.reopen(run=run)
    except (NotFound, RunStarted):
        return []
    return [ShardTask(tenant.tenant_id, on, progress.shard) for progress in run.shards]


@dataclass(frozen=True, slots=True)
class Retried:
    """Subscriptions that the next run looks at again, and those still set aside (counted to a limit)."""

    filed: int
    remaining: int


def retry_quarantined(*, store: TenantStore, on: date, actor: AuditNote) -> Retried:
    """File what a run set aside for the next run, once its cause is mended.

    At most RETRIED_PER_REQUEST_MAX at a time: ask again while some remain. The next run bills
    every period that is due by then, so nothing of the held time is lost.
    """
    run = store.runs.get(on=on)
    filed = 0
    while filed < RETRIED_PER_REQUEST_MAX:
        page = store.runs.quarantined(on=run.on, limit=RETRIED_PER_COMMIT, after=None)
        if not page.items:
            return Retried(filed, 0)
        state = store.billing_state()
        store.commit(*store.runs.file_again(on=on, held=page.items, state=state), store.note(note=actor))
        filed += len(page.items)
    return Retried(filed, store.runs.count_quarantined(on=on, most=REMAINING_COUNTED_MAX))
