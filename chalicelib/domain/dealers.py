"""Dealers: who sells for the company out of a wallet, at prices of their own.

A dealer pays into a wallet, and each sale takes the dealer's price from it, while the subscriber's
account is paid the retail price: the difference is the dealer's commission. A dealer may have a
parent, which earns on the child's sales too. Amounts are minor units of the tenant's currency;
shares are millionths of the retail price with taxes; dates are local dates of the tenant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from chalicelib.domain.cards import refuse_card_number
from chalicelib.domain.contacts import check_dealer_id
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.funds import Fund, FundKind
from chalicelib.domain.money import AMOUNT_MINOR_MAX, round_half_up

LEVELS_MAX: Final = 3
DEALERS_MAX: Final = 500
NAME_CHARS_MAX: Final = 120
PRICE_ROWS_MAX: Final = 2_000
REPORT_MONTHS_MAX: Final = 12
WHOLE: Final = 1_000_000


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


class PriceExists(Conflict):
    """The package has a price of the dealer's from this date already."""

    code = "dealer_price_exists"


class NotRelated(Conflict):
    """Money goes from a dealer to its child, or back, and to no other."""

    code = "dealers_not_related"


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
        return _wallet_of(self.dealer_id)

    @property
    def parent_fund_id(self) -> str:
        """The identifier of the parent's wallet; empty without one."""
        return _wallet_of(self.parent_id) if self.parent_id else ""

    @property
    def wallet(self) -> Fund:
        """The wallet before anything was in it."""
        return Fund(
            self.fund_id, FundKind.DEALER, self.currency, name=self.code, owner_id=self.dealer_id, version=1
        )


def _wallet_of(dealer_id: str) -> str:
    return f"fnd_{dealer_id.removeprefix('dlr_')}"


@dataclass(frozen=True, slots=True)
class DealerPrice:
    """What a dealer pays for a package with taxes, from a date until the next row of the package."""

    package_id: str
    starts_on: date
    price: int


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


def total(*, parts: Sequence[CommissionTotals]) -> list[CommissionTotals]:
    """Return totals added up by dealer, in the order of identifiers."""
    found: dict[str, CommissionTotals] = {}
    for one in parts:
        before = found.get(one.dealer_id, CommissionTotals(one.dealer_id))
        found[one.dealer_id] = before.plus(other=one)
    return [found[dealer_id] for dealer_id in sorted(found)]
