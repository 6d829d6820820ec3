"""The general ledger: the chart of accounts, day totals, the trial balance, and closed months.

Every posting is to an account of the chart; debit is positive. A ledger is of one tenant and
so of one currency; amounts are minor units of it. Dates are local dates of the tenant, and
months calendar months. Billing runs post as one entry a run: their debits and credits are net
by account; every other document counts with its own debits and credits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.invoices import CHARGEBACKS, CREDIT, DEPOSITS, RECEIVABLE, REVENUE, ROUNDING, Posting

WRITE_OFF: Final = "write_off"
COMMISSION: Final = "commission"
CASH_DIFFERENCE: Final = "cash_difference"
DEALER_WALLETS: Final = "dealer_wallets"
VOUCHERS: Final = "vouchers"
PAYABLE: Final = "payable"
CASH_PREFIX: Final = "cash:"
# The channel of cash that collectors hold; it is the office's no sooner than it is handed over.
IN_HAND: Final = "in_hand"
EXPENSE_PREFIX: Final = "expense:"
REVENUE_PREFIX: Final = "revenue:"
TAX_PREFIX: Final = "tax:"
_MONTH: Final = re.compile(r"2[01][0-9]{2}-(?:0[1-9]|1[0-2])\Z", re.ASCII)
_PART: Final = re.compile(r"[a-z0-9_-]{1,40}\Z", re.ASCII)


class MonthNotOver(Conflict):
    """The month has not ended in the tenant's zone, or ended less than an hour ago."""

    code = "month_not_over"


class BillingNotComplete(Conflict):
    """Billing runs are not completed through the month's last day."""

    code = "billing_not_complete"


class ClosedOutOfOrder(Conflict):
    """Months are closed one after the other, and opened from the newest on."""

    code = "closed_out_of_order"


class BooksDoNotBalance(Conflict):
    """Debits and credits of the ledger differ: nothing is closed on such books."""

    code = "books_do_not_balance"


class PeriodClosed(Conflict):
    """The month is closed: nothing is posted into it."""

    code = "period_closed"


class MalformedMonth(InvalidValue):
    """The text is not a month such as 2026-11."""

    code = "malformed_month"


class AccountType(StrEnum):
    """What an account of the chart is of; assets and expenses are debit by nature."""

    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EXPENSE = "expense"

    @property
    def normal_side(self) -> str:
        """The side on which the account's balance usually is: ``debit`` or ``credit``."""
        return "debit" if self in {AccountType.ASSET, AccountType.EXPENSE} else "credit"


@dataclass(frozen=True, slots=True)
class ChartAccount:
    """An account of the chart; a name that ends with a colon stands for a family of accounts."""

    name: str
    type: AccountType
    description: str


CHART: Final = (
    ChartAccount(RECEIVABLE, AccountType.ASSET, "what subscribers owe on open invoices"),
    ChartAccount(CASH_PREFIX, AccountType.ASSET, "money received and given back, by channel"),
    ChartAccount(CREDIT, AccountType.LIABILITY, "what subscribers have paid or been credited in advance"),
    ChartAccount(DEPOSITS, AccountType.LIABILITY, "deposits held, to be given back"),
    ChartAccount(DEALER_WALLETS, AccountType.LIABILITY, "what dealers have paid in and not sold for yet"),
    ChartAccount(VOUCHERS, AccountType.LIABILITY, "vouchers sold and not redeemed yet"),
    ChartAccount(PAYABLE, AccountType.LIABILITY, "expenses that are not paid yet"),
    ChartAccount(TAX_PREFIX, AccountType.LIABILITY, "taxes charged and owed to the state, by tax"),
    ChartAccount(REVENUE_PREFIX, AccountType.INCOME, "what was billed before tax, by kind of charge"),
    ChartAccount(ROUNDING, AccountType.INCOME, "what rounding invoices added or took"),
    ChartAccount(WRITE_OFF, AccountType.EXPENSE, "what is not collected any more"),
    ChartAccount(CHARGEBACKS, AccountType.EXPENSE, "what banks took back and is not owed again"),
    ChartAccount(COMMISSION, AccountType.EXPENSE, "what dealers and channels keep"),
    ChartAccount(EXPENSE_PREFIX, AccountType.EXPENSE, "what the company spends, by category"),
    ChartAccount(
        CASH_DIFFERENCE, AccountType.EXPENSE, "cash that was missing when counted, less what was over"
    ),
)
_BY_NAME: Final = {account.name: account for account in CHART}
_REVENUES: Final = frozenset(REVENUE.values())


def chart_account(*, name: str) -> ChartAccount | None:
    """Return the account of the chart that a ledger account is or belongs to; None where there is none."""
    family, colon, part = name.partition(":")
    known = _BY_NAME.get(f"{family}{colon}")
    if known is None or not colon:
        return known
    fits = name in _REVENUES if known.name == REVENUE_PREFIX else bool(_PART.match(part))
    return known if fits else None


def check_postings(*, postings: Iterable[Posting]) -> None:
    """Assert that every posting is to an account of the chart, and that they sum to zero."""
    total = 0
    for posting in postings:
        assert chart_account(name=posting.account) is not None, f"{posting.account} is not in the chart"
        total += posting.amount
    assert total == 0, "a ledger entry balances"


# -- totals ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Turnover:
    """Debits and credits of an account, both zero or more."""

    debit: int = 0
    credit: int = 0

    @property
    def net(self) -> int:
        """Debits less credits."""
        return self.debit - self.credit

    def __add__(self, other: Turnover) -> Turnover:
        return Turnover(self.debit + other.debit, self.credit + other.credit)


