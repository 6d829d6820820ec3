"""What dealers sell out of their wallets: what a sale comes to, its receipt, and taking it back.

The wallet pays the dealer's price of what the subscriber's account is given, the retail price; the
rest is the dealer's commission. Amounts are minor units of the tenant's currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chalicelib.domain.dealers import Dealer, DealerPrice
from chalicelib.domain.documents import Document, NewDocument
from chalicelib.domain.errors import Conflict
from chalicelib.domain.funds import Fund, FundMove
from chalicelib.domain.invoices import CREDIT, RECEIVABLE, Posting
from chalicelib.domain.ledger import COMMISSION, DEALER_WALLETS
from chalicelib.domain.numbering import DocumentKind
from chalicelib.domain.payments import DEALER_CHANNEL

RECHARGE: Final = "dealer_recharge"
PAYMENT: Final = "dealer_payment"
OVERRIDE: Final = "override"
REVERSAL: Final = "dealer_reversal"


class NoDealer(Conflict):
    """The subscriber is no dealer's, so there is no wallet to sell from."""

    code = "no_dealer"


class NoDealerPrice(Conflict):
    """The dealer has neither a price for the package nor a commission."""

    code = "no_dealer_price"


class DealerPriceAboveRetail(Conflict):
    """The dealer would pay more than the subscriber is charged."""

    code = "dealer_price_above_retail"


class InsufficientWallet(Conflict):
    """The wallet holds less than the dealer's price."""

    code = "insufficient_wallet"


class NotADealerSale(Conflict):
    """The document is no receipt of a dealer's sale."""

    code = "not_a_dealer_sale"


@dataclass(frozen=True, slots=True)
class SaleTerms:
    """What a sale comes to: the wallet pays ``price`` of ``retail``, the parent earns ``override``."""

    retail: int
    price: int
    override: int = 0

    @property
    def commission(self) -> int:
        """What the dealer keeps."""
        return self.retail - self.price


def recharge_terms(*, dealer: Dealer, row: DealerPrice | None, retail: int) -> SaleTerms:
    """Return what a recharge comes to: at the dealer's own price, or retail less the commission.

    Raises NoDealerPrice or DealerPriceAboveRetail.
    """
    if not retail:
        raise NoDealerPrice("what costs nothing is not sold out of a wallet", param="package_id")
    override = dealer.override.of(retail=retail) if dealer.parent_id else 0
    if row is not None:
        if row.price > retail:
            message = f"the dealer's price is {row.price}, the subscriber's {retail} minor units"
            raise DealerPriceAboveRetail(message, param="package_id")
        return SaleTerms(retail, row.price, override)
    if dealer.commission.none:
        raise NoDealerPrice("the dealer has no price for this package, and no commission", param="package_id")
    return SaleTerms(retail, retail - dealer.commission.of(retail=retail), override)


def payment_terms(*, dealer: Dealer, amount: int) -> SaleTerms:
    """Return what a payment comes to that a dealer takes: the wallet pays it less the dealer's share."""
    override = dealer.override.of_payment(amount=amount) if dealer.parent_id else 0
    return SaleTerms(amount, amount - dealer.commission.of_payment(amount=amount), override)


def sale_receipt(
    *, terms: SaleTerms, dealer: Dealer, reason: str, settled: int = 0, about: str = "", note: str = ""
) -> NewDocument:
    """Return the receipt of a sale: the wallet and the commission pay what the account is given.

    ``settled`` of it pays invoices, the rest is credit. It names the dealer by its code.
    """
    sides = (
        Posting(DEALER_WALLETS, terms.price),
        Posting(DEALER_WALLETS, -terms.override),
        Posting(COMMISSION, terms.commission + terms.override),
        Posting(RECEIVABLE, -settled),
        Posting(CREDIT, settled - terms.retail),
    )
    return NewDocument(
        DocumentKind.RECEIPT,
        terms.retail,
        tuple(side for side in sides if side.amount),
        channel=DEALER_CHANNEL,
        reason=reason,
        about=about,
        reference=dealer.code,
        note=note,
    )


def wallet_moves(*, terms: SaleTerms, wallet: Fund, parent: Fund | None) -> tuple[FundMove, ...]:
    """Return what a sale moves: the price out of the wallet, the override into the parent's.

    Raises InsufficientWallet.
    """
    if terms.price > wallet.balance:
        message = f"the wallet holds {wallet.balance}, and the price is {terms.price} minor units"
        raise InsufficientWallet(message)
    moves = [FundMove(wallet, -terms.price)]
    if parent is not None:
        moves.append(FundMove(parent, terms.override))
    return tuple(move for move in moves if move.amount)


# -- taking back -----------------------------------------------------------------------------


def terms_of(*, receipt: Document) -> SaleTerms:
    """Return what the sale of a receipt came to, or raise NotADealerSale."""
    if receipt.kind is not DocumentKind.RECEIPT or receipt.channel != DEALER_CHANNEL:
        raise NotADealerSale("this is no receipt of a dealer's sale", param="document_id")
    wallets = [one.amount for one in receipt.postings if one.account == DEALER_WALLETS]
    return SaleTerms(
        retail=receipt.amount,
        price=sum(amount for amount in wallets if amount > 0),
        override=-sum(amount for amount in wallets if amount < 0),
    )


def moves_back(*, terms: SaleTerms, wallet: Fund, parent: Fund | None) -> tuple[FundMove, ...]:
    """Return what taking a sale back moves; a parent's wallet may owe what it earned and spent."""
    moves = [FundMove(wallet, terms.price)]
    if parent is not None:
        moves.append(FundMove(parent, -terms.override))
    return tuple(move for move in moves if move.amount)


def paid_back(*, receipt: Document) -> tuple[Posting, ...]:
    """Return the postings by which wallets and commissions have back what a sale moved."""
    return tuple(
        Posting(one.account, -one.amount)
        for one in receipt.postings
        if one.account in {DEALER_WALLETS, COMMISSION}
    )


def recharge_reversal(*, receipt: Document, note: str, opened: int = 0) -> NewDocument:
    """Return the journal that takes a recharge's receipt back out of the account's credit.

    ``opened`` of it comes of other invoices, which are open again.
    """
    sides = (Posting(CREDIT, receipt.amount - opened), Posting(RECEIVABLE, opened))
    return NewDocument(
        DocumentKind.JOURNAL,
        receipt.amount,
        (*(side for side in sides if side.amount), *paid_back(receipt=receipt)),
        channel=receipt.channel,
        reason=REVERSAL,
        about=receipt.document_id,
        reference=receipt.reference,
        note=note,
    )
