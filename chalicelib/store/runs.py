"""The run ledger in DynamoDB: runs by date, their shards, and what was set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

import orjson
from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.billing_state import BillingState
from chalicelib.domain.errors import NotFound
from chalicelib.domain.periods import buckets_of_run
from chalicelib.domain.runs import (
    BillingRun,
    QuarantinedSubscription,
    RunShard,
    RunState,
    ShardProgress,
    run_id,
)
from chalicelib.ports.billing import BatchEntry, ProgressMoved
from chalicelib.ports.runs import RunStarted
from chalicelib.ports.services import Clock
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import (
    Database,
    ModelWrite,
    TenantsItem,
    delete,
    from_iso,
    put,
    put_new,
    to_iso,
    update,
)
from chalicelib.store.billing_state import BillingStateItem
from chalicelib.store.due import DueItem, file_for_next_run, unmoved
from chalicelib.store.ledger import run_totals
from chalicelib.store.paging import query_page
from chalicelib.store.quarantine import (
    QUARANTINE_PREFIX,
    QuarantineItem,
    quarantine_key,
    quarantined_of,
)
from chalicelib.store.usage import file_closing

SHARD_PREFIX: Final = "SHARD#"


class RunItem(TenantsItem):
    """``<tenant>#RUNS`` / date; totals are copied in at completion so that a list reads one partition."""

    state = UnicodeAttribute()
    started_at = UnicodeAttribute()
    completed_at = UnicodeAttribute(null=True)
    currency = UnicodeAttribute()
    shards = UnicodeAttribute()


class ShardItem(TenantsItem):
    """``<tenant>#RUN#<date>`` / ``SHARD#<first>-<last>``."""

    version = NumberAttribute()
    cursor = UnicodeAttribute()
    done = BooleanAttribute()
    looked_at = NumberAttribute()
    billed = NumberAttribute()
    invoices = NumberAttribute()
    net = NumberAttribute()
    tax = NumberAttribute()
    quarantined = NumberAttribute()
    skipped = UnicodeAttribute()
    ledger = UnicodeAttribute(default="{}")
    # Set when a run is taken up again, and left alone by the batches.
    goes_on = BooleanAttribute(null=True)
    updated_at = UnicodeAttribute()


def progress_values(progress: ShardProgress, *, at: datetime) -> dict[str, dict[str, Any]]:
    """Return a shard's attributes as DynamoDB JSON, for the batch transaction."""
    return {
        "version": {"N": str(progress.version)},
        "cursor": {"S": progress.cursor},
        "done": {"BOOL": progress.done},
        "looked_at": {"N": str(progress.looked_at)},
        "billed": {"N": str(progress.billed)},
        "invoices": {"N": str(progress.invoices)},
        "net": {"N": str(progress.net)},
        "tax": {"N": str(progress.tax)},
        "quarantined": {"N": str(progress.quarantined)},
        "skipped": {"S": orjson.dumps(progress.skipped).decode()},
        "ledger": {"S": orjson.dumps(progress.ledger).decode()},
        "updated_at": {"S": to_iso(at)},
    }


