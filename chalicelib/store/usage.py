"""Data used, in the account's collection: counters of each period, and each record once.

The periods that runs are to close are filed in one partition, by the date on which they are
over: one small item a subscription and date, written with the first record of a period and
taken away with its closing. A run reads those of its date and of all before, so nothing that
is filed late is missed, and a tenant without caps costs it one request a shard.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import Busy
from chalicelib.domain.runs import RunShard
from chalicelib.domain.usage import Closing, PeriodUse, Standing, UsagePeriodClosed, UsageRecord
from chalicelib.ports.usage import ClosingDue, ClosingTaken, RecordKept, UsageMoved
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, delete, nullable, put, put_new, update
from chalicelib.store.due import due_sort_key

PERIOD_PREFIX: Final = "USE#"
RECORD_PREFIX: Final = "USR#"
METERED: Final = "metered"


class UsageItem(TenantsItem):
    """``<tenant>#A#<ulid>`` / ``USE#<slot>#<yyyymmdd>``: MiB of a period; ``out`` is there when closed."""

    up_mib = NumberAttribute(attr_name="u", default=0)
    down_mib = NumberAttribute(attr_name="d", default=0)
    topped_up_mib = NumberAttribute(attr_name="t", default=0)
    carried_in_mib = NumberAttribute(attr_name="in", null=True)
    carried_out_mib = NumberAttribute(attr_name="out", null=True)
    filed_on = UnicodeAttribute(attr_name="f", null=True)


class UsageRecordItem(TenantsItem):
    """``<tenant>#A#<ulid>`` / ``USR#<slot>#<record id>``."""

    up_mib = NumberAttribute(attr_name="u")
    down_mib = NumberAttribute(attr_name="d")
    start = UnicodeAttribute(attr_name="p")
    actor_id = UnicodeAttribute(attr_name="by")


class ClosingItem(TenantsItem):
    """``<tenant>#USE`` / ``<yyyymmdd>#<shard>#<account ULID>-<slot>``; its key says it all."""


class UserItem(TenantsItem):
    """``<tenant>#NOTED#metered`` / account ULID; its key says it all."""


