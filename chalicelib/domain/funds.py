"""Funds: the company's own money by who holds it, and the entries that move it.

A fund is the cash in hand of one collector, a till or bank account of the office, a dealer's
wallet, or what is owed to those who billed the company. It grows by what it holds (or is owed)
more, whatever side of the ledger that is; ``posting`` knows the side. Amounts are minor units of
the tenant's currency, dates local dates of the tenant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from chalicelib.domain.cards import refuse_card_number
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.invoices import Posting
from chalicelib.domain.ledger import CASH_PREFIX, DEALER_WALLETS, IN_HAND, PAYABLE, check_postings
from chalicelib.domain.money import AMOUNT_MINOR_MAX, CurrencyMismatch, InvalidAmount, Money

FUND_NAME_CHARS_MAX: Final = 60
OFFICE_FUNDS_MAX: Final = 50
# What one fund's entries are told apart by, in a day: a byte of the register.
ENTRIES_PER_DAY_MAX: Final = 256
MOVES_PER_ENTRY_MAX: Final = 4
_CHANNEL: Final = re.compile(r"[a-z][a-z0-9_]{1,29}\Z", re.ASCII)


class InsufficientFunds(Conflict):
    """The fund holds less than is to be taken from it."""

    code = "insufficient_funds"


class FundArchived(Conflict):
    """The fund is archived: nothing moves it any more."""

    code = "fund_archived"


class FundNotEmpty(Conflict):
    """Only a fund that holds nothing is archived."""

    code = "fund_not_empty"


class ChannelTaken(Conflict):
    """Another fund of the office holds what comes by this channel."""

    code = "channel_taken"


class TooManyFunds(Conflict):
    """The office has as many funds as it may."""

    code = "too_many_funds"


class WrongFund(InvalidValue):
    """The fund is of a kind that this cannot be done with."""

    code = "wrong_fund"


class FundKind(StrEnum):
    """Who holds the money; of dealers and payables it is what the company owes."""

    COLLECTOR = "collector"
    OFFICE = "office"
    DEALER = "dealer"
    PAYABLE = "payable"

    @property
    def control(self) -> str | None:
        """The ledger account that all funds of the kind come to; None of the office, one by channel."""
        return _CONTROL.get(self)

    @property
    def side(self) -> int:
        """The sign with which more in the fund is posted: debit 1, credit -1."""
        return -1 if self in {FundKind.DEALER, FundKind.PAYABLE} else 1


_CONTROL: Final = {
    FundKind.COLLECTOR: f"{CASH_PREFIX}{IN_HAND}",
    FundKind.DEALER: DEALER_WALLETS,
    FundKind.PAYABLE: PAYABLE,
}


@dataclass(frozen=True, slots=True)
class Fund:
    """A fund; ``version`` 0 is one that is not kept yet: its first move makes it.

    ``balance`` is the sum of its movements. What subscribers pay to the office goes to the account of
    its channel alone: so the books of an office fund are the ledger's account ``cash:<channel>``, and
    its ``balance`` is what company entries moved of that. ``movements`` and ``entries`` count what is in
    its collection. ``owner_id`` is the person or dealer. ``idle_since`` is the day since which it
    holds money of which none was handed on.
    """

    fund_id: str
    kind: FundKind
    currency: str
    name: str = ""
    owner_id: str = ""
    channel: str = ""
    balance: int = 0
    movements: int = 0
    entries: int = 0
    idle_since: date | None = None
    archived: bool = False
    version: int = 0

    @property
    def account(self) -> str:
        """The ledger account that moves with it."""
        return self.kind.control or f"{CASH_PREFIX}{self.channel}"

    def posting(self, *, amount: int) -> Posting:
        """Return the ledger's side of a movement."""
        return Posting(self.account, self.kind.side * amount)


@dataclass(frozen=True, slots=True)
class FundMove:
    """What an entry adds to a fund; negative takes from it. ``before`` is the fund as it was read."""

    before: Fund
    amount: int


@dataclass(frozen=True, slots=True)
class Movement:
    """A change of a fund: ``sequence`` from 1 without gaps, the balance after it, and where it came from.

    ``reason`` is a code such as ``receipt`` or ``hand_over``, ``about`` the document that it came with.
    """

    fund_id: str
    sequence: int
    amount: int
    balance: int
    on: date
    reason: str
    about: str
    actor_id: str
    at: str


@dataclass(frozen=True, slots=True)
class CompanyEntry:
    """A balanced entry of the company's own: it moves funds, and is written in the first one's collection.

    ``amount`` is what the document says, ``reason`` a code, ``about`` what it is about (an expense,
    a hand-over …), ``reference`` the world's own number for it, ``note`` what people wrote.
    """

    amount: int
    reason: str
    moves: tuple[FundMove, ...]
    postings: tuple[Posting, ...]
    about: str = ""
    reference: str = ""
    note: str = ""

    @property
    def home(self) -> Fund:
        """The fund in whose collection it is written."""
        return self.moves[0].before


