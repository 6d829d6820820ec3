"""Collections in DynamoDB.

- ``<tenant>#A#<ulid>`` / ``COL#<reference>``: the collection, in its account's collection.
- ``<tenant>#A#<ulid>`` / ``COLLECTING#<invoice key>``: which of them is at an invoice, one at most.
- ``<tenant>#COLS#all`` and ``<tenant>#COLS#<state>`` / ``<reference>``: by time, and whose it is.
- ``<tenant>#EVT#<shard>`` / ``<kind>#<digest>``: an event that was handled; it stays for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

import orjson
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.gateway_collections import (
    UNDER_WAY,
    Capture,
    Collection,
    CollectionState,
    is_reference,
    parse_collection_id,
)
from chalicelib.domain.gateways import GatewayKind
from chalicelib.domain.identifiers import MalformedId
from chalicelib.domain.money import Money
from chalicelib.ports.gateway_collections import CollectionTaken, EventKnown
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.accounts import OPERATIONAL
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import (
    ModelWrite,
    TenantsItem,
    delete,
    from_iso,
    nullable,
    put,
    put_new,
    to_iso,
)
from chalicelib.store.paging import query_page
from chalicelib.store.shards import shard_of

ALL = "all"
_PREFIX = keys.collection("")
_UNDER_WAY_PAGE = 100


class CollectionItem(TenantsItem):
    """``<tenant>#A#<ulid>`` / ``COL#<reference>``; ``reason`` is sealed: vendors write what they like."""

    gateway = UnicodeAttribute(attr_name="g")
    amount = NumberAttribute(attr_name="t")
    currency = UnicodeAttribute(attr_name="cur")
    state = UnicodeAttribute(attr_name="st")
    created_at = UnicodeAttribute(attr_name="at")
    created_by = UnicodeAttribute(attr_name="by")
    expires_at = UnicodeAttribute(attr_name="x")
    invoice = UnicodeAttribute(attr_name="i", null=True)
    vendor_id = UnicodeAttribute(attr_name="v", null=True)
    captures = UnicodeAttribute(attr_name="c", null=True)
    fee = NumberAttribute(attr_name="fee", null=True)
    reason = BinaryAttribute(attr_name="re", null=True, legacy_encoding=False)
    asked_at = UnicodeAttribute(attr_name="q", null=True)
    version = NumberAttribute(attr_name="n")


class CollectingItem(TenantsItem):
    """``<tenant>#A#<ulid>`` / ``COLLECTING#<invoice key>``."""

    reference = UnicodeAttribute()


class ListedItem(TenantsItem):
    """``<tenant>#COLS#<state>`` / ``<reference>``."""

    account_id = UnicodeAttribute(attr_name="a")
    gateway = UnicodeAttribute(attr_name="g")
    over_at = UnicodeAttribute(attr_name="x")


class EventItem(TenantsItem):
    """``<tenant>#EVT#<shard>`` / ``<kind>#<digest>``."""

    at = UnicodeAttribute()


