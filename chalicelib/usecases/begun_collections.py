"""Collections that were begun: looked at, cancelled, confirmed by staff, and asked after at the vendor."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.errors import NotFound, StaleVersion
from chalicelib.domain.gateway_collections import (
    CONFIRMED_BY_STAFF,
    Collection,
    CollectionOver,
    CollectionState,
    GatewayTells,
    TransactionConfirmed,
    moved,
)
from chalicelib.domain.gateways import (
    GatewayRefused,
    GatewayUnavailable,
    Notice,
    NoticeStatus,
    NotSupported,
    Outcome,
)
from chalicelib.domain.identifiers import is_subscriber_id
from chalicelib.domain.payments import check_words
from chalicelib.domain.staff import EVERYTHING, Scope
from chalicelib.ports.gateway_collections import GatewaySetUp
from chalicelib.ports.store import AuditNote, Page, TenantStore
from chalicelib.usecases.gateway_events import Arrived, apply_notice
from chalicelib.usecases.gateways import GatewayPorts, SandboxRefused
from chalicelib.usecases.scoped_lists import kept_within

# A notice that is so late may be lost: then the vendor is asked, now and then.
ASK_AFTER: Final = timedelta(minutes=2)
ASK_AGAIN_AFTER: Final = timedelta(minutes=1)
# Vendors that answer, or are set up, so that asking again tells nothing more.
NEVER_TELLS: Final = (NotSupported, GatewayRefused, SandboxRefused)


def get_collection(*, store: TenantStore, collection_id: str) -> Collection:
    """Return a collection, or raise NotFound."""
    return store.collections.get(collection_id=collection_id)


def list_of_subscriber(
    *, store: TenantStore, subscriber_id: str, limit: int, after: str | None
) -> Page[Collection]:
    """Return a subscriber's collections, the newest first, or raise NotFound."""
    if not is_subscriber_id(value=subscriber_id):
        raise NotFound("no such subscriber", param="subscriber_id")
    page = store.collections.of_account(account_id=subscriber_id, limit=limit, after=after)
    if not page.items and after is None:
        store.subscribers.get(subscriber_id=subscriber_id)
    return page


def list_collections(
    *,
    store: TenantStore,
    state: CollectionState | None,
    at: datetime,
    limit: int,
    after: str | None,
    scope: Scope = EVERYTHING,
) -> Page[Collection]:
    """Return the tenant's collections in a state, or all, the newest first; a page may be short."""
    page = store.collections.in_state(state=state, at=at, limit=limit, after=after)
    return kept_within(store=store, scope=scope, page=page)


def cancel(*, store: TenantStore, collection_id: str, at: datetime, note: AuditNote) -> Collection:
    """Cancel a collection that is open; its invoice is free for another one.

    What is paid at the vendor's in spite of that waits for a person. Raises NotFound, or
    CollectionOver where it has ended or the vendor works at it.
    """
    collection = store.collections.get(collection_id=collection_id)
    state = collection.state_at(at=at)
    if state is not CollectionState.OPEN:
        raise CollectionOver(f"the collection is {state}")
    after = moved(collection=collection, state=CollectionState.CANCELLED)
    try:
        store.commit(*store.collections.change(before=collection, after=after), store.note(note=note))
    except StaleVersion as error:
        raise CollectionOver("something was heard of the collection at this moment: look again") from error
    return after


def confirm(
    *,
    ports: GatewayPorts,
    store: TenantStore,
    collection_id: str,
    transaction: str,
    at: datetime,
    note: AuditNote,
) -> Collection:
    """Record what staff saw in the bank's books, of a gateway that tells nothing itself; once.

    ``transaction`` is the bank's name for it. Raises NotFound, GatewayTells, CollectionOver,
    CardNumberRefused, or TransactionConfirmed where it confirmed another collection.
    """
    check_words(reference=transaction)
    collection = store.collections.get(collection_id=collection_id)
    if collection.gateway not in CONFIRMED_BY_STAFF:
        raise GatewayTells("this gateway tells by itself what was paid")
    if collection.captures or collection.state is CollectionState.CANCELLED:
        raise CollectionOver(f"the collection is {collection.state}")
    notice = Notice(
        event_id=f"confirmed|{collection.reference}",
        reference=collection.reference,
        status=NoticeStatus.PAID,
        amount=collection.amount,
        vendor_id=transaction,
        occurred_at=at,
    )
    arrived = Arrived(
        collection.gateway,
        notice,
        at,
        request_id=note.request_id,
        actor_id=note.actor_id,
        address=note.address,
        transfer="".join(transaction.split()).casefold(),
    )
    outcome = apply_notice(ports=ports, store=store, arrived=arrived)
    confirmed = store.collections.get(collection_id=collection_id)
    if outcome is Outcome.REPEATED and not confirmed.captures:
        raise TransactionConfirmed("this transfer confirmed another collection", param="transaction")
    return confirmed


def asked_after(
    *,
    ports: GatewayPorts,
    store: TenantStore,
    collection: Collection,
    at: datetime,
    at_once: bool = False,
    again_after: timedelta = ASK_AGAIN_AFTER,
    request_id: str = "",
) -> Collection:
    """Return a collection as it stands, its vendor asked where a notice may have been lost.

    Not before ``ASK_AFTER`` unless ``at_once``, and once in ``again_after`` at most. Where the vendor
    cannot be asked, or does not answer, it stands as it stood.
    """
    known = collection.captures or collection.state is CollectionState.CANCELLED
    early = not at_once and at < collection.created_at + ASK_AFTER
    lately = collection.asked_at is not None and at < collection.asked_at + again_after
    gateway = None if known or early or lately else store.gateways.find(kind=collection.gateway)
    if gateway is None:
        return collection
    with suppress(StaleVersion, GatewayUnavailable, *NEVER_TELLS):
        ask_vendor(
            ports=ports, store=store, gateway=gateway, collection=collection, at=at, request_id=request_id
        )
    return store.collections.get(collection_id=collection.collection_id)


def ask_vendor(
    *,
    ports: GatewayPorts,
    store: TenantStore,
    gateway: GatewaySetUp,
    collection: Collection,
    at: datetime,
    request_id: str = "",
) -> None:
    """Ask a collection's vendor what became of it, and do what it says.

    Raises GatewayUnavailable, what is among ``NEVER_TELLS``, StaleVersion where something was heard of
    it at this moment, or what ``apply_notice`` raises.
    """
    asked = replace(collection, asked_at=at)
    store.commit(*store.collections.change(before=collection, after=asked))
    notice = ports.gateway_of(collection.gateway).inquire(
        reference=collection.reference,
        vendor_id=collection.vendor_id,
        credentials=gateway.credentials,
        now=at,
    )
    if notice.reference == collection.reference:
        arrived = Arrived(collection.gateway, notice, at, request_id=request_id)
        apply_notice(ports=ports, store=store, arrived=arrived)
