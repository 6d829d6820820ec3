"""Notices that wait for a person: ``<tenant>#PARKED`` / notice id, in the order of time."""

from __future__ import annotations

import orjson
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.errors import Busy, NotFound
from chalicelib.domain.gateways import GatewayKind, NoticeStatus
from chalicelib.domain.identifiers import is_id
from chalicelib.domain.money import Money
from chalicelib.domain.parked_notices import NoticeResolved, ParkedNotice, ParkedState
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.accounts import OPERATIONAL
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, from_iso, nullable, put, put_new, to_iso
from chalicelib.store.paging import query_page


class ParkedItem(TenantsItem):
    """``<tenant>#PARKED`` / ``pkn_<ULID>``; ``told`` is sealed JSON: reference, vendor id, raw, why."""

    gateway = UnicodeAttribute()
    reason = UnicodeAttribute()
    status = UnicodeAttribute()
    amount = NumberAttribute(null=True)
    currency = UnicodeAttribute(null=True)
    arrived_at = UnicodeAttribute()
    account_id = UnicodeAttribute(null=True)
    collection_id = UnicodeAttribute(null=True)
    told = BinaryAttribute(legacy_encoding=False)
    state = UnicodeAttribute()
    resolved_by = UnicodeAttribute(null=True)
    resolved_at = UnicodeAttribute(null=True)
    receipt_id = UnicodeAttribute(null=True)


class DynamoParkedNotices(OfTenant):
    """The parked notices of one tenant."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys
        self._pk = keys.parked_notices(tenant_id)

    def get(self, *, notice_id: str) -> ParkedNotice:
        """Return one, or raise NotFound."""
        absent = NotFound("no such notice", param="notice_id")
        if not is_id(value=notice_id, prefix="pkn"):
            raise absent
        try:
            return self._notice(ParkedItem.get(self._pk, notice_id, consistent_read=True))
        except DoesNotExist:
            raise absent from None

    def list(self, *, state: ParkedState | None, limit: int, after: str | None) -> Page[ParkedNotice]:
        """Return a page, the newest first; with a state it may be short and yet go on."""
        page = query_page(
            ParkedItem,
            self._pk,
            limit=limit,
            after=after,
            where=None if state is None else lambda item: item.state == state.value,
            newest_first=True,
        )
        return Page(tuple(map(self._notice, page.items)), page.after)

    def add(self, *, parked: ParkedNotice) -> ModelWrite:
        """Describe parking one."""
        return put_new(self._item(parked), refused=Busy("the notice's identifier was taken"))

    def resolve(self, *, after: ParkedNotice) -> ModelWrite:
        """Describe a decision, once."""
        waiting = ParkedItem.state == ParkedState.WAITING.value
        refused = NoticeResolved("somebody decided on the notice at the same moment")
        return put(self._item(after), condition=waiting, refused=refused)

    def _item(self, parked: ParkedNotice) -> ParkedItem:
        plain = orjson.dumps([parked.reference, parked.vendor_id, parked.raw, parked.why])
        place = self._place(parked.notice_id)
        return ParkedItem(
            self._pk,
            parked.notice_id,
            gateway=parked.gateway.value,
            reason=parked.reason,
            status=parked.status.value,
            amount=parked.amount.amount if parked.amount else None,
            currency=parked.amount.currency if parked.amount else None,
            arrived_at=to_iso(parked.arrived_at),
            account_id=parked.account_id or None,
            collection_id=parked.collection_id or None,
            told=self._keys.seal(family=OPERATIONAL, place=place, plain=plain),
            state=parked.state.value,
            resolved_by=parked.resolved_by or None,
            resolved_at=None if parked.resolved_at is None else to_iso(parked.resolved_at),
            receipt_id=parked.receipt_id or None,
        )

    def _notice(self, item: ParkedItem) -> ParkedNotice:
        place = self._place(str(item.sk))
        reference, vendor_id, raw, why = orjson.loads(
            self._keys.open(family=OPERATIONAL, place=place, sealed=item.told)
        )
        amount, resolved_at = nullable(item.amount), nullable(item.resolved_at)
        return ParkedNotice(
            notice_id=str(item.sk),
            gateway=GatewayKind(item.gateway),
            reason=item.reason,
            status=NoticeStatus(item.status),
            reference=reference,
            vendor_id=vendor_id,
            amount=None if amount is None else Money(int(amount), item.currency),
            arrived_at=from_iso(item.arrived_at),
            account_id=nullable(item.account_id) or "",
            collection_id=nullable(item.collection_id) or "",
            raw=raw,
            state=ParkedState(item.state),
            resolved_by=nullable(item.resolved_by) or "",
            resolved_at=None if resolved_at is None else from_iso(resolved_at),
            receipt_id=nullable(item.receipt_id) or "",
            why=why,
        )

    def _place(self, notice_id: str) -> str:
        return f"tenants|{self._pk}|{notice_id}|told"
