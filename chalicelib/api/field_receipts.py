"""Receipts that collectors give in the field, sent together when the device is online again."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Currency, Line, MoneyOut, Schema
from chalicelib.domain.documents import NOTE_CHARS_MAX
from chalicelib.domain.field_receipts import RECEIPTS_PER_REQUEST_MAX, FieldReceipt, ReceiptState
from chalicelib.domain.money import Money
from chalicelib.domain.staff import Permission
from chalicelib.usecases import field_receipts, receipt_mails
from chalicelib.usecases.field_receipts import ReceiptAnswer

ReceiptId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"),
    Field(description="a UUID that the device made", examples=["0193648e-3b5f-7c1a-9d2e-5a4b6c7d8e9f"]),
]


class TakenMoney(Schema):
    """An amount in minor units; what cannot be one refuses its receipt alone."""

    amount: int = Field(examples=[164900])
    currency: Currency = Field(examples=["PKR"])


class FieldReceiptIn(Schema):
    """A receipt as the collector's device has it. It pays the oldest due invoices; the rest is credit."""

    receipt_id: ReceiptId
    subscriber_id: str = Field(min_length=1, max_length=40, examples=["sbr_01JD0000000000000000000000"])
    amount: TakenMoney
    taken_at: AwareDatetime = Field(
        description="by the device's clock, at most 30 days ago", examples=["2026-11-24T10:00:00+05:00"]
    )
    note: Line = Field(default="", max_length=NOTE_CHARS_MAX)

    def receipt(self) -> FieldReceipt:
        """Return the domain's value."""
        amount = Money(self.amount.amount, self.amount.currency)
        return FieldReceipt(self.receipt_id, self.subscriber_id, amount, self.taken_at, self.note)


class FieldReceiptsIn(Schema):
    """Receipts to record, each by itself."""

    receipts: list[FieldReceiptIn] = Field(min_length=1, max_length=RECEIPTS_PER_REQUEST_MAX)


class RefusalOut(Schema):
    """Why a receipt is not recorded."""

    code: str = Field(examples=["invalid_amount"])
    message: str
    param: str | None = Field(examples=["amount.amount"])


class FieldReceiptOut(Schema):
    """What became of a receipt.

    ``recorded``, or ``repeated`` where the same came before: ``number`` and ``document_id`` are the
    receipt's. ``conflict`` where another receipt has the identifier; ``refused`` where it cannot be one.
    """

    receipt_id: str
    state: ReceiptState
    document_id: str | None = Field(examples=["rcp_01JD0000000000000000000000-20261101-201"])
    number: str | None = Field(examples=["RCP-2027-000123"])
    amount: MoneyOut | None
    refused: RefusalOut | None

    @classmethod
    def of(cls, answer: ReceiptAnswer) -> FieldReceiptOut:
        """Render an answer."""
        document, refused = answer.document, answer.refused
        return cls(
            receipt_id=answer.receipt_id,
            state=answer.state,
            document_id=document.document_id if document else None,
            number=document.number if document else None,
            amount=MoneyOut(amount=document.amount, currency=document.currency) if document else None,
            refused=RefusalOut(code=refused.code, message=refused.message, param=refused.param)
            if refused
            else None,
        )


class FieldReceiptsOut(Schema):
    """What became of each receipt, in the order sent."""

    items: list[FieldReceiptOut]


@endpoint(
    "POST",
    "/v1/field-receipts",
    permission=Permission.CASH_COLLECT,
    body=FieldReceiptsIn,
    answer=FieldReceiptsOut,
)
def record_field_receipts(request: Request) -> FieldReceiptsOut:
    """Record receipts of cash, each once however often it is sent; the cash is in one's own hands.

    After an error of the whole request all may be sent again.
    """
    receipts = [one.receipt() for one in request.body_as(FieldReceiptsIn).receipts]
    answers = field_receipts.record_field_receipts(
        store=request.store,
        receipts=receipts,
        principal=request.principal,
        at=request.now,
        note=request.note("payment.recorded", request.principal.actor_id, channel="in_hand"),
    )
    for one in answers:
        if one.state is ReceiptState.RECORDED and one.document is not None:
            queue = request.services.mail_queue
            receipt_mails.announce(store=request.store, queue=queue, receipt=one.document)
    return FieldReceiptsOut(items=[FieldReceiptOut.of(one) for one in answers])
