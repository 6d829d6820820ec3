"""What gateways tell of money that goes back: chargebacks, won ones, and refunds that were asked of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final

from chalicelib.domain.documents import Document, DocumentKind
from chalicelib.domain.errors import Conflict, InvalidValue, NotFound
from chalicelib.domain.gateway_collections import Collection
from chalicelib.domain.gateways import Notice, NoticeStatus
from chalicelib.domain.receipt_refunds import GatewayRefund, GatewayRefundState, NotAGatewayPayment
from chalicelib.ports.gateway_collections import EventKnown
from chalicelib.ports.store import AuditNote, TenantStore, Write
from chalicelib.usecases.chargebacks import ChargebackAsked, charge_payment_back, win_chargeback
from chalicelib.usecases.gateways import GatewayPorts, get_gateway
from chalicelib.usecases.receipt_refunds import GatewayAccess, GatewayOf, gateway_kind_of

MONEY_BACK: Final = frozenset({NoticeStatus.CHARGEBACK, NoticeStatus.CHARGEBACK_WON, NoticeStatus.REFUNDED})
# Of one payment so many refunds, and of one account so many collections, are looked at.
_LOOKED_AT_MAX: Final = 400
_PAGE: Final = 100


def take_money_back(
    *,
    store: TenantStore,
    collection: Collection,
    notice: Notice,
    at: datetime,
    note: Callable[[str], AuditNote],
    also: Sequence[Write],
) -> bool:
    """Do what a notice of money that goes back says; False where a person has to look at it.

    A payment has one case, named by the vendor's number of the payment. A refund is known where it was
    asked of the gateway here. ``also``, the event's mark, is written in the same transaction. Raises
    EventKnown, or Busy.
    """
    receipt_id = _receipt_of(collection, notice)
    if not receipt_id:
        return False
    try:
        if notice.status is NoticeStatus.REFUNDED:
            return _hear_refund(store, receipt_id, notice, note("refund.heard"), also)
        if notice.status is NoticeStatus.CHARGEBACK:
            charge_payment_back(
                store=store,
                document_id=receipt_id,
                asked=ChargebackAsked(_case_of(collection, notice), notice.amount),
                at=at,
                note=note("payment.charged_back"),
                also=also,
            )
        else:
            win_chargeback(
                store=store,
                document_id=receipt_id,
                case_id=_case_of(collection, notice),
                at=at,
                note=note("chargeback.won"),
                also=also,
            )
    except EventKnown:
        raise
    except (NotFound, Conflict, InvalidValue):
        return False
    return True


def _receipt_of(collection: Collection, notice: Notice) -> str:
    """Return the receipt that a notice is about: by the vendor's number, or the only one there is."""
    captures = collection.captures
    named = [one.receipt_id for one in captures if notice.vendor_id and one.vendor_id == notice.vendor_id]
    return (named or [one.receipt_id for one in captures if len(captures) == 1] or [""])[0]


def _case_of(collection: Collection, notice: Notice) -> str:
    return notice.vendor_id or collection.reference


def _hear_refund(
    store: TenantStore, receipt_id: str, notice: Notice, note: AuditNote, also: Sequence[Write]
) -> bool:
    """Note that a gateway told of a refund that it was asked for, once for each."""
    receipt = store.documents.get(document_id=receipt_id)
    for refund in _refunds_of(store, receipt):
        known = refund.told or refund.state is GatewayRefundState.REFUSED
        if not known and notice.amount is not None and refund.amount == notice.amount.amount:
            change = store.money.gateway_refunds.change(before=refund, after=refund.heard())
            store.commit(*change, *also, store.note(note=note))
            return True
    return False


def _refunds_of(store: TenantStore, receipt: Document) -> Iterator[GatewayRefund]:
    page = store.documents.of_account(
        account_id=receipt.account_id, limit=_LOOKED_AT_MAX, after=None, kind=DocumentKind.REFUND
    )
    for one in page.items:
        if one.about == receipt.document_id and one.channel == receipt.channel:
            try:
                yield store.money.gateway_refunds.get(refund_id=one.document_id)
            except NotFound:  # it was given back by hand
                continue


def gateway_by_receipt(*, ports: GatewayPorts, store: TenantStore) -> GatewayOf:
    """Return what finds the gateway by which a receipt's payment came; it may be switched off by now."""

    def find(receipt: Document) -> GatewayAccess:
        kind = gateway_kind_of(receipt=receipt)
        reference = _reference_of(store, receipt)
        gateway = get_gateway(store=store, kind=kind)
        return GatewayAccess(ports.gateway_of(kind), gateway.credentials, reference)

    return find


def _reference_of(store: TenantStore, receipt: Document) -> str:
    """Return our reference of the collection that a receipt is of, or raise NotAGatewayPayment."""
    after, looked_at = None, 0
    while looked_at < _LOOKED_AT_MAX:
        page = store.collections.of_account(account_id=receipt.account_id, limit=_PAGE, after=after)
        for one in page.items:
            if receipt.document_id in {capture.receipt_id for capture in one.captures}:
                return one.reference
        looked_at += _PAGE
        after = page.after
        if after is None:
            break
    raise NotAGatewayPayment("no collection through a gateway brought this payment: give it back by hand")