class DynamoCollections(OfTenant):
    """The collections of one tenant."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys

    # -- reading ---------------------------------------------------------------------------

    def get(self, *, collection_id: str) -> Collection:
        """Return a collection, or raise NotFound."""
        try:
            account_id, reference = parse_collection_id(value=collection_id)
        except MalformedId:
            raise _absent() from None
        found = self._find(account_id, reference)
        if found is None:
            raise _absent()
        return found

    def by_reference(self, *, reference: str) -> Collection | None:
        """Return the collection of a reference, or None."""
        if not is_reference(text=reference):
            return None
        try:
            listed = ListedItem.get(keys.collections(self._tenant_id), reference, consistent_read=True)
        except DoesNotExist:
            return None
        return self._find(listed.account_id, reference)

    def at_invoice(self, *, account_id: str, invoice_id: str) -> Collection | None:
        """Return the collection that was last begun for an invoice, over or not, or None."""
        pk = keys.account(self._tenant_id, account_id)
        try:
            item = CollectingItem.get(pk, keys.collecting(invoice_id), consistent_read=True)
        except DoesNotExist:
            return None
        return self._find(account_id, item.reference)

    def of_account(self, *, account_id: str, limit: int, after: str | None) -> Page[Collection]:
        """Return an account's collections, the newest first."""
        page = query_page(
            CollectionItem,
            keys.account(self._tenant_id, account_id),
            limit=limit,
            after=after,
            sort=CollectionItem.sk.startswith(_PREFIX),
            newest_first=True,
        )
        return Page(tuple(map(self._collection, page.items)), page.after)

    def in_state(
        self, *, state: CollectionState | None, at: datetime, limit: int, after: str | None
    ) -> Page[Collection]:
        """Return the tenant's collections in a state, or all, the newest first.

        Of those under way the ones whose time is over are left out: such a page may be short.
        """
        now = to_iso(at)
        page = query_page(
            ListedItem,
            keys.collections(self._tenant_id, state.value if state else ALL),
            limit=limit,
            after=after,
            where=(lambda item: item.over_at > now) if state in UNDER_WAY else None,
            newest_first=True,
        )
        return Page(self._listed_ones(page.items), page.after)

    def under_way(self, *, limit: int) -> Iterator[Collection]:
        """Yield collections that are open or pending, their time over or not: the oldest of each first.

        At most ``limit`` of each state, read a page at a time.
        """
        for state in sorted(UNDER_WAY):
            pk, after, left = keys.collections(self._tenant_id, state.value), None, limit
            while left > 0:
                page = query_page(ListedItem, pk, limit=min(left, _UNDER_WAY_PAGE), after=after)
                yield from self._listed_ones(page.items)
                after, left = page.after, left - len(page.items)
                if after is None:
                    break

    def _listed_ones(self, listed: Sequence[ListedItem]) -> tuple[Collection, ...]:
        wanted = [
            (keys.account(self._tenant_id, one.account_id), keys.collection(str(one.sk))) for one in listed
        ]
        items = {(one.pk, one.sk): one for one in CollectionItem.batch_get(wanted, consistent_read=True)}
        return tuple(self._collection(items[key]) for key in wanted if key in items)

    def any_under_way(self, *, kind: GatewayKind, at: datetime) -> bool:
        """Whether a collection of a gateway is open, or the vendor works at it."""
        now = to_iso(at)
        return any(
            item.gateway == kind.value and item.over_at > now
            for state in UNDER_WAY
            for item in ListedItem.query(keys.collections(self._tenant_id, state.value), consistent_read=True)
        )

    def page_token(self, *, collection: Collection) -> str:
        """Return the token of a collection's own page."""
        return f"pcl_{self._keys.blind(kind='collection-page', value=collection.collection_id)}"

    def heard(self, *, kind: GatewayKind, event_id: str) -> bool:
        """Whether an event was handled."""
        try:
            EventItem.get(*self._event_key(kind, event_id), consistent_read=True)
        except DoesNotExist:
            return False
        return True

    # -- writing ---------------------------------------------------------------------------

    def add(self, *, collection: Collection, instead_of: Collection | None) -> Sequence[ModelWrite]:
        """Describe beginning one, in the place of the one before at the invoice."""
        writes = [
            put_new(self._item(collection), refused=Busy("the reference was taken: try again")),
            put_new(self._listed(collection, ALL), refused=Busy("the reference was taken: try again")),
            self._in_state(collection),
        ]
        if collection.invoice_id:
            pk = keys.account(self._tenant_id, collection.account_id)
            at_it = CollectingItem(pk, keys.collecting(collection.invoice_id), reference=collection.reference)
            free: Condition = CollectingItem.pk.does_not_exist()
            if instead_of is not None:
                free = CollectingItem.reference == instead_of.reference
            taken = CollectionTaken("another collection of the invoice began at the same moment")
            writes.append(put(at_it, condition=free, refused=taken))
        return writes

    def change(self, *, before: Collection, after: Collection) -> Sequence[ModelWrite]:
        """Describe a change."""
        item = self._item(replace(after, version=before.version + 1))
        moved = StaleVersion("the collection changed meanwhile")
        writes = [put(item, condition=CollectionItem.version == before.version, refused=moved)]
        if before.state is not after.state:
            gone = ListedItem(keys.collections(self._tenant_id, before.state.value), before.reference)
            writes += [delete(gone), self._in_state(after)]
        return writes

    def hear(self, *, kind: GatewayKind, event_id: str, at: datetime) -> ModelWrite:
        """Describe that an event is handled, once and for all."""
        item = EventItem(*self._event_key(kind, event_id), at=to_iso(at))
        known = put_new(item, refused=EventKnown("the event was handled before"))
        return replace(known, decides=True)

    # -- items -----------------------------------------------------------------------------

    def _event_key(self, kind: GatewayKind, event_id: str) -> tuple[str, str]:
        named = f"{kind.value}#{sha256(event_id.encode()).hexdigest()}"
        return keys.gateway_events(self._tenant_id, shard_of(named)), named

    def _in_state(self, collection: Collection) -> ModelWrite:
        return put(
            self._listed(collection, collection.state.value),
            condition=None,
            refused=Busy("never refused"),
        )

    def _listed(self, collection: Collection, state: str) -> ListedItem:
        return ListedItem(
            keys.collections(self._tenant_id, state),
            collection.reference,
            account_id=collection.account_id,
            gateway=collection.gateway.value,
            over_at=to_iso(collection.over_at),
        )

    def _item(self, collection: Collection) -> CollectionItem:
        pk, sk = keys.account(self._tenant_id, collection.account_id), keys.collection(collection.reference)
        reason = None
        if collection.reason:
            plain = collection.reason.encode()
            reason = self._keys.seal(family=OPERATIONAL, place=_reason_place(pk, sk), plain=plain)
        captures = [(one.vendor_id, one.receipt_id) for one in collection.captures]
        return CollectionItem(
            pk,
            sk,
            gateway=collection.gateway.value,
            amount=collection.amount.amount,
            currency=collection.amount.currency,
            state=collection.state.value,
            created_at=to_iso(collection.created_at),
            created_by=collection.created_by,
            expires_at=to_iso(collection.expires_at),
            invoice=collection.invoice_id or None,
            vendor_id=collection.vendor_id or None,
            captures=orjson.dumps(captures).decode() if captures else None,
            fee=collection.fee,
            reason=reason,
            asked_at=None if collection.asked_at is None else to_iso(collection.asked_at),
            version=collection.version,
        )

    def _collection(self, item: CollectionItem) -> Collection:
        sealed, asked_at, fee = nullable(item.reason), nullable(item.asked_at), nullable(item.fee)
        reason = b""
        if sealed is not None:
            place = _reason_place(str(item.pk), str(item.sk))
            reason = self._keys.open(family=OPERATIONAL, place=place, sealed=sealed)
        captures = orjson.loads(nullable(item.captures) or "[]")
        return Collection(
            account_id=f"sbr_{str(item.pk).rpartition('#')[2]}",
            reference=str(item.sk).removeprefix(_PREFIX),
            gateway=GatewayKind(item.gateway),
            amount=Money(int(item.amount), item.currency),
            state=CollectionState(item.state),
            created_at=from_iso(item.created_at),
            created_by=item.created_by,
            expires_at=from_iso(item.expires_at),
            invoice_id=nullable(item.invoice) or "",
            vendor_id=nullable(item.vendor_id) or "",
            captures=tuple(Capture(*one) for one in captures),
            fee=None if fee is None else int(fee),
            reason=reason.decode(),
            asked_at=None if asked_at is None else from_iso(asked_at),
            version=int(item.version),
        )

    def _find(self, account_id: str, reference: str) -> Collection | None:
        pk = keys.account(self._tenant_id, account_id)
        try:
            return self._collection(CollectionItem.get(pk, keys.collection(reference), consistent_read=True))
        except DoesNotExist:
            return None


def _reason_place(pk: str, sk: str) -> str:
    return f"tenants|{pk}|{sk}|reason"


def _absent() -> NotFound:
    return NotFound("no such collection", param="collection_id")
