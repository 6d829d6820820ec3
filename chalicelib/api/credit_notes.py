"""Credit notes: the correction of an issued invoice, which itself never changes."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from chalicelib.api.documents import DocumentOut
from chalicelib.api.errors import InvalidField
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import PARTS_MAX, Line, Schema
from chalicelib.domain.credit_notes import SHARE_PER_UNIT, CreditReason
from chalicelib.domain.documents import NOTE_CHARS_MAX
from chalicelib.domain.invoices import LINES_PER_INVOICE_MAX
from chalicelib.domain.money import AMOUNT_MINOR_MAX
from chalicelib.domain.payments import REFERENCE_CHARS_MAX, Channel
from chalicelib.domain.staff import Permission
from chalicelib.usecases import credit_notes


class CreditLineIn(Schema):
    """What of a line is credited: minor units with its taxes, or all that is left of it."""

    line: int = Field(ge=0, description="place in the invoice's lines, from 0 on", examples=[0])
    amount: int | None = Field(default=None, ge=1, le=AMOUNT_MINOR_MAX, examples=[50000])


class RefundBy(Schema):
    """How money is given back that a credit note would make credit."""

    channel: Channel = Field(examples=["cash"])
    reference: Line = Field(default="", max_length=REFERENCE_CHARS_MAX)


class CreditNoteIn(Schema):
    """What of an invoice is credited: some of its ``lines``, a share of what is left, or all of that.

    What is open of the invoice is offset first; the rest is the account's credit, or given back
    by ``refund``.
    """

    reason: CreditReason = Field(examples=["error"])
    note: Line = Field(default="", max_length=NOTE_CHARS_MAX)
    lines: list[CreditLineIn] | None = Field(default=None, min_length=1, max_length=PARTS_MAX)
    share_millionths: int | None = Field(default=None, ge=1, le=SHARE_PER_UNIT, description="25 % is 250000")
    refund: RefundBy | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        lines = self.lines or []
        if self.lines is not None and self.share_millionths is not None:
            message = "name lines or a share, not both"
            raise InvalidField(message, param="share_millionths", code="invalid_value")
        if len(lines) > LINES_PER_INVOICE_MAX:
            message = f"an invoice has at most {LINES_PER_INVOICE_MAX} lines"
            raise InvalidField(message, param="lines", code="invalid_value")
        if len({one.line for one in lines}) != len(lines):
            raise InvalidField("name each line once", param="lines", code="invalid_value")
        return self

    def asked(self) -> credit_notes.CreditAsked:
        """Return the use case's value."""
        return credit_notes.CreditAsked(
            self.reason,
            self.note,
            None if self.lines is None else {one.line: one.amount for one in self.lines},
            self.share_millionths,
            self.refund.channel if self.refund else None,
            self.refund.reference if self.refund else "",
        )


@endpoint(
    "POST",
    "/v1/invoices/{invoice_id}/credit-notes",
    permission=Permission.INVOICES_WRITE,
    body=CreditNoteIn,
    field_permissions={"refund": Permission.PAYMENTS_WRITE},
    answer=DocumentOut,
    status=201,
    idempotency_required=True,
)
def issue_credit_note(request: Request) -> DocumentOut:
    """Credit an invoice with its own taxes; credited whole before anything is paid, it is void."""
    body, invoice_id = request.body_as(CreditNoteIn), request.path["invoice_id"]
    made = credit_notes.issue_credit_note(
        store=request.store,
        invoice_id=invoice_id,
        asked=body.asked(),
        at=request.now,
        note=request.note("credit_note.issued", invoice_id, reason=body.reason.value),
        idempotency=request.idempotency,
    )
    return DocumentOut.of(made)
