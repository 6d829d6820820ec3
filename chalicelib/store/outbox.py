"""Events for others: ``<tenant>#OUT`` / ``<instant>#<ULID>``, kept for thirty days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import orjson
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.domain.errors import Busy
from chalicelib.ports.money import OutboxEvent
from chalicelib.ports.services import Clock, Ids
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, from_iso, put_new, to_iso
from chalicelib.store.paging import query_page

KEPT_DAYS: Final = 30


class OutboxItem(TenantsItem):
    """``<tenant>#OUT`` / ``<instant>#<ULID>``; identifiers only, nothing personal."""

    kind = UnicodeAttribute()
    about = UnicodeAttribute()
    details = UnicodeAttribute()
    ttl = NumberAttribute()


class DynamoOutbox(OfTenant):
    """A tenant's events."""

    def __init__(self, *, tenant_id: str, clock: Clock, ids: Ids) -> None:
        self._tenant_id = tenant_id
        self._clock = clock
        self._ids = ids

    def add(self, *, kind: str, about: str, details: Mapping[str, object]) -> ModelWrite:
        """Describe adding an event, in the transaction of what it tells of."""
        now = self._clock.now()
        item = OutboxItem(
            keys.outbox(self._tenant_id),
            f"{to_iso(now)}#{self._ids.new(prefix='evt').removeprefix('evt_')}",
            kind=kind,
            about=about,
            details=orjson.dumps(dict(details)).decode(),
            ttl=int((now + timedelta(days=KEPT_DAYS)).timestamp()),
        )
        return put_new(item, refused=Busy("another event has this place; nothing was written"))

    def read(self, *, before: datetime, limit: int, after: str | None) -> Page[OutboxEvent]:
        """Return events from before an instant, after a position, the oldest first."""
        now = int(self._clock.now().timestamp())
        page = query_page(
            OutboxItem,
            keys.outbox(self._tenant_id),
            limit=limit,
            after=after,
            sort=OutboxItem.sk < to_iso(before),
            where=lambda item: item.ttl > now,
        )
        return Page(tuple(map(_event, page.items)), page.after)


def _event(item: OutboxItem) -> OutboxEvent:
    instant, _, _ = item.sk.partition("#")
    return OutboxEvent(item.sk, item.kind, item.about, from_iso(instant), orjson.loads(item.details))
