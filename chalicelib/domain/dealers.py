"""Dealers: who sells for the company out of a wallet, at prices of their own.

A dealer pays into a wallet, and each sale takes the dealer's price from it, while the subscriber's
account is paid the retail price: the difference is the dealer's commission. A dealer may have a
parent, which earns on the child's sales too. Amounts are minor units of the tenant's currency;
shares are millionths of the retail price with taxes; dates are local dates of the tenant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from chalicelib.domain.cards import refuse_card_number
from chalicelib.domain.contacts import check_dealer_id
from chalicelib.domain.documents import Document, NewDocument
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.funds import Fund, FundKind, FundMove
from chalicelib.domain.invoices import CREDIT, RECEIVABLE, Posting
from chalicelib.domain.ledger import COMMISSION, DEALER_WALLETS
from chalicelib.domain.money import AMOUNT_MINOR_MAX, round_half_up
from chalicelib.domain.numbering import DocumentKind
from chalicelib.domain.payments import DEALER_CHANNEL

LEVELS_MAX: Final = 3
DEALERS_MAX: Final = 500
NAME_CHARS_MAX: Final = 120
PRICE_ROWS_MAX: Final = 2_000
REPORT_MONTHS_MAX: Final = 12
WHOLE: Final = 1_000_000
RECHARGE: Final = "dealer_recharge"
PAYMENT: Final = "dealer_payment"
OVERRIDE: Final = "override"
REVERSAL: Final = "dealer_reversal"


class DealerCodeTaken(Conflict):
    """Another dealer has the code, an archived one perhaps: codes are not used again."""

    code = "dealer_code_taken"


class DealerArchived(Conflict):
    """The dealer is archived: nothing is sold by it and nothing moves its wallet."""

    code = "dealer_archived"


class DealerNotEmpty(Conflict):
    """The dealer's wallet holds money, or it has dealers below it that are not archived."""

    code = "dealer_not_empty"


class TooManyDealers(Conflict):
    """The company has as many dealers, or the dealer as many price rows, as it may."""

    code = "too_many_dealers"


class TooDeep(Conflict):
    """Dealers stand at most three levels deep."""

    code = "dealers_too_deep"


class InvalidCommission(InvalidValue):
    """A commission is a share of 0 to 1,000,000 millionths, or an amount, not both."""

    code = "invalid_commission"


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


class PriceExists(Conflict):
    """The package has a price of the dealer's from this date already."""

    code = "dealer_price_exists"


class NotRelated(Conflict):
    """Money goes from a dealer to its child, or back, and to no other."""

    code = "dealers_not_related"


class NotADealerSale(Conflict):
    """The document is no receipt of a dealer's sale."""

    code = "not_a_dealer_sale"


@dataclass(frozen=True, slots=True)
class Commission:
    """What somebody earns of a sale: a share of the retail price, or an amount a recharge."""

    share: int = 0
    amount: int = 0

    @property
    def none(self) -> bool:
        """Whether nothing is earned."""
        return not (self.share or self.amount)

    def of(self, *, retail: int) -> int:
        """Return what is earned of a recharge, half up, never more than the price."""
        return min(retail, self.amount or round_half_up(numerator=retail * self.share, denominator=WHOLE))

    def of_payment(self, *, amount: int) -> int:
        """Return what is earned of a payment that is taken: the share; the amount is for recharges."""
        return round_half_up(numerator=amount * self.share, denominator=WHOLE)


NO_COMMISSION: Final = Commission()


@dataclass(frozen=True, slots=True)
class Dealer:
    """A dealer; ``code`` is what subscribers and staff name in their ``dealer_id``, and never changes.

    ``override`` is what its parent earns of its sales. ``children`` counts those below it that are not
    archived, ``level`` is 1 without a parent.
    """

    dealer_id: str
    code: str
    name: str
    currency: str
    created_at: datetime
    parent_id: str = ""
    level: int = 1
    commission: Commission = NO_COMMISSION
    override: Commission = NO_COMMISSION
    children: int = 0
    prices: int = 0
    archived: bool = False
    version: int = 1

    @property
    def fund_id(self) -> str:
        """The identifier of the wallet, which has the dealer's own ULID."""
        return f"fnd_{self.dealer_id.removeprefix('dlr_')}"

    @property
    def wallet(self) -> Fund:
        """The wallet before anything was in it."""
        return Fund(
            self.fund_id, FundKind.DEALER, self.currency, name=self.code, owner_id=self.dealer_id, version=1
        )


@dataclass(frozen=True, slots=True)
class DealerPrice:
    """What a dealer pays for a package with taxes, from a date until the next row of the package."""

    package_id: str
    starts_on: date
    price: int


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


