"""Tenants' books and run ledgers in memory, for many tenants at once: conditions hold as in the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from types import SimpleNamespace
from typing import Any

from chalicelib.domain.accounts import Account
from chalicelib.domain.billing_state import BillingState
from chalicelib.domain.packages import Package
from chalicelib.domain.periods import anchor_bucket, buckets_of_run
from chalicelib.domain.runs import BillingRun, RunShard, RunState, ShardProgress
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.billing import (
    AccountRead,
    AccountsMoved,
    Batch,
    DuePointer,
    NumbersMoved,
    ProgressMoved,
)
from chalicelib.ports.runs import RunStarted
from chalicelib.store.due import due_sort_key


@dataclass
class InMemoryRuns:
    """A run ledger."""

    state: BillingState
    kept: dict[date, BillingRun] = field(default_factory=dict)

    def start(self, *, run: BillingRun, after: date) -> None:
        """Start a run."""
        if self.state.started_through != after or self.state.completed_through != after:
            raise RunStarted("started")
        self.state = replace(self.state, started_through=run.on)
        self.kept[run.on] = run

    def get(self, *, on: date) -> BillingRun:
        """Return a run."""
        return self.kept[on]

    def complete(self, *, run: BillingRun) -> bool:
        """Complete a run once."""
        if self.kept[run.on].state is not RunState.RUNNING:
            return False
        self.kept[run.on] = run
        looked_at = sum(shard.looked_at for shard in run.shards)
        self.state = replace(self.state, completed_through=run.on, looked_at=looked_at)
        return True

    def put(self, on: date, progress: ShardProgress) -> None:
        """Keep a shard's progress."""
        run = self.kept[on]
        shards = tuple(progress if one.shard == progress.shard else one for one in run.shards)
        self.kept[on] = replace(run, shards=shards)


@dataclass
class InMemoryBooks:
    """One tenant: its store as planning sees it, and its books as the billing run does."""

    tenant: Tenant
    packages_sold: Sequence[Package]
    runs: InMemoryRuns
    kept: dict[str, Account]
    following: int = 1
    numbers: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._due: dict[str, list[tuple[str, str, int]]] = {}
        for account in self.kept.values():
            for sub in account.subscriptions:
                bucket = anchor_bucket(cycle=sub.cycle, anchor_day=sub.anchor_day, origin=sub.starts_on)
                sort = due_sort_key(account_id=account.account_id, slot=sub.slot)
                self._due.setdefault(bucket, []).append((sort, account.account_id, sub.slot))
        for filed in self._due.values():
            filed.sort()

    @property
    def packages(self) -> Any:
        """The catalogue."""
        return SimpleNamespace(all=lambda: tuple(self.packages_sold), editions=tuple)

    def billing_state(self) -> BillingState:
        """Return how far billing has come."""
        return self.runs.state

    def progress(self, *, on: date, shard: RunShard) -> ShardProgress:
        """Return a shard's progress."""
        return next(one for one in self.runs.kept[on].shards if one.shard == shard)

    def due(self, *, on: date, shard: RunShard, after: str) -> Iterator[list[DuePointer]]:
        """Yield what is filed, bucket by bucket."""
        for index, bucket in enumerate(buckets_of_run(on=on)):
            for sort, account_id, slot in self._due.get(bucket, []):
                position = f"{index:02d}#{sort}"
                if position > after and shard.first <= int(sort[:2], 16) <= shard.last:
                    yield [DuePointer(position, account_id, slot)]

    def accounts(self, *, account_ids: Sequence[str]) -> Mapping[str, AccountRead]:
        """Return accounts."""
        return {one: AccountRead(self.kept[one], b"{}") for one in account_ids if one in self.kept}

    def next_number(self, *, fiscal_year: int) -> int:
        """Return the next number."""
        return self.following

    def commit(self, *, batch: Batch) -> None:
        """Write the batch whole."""
        if self.progress(on=batch.issued_on, shard=batch.before.shard).version != batch.before.version:
            raise ProgressMoved("moved")
        count = sum(len(entry.bill.invoices) for entry in batch.entries)
        if count and self.following != batch.first_number:
            raise NumbersMoved("moved")
        afters = [entry.bill.after for entry in batch.entries if entry.bill.after is not None]
        moved = {one.account_id for one in afters if self.kept[one.account_id].version != one.version - 1}
        if moved:
            raise AccountsMoved(frozenset(moved))
        self.following += count
        self.numbers += range(batch.first_number, batch.first_number + count)
        self.kept.update({one.account_id: one for one in afters})
        self.runs.put(batch.issued_on, batch.after)
