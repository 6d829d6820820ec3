"""Chargebacks: payments that their payers' banks took back."""

from __future__ import annotations

from pydantic import Field

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, ListAnswer, ListQuery, MoneyIn, MoneyOut, Schema
from chalicelib.domain.chargebacks import CASE_CHARS_MAX, Chargeback, ChargebackState
from chalicelib.domain.staff import Permission
from chalicelib.usecases import chargebacks


class ChargebackIn(Schema):
    """What a payer's bank takes back: all of the payment that it did not yet, without an amount."""

    case_id: Line = Field(min_length=1, max_length=CASE_CHARS_MAX, examples=["dp_1Nv0FGQ9RKHgCVdK"])
    amount: MoneyIn | None = None


class ChargebackWinIn(Schema):
    """The case that was won."""

    case_id: Line = Field(min_length=1, max_length=CASE_CHARS_MAX, examples=["dp_1Nv0FGQ9RKHgCVdK"])


class ChargebackOut(Schema):
    """A case; ``debit_note_id`` is what the subscriber owes of it anew.

    ``journal_id`` took the money, ``won_by`` gave it back.
    """

    case_id: str
    channel: str = Field(examples=["stripe"])
    state: ChargebackState
    document_id: str = Field(description="the receipt of the payment that was taken back")
    amount: MoneyOut
    journal_id: str
    debit_note_id: str | None
    won_by: str | None

    @classmethod
    def of(cls, case: Chargeback) -> ChargebackOut:
        """Render a case."""
        return cls(
            case_id=case.case_id,
            channel=case.channel,
            state=case.state,
            document_id=case.receipt_id,
            amount=MoneyOut(amount=case.amount, currency=case.currency),
            journal_id=case.journal_id,
            debit_note_id=case.debit_note_id or None,
            won_by=case.won_by or None,
        )


class ChargebackList(ListAnswer):
    """Cases."""

    items: list[ChargebackOut]


@endpoint("GET", "/v1/chargebacks", permission=Permission.LEDGER_READ, query=ListQuery, answer=ChargebackList)
def list_chargebacks(request: Request) -> ChargebackList:
    """List chargebacks, by channel and case."""
    limit = request.query_as(ListQuery).limit
    page = request.store.money.chargebacks.list(limit=limit, after=request.after)
    return request.listing(ChargebackList, page, ChargebackOut.of)


@endpoint(
    "POST",
    "/v1/documents/{document_id}/chargebacks",
    permission=Permission.PAYMENTS_WRITE,
    body=ChargebackIn,
    answer=ChargebackOut,
    status=201,
    idempotency_required=True,
)
def charge_payment_back(request: Request) -> ChargebackOut:
    """Record that a payer's bank took a payment back, once for each case; for want of money it is owed."""
    body, document_id = request.body_as(ChargebackIn), request.path["document_id"]
    amount = body.amount.money() if body.amount else None
    case = chargebacks.charge_payment_back(
        store=request.store,
        document_id=document_id,
        asked=chargebacks.ChargebackAsked(body.case_id, amount),
        at=request.now,
        note=request.note("payment.charged_back", document_id, case_id=body.case_id),
        idempotency=request.idempotency,
    )
    return ChargebackOut.of(case)


@endpoint(
    "POST",
    "/v1/documents/{document_id}/chargeback-wins",
    permission=Permission.PAYMENTS_WRITE,
    body=ChargebackWinIn,
    answer=ChargebackOut,
    status=201,
    idempotency_required=True,
)
def win_chargeback(request: Request) -> ChargebackOut:
    """Record that a chargeback was won: its money is back, and pays what it had opened."""
    body, document_id = request.body_as(ChargebackWinIn), request.path["document_id"]
    case = chargebacks.win_chargeback(
        store=request.store,
        document_id=document_id,
        case_id=body.case_id,
        at=request.now,
        note=request.note("chargeback.won", document_id, case_id=body.case_id),
        idempotency=request.idempotency,
    )
    return ChargebackOut.of(case)