@dataclass(frozen=True, slots=True)
class CommissionTotals:
    """What a dealer sold in a month and what was taken back in it; amounts in minor units."""

    dealer_id: str
    sales: int = 0
    retail: int = 0
    commission: int = 0
    override: int = 0
    refunds: int = 0
    refunded_retail: int = 0
    refunded_commission: int = 0
    refunded_override: int = 0

    def plus(self, *, other: CommissionTotals) -> CommissionTotals:
        """Return both together."""
        names = (name for name in self.__slots__ if name != "dealer_id")
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in names})


def check_commission(*, commission: Commission, param: str) -> None:
    """Raise InvalidCommission unless it is a share or an amount, in range."""
    share, amount = commission.share, commission.amount
    if share and amount:
        raise InvalidCommission("a commission is a share, or an amount a recharge", param=param)
    if not 0 <= share <= WHOLE or not 0 <= amount <= AMOUNT_MINOR_MAX:
        raise InvalidCommission(f"a share is 0 to {WHOLE} millionths, an amount not negative", param=param)


def check_name(*, name: str) -> str:
    """Return a dealer's name without surrounding blanks, or raise InvalidValue or CardNumberRefused."""
    cleaned = name.strip()
    if not cleaned or len(cleaned) > NAME_CHARS_MAX:
        raise InvalidValue(f"a name has 1 to {NAME_CHARS_MAX} characters", param="name")
    refuse_card_number(text=cleaned, param="name")
    return cleaned


def check_dealer(*, dealer: Dealer, parent: Dealer | None) -> Dealer:
    """Return a new dealer as it is kept, below its parent.

    Raises InvalidValue, InvalidDealerId, InvalidCommission, DealerArchived or TooDeep.
    """
    code = check_dealer_id(dealer_id=dealer.code)
    if not code:
        raise InvalidValue("a dealer has a code", param="code")
    check_commission(commission=dealer.commission, param="commission")
    check_commission(commission=dealer.override, param="override")
    level = 1
    if parent is not None:
        check_in_use(dealer=parent, param="parent_dealer_id")
        level = parent.level + 1
    elif not dealer.override.none:
        raise InvalidCommission("only a dealer below another has an override", param="override")
    if level > LEVELS_MAX:
        raise TooDeep(f"dealers stand at most {LEVELS_MAX} levels deep", param="parent_dealer_id")
    return replace(dealer, code=code, name=check_name(name=dealer.name), level=level)


def check_in_use(*, dealer: Dealer, param: str = "dealer_id") -> None:
    """Raise DealerArchived where the dealer is."""
    if dealer.archived:
        raise DealerArchived("the dealer is archived", param=param)


def archive(*, dealer: Dealer, wallet: Fund) -> tuple[Dealer, Fund]:
    """Return a dealer and its wallet as archived, or raise DealerArchived or DealerNotEmpty."""
    check_in_use(dealer=dealer)
    if wallet.balance:
        raise DealerNotEmpty(f"the wallet holds {wallet.balance}: withdraw it first")
    if dealer.children:
        raise DealerNotEmpty(f"{dealer.children} dealers stand below this one: archive them first")
    return (
        replace(dealer, archived=True, version=dealer.version + 1),
        replace(wallet, archived=True, version=wallet.version + 1),
    )


def check_related(*, one: Dealer, other: Dealer) -> None:
    """Raise NotRelated unless one of the two is the other's parent."""
    if one.dealer_id != other.parent_id and other.dealer_id != one.parent_id:
        raise NotRelated("money goes from a dealer to one directly below it, or back", param="to_dealer_id")


# -- selling ---------------------------------------------------------------------------------


def price_on(*, rows: Iterable[DealerPrice], on: date) -> DealerPrice | None:
    """Return the row of a package that is in force on a date, or None."""
    begun = [row for row in rows if row.starts_on <= on]
    return max(begun, key=lambda row: row.starts_on, default=None)


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


def recharge_reversal(*, receipt: Document, note: str) -> NewDocument:
    """Return the journal that takes a recharge's receipt back out of the account's credit."""
    return NewDocument(
        DocumentKind.JOURNAL,
        receipt.amount,
        (Posting(CREDIT, receipt.amount), *paid_back(receipt=receipt)),
        channel=receipt.channel,
        reason=REVERSAL,
        about=receipt.document_id,
        reference=receipt.reference,
        note=note,
    )


def total(*, parts: Sequence[CommissionTotals]) -> list[CommissionTotals]:
    """Return totals added up by dealer, in the order of identifiers."""
    found: dict[str, CommissionTotals] = {}
    for one in parts:
        before = found.get(one.dealer_id, CommissionTotals(one.dealer_id))
        found[one.dealer_id] = before.plus(other=one)
    return [found[dealer_id] for dealer_id in sorted(found)]
