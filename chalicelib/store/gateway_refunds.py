"""Refunds that gateways are asked for.

- ``<tenant>#GRF`` / refund document's id: the refund.
- ``<tenant>#GRF#PENDING`` / the same: there while its end is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.receipt_refunds import GatewayRefund, GatewayRefundState
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

# ``rfd_<ULID>-<yyyymmdd>-<slot>``
REFUND_ID_CHARS_MAX: Final = 60


class GatewayRefundItem(TenantsItem):
    """``<tenant>#GRF`` / refund document's id."""

    receipt_id = UnicodeAttribute()
    channel = UnicodeAttribute()
    amount = NumberAttribute()
    currency = UnicodeAttribute()
    begun_at = UnicodeAttribute()
    state = UnicodeAttribute()
    vendor_id = UnicodeAttribute(null=True)
    reason = BinaryAttribute(null=True, legacy_encoding=False)
    told = BooleanAttribute(null=True)
    version = NumberAttribute()


class PendingRefundItem(TenantsItem):
    """``<tenant>#GRF#PENDING`` / refund document's id."""


class DynamoGatewayRefunds(OfTenant):
    """A tenant's refunds by gateways."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys

    def get(self, *, refund_id: str) -> GatewayRefund:
        """Return the refund, or raise NotFound; what is no refund's identifier names none."""
        absent = NotFound("no such refund", param="document_id")
        if not refund_id.startswith("rfd_") or len(refund_id) > REFUND_ID_CHARS_MAX:
            raise absent
        try:
            item = GatewayRefundItem.get(
                keys.gateway_refunds(self._tenant_id), refund_id, consistent_read=True
            )
        except DoesNotExist:
            raise absent from None
        return self._refund(item)

    def list(self, *, limit: int, after: str | None) -> Page[GatewayRefund]:
        """Return a page of all, in the order of the refunds' identifiers."""
        pk = keys.gateway_refunds(self._tenant_id)
        page = query_page(GatewayRefundItem, pk, limit=limit, after=after)
        return Page(tuple(map(self._refund, page.items)), page.after)

    def pending(self, *, limit: int, after: str | None) -> Page[GatewayRefund]:
        """Return a page of those whose end is not known."""
        pk = keys.pending_refunds(self._tenant_id)
        page = query_page(PendingRefundItem, pk, limit=limit, after=after)
        wanted = [(keys.gateway_refunds(self._tenant_id), item.sk) for item in page.items]
        found = {item.sk: item for item in GatewayRefundItem.batch_get(wanted, consistent_read=True)}
        return Page(tuple(self._refund(found[sk]) for _, sk in wanted if sk in found), page.after)

    def add(self, *, refund: GatewayRefund) -> Sequence[ModelWrite]:
        """Describe adding a refund that is under way."""
        taken = Busy("another refund has this identifier; nothing was written, so try again")
        marker = PendingRefundItem(keys.pending_refunds(self._tenant_id), refund.refund_id)
        return [put_new(self._item(refund), refused=taken), put_new(marker, refused=taken)]

    def change(self, *, before: GatewayRefund, after: GatewayRefund) -> Sequence[ModelWrite]:
        """Describe a change; refused with StaleVersion where it is not as it was read."""
        assert after.version == before.version + 1, "every change counts the version up"
        moved = StaleVersion("the refund changed since it was read")
        same = GatewayRefundItem.version == before.version
        writes = [put(self._item(after), condition=same, refused=moved)]
        if after.state is not GatewayRefundState.PENDING:
            writes.append(delete(PendingRefundItem(keys.pending_refunds(self._tenant_id), after.refund_id)))
        return writes

    def _item(self, refund: GatewayRefund) -> GatewayRefundItem:
        pk, sk, words = keys.gateway_refunds(self._tenant_id), refund.refund_id, refund.reason.encode()
        place = _place(pk, sk)
        return GatewayRefundItem(
            pk,
            sk,
            receipt_id=refund.receipt_id,
            channel=refund.channel,
            amount=refund.amount,
            currency=refund.currency,
            begun_at=to_iso(refund.begun_at),
            state=refund.state.value,
            vendor_id=refund.vendor_id or None,
            reason=self._keys.seal(family=OPERATIONAL, place=place, plain=words) if words else None,
            told=refund.told or None,
            version=refund.version,
        )

    def _refund(self, item: GatewayRefundItem) -> GatewayRefund:
        sealed = nullable(item.reason)
        place = _place(item.pk, item.sk)
        reason = self._keys.open(family=OPERATIONAL, place=place, sealed=sealed).decode() if sealed else ""
        return GatewayRefund(
            refund_id=item.sk,
            receipt_id=item.receipt_id,
            channel=item.channel,
            amount=int(item.amount),
            currency=item.currency,
            begun_at=from_iso(item.begun_at),
            state=GatewayRefundState(item.state),
            vendor_id=nullable(item.vendor_id) or "",
            reason=reason,
            version=int(item.version),
            told=bool(nullable(item.told)),
        )


def _place(pk: str, sk: str) -> str:
    return f"tenants|{pk}|{sk}|reason"
