"""Keeping collections: vendors are asked for what they may have told in vain, and what is over ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.errors import DomainError, StaleVersion
from chalicelib.domain.gateway_collections import Collection, CollectionState, moved
from chalicelib.domain.gateways import GatewayUnavailable
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.begun_collections import NEVER_TELLS, ask_vendor
from chalicelib.usecases.gateways import GatewayPorts

# The payer may be at it still; after that the vendor is asked now and then.
LOOKED_AT_AFTER: Final = timedelta(minutes=5)
ASK_AGAIN_AFTER: Final = timedelta(minutes=30)
# A vendor that is away when a collection's time is over is asked for so long still.
LAST_ASKED_FOR: Final = timedelta(hours=6)
# Of each state in one pass; what is left is older in the next.
COLLECTIONS_PER_PASS_MAX: Final = 5_000


@dataclass(slots=True)
class Kept:
    """What a pass did: how many it found paid, and ended; whether some are left; what went wrong last."""

    paid: int = 0
    expired: int = 0
    unfinished: bool = False
    error: DomainError | None = None


def keep_tenants_collections(
    *, ports: GatewayPorts, store: TenantStore, at: datetime, out_of_time: Callable[[], bool]
) -> Kept:
    """Ask after a tenant's collections that are under way, and end those whose time is over.

    What goes wrong with one of them is kept as ``error``, and stops no other.
    """
    kept = Kept()
    for collection in store.collections.under_way(limit=COLLECTIONS_PER_PASS_MAX):
        if out_of_time():
            kept.unfinished = True
            break
        if at >= collection.created_at + LOOKED_AT_AFTER:
            try:
                _keep(ports, store, collection, at, kept)
            except DomainError as error:
                kept.error = error
    return kept


def _keep(ports: GatewayPorts, store: TenantStore, collection: Collection, at: datetime, kept: Kept) -> None:
    """Ask after a collection now and then, and once its time is over; end it where nothing more is told."""
    told = False
    if _to_be_asked(collection, at):
        told = _told(ports, store, collection, at)
        collection = store.collections.get(collection_id=collection.collection_id)
        kept.paid += collection.state is CollectionState.PAID
    if collection.overdue(at=at) and (told or at >= collection.over_at + LAST_ASKED_FOR):
        kept.expired += _expired(store, collection, at)


def _to_be_asked(collection: Collection, at: datetime) -> bool:
    """Whether the vendor was not asked lately, or not since the collection's time is over."""
    asked_at = collection.asked_at
    if asked_at is None or at >= asked_at + ASK_AGAIN_AFTER:
        return True
    return collection.overdue(at=at) and asked_at < collection.over_at


def _told(ports: GatewayPorts, store: TenantStore, collection: Collection, at: datetime) -> bool:
    """Ask the vendor; False where it did not answer, and may tell later."""
    gateway = store.gateways.find(kind=collection.gateway)
    if gateway is None:
        return True
    try:
        ask_vendor(ports=ports, store=store, gateway=gateway, collection=collection, at=at)
    except (GatewayUnavailable, StaleVersion):
        return False
    except NEVER_TELLS:
        return True
    return True


def _expired(store: TenantStore, collection: Collection, at: datetime) -> bool:
    """End a collection, unless something is heard of it at this moment."""
    after = moved(collection=collection, state=CollectionState.EXPIRED)
    note = AuditNote("system", "collection.expired", collection.collection_id, at)
    with suppress(StaleVersion):
        store.commit(*store.collections.change(before=collection, after=after), store.note(note=note))
        return True
    return False
