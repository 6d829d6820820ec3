"""Payments taken by hand, their reversal, and money that is given back."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.api.documents import AllocationPart, DocumentOut
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import PARTS_MAX, Line, MoneyIn, Schema
from chalicelib.domain.documents import NOTE_CHARS_MAX
from chalicelib.domain.payments import REFERENCE_CHARS_MAX, Channel, Source
from chalicelib.domain.staff import Permission
from chalicelib.usecases import payments, receipt_mails
from chalicelib.usecases.cash_in_hand import takes_in_hand


class PaymentIn(Schema):
    """A payment that staff took.

    It pays the ``allocations``; without any, the oldest due invoices first, or with ``"allocate":
    "none"`` nothing. What is left is the account's credit and pays the next invoices.
    """

    amount: MoneyIn
    channel: Channel = Field(examples=["cash"])
    reference: Line = Field(
        default="", max_length=REFERENCE_CHARS_MAX, description="such as the number of the cheque"
    )
    note: Line = Field(default="", max_length=NOTE_CHARS_MAX)
    allocate: Literal["oldest_due", "none"] = "oldest_due"
    allocations: list[AllocationPart] = Field(default=[], max_length=PARTS_MAX)

    def asked(self) -> payments.PaymentAsked:
        """Return the use case's value."""
        return payments.PaymentAsked(
            self.amount.money(),
            self.channel,
            self.reference,
            self.note,
            [one.part() for one in self.allocations],
            keep=self.allocate == "none",
        )


class ReturnFeeIn(Schema):
    """What a returned cheque costs the subscriber, before tax where the group is not inclusive."""

    amount: MoneyIn
    tax_group: str | None = Field(default=None, min_length=1, max_length=40)


class ReversalIn(Schema):
    """Why a payment is none; where a cheque bounced, its fee waits for the next bill."""

    reason: Line = Field(min_length=3, max_length=NOTE_CHARS_MAX, examples=["the cheque bounced"])
    kind: Literal["payment_reversed", "bounced_cheque"] = "payment_reversed"
    fee: ReturnFeeIn | None = None

    def asked(self) -> payments.ReversalAsked:
        """Return the use case's value."""
        fee = self.fee
        amount, group = (fee.amount.money(), fee.tax_group) if fee else (None, None)
        return payments.ReversalAsked(self.reason, self.kind, amount, group)


class RefundIn(Schema):
    """Money to be given back: of the credit, or of a deposit as far as nothing is owed."""

    amount: MoneyIn
    channel: Channel = Field(examples=["cash"])
    source: Source = Source.CREDIT
    reference: Line = Field(default="", max_length=REFERENCE_CHARS_MAX)
    note: Line = Field(default="", max_length=NOTE_CHARS_MAX)

    def asked(self) -> payments.RefundAsked:
        """Return the use case's value."""
        return payments.RefundAsked(self.amount.money(), self.channel, self.source, self.reference, self.note)


@endpoint(
    "POST",
    "/v1/subscribers/{subscriber_id}/payments",
    permission=Permission.PAYMENTS_RECORD,
    body=PaymentIn,
    answer=DocumentOut,
    status=201,
    idempotency_required=True,
)
def record_payment(request: Request) -> DocumentOut:
    """Record a payment: it gets a receipt and settles invoices; what is left is credit.

    A collector's cash is in the collector's own fund, with the channel ``in_hand``, until handed over.
    A collector takes cash and cheques alone, and who works for a dealer with a wallet none beside it.
    """
    body, subscriber_id = request.body_as(PaymentIn), request.path["subscriber_id"]
    made = payments.record_payment(
        store=request.store,
        subscriber_id=subscriber_id,
        asked=body.asked(),
        at=request.now,
        note=request.note("payment.recorded", subscriber_id, channel=body.channel.value),
        idempotency=request.idempotency,
        hands=request.principal.actor_id if takes_in_hand(principal=request.principal) else "",
        dealer_code=request.principal.scope.dealer_id,
    )
    receipt_mails.announce(store=request.store, queue=request.services.mail_queue, receipt=made)
    return DocumentOut.of(made)


@endpoint(
    "POST",
    "/v1/documents/{document_id}/reversal",
    permission=Permission.PAYMENTS_WRITE,
    body=ReversalIn,
    answer=DocumentOut,
    status=201,
    idempotency_required=True,
)
def reverse_payment(request: Request) -> DocumentOut:
    """Take a payment back, once: its invoices are open again and its credit is gone."""
    body, document_id = request.body_as(ReversalIn), request.path["document_id"]
    made = payments.reverse_payment(
        store=request.store,
        document_id=document_id,
        asked=body.asked(),
        at=request.now,
        note=request.note("payment.reversed", document_id, why=body.reason, kind=body.kind),
        idempotency=request.idempotency,
    )
    return DocumentOut.of(made)


@endpoint(
    "POST",
    "/v1/subscribers/{subscriber_id}/refunds",
    permission=Permission.PAYMENTS_WRITE,
    body=RefundIn,
    answer=DocumentOut,
    status=201,
    idempotency_required=True,
)
def refund_subscriber(request: Request) -> DocumentOut:
    """Give credit, or a deposit, back in money."""
    body, subscriber_id = request.body_as(RefundIn), request.path["subscriber_id"]
    made = payments.give_back(
        store=request.store,
        subscriber_id=subscriber_id,
        asked=body.asked(),
        at=request.now,
        note=request.note("refund.made", subscriber_id, source=body.source.value),
        idempotency=request.idempotency,
    )
    return DocumentOut.of(made)
