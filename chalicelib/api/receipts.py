"""What becomes of a receipt: what it pays is moved, and money of it is given back."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.api.documents import AllocationPart, DocumentOut
from chalicelib.api.files import FileOut
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import PARTS_MAX, Line, ListAnswer, ListQuery, MoneyIn, MoneyOut, Schema
from chalicelib.domain.documents import NOTE_CHARS_MAX
from chalicelib.domain.payments import REFERENCE_CHARS_MAX, Channel
from chalicelib.domain.receipt_refunds import GatewayRefund, GatewayRefundState
from chalicelib.domain.staff import Permission
from chalicelib.usecases import printing, reallocations, receipt_mails, receipt_refunds
from chalicelib.usecases.gateway_money_back import gateway_by_receipt


class ReallocationIn(Schema):
    """What a receipt is to pay, all of it: the named invoices, and the rest is credit.

    With ``"allocate": "oldest_due"`` it pays the oldest due invoices, as if it came in now.
    """

    allocations: list[AllocationPart] = Field(default=[], max_length=PARTS_MAX)
    allocate: Literal["named", "oldest_due"] = "named"
    note: Line = Field(default="", max_length=NOTE_CHARS_MAX)

    def asked(self) -> reallocations.ReallocationAsked:
        """Return the use case's value."""
        parts = [one.part() for one in self.allocations]
        return reallocations.ReallocationAsked(parts, self.allocate == "oldest_due", self.note)


class ReceiptRefundIn(Schema):
    """A part of a payment that was given back by hand: of the account's credit.

    `gateway` is what was given back on the page of the gateway that the payment came by.
    """

    amount: MoneyIn
    channel: Channel | Literal["gateway"] = Field(examples=["cash"])
    reference: Line = Field(default="", max_length=REFERENCE_CHARS_MAX)
    note: Line = Field(default="", max_length=NOTE_CHARS_MAX)

    def asked(self) -> receipt_refunds.RefundByHand:
        """Return the use case's value."""
        channel = None if self.channel == "gateway" else self.channel
        return receipt_refunds.RefundByHand(self.amount.money(), channel, self.reference, self.note)


@endpoint(
    "POST",
    "/v1/documents/{document_id}/reallocations",
    permission=Permission.PAYMENTS_WRITE,
    body=ReallocationIn,
    answer=DocumentOut,
    status=201,
    idempotency_required=True,
)
def reallocate_receipt(request: Request) -> DocumentOut:
    """Move what a receipt pays to other invoices: a journal; what it paid is open again as far as moved."""
    body, document_id = request.body_as(ReallocationIn), request.path["document_id"]
    made = reallocations.reallocate_receipt(
        store=request.store,
        document_id=document_id,
        asked=body.asked(),
        at=request.now,
        note=request.note("payment.reallocated", document_id),
        idempotency=request.idempotency,
    )
    return DocumentOut.of(made)


@endpoint(
    "POST",
    "/v1/documents/{document_id}/refunds",
    permission=Permission.PAYMENTS_WRITE,
    body=ReceiptRefundIn,
    answer=DocumentOut,
    status=201,
    idempotency_required=True,
)
def refund_receipt(request: Request) -> DocumentOut:
    """Give a part of a payment back, never more than is left of it."""
    body, document_id = request.body_as(ReceiptRefundIn), request.path["document_id"]
    made = receipt_refunds.give_payment_back(
        store=request.store,
        document_id=document_id,
        asked=body.asked(),
        at=request.now,
        note=request.note("refund.made", document_id, channel=str(body.channel)),
        idempotency=request.idempotency,
    )
    return DocumentOut.of(made)


class GatewayRefundIn(Schema):
    """A part of a payment to be given back by the gateway that it came by."""

    amount: MoneyIn


class RefundOutcomeIn(Schema):
    """What the gateway's own page says of a refund that is pending."""

    outcome: Literal["done", "refused"]
    note: Line = Field(min_length=3, max_length=NOTE_CHARS_MAX, examples=["seen on the dashboard"])


class GatewayRefundOut(Schema):
    """A refund by a gateway; its document is in the books from the beginning.

    ``pending`` until the gateway answered: complete it (``POST .../completion``). One that was ``refused``
    is credit again.
    """

    document_id: str = Field(examples=["rfd_01JD0000000000000000000000-20261101-202"])
    receipt_id: str
    channel: str = Field(examples=["stripe"])
    amount: MoneyOut
    state: GatewayRefundState
    vendor_id: str | None
    reason: str | None

    @classmethod
    def of(cls, refund: GatewayRefund) -> GatewayRefundOut:
        """Render a refund."""
        return cls(
            document_id=refund.refund_id,
            receipt_id=refund.receipt_id,
            channel=refund.channel,
            amount=MoneyOut(amount=refund.amount, currency=refund.currency),
            state=refund.state,
            vendor_id=refund.vendor_id or None,
            reason=refund.reason or None,
        )


