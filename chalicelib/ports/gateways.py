"""The one port to payment gateways, which every vendor's adapter fills and the contract tests hold it to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.billers import Bill, BillCode, BillInquiry
from chalicelib.domain.gateways import (
    Checkout,
    CheckoutAsked,
    Credentials,
    GatewayKind,
    Notice,
    Outcome,
    Received,
    RefundAsked,
    RefundMade,
    VendorAnswer,
)


class PaymentGateway(Protocol):
    """One vendor. An adapter keeps no state and no credentials: they come with each call."""

    @property
    def kind(self) -> GatewayKind:
        """Which vendor."""

    @property
    def currencies(self) -> frozenset[str]:
        """ISO 4217 codes that the vendor takes; empty for any that the platform bills in."""

    @property
    def refunds(self) -> bool:
        """Whether money can be given back through the vendor's interface."""

    @property
    def refunds_by_key(self) -> bool:
        """Whether a refund that is asked for again by the same ``key`` is given once."""

    def check_credentials(self, *, credentials: Credentials) -> None:
        """Raise InvalidCredentials (``param`` names the field) for what can never work; asks nobody."""

    def begin(self, *, asked: CheckoutAsked, credentials: Credentials, now: datetime) -> Checkout:
        """Return where the payer goes on.

        Raises GatewayRefused or GatewayUnavailable. Asked again with the same reference, it is the
        same checkout.
        """

    def read(self, *, received: Received, credentials: Credentials, now: datetime) -> Sequence[Notice]:
        """Return what a vendor's request tells, its raw bytes verified before anything is parsed.

        Raises NoticeRefused, NoticeTooOld, NoticeMalformed, or GatewayUnavailable where the vendor has
        to be asked what happened and does not answer.
        """

    def answer(self, *, outcome: Outcome, received: Received) -> VendorAnswer:
        """Return the answer to a request in the vendor's own shape; TRY_AGAIN makes it send again."""

    def inquire(self, *, reference: str, vendor_id: str, credentials: Credentials, now: datetime) -> Notice:
        """Ask the vendor what became of a collection, whose notice may have been lost.

        Raises NotSupported, GatewayRefused or GatewayUnavailable.
        """

    def refund(self, *, asked: RefundAsked, credentials: Credentials, now: datetime) -> RefundMade:
        """Give money back through the vendor; where ``refunds_by_key``, once for each ``key``.

        Raises NotSupported, GatewayRefused or GatewayUnavailable.
        """


class TwoStepGateway(PaymentGateway, Protocol):
    """A vendor whose payer comes back in the middle, to be sent on once more."""

    def next_step(self, *, query: str, asked: CheckoutAsked, credentials: Credentials) -> Checkout | None:
        """Return where a payer who came to ``return_url`` with this raw query goes on.

        None where the query asks for no second step, as at the end.
        """


class BillerGateway(PaymentGateway, Protocol):
    """A vendor whose banks ask us what is to be paid, and tell us that it was.

    ``read`` takes its BillPayment; the ``reference`` of that notice is the consumer number.
    """

    def parse_inquiry(self, *, received: Received, credentials: Credentials) -> BillInquiry:
        """Return a BillInquiry's question, its sender checked first.

        Raises NoticeRefused or NoticeMalformed.
        """

    def answer_inquiry(
        self, *, code: BillCode, bill: Bill | None, received: Received, credentials: Credentials
    ) -> VendorAnswer:
        """Return the answer to a BillInquiry; ``bill`` is None where the code is not DONE."""

    def answer_payment(self, *, code: BillCode, received: Received, credentials: Credentials) -> VendorAnswer:
        """Return the answer to a BillPayment in the tenant's profile, which ``answer`` does not know."""