class DynamoUsage(OfTenant):
    """Data used by a tenant's subscriptions."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id

    def periods(self, *, account_id: str, slot: int, through: date, limit: int) -> Mapping[date, PeriodUse]:
        """Return the newest recorded periods that start on or before a date, by their start."""
        between = UsageItem.sk.between(f"{PERIOD_PREFIX}{slot:03d}#", _period_key(slot, through))
        items = UsageItem.query(
            keys.account(self._tenant_id, account_id),
            between,
            consistent_read=True,
            scan_index_forward=False,
            limit=limit,
        )
        found = map(_use, items)
        return {one.start: one for one in found}

    def accounts(self) -> Iterator[str]:
        """Yield the accounts of which data used was ever recorded."""
        for item in UserItem.query(keys.noted(self._tenant_id, METERED), consistent_read=True):
            yield f"sbr_{item.sk}"

    def of_account(self, *, account_id: str) -> Iterator[tuple[int, PeriodUse]]:
        """Yield every recorded period of an account with its subscription's slot, by slot and start."""
        pk, those = keys.account(self._tenant_id, account_id), UsageItem.sk.startswith(PERIOD_PREFIX)
        for item in UsageItem.query(pk, those, consistent_read=True):
            yield int(str(item.sk).split("#")[1]), _use(item)

    def recorded(self, *, account_id: str, slot: int, record_id: str) -> UsageRecord | None:
        """Return a record that is kept, or None."""
        pk = keys.account(self._tenant_id, account_id)
        try:
            item = UsageRecordItem.get(pk, _record_key(slot, record_id), consistent_read=True)
        except DoesNotExist:
            return None
        return UsageRecord(record_id, int(item.up_mib), int(item.down_mib))

    def record(
        self,
        *,
        account_id: str,
        slot: int,
        start: date,
        record: UsageRecord,
        actor_id: str,
        file_on: date | None,
        first: bool,
    ) -> Sequence[ModelWrite]:
        """Describe counting a record in the period that starts on a date."""
        pk = keys.account(self._tenant_id, account_id)
        kept = UsageRecordItem(
            pk,
            _record_key(slot, record.record_id),
            up_mib=record.up_mib,
            down_mib=record.down_mib,
            start=start.isoformat(),
            actor_id=actor_id,
        )
        counted = [UsageItem.up_mib.add(record.up_mib), UsageItem.down_mib.add(record.down_mib)]
        return [
            put_new(kept, refused=RecordKept("the record is kept already")),
            *self._changed(account_id, slot, start, counted, file_on),
            *([self._used(account_id)] if first else []),
        ]

    def top_up(
        self, *, account_id: str, slot: int, start: date, mib: int, file_on: date | None
    ) -> Sequence[ModelWrite]:
        """Describe adding to a period's data."""
        changed = self._changed(account_id, slot, start, [UsageItem.topped_up_mib.add(mib)], file_on)
        return [*changed, self._used(account_id)]

    def _used(self, account_id: str) -> ModelWrite:
        """Describe noting that data used is recorded of an account, so that it is found."""
        item = UserItem(keys.noted(self._tenant_id, METERED), account_id.removeprefix("sbr_"))
        return put(item, condition=None, refused=Busy("the note has no condition"))

    def _changed(
        self, account_id: str, slot: int, start: date, actions: list[Any], file_on: date | None
    ) -> list[ModelWrite]:
        """Describe a change of an open period, and filing it where it is not filed yet."""
        filed = []
        if file_on is not None:
            actions = [*actions, UsageItem.filed_on.set(file_on.isoformat())]
            filed = [self.file(account_id=account_id, slot=slot, on=file_on)]
        item = UsageItem(keys.account(self._tenant_id, account_id), _period_key(slot, start))
        open_still = UsageItem.carried_out_mib.does_not_exist()
        return [update(item, actions=actions, condition=open_still, refused=_closed(start)), *filed]

    def close(self, *, account_id: str, slot: int, standing: Standing) -> Sequence[ModelWrite]:
        """Describe closing a period as it stands."""
        use = standing.use
        item = UsageItem(keys.account(self._tenant_id, account_id), _period_key(slot, use.start))
        condition = UsageItem.carried_out_mib.does_not_exist()
        for attribute, seen in (
            (UsageItem.up_mib, use.up_mib),
            (UsageItem.down_mib, use.down_mib),
            (UsageItem.topped_up_mib, use.topped_up_mib),
        ):
            same = attribute == seen
            condition &= same if seen else (same | attribute.does_not_exist())
        actions = [
            UsageItem.carried_in_mib.set(standing.carried_mib),
            UsageItem.carried_out_mib.set(standing.carried_out_mib),
        ]
        moved = UsageMoved("more was recorded meanwhile; nothing was written, so try again")
        return [update(item, actions=actions, condition=condition, refused=moved)]

    # -- what runs are to close ------------------------------------------------------------

    def due(self, *, through: date, shard: RunShard) -> Iterator[ClosingDue]:
        """Yield what is filed for a date and those before it in a shard, oldest first."""
        before = ClosingItem.sk < f"{through + timedelta(days=1):%Y%m%d}"
        for item in ClosingItem.query(keys.usage_closings(self._tenant_id), before, consistent_read=True):
            day, part, one = item.sk.split("#")
            if shard.first <= int(part, 16) <= shard.last:
                ulid, _, slot = one.rpartition("-")
                yield ClosingDue(date.fromisoformat(day), f"sbr_{ulid}", int(slot))

    def file(self, *, account_id: str, slot: int, on: date) -> ModelWrite:
        """Describe telling the run of a date to close what is over of a subscription."""
        return file_closing(tenant_id=self._tenant_id, account_id=account_id, slot=slot, on=on)

    def done(self, *, due: ClosingDue, once: bool = False) -> ModelWrite:
        """Describe taking something from the file; with ``once`` refused with ClosingTaken."""
        item = _closing_item(self._tenant_id, due.account_id, due.slot, due.on)
        if not once:
            return delete(item)
        taken = ClosingTaken("another worker was done with it first")
        return delete(item, condition=ClosingItem.pk.exists(), refused=taken)

    def ended(self, *, account_id: str, slot: int, ends_on: date) -> Sequence[ModelWrite]:
        """Describe filing the period that an end of service cuts short, where it is filed for later."""
        last = ends_on - timedelta(days=1)
        for use in self.periods(account_id=account_id, slot=slot, through=last, limit=1).values():
            if use.closing is None and use.filed_on is not None and use.filed_on > ends_on:
                return [self.file(account_id=account_id, slot=slot, on=ends_on)]
        return []


def file_closing(*, tenant_id: str, account_id: str, slot: int, on: date) -> ModelWrite:
    """Describe telling the run of a date to close what is over of a subscription."""
    item = _closing_item(tenant_id, account_id, slot, on)
    return put(item, condition=None, refused=Busy("what is to be closed changed meanwhile"))


def _closing_item(tenant_id: str, account_id: str, slot: int, on: date) -> ClosingItem:
    sort = f"{on:%Y%m%d}#{due_sort_key(account_id=account_id, slot=slot)}"
    return ClosingItem(keys.usage_closings(tenant_id), sort)


def _period_key(slot: int, start: date) -> str:
    return f"{PERIOD_PREFIX}{slot:03d}#{start:%Y%m%d}"


def _record_key(slot: int, record_id: str) -> str:
    return f"{RECORD_PREFIX}{slot:03d}#{record_id}"


def _closed(start: date) -> UsagePeriodClosed:
    return UsagePeriodClosed(f"the period from {start} is closed: what was used in it is billed")


def _use(item: UsageItem) -> PeriodUse:
    carried_in, carried_out = nullable(item.carried_in_mib), nullable(item.carried_out_mib)
    filed_on = nullable(item.filed_on)
    closing = None
    if carried_in is not None and carried_out is not None:
        closing = Closing(int(carried_in), int(carried_out))
    return PeriodUse(
        start=date.fromisoformat(item.sk.rpartition("#")[2]),
        up_mib=int(item.up_mib or 0),
        down_mib=int(item.down_mib or 0),
        topped_up_mib=int(item.topped_up_mib or 0),
        closing=closing,
        filed_on=None if filed_on is None else date.fromisoformat(filed_on),
    )