class DynamoRuns(OfTenant):
    """A tenant's runs."""

    def __init__(self, *, tenant_id: str, database: Database, clock: Clock) -> None:
        self._tenant_id = tenant_id
        self._database = database
        self._clock = clock

    def get(self, *, on: date) -> BillingRun:
        """Return the run of a local date, with its shards as they stand, or raise NotFound."""
        try:
            item = RunItem.get(keys.runs(self._tenant_id), on.isoformat(), consistent_read=True)
        except DoesNotExist:
            raise NotFound("no run for this date", param="date") from None
        return self._run(item)

    def list(self, *, limit: int, after: str | None) -> Page[BillingRun]:
        """Return a page, newest first."""
        page = query_page(RunItem, keys.runs(self._tenant_id), limit=limit, after=after, newest_first=True)
        return Page(tuple(map(self._run, page.items)), page.after)

    def quarantined(self, *, on: date, limit: int, after: str | None) -> Page[QuarantinedSubscription]:
        """Return what the run set aside and is not resolved."""
        page = query_page(
            QuarantineItem,
            keys.run(self._tenant_id, on),
            limit=limit,
            after=after,
            sort=QuarantineItem.sk.startswith(QUARANTINE_PREFIX),
        )
        return Page(tuple(map(quarantined_of, page.items)), page.after)

    def count_quarantined(self, *, on: date, most: int) -> int:
        """Return how many the run set aside and are not resolved, ``most`` where there are more."""
        # PynamoDB's own count knows no limit across pages.
        held = QuarantineItem.query(
            keys.run(self._tenant_id, on),
            QuarantineItem.sk.startswith(QUARANTINE_PREFIX),
            consistent_read=True,
            attributes_to_get=["sk"],
            limit=most,
        )
        return sum(1 for _ in held)

    def file_again(
        self, *, on: date, held: Sequence[QuarantinedSubscription], state: BillingState
    ) -> Sequence[ModelWrite]:
        """Describe filing what a run set aside under the next date, and taking it from the list."""
        writes = [unmoved(tenant_id=self._tenant_id, state=state)]
        for one in held:
            key = quarantine_key(account_id=one.account_id, slot=one.slot, of_usage=one.of_usage)
            writes.append(delete(QuarantineItem(keys.run(self._tenant_id, on), key)))
            writes.append(self._filed_again(one, state))
        return writes

    def _filed_again(self, one: QuarantinedSubscription, state: BillingState) -> ModelWrite:
        tenant_id, account_id, slot = self._tenant_id, one.account_id, one.slot
        if one.of_usage:
            on = state.started_through + timedelta(days=1)
            return file_closing(tenant_id=tenant_id, account_id=account_id, slot=slot, on=on)
        return file_for_next_run(tenant_id=tenant_id, state=state, account_id=account_id, slot=slot)

    def hold_usage(
        self, *, on: date, progress: ShardProgress, held: QuarantinedSubscription
    ) -> Sequence[ModelWrite]:
        """Describe setting aside a subscription whose use of data cannot be closed."""
        pk = keys.run(self._tenant_id, on)
        key = quarantine_key(account_id=held.account_id, slot=held.slot, of_usage=True)
        moved = ProgressMoved("the shard's progress moved")
        item = QuarantineItem(pk, key, code=held.code, message=held.message, at=to_iso(held.at))
        counted = [
            ShardItem.version.set(progress.version + 1),
            ShardItem.looked_at.set(progress.looked_at + 1),
            ShardItem.quarantined.set(progress.quarantined + 1),
            ShardItem.updated_at.set(to_iso(self._clock.now())),
        ]
        unmoved = ShardItem.version == progress.version
        return [
            put(item, condition=None, refused=moved),
            update(
                ShardItem(pk, f"{SHARD_PREFIX}{progress.shard.key}"),
                actions=counted,
                condition=unmoved,
                refused=moved,
            ),
        ]

    def progress(self, *, on: date, shard: RunShard) -> ShardProgress:
        """Return the shard's progress, or raise NotFound."""
        try:
            item = ShardItem.get(
                keys.run(self._tenant_id, on), f"{SHARD_PREFIX}{shard.key}", consistent_read=True
            )
        except DoesNotExist:
            raise NotFound("no such shard of a run") from None
        return _progress(item)

    def start(self, *, run: BillingRun, after: date) -> None:
        """Write a new run with its shards, if runs are completed through ``after``."""
        refused = RunStarted("the run was started by another planner")
        state = BillingStateItem(keys.billing(self._tenant_id), keys.STATE)
        at = self._clock.now()
        shards = [
            ShardItem(keys.run(self._tenant_id, run.on), f"{SHARD_PREFIX}{one.shard.key}", **_values(one, at))
            for one in run.shards
        ]
        self._database.commit(
            [
                update(
                    state,
                    actions=[BillingStateItem.started_through.set(run.on.isoformat())],
                    condition=(BillingStateItem.started_through == after.isoformat())
                    & (BillingStateItem.completed_through == after.isoformat()),
                    refused=refused,
                ),
                put_new(self._item(run), refused=refused),
                *(put_new(shard, refused=refused) for shard in shards),
            ]
        )

    def filed_since(self, *, on: date) -> bool:
        """Whether anything is filed for the day after ``on`` alone."""
        pk = keys.due(self._tenant_id, buckets_of_run(on=on)[-1])
        return next(iter(DueItem.query(pk, consistent_read=True, limit=1)), None) is not None

    def reopen(self, *, run: BillingRun) -> None:
        """Make the newest completed run go on with the last of its buckets, in one transaction.

        Not where its month is closed.
        """
        refused = RunStarted("the run is not the newest, or not complete")
        on, before = run.on.isoformat(), (run.on - timedelta(days=1)).isoformat()
        state = BillingStateItem(keys.billing(self._tenant_id), keys.STATE)
        newest = (BillingStateItem.started_through == on) & (BillingStateItem.completed_through == on)
        closed_through = BillingStateItem.closed_through
        newest &= closed_through.does_not_exist() | (closed_through < on)
        again = replace(run, state=RunState.RUNNING, completed_at=None)
        self._database.commit(
            [
                update(
                    state,
                    actions=[BillingStateItem.completed_through.set(before)],
                    condition=newest,
                    refused=refused,
                ),
                put(self._item(again), condition=RunItem.state == run.state.value, refused=refused),
                *(self._reopened(run.on, shard, refused) for shard in run.shards),
            ]
        )

    def _reopened(self, on: date, progress: ShardProgress, refused: Exception) -> ModelWrite:
        item = ShardItem(keys.run(self._tenant_id, on), f"{SHARD_PREFIX}{progress.shard.key}")
        actions = [
            ShardItem.version.set(progress.version + 1),
            ShardItem.done.set(False),
            ShardItem.goes_on.set(True),
            ShardItem.cursor.set(f"{len(buckets_of_run(on=on)) - 1:02d}#"),
            ShardItem.updated_at.set(to_iso(self._clock.now())),
        ]
        unmoved = ShardItem.version == progress.version
        return update(item, actions=actions, condition=unmoved, refused=refused)

    def complete(self, *, run: BillingRun) -> bool:
        """Mark a run whose shards are done; one that is completed already stays as it is: False."""
        assert all(shard.done and shard.balanced for shard in run.shards), "only a finished run completes"
        refused = RunStarted("the run was completed by another worker")
        on = run.on.isoformat()
        state = BillingStateItem(keys.billing(self._tenant_id), keys.STATE)
        looked_at = sum(shard.looked_at for shard in run.shards)
        try:
            self._database.commit(
                [
                    put(self._item(run), condition=RunItem.state == RunState.RUNNING.value, refused=refused),
                    update(
                        state,
                        actions=[
                            BillingStateItem.completed_through.set(on),
                            BillingStateItem.looked_at.set(looked_at),
                        ],
                        condition=BillingStateItem.started_through == on,
                        refused=refused,
                    ),
                    *run_totals(tenant_id=self._tenant_id, run=run),
                ]
            )
        except RunStarted:
            return False
        return True

    def quarantine_puts(self, *, on: date, table: str, entry: BatchEntry) -> Sequence[dict[str, Any]]:
        """Return the batch's actions that set subscriptions aside."""
        account_id = entry.read.account.account_id
        return [
            {
                "Put": {
                    "TableName": table,
                    "Item": {
                        "pk": {"S": keys.run(self._tenant_id, on)},
                        "sk": {"S": quarantine_key(account_id=account_id, slot=held.slot)},
                        "code": {"S": held.code},
                        "message": {"S": held.message},
                        "at": {"S": to_iso(self._clock.now())},
                    },
                }
            }
            for held in entry.bill.quarantined
        ]

    def _item(self, run: BillingRun) -> RunItem:
        return RunItem(
            keys.runs(self._tenant_id),
            run.on.isoformat(),
            state=run.state.value,
            started_at=to_iso(run.started_at),
            completed_at=to_iso(run.completed_at) if run.completed_at else None,
            currency=run.currency,
            shards=orjson.dumps([_summary(shard) for shard in run.shards]).decode(),
        )

    def _run(self, item: RunItem) -> BillingRun:
        on = date.fromisoformat(item.sk)
        state = RunState(item.state)
        shards = tuple(_from_summary(row) for row in orjson.loads(item.shards))
        if state is RunState.RUNNING:
            shards = self._live_shards(on)
        return BillingRun(
            run_id=run_id(on=on),
            on=on,
            state=state,
            started_at=from_iso(item.started_at),
            currency=item.currency,
            shards=shards,
            completed_at=from_iso(item.completed_at) if item.completed_at else None,
        )

    def _live_shards(self, on: date) -> tuple[ShardProgress, ...]:
        items = ShardItem.query(
            keys.run(self._tenant_id, on), ShardItem.sk.startswith(SHARD_PREFIX), consistent_read=True
        )
        return tuple(_progress(item) for item in items)


