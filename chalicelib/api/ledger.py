"""The general ledger: chart of accounts, trial balances, day totals, and closed months."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, Literal

from pydantic import Field

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, ListAnswer, ListQuery, Schema
from chalicelib.domain.errors import NotFound
from chalicelib.domain.ledger import (
    CHART,
    REASON_CHARS_MAX,
    AccountType,
    ChartAccount,
    Closing,
    DayTotals,
    LedgerRow,
    MalformedMonth,
    RowDifference,
    TrialBalance,
    chart_account,
    parse_month,
)
from chalicelib.domain.staff import Permission
from chalicelib.usecases import ledger

DATE_MIN: Final = date(2000, 1, 1)
DATE_MAX: Final = date(2199, 12, 31)
Side = Literal["debit", "credit"]


class ChartAccountOut(Schema):
    """An account of the chart; a name that ends with a colon stands for a family of accounts."""

    account: str = Field(examples=["tax:"])
    type: AccountType
    normal_side: Side
    description: str

    @classmethod
    def of(cls, account: ChartAccount) -> ChartAccountOut:
        """Render an account of the chart."""
        side: Side = "debit" if account.type.normal_side == "debit" else "credit"
        return cls(account=account.name, type=account.type, normal_side=side, description=account.description)


class ChartOut(Schema):
    """The chart of accounts: nothing is posted to any other."""

    items: list[ChartAccountOut]


@endpoint("GET", "/v1/ledger/accounts", permission=Permission.LEDGER_READ, answer=ChartOut)
def get_chart_of_accounts(_request: Request) -> ChartOut:
    """Show the chart of accounts."""
    return ChartOut(items=[ChartAccountOut.of(account) for account in CHART])


class LedgerRowOut(Schema):
    """An account in a period, in minor units; balances are debits less credits."""

    account: str = Field(examples=["receivable"])
    type: AccountType | None
    opening: int
    debit: int
    credit: int
    closing: int

    @classmethod
    def of(cls, row: LedgerRow) -> LedgerRowOut:
        """Render a row."""
        known = chart_account(name=row.account)
        return cls(
            account=row.account,
            type=known.type if known else None,
            opening=row.opening,
            debit=row.debit,
            credit=row.credit,
            closing=row.closing,
        )


class PeriodQuery(Schema):
    """A period, both days inclusive; without them the present month through today."""

    first: date | None = Field(default=None, alias="from", ge=DATE_MIN, le=DATE_MAX, examples=["2026-11-01"])
    last: date | None = Field(default=None, alias="to", ge=DATE_MIN, le=DATE_MAX, examples=["2026-11-30"])


class TrialBalanceOut(Schema):
    """Every account that was ever posted to until the last day; debit and credit are equal."""

    first: date
    last: date = Field(description="inclusive")
    currency: str
    rows: list[LedgerRowOut]
    debit: int
    credit: int
    balanced: bool

    @classmethod
    def of(cls, trial: TrialBalance) -> TrialBalanceOut:
        """Render a trial balance."""
        return cls(
            first=trial.first,
            last=trial.last,
            currency=trial.currency,
            rows=[LedgerRowOut.of(row) for row in trial.rows],
            debit=trial.debit,
            credit=trial.credit,
            balanced=trial.balanced,
        )


@endpoint(
    "GET",
    "/v1/ledger/trial-balance",
    permission=Permission.LEDGER_READ,
    query=PeriodQuery,
    answer=TrialBalanceOut,
)
def get_trial_balance(request: Request) -> TrialBalanceOut:
    """Show the trial balance of a period, or as of its last day."""
    asked = request.query_as(PeriodQuery)
    return TrialBalanceOut.of(
        ledger.read_trial_balance(store=request.store, first=asked.first, last=asked.last, at=request.now)
    )


class MonthQuery(Schema):
    """A calendar month."""

    month: str = Field(examples=["2026-11"])


class TurnoverOut(Schema):
    """Debits and credits of an account, in minor units."""

    account: str
    debit: int
    credit: int


class DayTotalsOut(Schema):
    """What a day's billing run posted, or all other documents of the day."""

    date: date
    source: Literal["run", "documents"]
    accounts: list[TurnoverOut]

    @classmethod
    def of(cls, day: DayTotals) -> DayTotalsOut:
        """Render a day's totals."""
        return cls(
            date=day.on,
            source="run" if day.by_run else "documents",
            accounts=[
                TurnoverOut(account=name, debit=one.debit, credit=one.credit)
                for name, one in sorted(day.turnover.items())
            ],
        )


class LedgerDaysOut(Schema):
    """The days of a month on which anything was posted."""

    month: str
    items: list[DayTotalsOut]


