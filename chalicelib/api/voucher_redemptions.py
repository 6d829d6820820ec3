"""Redeeming a voucher: by staff for a subscriber, and by subscribers in the portal."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from chalicelib.api.prepaid import SubscriptionId
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, MoneyOut, Schema
from chalicelib.domain.money import Money
from chalicelib.domain.staff import Permission
from chalicelib.domain.vouchers import TYPED_CHARS_MAX
from chalicelib.usecases import receipt_mails
from chalicelib.usecases.portal import open_portal
from chalicelib.usecases.voucher_redemptions import Redeemed, RedemptionAsked, redeem_voucher


class RedemptionIn(Schema):
    """A voucher's code as it is printed, whatever its case and grouping.

    An amount pays the oldest due invoices first, or with ``"allocate": "none"`` nothing; what is left
    is credit. A package is for the subscriber's prepaid line, as of a recharge.
    """

    code: Line = Field(min_length=1, max_length=TYPED_CHARS_MAX, examples=["NEA-XY7-BBK-QNN-6FY-4RT"])
    allocate: Literal["oldest_due", "none"] = "oldest_due"
    subscription_id: SubscriptionId | None = None
    new_line: bool = False

    def asked(self) -> RedemptionAsked:
        """Return the use case's value."""
        return RedemptionAsked(self.code, self.allocate == "none", self.subscription_id, self.new_line)


class RedemptionOut(Schema):
    """What a voucher was worth: ``amount`` came into the account by the receipt.

    Of a package it paid the invoice, and service is good until ``valid_until``.
    """

    serial: str
    amount: MoneyOut
    document_id: str | None
    receipt_number: str | None
    invoice_id: str | None
    subscription_id: str | None
    valid_until: datetime | None

    @classmethod
    def of(cls, made: Redeemed) -> RedemptionOut:
        """Render a redemption."""
        receipt, invoice, recharged = made.receipt, made.invoice, made.recharged
        return cls(
            serial=made.serial,
            amount=MoneyOut.of(Money(made.amount, made.batch.currency)),
            document_id=receipt.document_id if receipt else None,
            receipt_number=receipt.number if receipt else None,
            invoice_id=invoice.invoice_id if invoice else None,
            subscription_id=recharged.shown.line.subscription_id if recharged else None,
            valid_until=recharged.granted.end if recharged else None,
        )


def _redeemed(request: Request, subscriber_id: str) -> RedemptionOut:
    made = redeem_voucher(
        store=request.store,
        identity=request.services.identity,
        subscriber_id=subscriber_id,
        asked=request.body_as(RedemptionIn).asked(),
        address=request.address,
        at=request.now,
        note=request.note("voucher.redeemed", subscriber_id),
        idempotency=request.idempotency,
    )
    if made.receipt is not None:
        queue = request.services.mail_queue
        receipt_mails.announce(store=request.store, queue=queue, receipt=made.receipt)
    return RedemptionOut.of(made)


@endpoint(
    "POST",
    "/v1/subscribers/{subscriber_id}/voucher-redemptions",
    permission=Permission.PAYMENTS_RECORD,
    body=RedemptionIn,
    answer=RedemptionOut,
    status=201,
    idempotency_required=True,
)
def redeem_voucher_for(request: Request) -> RedemptionOut:
    """Redeem a voucher for a subscriber: its amount is a payment, its package a recharge."""
    return _redeemed(request, request.path["subscriber_id"])


@endpoint(
    "POST",
    "/v1/portal/voucher-redemptions",
    permission=Permission.PORTAL_SELF,
    body=RedemptionIn,
    answer=RedemptionOut,
    status=201,
    idempotency_required=True,
)
def redeem_own_voucher(request: Request) -> RedemptionOut:
    """Redeem a voucher for oneself."""
    open_portal(store=request.store)
    return _redeemed(request, request.principal.actor_id)
