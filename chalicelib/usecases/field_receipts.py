"""Recording receipts of the field: many at once, each by itself, however often a device sends them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.documents import Document
from chalicelib.domain.errors import Conflict, DomainError, InvalidValue, NotFound
from chalicelib.domain.field_receipts import (
    FieldReceipt,
    KeptReceipt,
    ReceiptRepeated,
    ReceiptState,
    check_taken_at,
)
from chalicelib.domain.funds import fund_id_of
from chalicelib.domain.payments import Channel
from chalicelib.domain.staff import Principal
from chalicelib.ports.store import AuditNote, TenantStore, Write
from chalicelib.usecases.cash_in_hand import check_person
from chalicelib.usecases.payments import PaymentAsked, record_payment
from chalicelib.usecases.posting import Posted


@dataclass(frozen=True, slots=True)
class ReceiptAnswer:
    """What became of a receipt: its document where it is recorded, why not where it is refused."""

    receipt_id: str
    state: ReceiptState
    document: Document | None = None
    refused: DomainError | None = None


def record_field_receipts(
    *,
    store: TenantStore,
    receipts: Sequence[FieldReceipt],
    principal: Principal,
    at: datetime,
    note: AuditNote,
) -> list[ReceiptAnswer]:
    """Record receipts as cash in the person's own hands, and answer each in the order given.

    Each is a transaction by itself, with its identifier: what is recorded stands whatever becomes of
    the others, and is ``repeated`` when it comes again. Raises NotAPerson, or what says that the
    database or other writers are in the way: then all may be sent again.
    """
    fund_id = fund_id_of(staff_id=check_person(principal=principal))
    known = store.field_receipts.kept(fund_id=fund_id, receipt_ids=[one.receipt_id for one in receipts])
    asked = {one.subscriber_id for one in receipts}
    mine = store.subscribers.within(scope=principal.scope, account_ids=asked)
    answers = []
    for receipt in receipts:
        kept = known.get(receipt.receipt_id)
        try:
            if kept is not None:
                answer = _again(store, receipt, kept)
            else:
                if receipt.subscriber_id not in mine:
                    raise NotFound("no such subscriber", param="subscriber_id")  # noqa: TRY301 - as all are
                answer = _recorded(store, receipt, principal.actor_id, at, note)
        except (InvalidValue, Conflict, NotFound) as error:
            answer = ReceiptAnswer(receipt.receipt_id, ReceiptState.REFUSED, refused=error)
        answers.append(answer)
    return answers


def _recorded(
    store: TenantStore, receipt: FieldReceipt, staff_id: str, at: datetime, note: AuditNote
) -> ReceiptAnswer:
    """Record a receipt; where it came twice at once, the other is the one."""
    fund_id = fund_id_of(staff_id=staff_id)
    check_taken_at(taken_at=receipt.taken_at, at=at)
    details = {"receipt_id": receipt.receipt_id, "taken_at": receipt.taken_at.isoformat()}

    def keep(posted: Posted) -> Sequence[Write]:
        document_id = posted.documents[0].document_id
        return [store.field_receipts.add(fund_id=fund_id, receipt=receipt, document_id=document_id)]

    try:
        document = record_payment(
            store=store,
            subscriber_id=receipt.subscriber_id,
            asked=PaymentAsked(receipt.amount, Channel.CASH, note=receipt.note),
            at=at,
            note=replace(note, object_id=receipt.subscriber_id, details={**note.details, **details}),
            hands=staff_id,
            besides=keep,
        )
    except ReceiptRepeated:
        kept = store.field_receipts.kept(fund_id=fund_id, receipt_ids=[receipt.receipt_id])
        return _again(store, receipt, kept[receipt.receipt_id])
    return ReceiptAnswer(receipt.receipt_id, ReceiptState.RECORDED, document)


def _again(store: TenantStore, receipt: FieldReceipt, kept: KeptReceipt) -> ReceiptAnswer:
    """Return what a receipt is whose identifier is recorded already."""
    document = store.documents.get(document_id=kept.document_id)
    if kept.same(receipt=receipt, note=document.note):
        return ReceiptAnswer(receipt.receipt_id, ReceiptState.REPEATED, document)
    other = ReceiptRepeated("another receipt is recorded with this identifier", param="receipt_id")
    return ReceiptAnswer(receipt.receipt_id, ReceiptState.CONFLICT, refused=other)
