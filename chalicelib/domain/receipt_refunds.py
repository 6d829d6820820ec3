"""Giving back what a receipt took in, by hand or by the gateway that it came by.

What is given back is the account's credit, and never more than the payment less what of it was given
back or charged back before. A gateway is asked after the refund is in the books: so nothing is lost
where asking ends midway, and what the gateway refuses is taken out of the books again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.domain.accounts import Account
from chalicelib.domain.documents import (
    Document,
    DocumentKind,
    Entry,
    InsufficientCredit,
    NewDocument,
    entry_of,
)
from chalicelib.domain.errors import Conflict
from chalicelib.domain.invoices import CREDIT, Posting
from chalicelib.domain.payments import ExceedsPayment, cash_account, refund_document
from chalicelib.domain.reversals import check_by_no_dealer, check_stands

REASON_REFUND_REFUSED: Final = "refund_refused"
_REASON_CHARS_MAX: Final = 200
# Gateways keep the keys of what they were asked for a day; after that a person looks at the vendor's page.
ASKED_AGAIN_FOR: Final = timedelta(hours=20)


class NotAGatewayPayment(Conflict):
    """The payment did not come by a gateway: it is given back by hand."""

    code = "not_a_gateway_payment"


class RefundTooOld(Conflict):
    """The gateway may have forgotten the refund's key, so that asking again could give back twice."""

    code = "refund_too_old"


class RefundAskedOnce(Conflict):
    """The gateway knows no key of a refund: asked for again it could give back twice."""

    code = "refund_asked_once"


class RefundEnded(Conflict):
    """The refund has ended: what became of it is known."""

    code = "refund_ended"


class GatewayRefundState(StrEnum):
    """What is known of a refund that a gateway was asked for."""

    PENDING = "pending"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class GatewayRefund:
    """A refund by a gateway; its identifier is the refund's document's, and the key that the gateway has.

    ``amount`` in minor units of ``currency``. ``vendor_id`` is the gateway's own number, empty until it is
    known; ``reason`` why it was refused; ``told`` whether the gateway told of it by a notice, too.
    """

    refund_id: str
    receipt_id: str
    channel: str
    amount: int
    currency: str
    begun_at: datetime
    state: GatewayRefundState = GatewayRefundState.PENDING
    vendor_id: str = ""
    reason: str = ""
    version: int = 1
    told: bool = False

    def check_asked_again(self, *, at: datetime) -> None:
        """Raise RefundTooOld where the gateway may have forgotten the key."""
        if at - self.begun_at > ASKED_AGAIN_FOR:
            message = "look at the gateway's own page, and say what became of it (refund-outcome)"
            raise RefundTooOld(message)

    def heard(self) -> GatewayRefund:
        """Return the refund of which the gateway told by itself: it is done."""
        return replace(self, state=GatewayRefundState.DONE, told=True, version=self.version + 1)

    def done(self, *, vendor_id: str) -> GatewayRefund:
        """Return the refund as the gateway made it."""
        done = GatewayRefundState.DONE
        return replace(self, state=done, vendor_id=vendor_id, version=self.version + 1)

    def asked(self, *, vendor_id: str) -> GatewayRefund:
        """Return the refund as the gateway took it, its end still to come."""
        return replace(self, vendor_id=vendor_id, version=self.version + 1)

    def refused(self, *, reason: str) -> GatewayRefund:
        """Return the refund as the gateway refused it."""
        words = reason[:_REASON_CHARS_MAX]
        return replace(self, state=GatewayRefundState.REFUSED, reason=words, version=self.version + 1)


def refund_receipt(
    *,
    account: Account,
    receipt: Document,
    amount: int,
    channel: str,
    reference: str = "",
    note: str = "",
) -> Entry:
    """Return the entry that gives back a part of a payment, of the account's credit.

    Raises NotAPayment, AlreadyReversed, ExceedsPayment, or InsufficientCredit where the money pays
    invoices: it is moved away from them, or they are credited, first.
    """
    check_stands(document=receipt)
    check_by_no_dealer(document=receipt)
    if amount > receipt.left:
        message = f"{receipt.left} of the payment is neither given back nor charged back"
        raise ExceedsPayment(message, param="amount")
    if amount > account.credit:
        message = f"the account's credit is {account.credit}: move the payment, or credit what it paid"
        raise InsufficientCredit(message, param="amount")
    refund = refund_document(amount=amount, channel=channel, reference=reference, note=note)
    return entry_of(
        account=account,
        documents=[replace(refund, about=receipt.document_id)],
        marked=replace(receipt, refunded=receipt.refunded + amount),
    )


def take_back(*, account: Account, receipt: Document, refund: Document, reason: str) -> Entry:
    """Return the journal by which a refund that the gateway refused is credit again."""
    postings = (
        Posting(cash_account(channel=refund.channel), refund.amount),
        Posting(CREDIT, -refund.amount),
    )
    journal = NewDocument(
        DocumentKind.JOURNAL,
        refund.amount,
        postings,
        channel=refund.channel,
        reason=REASON_REFUND_REFUSED,
        about=refund.document_id,
        note=reason[:_REASON_CHARS_MAX],
    )
    marked = replace(receipt, refunded=receipt.refunded - refund.amount)
    return entry_of(account=account, documents=[journal], reverses=refund, marked=marked)
