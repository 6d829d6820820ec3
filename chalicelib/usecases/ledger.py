"""Reading the ledger: day totals, trial balances, and closing months.

The ledger is what documents add to the day's totals, and what billing runs post. A completed
run's totals lie with the days'; those of a run that is at work, or works again, are read from its
shards as they stand. Each is balanced at any instant, so the ledger is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from chalicelib.domain.billing_state import BillingState
from chalicelib.domain.errors import InvalidValue, NotFound
from chalicelib.domain.ledger import (
    CLOSABLE_AFTER,
    REASON_CHARS_MAX,
    BillingNotComplete,
    BooksDoNotBalance,
    ClosedOutOfOrder,
    Closing,
    DayTotals,
    MonthNotOver,
    RowDifference,
    TrialBalance,
    added,
    closing_differences,
    month_of,
    months_between,
    next_month,
    run_turnover,
    trial_balance,
)
from chalicelib.ports.store import AuditNote, Idempotency, Page, TenantStore


def day_totals(*, store: TenantStore, first: date, last: date) -> list[DayTotals]:
    """Return what was posted from a day through another, by day and source.

    Only the years that have documents are looked at, however long the period.
    """
    years = _series_years(store)
    if not years:
        return []
    # A fiscal year begins in the calendar year that it is named by, or in the one before.
    first, last = max(first, date(min(years) - 1, 1, 1)), min(last, date(max(years), 12, 31))
    # The state goes first: a run that is complete by then has its totals among the days'.
    state = store.billing_state()
    live = _running(store, state)
    found: list[DayTotals] = []
    for month in months_between(first=first, last=last):
        found += [
            one
            for one in store.ledger.month(month=month)
            if first <= one.on <= last and not (live and one.by_run and one.on == live.on)
        ]
    if live and first <= live.on <= last:
        found.append(live)
    return sorted(found, key=lambda one: (one.on, one.by_run))


def _running(store: TenantStore, state: BillingState) -> DayTotals | None:
    """Return the totals of the run that is at work, as they stand; None where none is."""
    if state.started_through == state.completed_through:
        return None
    run = store.runs.get(on=state.started_through)
    totals = run_turnover(ledger=run.ledger)
    return DayTotals(run.on, by_run=True, turnover=totals) if totals else None


def read_trial_balance(
    *, store: TenantStore, first: date | None, last: date | None, at: datetime
) -> TrialBalance:
    """Return the trial balance of a period, both days inclusive.

    Without ``last`` it ends with the tenant's today, without ``first`` it begins with that month.
    Raises InvalidValue where it ends before it begins.
    """
    today = store.known_profile.local_date(at=at)
    last = last or max(today, first or today)
    first = first or month_of(on=last)
    _check_period(first, last)
    opening = _opening(store, first)
    turnover = added(totals=(one.turnover for one in day_totals(store=store, first=first, last=last)))
    currency = store.known_profile.currency
    return trial_balance(first=first, last=last, currency=currency, opening=opening, turnover=turnover)


def _check_period(first: date, last: date) -> None:
    if last < first:
        raise InvalidValue("a period ends with the day it begins, or later", param="to")


def _opening(store: TenantStore, first: date) -> dict[str, int]:
    """Return the balances before a day: those of the closed month before, and what was posted since."""
    state = store.billing_state()
    closed = _newest_closed(store, state, before=first)
    since = next_month(month=closed.month) if closed else first_month(store=store)
    balances = {row.account: row.closing for row in closed.rows} if closed else {}
    if since is None or since >= first:
        return balances
    last = date.fromordinal(first.toordinal() - 1)
    for one in day_totals(store=store, first=since, last=last):
        for name, turnover in one.turnover.items():
            balances[name] = balances.get(name, 0) + turnover.net
    return balances


def _newest_closed(store: TenantStore, state: BillingState, *, before: date) -> Closing | None:
    """Return the newest closed month that ends before a day."""
    through = state.closed_through
    if through is None:
        return None
    month = month_of(on=through)
    if through >= before:
        month = month_of(on=date.fromordinal(month_of(on=before).toordinal() - 1))
    try:
        return store.ledger.closing(month=month)
    except NotFound:
        # Earlier than the first month that was ever closed.
        return None


def first_month(*, store: TenantStore) -> date | None:
    """Return the first month that can hold postings, by the oldest number series; None where none can."""
    years = _series_years(store)
    if not years:
        return None
    start = store.known_profile.fiscal_year_start_month
    return date(min(years) - (1 if start > 1 else 0), start, 1)


def _series_years(store: TenantStore) -> list[int]:
    return [int(series.partition("#")[2]) for series in store.book_reader.series()]


def recomputed(*, store: TenantStore, first: date, last: date) -> TrialBalance:
    """Return a trial balance from day totals alone, without what closed months kept."""
    begin = first_month(store=store) or first
    days = day_totals(store=store, first=min(begin, first), last=last)
    opening: dict[str, int] = {}
    for one in days:
        if one.on < first:
            for name, turnover in one.turnover.items():
                opening[name] = opening.get(name, 0) + turnover.net
    within = added(totals=(one.turnover for one in days if one.on >= first))
    currency = store.known_profile.currency
    return trial_balance(first=first, last=last, currency=currency, opening=opening, turnover=within)


def total_balances(*, store: TenantStore) -> dict[str, int]:
    """Return every balance that is not zero, from day totals alone, whatever their dates."""
    days = day_totals(store=store, first=date.min, last=date.max)
    totals = added(totals=(one.turnover for one in days))
    return {name: turnover.net for name, turnover in totals.items() if turnover.net}


def month_days(*, store: TenantStore, month: date) -> Sequence[DayTotals]:
    """Return what was posted on each day of a month, by the run and by other documents."""
    last = date.fromordinal(next_month(month=month).toordinal() - 1)
    return day_totals(store=store, first=month, last=last)


# -- closing months --------------------------------------------------------------------------


def close_month(
    *,
    store: TenantStore,
    month: date,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Closing:
    """Close a month, given as its first day: nothing may be posted into it any more.

    Raises MonthNotOver, BillingNotComplete, ClosedOutOfOrder, BooksDoNotBalance, or Busy.
    """
    tenant, state = store.profile(), store.billing_state()
    last = date.fromordinal(next_month(month=month).toordinal() - 1)
    if tenant.local_date(at=at - CLOSABLE_AFTER) <= last:
        raise MonthNotOver("a month can be closed an hour after it has ended", param="month")
    _check_next(store, state, month)
    if state.completed_through < last:
        message = f"billing is complete through {state.completed_through} only: bill through {last} first"
        raise BillingNotComplete(message, param="month")
    totals = recomputed(store=store, first=month, last=last)
    if not totals.balanced:
        raise BooksDoNotBalance("debits and credits differ: audit the books", param="month")
    before = _closing_or_none(store, month)
    closing = Closing(
        month=month,
        currency=tenant.currency,
        rows=totals.rows,
        closed_at=at,
        closed_by=note.actor_id,
        version=before.version + 1 if before else 1,
    )
    store.commit(
        *store.ledger.close(closing=closing, before=before, state=state),
        store.note(note=replace(note, details={"version": closing.version})),
        *store.remember(idempotency=idempotency, answer=closing),
    )
    return closing


def _check_next(store: TenantStore, state: BillingState, month: date) -> None:
    """Raise ClosedOutOfOrder unless a month is the one after the last closed, or the first with postings."""
    if state.closed_through is not None:
        due = next_month(month=month_of(on=state.closed_through))
    else:
        due = _first_posted(store, month)
    if month != due:
        raise ClosedOutOfOrder(f"the month to be closed next is {due:%Y-%m}", param="month")


def _first_posted(store: TenantStore, through: date) -> date:
    """Return the first month with postings; ``through`` where there are none until then."""
    begin = first_month(store=store) or through
    posted = day_totals(store=store, first=begin, last=through) if begin < through else []
    return month_of(on=posted[0].on) if posted else through


def _closing_or_none(store: TenantStore, month: date) -> Closing | None:
    try:
        return store.ledger.closing(month=month)
    except NotFound:
        return None


def open_month(
    *,
    store: TenantStore,
    month: date,
    reason: str,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Closing:
    """Open the newest closed month again, for a reason that is kept.

    Raises NotFound where the month is not closed, ClosedOutOfOrder where a later one is, or Busy.
    """
    state = store.billing_state()
    closing = store.ledger.closing(month=month)
    if not closing.closed:
        raise NotFound("the month is open", param="month")
    if state.closed_through != closing.last:
        message = "a later month is closed: open that one first"
        raise ClosedOutOfOrder(message, param="month")
    reason = reason.strip()
    if not 1 <= len(reason) <= REASON_CHARS_MAX:
        raise InvalidValue(f"a reason has 1 to {REASON_CHARS_MAX} characters", param="reason")
    opened = replace(
        closing, opened_at=at, opened_by=note.actor_id, reason=reason, version=closing.version + 1
    )
    earlier = _closing_or_none(store, month_of(on=date.fromordinal(month.toordinal() - 1)))
    through = earlier.last if earlier and earlier.closed else None
    told = replace(note, personal={"reason": reason})
    store.commit(
        *store.ledger.open(closing=opened, through=through, state=state),
        store.note(note=told),
        *store.remember(idempotency=idempotency, answer=opened),
    )
    return opened


def list_closings(*, store: TenantStore, limit: int, after: str | None) -> Page[Closing]:
    """Return the months that were ever closed, the newest first."""
    return store.ledger.closings(limit=limit, after=after)


def check_closing(*, store: TenantStore, month: date) -> tuple[Closing, tuple[RowDifference, ...]]:
    """Return a month that was closed, and the accounts in which it now differs; NotFound where it was not."""
    closing = store.ledger.closing(month=month)
    now = recomputed(store=store, first=month, last=closing.last)
    return closing, closing_differences(closing=closing, now=now)
