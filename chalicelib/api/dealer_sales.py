"""What dealers sell out of their wallets, and taking a sale back."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.api.documents import AllocationPart
from chalicelib.api.payments import ReversalIn
from chalicelib.api.prepaid import PackageId, RechargeOut, SubscriptionId
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import PARTS_MAX, Line, MoneyIn, MoneyOut, Schema
from chalicelib.domain.documents import NOTE_CHARS_MAX
from chalicelib.domain.staff import Permission
from chalicelib.usecases import dealer_reversals, dealer_sales, receipt_mails
from chalicelib.usecases.prepaid import RechargeAsked


class DealerRechargeIn(Schema):
    """The prepaid package that a dealer sells, and for which line, as of a recharge."""

    package_id: PackageId
    subscription_id: SubscriptionId | None = None
    new_line: bool = False

    def asked(self) -> RechargeAsked:
        """Return the use case's value."""
        return RechargeAsked(self.package_id, self.subscription_id, self.new_line)


class DealerPaymentIn(Schema):
    """A payment that a dealer took: it pays the ``allocations``, or the oldest due invoices, or nothing."""

    amount: MoneyIn
    note: Line = Field(default="", max_length=NOTE_CHARS_MAX)
    allocate: Literal["oldest_due", "none"] = "oldest_due"
    allocations: list[AllocationPart] = Field(default=[], max_length=PARTS_MAX)

    def asked(self) -> dealer_sales.DealerPaymentAsked:
        """Return the use case's value."""
        parts = [one.part() for one in self.allocations]
        return dealer_sales.DealerPaymentAsked(
            self.amount.money(), self.note, parts, keep=self.allocate == "none"
        )


class DealerSaleOut(Schema):
    """A sale: the wallet paid ``price`` of ``retail`` and holds ``wallet``; the document is its receipt."""

    document_id: str
    number: str = Field(examples=["RCP-2041-000123"])
    dealer_id: str
    retail: MoneyOut
    price: MoneyOut
    commission: MoneyOut
    wallet: MoneyOut

    @classmethod
    def of(cls, sale: dealer_sales.DealerSale) -> DealerSaleOut:
        """Render a sale."""
        currency = sale.receipt.currency
        return cls(
            document_id=sale.receipt.document_id,
            number=sale.receipt.number,
            dealer_id=sale.dealer.dealer_id,
            retail=MoneyOut(amount=sale.terms.retail, currency=currency),
            price=MoneyOut(amount=sale.terms.price, currency=currency),
            commission=MoneyOut(amount=sale.terms.commission, currency=currency),
            wallet=MoneyOut(amount=sale.wallet.balance, currency=currency),
        )


class DealerRechargeOut(Schema):
    """A recharge that a dealer sold."""

    sale: DealerSaleOut
    recharge: RechargeOut

    @classmethod
    def of(cls, made: dealer_sales.DealerRecharge) -> DealerRechargeOut:
        """Render it."""
        return cls(sale=DealerSaleOut.of(made.sale), recharge=RechargeOut.of(made.recharged))


@endpoint(
    "POST",
    "/v1/subscribers/{subscriber_id}/dealer-recharges",
    permission=Permission.WALLET_SPEND,
    body=DealerRechargeIn,
    answer=DealerRechargeOut,
    status=201,
    idempotency_required=True,
)
def sell_recharge(request: Request) -> DealerRechargeOut:
    """Sell a prepaid package to a dealer's subscriber out of the dealer's wallet, at the dealer's price."""
    body, subscriber_id = request.body_as(DealerRechargeIn), request.path["subscriber_id"]
    made = dealer_sales.sell_recharge(
        store=request.store,
        principal=request.principal,
        subscriber_id=subscriber_id,
        asked=body.asked(),
        at=request.now,
        note=request.note("dealer.recharged", subscriber_id, package_id=body.package_id),
        idempotency=request.idempotency,
    )
    _announce(request, made.sale)
    return DealerRechargeOut.of(made)


@endpoint(
    "POST",
    "/v1/subscribers/{subscriber_id}/dealer-payments",
    permission=Permission.WALLET_SPEND,
    body=DealerPaymentIn,
    answer=DealerSaleOut,
    status=201,
    idempotency_required=True,
)
def take_dealer_payment(request: Request) -> DealerSaleOut:
    """Take a payment of a dealer's subscriber out of the dealer's wallet, less the dealer's share."""
    subscriber_id = request.path["subscriber_id"]
    made = dealer_sales.take_payment(
        store=request.store,
        principal=request.principal,
        subscriber_id=subscriber_id,
        asked=request.body_as(DealerPaymentIn).asked(),
        at=request.now,
        note=request.note("dealer.payment_taken", subscriber_id),
        idempotency=request.idempotency,
    )
    _announce(request, made)
    return DealerSaleOut.of(made)


@endpoint(
    "POST",
    "/v1/documents/{document_id}/dealer-reversal",
    permission=Permission.PAYMENTS_WRITE,
    body=ReversalIn,
    answer=DealerSaleOut,
    status=201,
    idempotency_required=True,
)
def take_dealer_sale_back(request: Request) -> DealerSaleOut:
    """Take a dealer's sale back, once, by its receipt: the wallet has its price, commissions are none."""
    body, document_id = request.body_as(ReversalIn), request.path["document_id"]
    made = dealer_reversals.take_sale_back(
        store=request.store,
        document_id=document_id,
        words=body.reason,
        at=request.now,
        note=request.note("dealer.sale_taken_back", document_id, why=body.reason),
        idempotency=request.idempotency,
    )
    return DealerSaleOut.of(made)


def _announce(request: Request, sale: dealer_sales.DealerSale) -> None:
    """Have the subscriber's receipt mailed, where the company mails them."""
    receipt_mails.announce(store=request.store, queue=request.services.mail_queue, receipt=sale.receipt)