@endpoint(
    "GET",
    "/v1/ledger/days",
    permission=Permission.LEDGER_READ,
    query=MonthQuery,
    answer=LedgerDaysOut,
)
def list_ledger_days(request: Request) -> LedgerDaysOut:
    """Show what was posted on each day of a month, by the billing run and by other documents."""
    asked = request.query_as(MonthQuery).month
    days = ledger.month_days(store=request.store, month=parse_month(text=asked))
    return LedgerDaysOut(month=asked, items=[DayTotalsOut.of(day) for day in days])


# -- closed months ---------------------------------------------------------------------------


class ClosingOut(Schema):
    """A month that was closed; ``open`` where it was opened again, with the reason."""

    month: str = Field(examples=["2026-11"])
    state: Literal["closed", "open"]
    currency: str
    rows: list[LedgerRowOut] = Field(description="the trial balance as it was closed")
    closed_at: datetime
    closed_by: str
    opened_at: datetime | None
    opened_by: str | None
    reason: str | None
    version: int

    @classmethod
    def of(cls, closing: Closing) -> ClosingOut:
        """Render a closing."""
        return cls(
            month=f"{closing.month:%Y-%m}",
            state="closed" if closing.closed else "open",
            currency=closing.currency,
            rows=[LedgerRowOut.of(row) for row in closing.rows],
            closed_at=closing.closed_at,
            closed_by=closing.closed_by,
            opened_at=closing.opened_at,
            opened_by=closing.opened_by or None,
            reason=closing.reason or None,
            version=closing.version,
        )


class ClosingList(ListAnswer):
    """Months that were ever closed, the newest first."""

    items: list[ClosingOut]


class RowDifferenceOut(Schema):
    """An account whose figures are no longer those that the month was closed with."""

    account: str
    closed: LedgerRowOut
    now: LedgerRowOut

    @classmethod
    def of(cls, found: RowDifference) -> RowDifferenceOut:
        """Render a difference."""
        return cls(
            account=found.account, closed=LedgerRowOut.of(found.closed), now=LedgerRowOut.of(found.now)
        )


class CheckedClosingOut(Schema):
    """A month that was closed, and in which accounts its postings now come to something else: none."""

    closing: ClosingOut
    differences: list[RowDifferenceOut]


class ClosingIn(Schema):
    """The month to be closed."""

    month: str = Field(examples=["2026-11"])


class OpeningIn(Schema):
    """Why the month is opened again; kept with it, and in the audit log."""

    reason: Line = Field(min_length=1, max_length=REASON_CHARS_MAX)


@endpoint(
    "POST",
    "/v1/ledger/closings",
    permission=Permission.LEDGER_CLOSE,
    body=ClosingIn,
    answer=ClosingOut,
    status=201,
    idempotent=True,
)
def close_ledger_month(request: Request) -> ClosingOut:
    """Close a month that is over and billed: nothing is posted into it any more.

    Months are closed one after the other, an hour after their end at the earliest.
    """
    month = request.body_as(ClosingIn).month
    closing = ledger.close_month(
        store=request.store,
        month=parse_month(text=month),
        at=request.now,
        note=request.note("ledger.month_closed", month),
        idempotency=request.idempotency,
    )
    return ClosingOut.of(closing)


@endpoint(
    "GET", "/v1/ledger/closings", permission=Permission.LEDGER_READ, query=ListQuery, answer=ClosingList
)
def list_ledger_closings(request: Request) -> ClosingList:
    """List the months that were ever closed, the newest first."""
    limit = request.query_as(ListQuery).limit
    page = ledger.list_closings(store=request.store, limit=limit, after=request.after)
    return request.listing(ClosingList, page, ClosingOut.of)


@endpoint(
    "GET",
    "/v1/ledger/closings/{month}",
    permission=Permission.LEDGER_READ,
    answer=CheckedClosingOut,
)
def get_ledger_closing(request: Request) -> CheckedClosingOut:
    """Show a month that was closed, and whether its postings still come to what it was closed with."""
    closing, differences = ledger.check_closing(store=request.store, month=_month(request))
    return CheckedClosingOut(
        closing=ClosingOut.of(closing), differences=[RowDifferenceOut.of(one) for one in differences]
    )


@endpoint(
    "POST",
    "/v1/ledger/closings/{month}/open",
    permission=Permission.LEDGER_OPEN,
    body=OpeningIn,
    answer=ClosingOut,
    idempotent=True,
)
def open_ledger_month(request: Request) -> ClosingOut:
    """Open the newest closed month again: for owners, with a reason that is kept."""
    month = _month(request)
    opened = ledger.open_month(
        store=request.store,
        month=month,
        reason=request.body_as(OpeningIn).reason,
        at=request.now,
        note=request.note("ledger.month_opened", f"{month:%Y-%m}"),
        idempotency=request.idempotency,
    )
    return ClosingOut.of(opened)


def _month(request: Request) -> date:
    try:
        return parse_month(text=request.path["month"])
    except MalformedMonth:
        raise NotFound("the month was not closed", param="month") from None