class PendingRefunds(ListAnswer):
    """Refunds that gateways have not answered yet."""

    items: list[GatewayRefundOut]


@endpoint(
    "POST",
    "/v1/documents/{document_id}/gateway-refunds",
    permission=Permission.PAYMENTS_WRITE,
    body=GatewayRefundIn,
    answer=GatewayRefundOut,
    status=201,
    idempotency_required=True,
)
def refund_by_gateway(request: Request) -> GatewayRefundOut:
    """Give a part of a payment back by its gateway, never more than is left of it."""
    body, document_id = request.body_as(GatewayRefundIn), request.path["document_id"]
    made = receipt_refunds.refund_by_gateway(
        store=request.store,
        document_id=document_id,
        amount=body.amount.money(),
        gateway_of=gateway_by_receipt(ports=request.services.gateways, store=request.store),
        at=request.now,
        note=request.note("refund.made", document_id, channel="gateway"),
        idempotency=request.idempotency,
    )
    return GatewayRefundOut.of(made)


@endpoint(
    "POST",
    "/v1/documents/{document_id}/completion",
    permission=Permission.PAYMENTS_WRITE,
    answer=GatewayRefundOut,
)
def complete_gateway_refund(request: Request) -> GatewayRefundOut:
    """Ask the gateway again for a refund that is pending, by the same key; what has ended stays."""
    refund_id = request.path["document_id"]
    refund = receipt_refunds.finish_gateway_refund(
        store=request.store,
        refund_id=refund_id,
        gateway_of=gateway_by_receipt(ports=request.services.gateways, store=request.store),
        at=request.now,
        note=request.note("refund.completed", refund_id),
    )
    return GatewayRefundOut.of(refund)


@endpoint(
    "POST",
    "/v1/documents/{document_id}/refund-outcome",
    permission=Permission.PAYMENTS_WRITE,
    body=RefundOutcomeIn,
    answer=GatewayRefundOut,
)
def say_refund_outcome(request: Request) -> GatewayRefundOut:
    """Say what became of a pending refund, by the gateway's own page; what was not made is credit."""
    body, refund_id = request.body_as(RefundOutcomeIn), request.path["document_id"]
    refund = receipt_refunds.say_refund_outcome(
        store=request.store,
        refund_id=refund_id,
        done=body.outcome == "done",
        words=body.note,
        at=request.now,
        note=request.note("refund.outcome_said", refund_id, outcome=body.outcome),
    )
    return GatewayRefundOut.of(refund)


@endpoint(
    "GET",
    "/v1/pending-refunds",
    permission=Permission.LEDGER_READ,
    query=ListQuery,
    answer=PendingRefunds,
)
def list_pending_refunds(request: Request) -> PendingRefunds:
    """List the refunds that gateways have not answered yet."""
    limit = request.query_as(ListQuery).limit
    page = request.store.money.gateway_refunds.pending(limit=limit, after=request.after)
    return request.listing(PendingRefunds, page, GatewayRefundOut.of)


@endpoint("GET", "/v1/documents/{document_id}/pdf", permission=Permission.PAYMENTS_READ, answer=FileOut)
def print_receipt(request: Request) -> FileOut:
    """Show where a receipt is to be got as PDF, as it stands now."""
    made = printing.print_receipt(
        store=request.store,
        blobs=request.services.blobs,
        printer=request.services.printer,
        document_id=request.path["document_id"],
        at=request.now,
    )
    return FileOut.of(made)


@endpoint("GET", "/v1/invoices/{invoice_id}/pdf", permission=Permission.INVOICES_READ, answer=FileOut)
def print_invoice(request: Request) -> FileOut:
    """Show where an invoice, or a debit note, is to be got as PDF, as it stands now."""
    made = printing.print_invoice(
        store=request.store,
        blobs=request.services.blobs,
        printer=request.services.printer,
        invoice_id=request.path["invoice_id"],
        at=request.now,
    )
    return FileOut.of(made)


@endpoint(
    "POST",
    "/v1/documents/{document_id}/mails",
    permission=Permission.PAYMENTS_RECORD,
    answer=DocumentOut,
    status=202,
    idempotent=True,
)
def mail_receipt(request: Request) -> DocumentOut:
    """Mail a receipt to its subscriber, five times a day at most."""
    document_id = request.path["document_id"]
    receipt = receipt_mails.ask_receipt_mail(
        identity=request.services.identity,
        store=request.store,
        queue=request.services.mail_queue,
        document_id=document_id,
        at=request.now,
        note=request.note("receipt.mailed", document_id),
        idempotency=request.idempotency,
    )
    return DocumentOut.of(receipt)