def company_entry(
    *,
    amount: int,
    reason: str,
    moves: Sequence[FundMove],
    postings: Iterable[Posting] = (),
    about: str = "",
    reference: str = "",
    note: str = "",
) -> CompanyEntry:
    """Return the entry of moves, which post for themselves, and what else is posted; they balance.

    Raises FundArchived.
    """
    assert 0 < len(moves) <= MOVES_PER_ENTRY_MAX, "an entry moves a fund, and fits one transaction"
    assert len({one.before.fund_id for one in moves}) == len(moves), "an entry moves a fund once"
    for one in moves:
        check_in_use(fund=one.before)
    posted = [one.before.posting(amount=one.amount) for one in moves] + list(postings)
    check_postings(postings=posted)
    found = tuple(one for one in posted if one.amount)
    return CompanyEntry(amount, reason, tuple(moves), found, about, reference, note)


def moved(*, fund: Fund, amount: int, on: date, handed_on: bool = False, entries: int = 0) -> Fund:
    """Return a fund after a movement; ``handed_on`` says that money of it went on to where it belongs.

    Raises FundArchived.
    """
    check_in_use(fund=fund)
    balance = fund.balance + amount
    since = on if fund.idle_since is None or handed_on else fund.idle_since
    return replace(
        fund,
        balance=balance,
        movements=fund.movements + 1,
        entries=fund.entries + entries,
        idle_since=since if balance > 0 else None,
        version=fund.version + 1,
    )


def check_in_use(*, fund: Fund) -> None:
    """Raise FundArchived where the fund is."""
    if fund.archived:
        raise FundArchived("the fund is archived", param="fund_id")


def check_covers(*, fund: Fund, amount: int, param: str = "amount") -> None:
    """Raise InsufficientFunds where the fund holds less."""
    if amount > fund.balance:
        raise InsufficientFunds(f"the fund holds {max(0, fund.balance)}", param=param)


def check_kind(*, fund: Fund, kind: FundKind, param: str = "fund_id") -> None:
    """Raise WrongFund unless the fund is of the kind."""
    if fund.kind is not kind:
        raise WrongFund(f"this is done with a fund of kind {kind} only", param=param)


def amount_in(*, money: Money, currency: str, param: str = "amount", zero: bool = False) -> int:
    """Return the minor units of an amount; raise CurrencyMismatch or InvalidAmount.

    One posting holds it; it is positive, or where ``zero`` may be none.
    """
    if money.currency != currency:
        raise CurrencyMismatch(f"the company's books are kept in {currency}", param=f"{param}.currency")
    least = 0 if zero else 1
    if not least <= money.amount <= AMOUNT_MINOR_MAX:
        raise InvalidAmount(
            f"an amount is {least} to {AMOUNT_MINOR_MAX} minor units", param=f"{param}.amount"
        )
    return money.amount


def check_fund_name(*, name: str) -> str:
    """Return the name without surrounding blanks, or raise InvalidValue or CardNumberRefused."""
    cleaned = name.strip()
    if not cleaned or len(cleaned) > FUND_NAME_CHARS_MAX:
        raise InvalidValue(f"a name has 1 to {FUND_NAME_CHARS_MAX} characters", param="name")
    refuse_card_number(text=cleaned, param="name")
    return cleaned


def check_channel(*, channel: str) -> str:
    """Return the channel of an office fund, or raise InvalidValue."""
    if channel == IN_HAND or _CHANNEL.match(channel) is None:
        message = (
            "a channel has 2 to 30 small letters, digits and _, begins with a letter, and is not in_hand"
        )
        raise InvalidValue(message, param="channel")
    return channel


# -- funds that are there by nature ----------------------------------------------------------


def collector_fund(*, staff_id: str, currency: str) -> Fund:
    """Return a person's cash in hand before anything was: each person has one, of the person's own ULID."""
    return Fund(fund_id_of(staff_id=staff_id), FundKind.COLLECTOR, currency, owner_id=staff_id)


def fund_id_of(*, staff_id: str) -> str:
    """Return the identifier of a person's cash in hand."""
    return f"fnd_{staff_id.removeprefix('stf_')}"


def payable_fund(*, tenant_id: str, currency: str) -> Fund:
    """Return what the company owes before it owed anything: each company has one, of its own ULID."""
    return Fund(f"fnd_{tenant_id.removeprefix('ten_')}", FundKind.PAYABLE, currency)