def _shard(key: str) -> RunShard:
    first, _, last = key.partition("-")
    return RunShard(int(first, 16), int(last, 16))


def _values(progress: ShardProgress, at: datetime) -> dict[str, Any]:
    return {name: _plain(value) for name, value in progress_values(progress, at=at).items()}


def _plain(value: dict[str, Any]) -> Any:
    kind, inner = next(iter(value.items()))
    return int(inner) if kind == "N" else inner


def _progress(item: ShardItem) -> ShardProgress:
    return ShardProgress(
        shard=_shard(item.sk.removeprefix(SHARD_PREFIX)),
        version=int(item.version),
        cursor=item.cursor,
        done=item.done,
        looked_at=int(item.looked_at),
        billed=int(item.billed),
        invoices=int(item.invoices),
        net=int(item.net),
        tax=int(item.tax),
        quarantined=int(item.quarantined),
        skipped=orjson.loads(item.skipped),
        ledger=orjson.loads(item.ledger),
        goes_on=bool(item.goes_on),
        updated_at=from_iso(item.updated_at),
    )


_SUMMARY: Final = ("version", "done", "looked_at", "billed", "invoices", "net", "tax", "quarantined")


def _summary(progress: ShardProgress) -> dict[str, Any]:
    return {
        "shard": progress.shard.key,
        "skipped": dict(progress.skipped),
        "ledger": dict(progress.ledger),
        **{name: getattr(progress, name) for name in _SUMMARY},
    }


def _from_summary(row: dict[str, Any]) -> ShardProgress:
    return ShardProgress(
        shard=_shard(row["shard"]),
        skipped=row["skipped"],
        ledger=row.get("ledger", {}),
        **{name: row[name] for name in _SUMMARY},
    )
