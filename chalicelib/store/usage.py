"""Data used, in the account's collection: counters of each period, and each record once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.usage import Closing, PeriodUse, Standing, UsagePeriodClosed, UsageRecord
from chalicelib.ports.usage import RecordKept, UsageMoved
from chalicelib.store import keys
from chalicelib.store.base import ModelWrite, TenantsItem, nullable, put_new, update

PERIOD_PREFIX: Final = "USE#"
RECORD_PREFIX: Final = "USR#"


class UsageItem(TenantsItem):
    """``<tenant>#A#<ulid>`` / ``USE#<slot>#<yyyymmdd>``: MiB of a period; ``out`` is there when closed."""

    up_mib = NumberAttribute(attr_name="u", default=0)
    down_mib = NumberAttribute(attr_name="d", default=0)
    topped_up_mib = NumberAttribute(attr_name="t", default=0)
    carried_in_mib = NumberAttribute(attr_name="in", null=True)
    carried_out_mib = NumberAttribute(attr_name="out", null=True)


class UsageRecordItem(TenantsItem):
    """``<tenant>#A#<ulid>`` / ``USR#<slot>#<record id>``."""

    up_mib = NumberAttribute(attr_name="u")
    down_mib = NumberAttribute(attr_name="d")
    start = UnicodeAttribute(attr_name="p")
    actor_id = UnicodeAttribute(attr_name="by")


class DynamoUsage:
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

    def recorded(self, *, account_id: str, slot: int, record_id: str) -> UsageRecord | None:
        """Return a record that is kept, or None."""
        pk = keys.account(self._tenant_id, account_id)
        try:
            item = UsageRecordItem.get(pk, _record_key(slot, record_id), consistent_read=True)
        except DoesNotExist:
            return None
        return UsageRecord(record_id, int(item.up_mib), int(item.down_mib))

    def record(
        self, *, account_id: str, slot: int, start: date, record: UsageRecord, actor_id: str
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
        counted = update(
            UsageItem(pk, _period_key(slot, start)),
            actions=[UsageItem.up_mib.add(record.up_mib), UsageItem.down_mib.add(record.down_mib)],
            condition=UsageItem.carried_out_mib.does_not_exist(),
            refused=_closed(start),
        )
        return [put_new(kept, refused=RecordKept("the record is kept already")), counted]

    def top_up(self, *, account_id: str, slot: int, start: date, mib: int) -> Sequence[ModelWrite]:
        """Describe adding to a period's data."""
        item = UsageItem(keys.account(self._tenant_id, account_id), _period_key(slot, start))
        open_still = UsageItem.carried_out_mib.does_not_exist()
        added = [UsageItem.topped_up_mib.add(mib)]
        return [update(item, actions=added, condition=open_still, refused=_closed(start))]

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


def _period_key(slot: int, start: date) -> str:
    return f"{PERIOD_PREFIX}{slot:03d}#{start:%Y%m%d}"


def _record_key(slot: int, record_id: str) -> str:
    return f"{RECORD_PREFIX}{slot:03d}#{record_id}"


def _closed(start: date) -> UsagePeriodClosed:
    return UsagePeriodClosed(f"the period from {start} is closed: what was used in it is billed")


def _use(item: UsageItem) -> PeriodUse:
    carried_in, carried_out = nullable(item.carried_in_mib), nullable(item.carried_out_mib)
    closing = None
    if carried_in is not None and carried_out is not None:
        closing = Closing(int(carried_in), int(carried_out))
    return PeriodUse(
        start=date.fromisoformat(item.sk.rpartition("#")[2]),
        up_mib=int(item.up_mib or 0),
        down_mib=int(item.down_mib or 0),
        topped_up_mib=int(item.topped_up_mib or 0),
        closing=closing,
    )
