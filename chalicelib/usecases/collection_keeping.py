"""Keeping collections: vendors are asked for what they may have told in vain, and what is over ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.errors import StaleVersion
from chalicelib.domain.gateway_collections import UNDER_WAY, Collection, CollectionState, moved
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.begun_collections import asked_after
from chalicelib.usecases.gateways import GatewayPorts

# The payer may be at it still; after that the vendor is asked now and then.
LOOKED_AT_AFTER: Final = timedelta(minutes=5)
ASK_AGAIN_AFTER: Final = timedelta(minutes=30)
# Of each state in one pass; what is left is older in the next.
COLLECTIONS_PER_PASS_MAX: Final = 500


@dataclass(slots=True)
class Kept:
    """What a pass did: how many it found paid, and how many it ended; whether some are left."""

    paid: int = 0
    expired: int = 0
    unfinished: bool = False


def keep_tenants_collections(
    *, ports: GatewayPorts, store: TenantStore, at: datetime, out_of_time: Callable[[], bool]
) -> Kept:
    """Ask after a tenant's collections that are under way, and end those whose time is over."""
    kept = Kept()
    for collection in store.collections.under_way(limit=COLLECTIONS_PER_PASS_MAX):
        if out_of_time():
            kept.unfinished = True
            break
        if at < collection.created_at + LOOKED_AT_AFTER:
            continue
        now = asked_after(ports=ports, store=store, collection=collection, at=at, again_after=ASK_AGAIN_AFTER)
        kept.paid += now.state is CollectionState.PAID
        if now.state in UNDER_WAY and now.overdue(at=at):
            kept.expired += _expired(store, now, at)
    return kept


def _expired(store: TenantStore, collection: Collection, at: datetime) -> bool:
    """End a collection, unless something is heard of it at this moment."""
    after = moved(collection=collection, state=CollectionState.EXPIRED)
    note = AuditNote("system", "collection.expired", collection.collection_id, at)
    with suppress(StaleVersion):
        store.commit(*store.collections.change(before=collection, after=after), store.note(note=note))
        return True
    return False
