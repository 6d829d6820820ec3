"""Prepaid service: recharges, the lines that they are for, and taking a recharge back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from chalicelib.api.documents import DocumentOut
from chalicelib.api.invoices import InvoiceOut
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, Schema
from chalicelib.domain.documents import NOTE_CHARS_MAX
from chalicelib.domain.prepaid import PrepaidState
from chalicelib.domain.staff import Permission
from chalicelib.usecases import prepaid

PackageId = Annotated[str, Field(min_length=1, max_length=40, examples=["pkg_01JD0000000000000000000000"])]
SubscriptionId = Annotated[
    str, Field(min_length=1, max_length=40, examples=["sbn_01JD0000000000000000000000-1"])
]


class RechargeIn(Schema):
    """The package to buy, paid from the subscriber's credit.

    It is for the subscriber's prepaid line; where there are several, for the one named, and with
    ``new_line`` for one more.
    """

    package_id: PackageId
    pay: Literal["wallet"] = "wallet"
    subscription_id: SubscriptionId | None = None
    new_line: bool = False

    def asked(self) -> prepaid.RechargeAsked:
        """Return the use case's value."""
        return prepaid.RechargeAsked(self.package_id, self.subscription_id, self.new_line)


class PrepaidChange(Schema):
    """Whether the line is renewed from the credit when it runs out."""

    auto_renew: bool


class RechargeReversal(Schema):
    """Why a recharge is taken back."""

    reason: Line = Field(min_length=3, max_length=NOTE_CHARS_MAX, examples=["the wrong subscriber"])


class PrepaidOut(Schema):
    """A prepaid line; times are in the tenant's zone, to the minute.

    ``ended`` says why service ended: ``expired``, ``recharge_reversed``, or the code of what kept the
    line from being renewed, such as ``insufficient_credit``. Null while nobody saw the end.
    """

    subscription_id: SubscriptionId
    subscriber_id: str
    package_id: str
    edition: int
    state: PrepaidState
    began_at: datetime = Field(description="since when service runs without a gap")
    expires_at: datetime = Field(examples=["2026-12-24T15:30:00+05:00"])
    auto_renew: bool
    ended: str | None = Field(examples=["insufficient_credit"])
    version: int

    @classmethod
    def of(cls, shown: prepaid.PrepaidShown) -> PrepaidOut:
        """Render a line."""
        line, zone = shown.line, ZoneInfo(shown.zone)
        return cls(
            subscription_id=line.subscription_id,
            subscriber_id=line.account_id,
            package_id=line.package_id,
            edition=line.edition,
            state=line.state(at=shown.at),
            began_at=line.began_at.astimezone(zone),
            expires_at=line.expires_at.astimezone(zone),
            auto_renew=line.auto_renew,
            ended=line.ended or None,
            version=line.version,
        )


class PrepaidLines(Schema):
    """The prepaid lines of a subscriber."""

    items: list[PrepaidOut]


class RechargeOut(Schema):
    """A recharge: what it gave, the line after it, and its invoice, which is paid."""

    valid_from: datetime
    valid_until: datetime
    line: PrepaidOut
    invoice: InvoiceOut

    @classmethod
    def of(cls, made: prepaid.Recharged) -> RechargeOut:
        """Render a recharge."""
        zone = ZoneInfo(made.shown.zone)
        return cls(
            valid_from=made.granted.start.astimezone(zone),
            valid_until=made.granted.end.astimezone(zone),
            line=PrepaidOut.of(made.shown),
            invoice=InvoiceOut.of(made.invoice),
        )


class RechargeReversalOut(Schema):
    """A recharge that was taken back: its credit note, and the line after it."""

    line: PrepaidOut
    credit_note: DocumentOut

    @classmethod
    def of(cls, made: prepaid.TakenBack) -> RechargeReversalOut:
        """Render it."""
        return cls(line=PrepaidOut.of(made.shown), credit_note=DocumentOut.of(made.document))


@endpoint(
    "POST",
    "/v1/subscribers/{subscriber_id}/recharges",
    permission=Permission.PAYMENTS_RECORD,
    body=RechargeIn,
    answer=RechargeOut,
    status=201,
    idempotency_required=True,
)
def recharge(request: Request) -> RechargeOut:
    """Buy a prepaid package with the subscriber's credit.

    Time is added to what still runs on the same package; on another one service begins now, and what
    was left is given up. Refused with ``insufficient_credit`` where the credit does not suffice.
    """
    body, subscriber_id = request.body_as(RechargeIn), request.path["subscriber_id"]
    made = prepaid.recharge_from_wallet(
        store=request.store,
        subscriber_id=subscriber_id,
        asked=body.asked(),
        at=request.now,
        note=request.note("prepaid.recharged", subscriber_id, package_id=body.package_id),
        idempotency=request.idempotency,
    )
    return RechargeOut.of(made)


@endpoint(
    "POST",
    "/v1/invoices/{invoice_id}/recharge-reversal",
    permission=Permission.INVOICES_WRITE,
    body=RechargeReversal,
    answer=RechargeReversalOut,
    status=201,
    idempotency_required=True,
)
def reverse_recharge(request: Request) -> RechargeReversalOut:
    """Take a recharge back: its invoice is credited, and the time that it gave and is left is gone."""
    body, invoice_id = request.body_as(RechargeReversal), request.path["invoice_id"]
    made = prepaid.reverse_recharge(
        store=request.store,
        invoice_id=invoice_id,
        words=body.reason,
        at=request.now,
        note=request.note("prepaid.reversed", invoice_id, why=body.reason),
        idempotency=request.idempotency,
    )
    return RechargeReversalOut.of(made)


@endpoint(
    "GET",
    "/v1/subscribers/{subscriber_id}/prepaid",
    permission=Permission.SUBSCRIBERS_READ,
    answer=PrepaidLines,
)
def list_prepaid(request: Request) -> PrepaidLines:
    """List a subscriber's prepaid lines: until when each runs."""
    shown = prepaid.list_prepaid(
        store=request.store, subscriber_id=request.path["subscriber_id"], at=request.now
    )
    return PrepaidLines(items=[PrepaidOut.of(one) for one in shown])


@endpoint(
    "GET",
    "/v1/prepaid/{subscription_id}",
    permission=Permission.SUBSCRIBERS_READ,
    answer=PrepaidOut,
)
def get_prepaid(request: Request) -> PrepaidOut:
    """Show a prepaid line: until when it runs."""
    subscription_id = request.path["subscription_id"]
    return PrepaidOut.of(
        prepaid.get_prepaid(store=request.store, subscription_id=subscription_id, at=request.now)
    )


@endpoint(
    "PATCH",
    "/v1/prepaid/{subscription_id}",
    permission=Permission.SUBSCRIBERS_WRITE,
    body=PrepaidChange,
    answer=PrepaidOut,
    if_match=True,
)
def change_prepaid(request: Request) -> PrepaidOut:
    """Renew a prepaid line from the credit when it runs out, or do not."""
    subscription_id = request.path["subscription_id"]
    shown = prepaid.set_auto_renew(
        store=request.store,
        subscription_id=subscription_id,
        auto_renew=request.body_as(PrepaidChange).auto_renew,
        if_match=request.if_match,
        at=request.now,
        note=request.note("prepaid.changed", subscription_id),
    )
    return PrepaidOut.of(shown)
