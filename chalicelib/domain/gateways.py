"""What the platform and a payment gateway say to each other, whatever the vendor.

A *collection* is one attempt to collect an amount: it has a reference of ours, which the vendor
gives back, and ends paid, failed or expired. A *notice* is what a vendor told of one, after its
signature was checked. Amounts are minor units with their currency; instants are aware, in UTC. Card
numbers never come here: the payer is on the vendor's own page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.errors import Busy, Conflict, DomainError, InvalidValue
from chalicelib.domain.money import Money


class GatewayKind(StrEnum):
    """The vendors; a tenant sets up at most one gateway of each."""

    SANDBOX = "sandbox"
    STRIPE = "stripe"
    JAZZCASH = "jazzcash"
    EASYPAISA = "easypaisa"
    PAYFAST = "payfast"
    ONEBILL = "onebill"
    RAAST = "raast"


class NoticeRefused(DomainError):
    """A vendor's message is not believed: its signature is wrong, missing, or not over these bytes."""

    code = "signature_refused"


class NoticeTooOld(NoticeRefused):
    """A signed message is from further in the past, or in the future, than the vendor's tolerance."""

    code = "notice_out_of_time"


class NoticeMalformed(InvalidValue):
    """A signed message cannot be read: a field is missing, or not what it must be."""

    code = "notice_malformed"


class GatewayRefused(Conflict):
    """The vendor refused what was asked of it; the message says why, without its secrets."""

    code = "gateway_refused"


class GatewayUnavailable(Busy):
    """The vendor did not answer; whether it did what was asked is not known."""

    code = "gateway_unavailable"


class NotSupported(Conflict):
    """The vendor offers no such thing: it is done by hand, and recorded."""

    code = "not_supported_by_gateway"


class InvalidCredentials(InvalidValue):
    """A gateway's credentials lack a field, have an unknown one, or one of a wrong form."""

    code = "invalid_credentials"


class NoticeStatus(StrEnum):
    """What a notice says of a collection; where it is PENDING the vendor still works at it."""

    PAID = "paid"
    PENDING = "pending"
    FAILED = "failed"
    EXPIRED = "expired"
    REFUNDED = "refunded"
    CHARGEBACK = "chargeback"
    CHARGEBACK_WON = "chargeback_won"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A tenant's own credentials with a vendor; ``repr`` shows none of them.

    ``secrets`` are never read back; ``settings`` (merchant ids, addresses, tolerances) may be.
    ``live`` chooses the vendor's live hosts in place of its test hosts.
    """

    secrets: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)
    live: bool = False


@dataclass(frozen=True, slots=True)
class CheckoutAsked:
    """An amount to collect.

    ``reference`` is ours and unique for ever: 20 upper-case letters and digits, beginning with a
    letter. ``description`` is shown to the payer, and has no personal data. ``return_url`` is where
    the vendor's page leads back to, ``callback_url`` where it sends its notice.
    """

    reference: str
    amount: Money
    description: str
    return_url: str
    callback_url: str
    expires_at: datetime
    consumer_number: str = ""


class Step(StrEnum):
    """What the payer does next."""

    REDIRECT = "redirect"
    POST_FORM = "post_form"
    SHOW = "show"


@dataclass(frozen=True, slots=True)
class Checkout:
    """Where the payer goes on.

    REDIRECT opens ``url``; POST_FORM posts ``fields`` to ``url`` from the payer's browser; SHOW has no
    page of the vendor's: ``fields`` is what the payer is shown (a consumer number, the text of a QR code).
    ``vendor_id`` is the vendor's own identifier, empty where there is none yet.
    """

    step: Step
    url: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    vendor_id: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """A vendor's request as it came: nothing of it was parsed. Header names are in lower case.

    ``query`` is the raw query string without the question mark, ``tail`` the last part of the path
    where it goes on after the callback key, as it does for billers.
    """

    method: str
    headers: Mapping[str, str]
    query: str
    body: bytes
    address: str = ""
    tail: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a vendor told, after its signature was checked.

    ``event_id`` is the same for the same event, however often it comes, and unique for the gateway;
    ``reference`` is ours; ``vendor_id`` theirs of the transaction, kept for refunds and reconciliation.
    ``amount`` is None only where the vendor tells none. ``reason`` is the vendor's code and words for what
    failed. ``signed_amount`` says whether the signature covers the amount. ``fee`` is what the vendor kept.
    """

    event_id: str
    reference: str
    status: NoticeStatus
    amount: Money | None = None
    vendor_id: str = ""
    occurred_at: datetime | None = None
    reason: str = ""
    signed_amount: bool = True
    fee: Money | None = None


class Outcome(StrEnum):
    """What became of a notice on our side, for the answer in the vendor's own shape."""

    DONE = "done"
    REPEATED = "repeated"
    PARKED = "parked"
    REFUSED = "refused"
    MALFORMED = "malformed"
    TRY_AGAIN = "try_again"


@dataclass(frozen=True, slots=True)
class VendorAnswer:
    """The answer to a vendor's request, in its own shape."""

    status: int
    body: str = ""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RefundAsked:
    """Money to be given back through the vendor. ``key`` is the same whenever this refund is asked again."""

    key: str
    reference: str
    vendor_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class RefundMade:
    """The vendor's answer to a refund: done, or pending until a notice comes."""

    vendor_id: str
    pending: bool = False
