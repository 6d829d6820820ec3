"""Totals of a day in the tenants table: ``<tenant>#ACTIVITY`` / ``<day>#<area>#<kind>#<name>``.

The table's TTL removes items days late, so days that are over are never asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from pynamodb.attributes import NumberAttribute

from chalicelib.domain.activity import ACTIVITY_DAYS, Area, Total
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import TenantsItem


class ActivityItem(TenantsItem):
    """How often something was seen on a day (UTC)."""

    times = NumberAttribute(attr_name="n")
    ttl = NumberAttribute()


class DynamoActivity(OfTenant):
    """Totals of a tenant's pages and features."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id

    def add(self, *, area: Area, on: date, counts: Mapping[tuple[str, str], int]) -> None:
        """Add to totals one by one: where the process ends midway, some are not counted."""
        over = datetime.combine(on + timedelta(days=ACTIVITY_DAYS + 1), time(), UTC)
        for (kind, name), times in counts.items():
            item = ActivityItem(
                keys.activity(self._tenant_id), f"{on.isoformat()}#{area.value}#{kind}#{name}"
            )
            item.update(actions=[ActivityItem.times.add(times), ActivityItem.ttl.set(int(over.timestamp()))])

    def totals(self, *, since: date, until: date) -> tuple[Total, ...]:
        """Return the totals of days from ``since`` to ``until``, both included."""
        days = ActivityItem.sk.between(since.isoformat(), f"{until.isoformat()}$")
        return tuple(map(_total, ActivityItem.query(keys.activity(self._tenant_id), days)))


def _total(item: ActivityItem) -> Total:
    day, area, kind, name = item.sk.split("#")
    return Total(date.fromisoformat(day), Area(area), kind, name, int(item.times))