NO_TURNOVER: Final = Turnover()


@dataclass(frozen=True, slots=True)
class DayTotals:
    """What was posted on a day, by ledger account: by the day's billing run, or by all other documents."""

    on: date
    by_run: bool
    turnover: Mapping[str, Turnover]


def turnover_of(*, postings: Iterable[Posting]) -> dict[str, Turnover]:
    """Return the debits and credits of postings, by account."""
    totals: dict[str, Turnover] = {}
    for posting in postings:
        one = Turnover(max(posting.amount, 0), max(-posting.amount, 0))
        totals[posting.account] = totals.get(posting.account, NO_TURNOVER) + one
    return {name: one for name, one in totals.items() if one != NO_TURNOVER}


def run_turnover(*, ledger: Mapping[str, int]) -> dict[str, Turnover]:
    """Return what a run posted, from its net totals by account."""
    return turnover_of(postings=[Posting(name, amount) for name, amount in ledger.items()])


def added(*, totals: Iterable[Mapping[str, Turnover]]) -> dict[str, Turnover]:
    """Return turnovers added up by account."""
    found: dict[str, Turnover] = {}
    for one in totals:
        for name, turnover in one.items():
            found[name] = found.get(name, NO_TURNOVER) + turnover
    return found


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """An account in a period: balances are debits less credits, so those of liabilities are negative."""

    account: str
    opening: int
    debit: int
    credit: int

    @property
    def closing(self) -> int:
        """The balance at the end of the period's last day."""
        return self.opening + self.debit - self.credit


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """Every account of a period, both days inclusive, in the order of the chart."""

    first: date
    last: date
    currency: str
    rows: tuple[LedgerRow, ...]

    @property
    def balanced(self) -> bool:
        """Whether opening balances, turnovers and closing balances each sum to zero."""
        opening = sum(row.opening for row in self.rows)
        return opening == 0 and self.debit == self.credit

    @property
    def debit(self) -> int:
        """Every debit of the period."""
        return sum(row.debit for row in self.rows)

    @property
    def credit(self) -> int:
        """Every credit of the period."""
        return sum(row.credit for row in self.rows)

    @property
    def closing(self) -> dict[str, int]:
        """The closing balances that are not zero."""
        return {row.account: row.closing for row in self.rows if row.closing}


def trial_balance(
    *,
    first: date,
    last: date,
    currency: str,
    opening: Mapping[str, int],
    turnover: Mapping[str, Turnover],
) -> TrialBalance:
    """Return the trial balance of a period from its opening balances and what was posted in it."""
    names = sorted({*(name for name, amount in opening.items() if amount), *turnover}, key=_chart_order)
    rows = (
        LedgerRow(name, opening.get(name, 0), one.debit, one.credit)
        for name in names
        for one in (turnover.get(name, NO_TURNOVER),)
    )
    return TrialBalance(first, last, currency, tuple(rows))


_PLACE: Final = {account.name: place for place, account in enumerate(CHART)}


def _chart_order(name: str) -> tuple[int, str]:
    """Return where an account stands in the chart; one that is not of it comes last."""
    family, colon, _ = name.partition(":")
    return _PLACE.get(f"{family}{colon}", len(CHART)), name


# -- closed months ---------------------------------------------------------------------------

# A request computes the tenant's today and writes within half a minute; so after an hour nothing
# is on its way that is dated the month.
CLOSABLE_AFTER: Final = timedelta(hours=1)
REASON_CHARS_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Closing:
    """A month that was closed, with its trial balance as it then stood.

    ``opened_at`` is set where it was opened again; it may then be closed anew.
    """

    month: date
    currency: str
    rows: tuple[LedgerRow, ...]
    closed_at: datetime
    closed_by: str
    opened_at: datetime | None = None
    opened_by: str = ""
    reason: str = ""
    version: int = 1

    @property
    def closed(self) -> bool:
        """Whether nothing may be posted into the month."""
        return self.opened_at is None

    @property
    def last(self) -> date:
        """The month's last day."""
        return month_end(month=self.month)


@dataclass(frozen=True, slots=True)
class RowDifference:
    """An account whose figures of a closed month are not what they were: as closed, and as now."""

    account: str
    closed: LedgerRow
    now: LedgerRow


def closing_differences(*, closing: Closing, now: TrialBalance) -> tuple[RowDifference, ...]:
    """Return the accounts in which a month differs from what it was closed with."""
    before = {row.account: row for row in closing.rows}
    after = {row.account: row for row in now.rows}
    found = []
    for name in sorted({*before, *after}, key=_chart_order):
        none = LedgerRow(name, 0, 0, 0)
        was, found_now = before.get(name, none), after.get(name, none)
        if was != found_now:
            found.append(RowDifference(name, was, found_now))
    return tuple(found)


def parse_month(*, text: str, param: str = "month") -> date:
    """Return the first day of a month such as ``2026-11``, or raise MalformedMonth."""
    if _MONTH.match(text) is None:
        raise MalformedMonth("a month is such as 2026-11", param=param)
    return date.fromisoformat(f"{text}-01")


def month_of(*, on: date) -> date:
    """Return the first day of a date's month."""
    return on.replace(day=1)


def next_month(*, month: date) -> date:
    """Return the first day of the month after."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def month_end(*, month: date) -> date:
    """Return the last day of a month."""
    return next_month(month=month) - timedelta(days=1)


def months_between(*, first: date, last: date) -> list[date]:
    """Return the first days of the months from that of ``first`` through that of ``last``."""
    found, month = [], month_of(on=first)
    while month <= last:
        found.append(month)
        month = next_month(month=month)
    return found
