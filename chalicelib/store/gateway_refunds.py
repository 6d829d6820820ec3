"""Refunds that gateways are asked for.

- ``<tenant>#GRF`` / refund document's id: the refund.
- ``<tenant>#GRF#PENDING`` / the same: there while its end is not known.
"""

from __future__ import annotations

from collections.abc import Sequence

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.receipt_refunds import GatewayRefund, GatewayRefundState
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, delete, nullable, put, put_new
from chalicelib.store.paging import query_page


class GatewayRefundItem(TenantsItem):
    """``<tenant>#GRF`` / refund document's id."""

    receipt_id = UnicodeAttribute()
    channel = UnicodeAttribute()
    amount = NumberAttribute()
    currency = UnicodeAttribute()
    state = UnicodeAttribute()
    vendor_id = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    told = BooleanAttribute(null=True)
    version = NumberAttribute()


class PendingRefundItem(TenantsItem):
    """``<tenant>#GRF#PENDING`` / refund document's id."""


class DynamoGatewayRefunds(OfTenant):
    """A tenant's refunds by gateways."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id

    def get(self, *, refund_id: str) -> GatewayRefund:
        """Return the refund, or raise NotFound."""
        try:
            item = GatewayRefundItem.get(
                keys.gateway_refunds(self._tenant_id), refund_id, consistent_read=True
            )
        except DoesNotExist:
            raise NotFound("no such refund", param="document_id") from None
        return _refund(item)

    def pending(self, *, limit: int, after: str | None) -> Page[GatewayRefund]:
        """Return a page of those whose end is not known."""
        pk = keys.pending_refunds(self._tenant_id)
        page = query_page(PendingRefundItem, pk, limit=limit, after=after)
        wanted = [(keys.gateway_refunds(self._tenant_id), item.sk) for item in page.items]
        found = {item.sk: item for item in GatewayRefundItem.batch_get(wanted, consistent_read=True)}
        return Page(tuple(_refund(found[sk]) for _, sk in wanted if sk in found), page.after)

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
        return GatewayRefundItem(
            keys.gateway_refunds(self._tenant_id),
            refund.refund_id,
            receipt_id=refund.receipt_id,
            channel=refund.channel,
            amount=refund.amount,
            currency=refund.currency,
            state=refund.state.value,
            vendor_id=refund.vendor_id or None,
            reason=refund.reason or None,
            told=refund.told or None,
            version=refund.version,
        )


def _refund(item: GatewayRefundItem) -> GatewayRefund:
    return GatewayRefund(
        refund_id=item.sk,
        receipt_id=item.receipt_id,
        channel=item.channel,
        amount=int(item.amount),
        currency=item.currency,
        state=GatewayRefundState(item.state),
        vendor_id=nullable(item.vendor_id) or "",
        reason=nullable(item.reason) or "",
        version=int(item.version),
        told=bool(nullable(item.told)),
    )
