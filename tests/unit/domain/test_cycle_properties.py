"""Cycles over thirty years, the parts of a split, fiscal years, and clocks that change.

What is expected is computed here by another way than the code's: by walking the calendar day by
day, and by fractions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.account_bills import bill_account
from chalicelib.domain.accounts import Account, Discount, Subscription
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.charges import Proportion
from chalicelib.domain.invoices import InvoiceLine, fiscal_year
from chalicelib.domain.money import Money
from chalicelib.domain.periods import BillingTiming, Cycle, CycleUnit, period_from, period_number
from chalicelib.domain.subscriptions import subscribe
from chalicelib.domain.tenants import Tenant, TenantState
from chalicelib.usecases.billing import last_due_date
from tests.examples import examples
from tests.unit.domain.selling import ACCOUNT, CATALOGUE, PACKAGE
from tests.unit.domain.strategies import anchored, subscriptions

DAY = timedelta(days=1)
YEARS = 30
# Ends of months, leap days and their neighbours, and a start in the middle.
STARTS = (date(2024, 2, 29), date(2026, 1, 31), date(2026, 2, 28), date(2027, 7, 15), date(2028, 12, 1))


def last_day(year: int, month: int) -> int:
    """The number of days of a month: the day before the next month's first."""
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - DAY).day


def walked(cycle: Cycle, anchor_day: int, origin: date, until: date) -> list[date]:
    """Every boundary after the origin, found by looking at each day of the calendar in turn."""
    found: list[date] = []
    day, passed = origin, 0
    while day < until:
        day += DAY
        if cycle.unit is CycleUnit.DAY:
            fits = (day - origin).days % cycle.count == 0
        elif cycle.unit is CycleUnit.WEEK:
            fits = day.isoweekday() == anchor_day
            if fits and not found and origin.isoweekday() != anchor_day:
                passed = cycle.count - 1  # the first period is short: up to the first anchor
            passed += fits
            fits = fits and passed % cycle.count == 0
        else:
            months = (day.year - origin.year) * 12 + day.month - origin.month
            fits = months % cycle.count == 0 and day.day == min(anchor_day, last_day(day.year, day.month))
        if fits:
            found.append(day)
    return found


def test_the_walk_itself_finds_what_is_known() -> None:
    month = Cycle(CycleUnit.MONTH)
    assert walked(month, 31, date(2026, 1, 31), date(2026, 5, 1))[:3] == [
        date(2026, 2, 28),
        date(2026, 3, 31),
        date(2026, 4, 30),
    ]
    # 4 November 2026 is a Wednesday: every second Monday after the first.
    assert walked(Cycle(CycleUnit.WEEK, 2), 1, date(2026, 11, 4), date(2026, 12, 8)) == [
        date(2026, 11, 9),
        date(2026, 11, 23),
        date(2026, 12, 7),
    ]


@pytest.mark.parametrize("anchor_day", range(1, 32))
def test_thirty_years_of_months_by_each_anchor(anchor_day: int) -> None:
    for origin in STARTS:
        for count in (1, 3, 7, 12, 36):
            assert_as_walked(Cycle(CycleUnit.MONTH, count), anchor_day, origin)


@pytest.mark.parametrize("anchor_day", range(1, 8))
def test_thirty_years_of_weeks_by_each_anchor(anchor_day: int) -> None:
    for count in (1, 2, 4, 5):
        assert_as_walked(Cycle(CycleUnit.WEEK, count), anchor_day, date(2026, 11, 4))


@pytest.mark.parametrize("count", [1, 2, 10, 28, 30, 36])
def test_thirty_years_of_days(count: int) -> None:
    assert_as_walked(Cycle(CycleUnit.DAY, count), 1, date(2024, 2, 29))


def assert_as_walked(cycle: Cycle, anchor_day: int, origin: date) -> None:
    """Periods from the origin on are contiguous, disjoint, and end where the calendar says."""
    until = date(origin.year + YEARS, 12, 1)
    expected = walked(cycle, anchor_day, origin, until)
    start, ends = origin, []
    while start < expected[-1]:
        period = period_from(cycle=cycle, anchor_day=anchor_day, origin=origin, start=start)
        assert period.start == start
        ends.append(period.end)
        start = period.end
    assert ends == expected


# 45 of the longest, three years each, from 2060 on end before 2200, the last year that there is.
@given(anchored(), st.integers(1, 45))
@examples(200)
def test_periods_are_numbered_in_turn(chosen: tuple[Cycle, int, date], periods: int) -> None:
    cycle, anchor_day, origin = chosen
    start = origin
    for number in range(periods):
        period = period_from(cycle=cycle, anchor_day=anchor_day, origin=origin, start=start)
        for inside in (period.start, period.end - DAY):
            found = period_number(cycle=cycle, anchor_day=anchor_day, origin=origin, start=inside)
            assert found == number
        start = period.end


# -- splits --------------------------------------------------------------------------------


@given(
    amount=st.integers(-(10**13), 10**13),
    full=st.integers(1, 1_200),
    cuts=st.sets(st.integers(1, 1_199), max_size=40),
)
@examples(500)
def test_the_parts_of_a_cycle_sum_to_the_whole_wherever_it_is_cut(
    amount: int, full: int, cuts: set[int]
) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut < full), full]
    parts = [Proportion(first, after - first, full).of(amount=amount) for first, after in pairwise(edges)]

    assert sum(parts) == amount
    for (first, after), part in zip(pairwise(edges), parts, strict=True):
        assert abs(part - Fraction(amount * (after - first), full)) <= 1


@given(
    subscriptions(), st.integers(0, 10**7), st.integers(0, 10**7), st.lists(st.integers(1, 400), max_size=8)
)
@examples(200)
def test_a_period_billed_in_pieces_costs_what_it_costs_in_one(
    subscription: Subscription, price: int, off: int, stops: list[int]
) -> None:
    """Ends announced and withdrawn cut a cycle into bills; together they are the cycle's price."""
    sub = replace(subscription, discounts=(Discount("OFF", amount=off),))
    package = replace(PACKAGE, price=Money(price, "PKR"), cycle=sub.cycle, timing=sub.timing)
    catalogue = Catalogue(packages={package.package_id: package}, tax_groups={})
    whole = period_from(cycle=sub.cycle, anchor_day=sub.anchor_day, origin=sub.starts_on, start=sub.starts_on)
    at_once = billed(replace(ACCOUNT, subscriptions=(sub,)), whole.end, catalogue, until=whole.end)
    account = replace(ACCOUNT, subscriptions=(sub,))
    pieces: list[InvoiceLine] = []
    for days in sorted(set(stops)):
        stop = whole.start + days * DAY
        if stop >= whole.end:
            break
        (now,) = account.subscriptions
        cut = replace(account, subscriptions=(replace(now, ends_on=stop),))
        bill = bill_account(account=cut, slots=[1], on=stop, catalogue=catalogue, charges_max=48)
        pieces += [line for invoice in bill.invoices for line in invoice.lines]
        (after,) = (bill.after or cut).subscriptions
        account = replace(account, subscriptions=(replace(after, ends_on=None),))
    pieces += billed(account, whole.end, catalogue, until=whole.end)

    assert sum(line.billed_days for line in pieces) == whole.days
    assert sum(line.net for line in pieces) == sum(line.net for line in at_once)


def billed(account: Account, on: date, catalogue: Catalogue, *, until: date) -> list[InvoiceLine]:
    """The lines billed on a date for periods that begin before another."""
    bill = bill_account(account=account, slots=[1], on=on, catalogue=catalogue, charges_max=48)
    lines = [line for invoice in bill.invoices for line in invoice.lines]
    return [line for line in lines if line.period.start < until]


# More than 400 periods behind, the safety bound sets an account aside.
@given(subscriptions(), st.integers(1, 399))
@examples(100)
def test_catching_up_bills_what_daily_runs_would_have(subscription: Subscription, days: int) -> None:
    account = replace(ACCOUNT, subscriptions=(subscription,))
    through = subscription.starts_on + days * DAY
    daily: list[InvoiceLine] = []
    now = account
    for offset in range(days + 1):
        on = subscription.starts_on + offset * DAY
        bill = bill_account(account=now, slots=[1], on=on, catalogue=CATALOGUE, charges_max=48)
        daily += [line for invoice in bill.invoices for line in invoice.lines]
        now = bill.after or now
    at_once: list[InvoiceLine] = []
    late = account
    while True:
        bill = bill_account(account=late, slots=[1], on=through, catalogue=CATALOGUE, charges_max=48)
        at_once += [line for invoice in bill.invoices for line in invoice.lines]
        late = bill.after or late
        if not bill.unfinished:
            break

    assert at_once == daily
    assert late.subscriptions == now.subscriptions
    assert late.balance == now.balance == sum(line.total for line in daily)


# -- a common bill day ---------------------------------------------------------------------


@given(
    start=st.dates(date(2020, 1, 1), date(2050, 1, 1)),
    bill_day=st.integers(1, 31),
    price=st.integers(0, 10**8),
    timing=st.sampled_from(BillingTiming),
)
@examples(300)
def test_a_start_before_the_common_bill_day_is_charged_by_the_day(
    start: date, bill_day: int, price: int, timing: BillingTiming
) -> None:
    package = replace(PACKAGE, price=Money(price, "PKR"), timing=timing)
    catalogue = Catalogue(packages={package.package_id: package}, tax_groups={})
    sub = subscribe(account=ACCOUNT, package=package, starts_on=start, anchor_day=bill_day)
    account = replace(ACCOUNT, subscriptions=(sub,))

    lines = billed(account, start + 100 * DAY, catalogue, until=start + 100 * DAY)[:2]

    first, second = lines
    align = walked(package.cycle, bill_day, start, start + 40 * DAY)[0]
    assert (first.period.start, first.period.end, second.period.start) == (start, align, align)
    # The whole month that ends on the bill day, whatever its length.
    month_before = align.replace(day=1) - DAY
    begins = date(
        month_before.year, month_before.month, min(bill_day, last_day(month_before.year, month_before.month))
    )
    whole = (align - begins).days
    assert (first.billed_days, first.full_days) == ((align - start).days, whole)
    assert abs(first.net - Fraction(price * first.billed_days, whole)) <= 1
    if start == begins:
        assert first.net == price
    assert (second.net, second.billed_days) == (price, second.full_days)


# -- fiscal years --------------------------------------------------------------------------


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 12))
def test_a_fiscal_year_begins_on_the_first_of_its_month_and_nowhere_else(on: date, month: int) -> None:
    here = fiscal_year(on=on, start_month=month)
    following = fiscal_year(on=on + DAY, start_month=month)

    begins = (on + DAY).month == month and (on + DAY).day == 1
    assert following - here == (1 if begins else 0)


@given(st.integers(2001, 2100), st.integers(1, 12))
def test_a_fiscal_year_has_the_name_of_its_last_day(year: int, month: int) -> None:
    days = [date(year - 1, 1, 1) + offset * DAY for offset in range(800)]
    inside = [day for day in days if fiscal_year(on=day, start_month=month) == year]

    assert inside[-1].year == year
    assert len(inside) in {365, 366}
    assert (inside[0].month, inside[0].day) == (month, 1)


# -- clocks that change --------------------------------------------------------------------

# Hours that do not come (Berlin 02, Lord Howe half of 02, Santiago 00, Cairo 00) or come twice, a date
# that did not come at all (Apia's 30 December 2011), and a zone without changes.
ZONES = [
    ("Europe/Berlin", 2026),
    ("America/New_York", 2026),
    ("America/Santiago", 2026),
    ("America/Havana", 2026),
    ("Africa/Cairo", 2026),
    ("Asia/Beirut", 2026),
    ("Australia/Lord_Howe", 2026),
    ("Pacific/Chatham", 2026),
    ("Africa/Casablanca", 2026),
    ("Pacific/Apia", 2011),
    ("Asia/Karachi", 2026),
]


def tenant_in(zone: str, hour: int) -> Tenant:
    return Tenant(
        tenant_id="ten_1",
        company="x",
        subdomain="xyz",
        country="PK",
        currency="PKR",
        time_zone=zone,
        fiscal_year_start_month=7,
        state=TenantState.ACTIVE,
        created_at=datetime(2010, 1, 1, tzinfo=UTC),
        billing_hour=hour,
    )


def changes(zone: str, year: int) -> Iterator[datetime]:
    """The instants of a year (to the hour, in UTC) after which the zone's offset is another."""
    at, where = datetime(year, 1, 1, tzinfo=UTC), ZoneInfo(zone)
    while at.year == year:
        following = at + timedelta(hours=1)
        if at.astimezone(where).utcoffset() != following.astimezone(where).utcoffset():
            yield at
        at = following


@pytest.mark.parametrize(("zone", "year"), ZONES)
def test_each_local_date_is_billed_once_though_the_billing_hour_is_left_out_or_comes_twice(
    zone: str, year: int
) -> None:
    """The planner's ticks around each change of the clock, for every billing hour."""
    around = list(changes(zone, year)) or [datetime(year, 3, 1, tzinfo=UTC)]
    for hour in range(24):
        tenant = tenant_in(zone, hour)
        for change in around:
            runs: Counter[date] = Counter()
            begins = change - timedelta(days=3)
            through = last_due_date(tenant=tenant, at=begins)
            newest = through
            for tick in range(6 * 24 * 4):
                at = begins + timedelta(minutes=15 * tick)
                due = last_due_date(tenant=tenant, at=at)
                assert due >= newest - DAY
                newest = max(newest, due)
                while through + DAY <= due:
                    through += DAY
                    runs[through] += 1
                    assert_in_time(tenant, through, at)
            assert set(runs.values()) == {1}
            assert sorted(runs) == [min(runs) + offset * DAY for offset in range(len(runs))]
            assert len(runs) >= 5


def assert_in_time(tenant: Tenant, on: date, at: datetime) -> None:
    """A date's run is not before its hour, and (the hour left out or not) within the hour after."""
    local = at.astimezone(ZoneInfo(tenant.time_zone))
    assert local.date() >= on
    if local.date() == on:
        assert tenant.billing_hour <= local.hour <= tenant.billing_hour + 1
    else:
        # Its last hour was left out, or the whole date was: the next moment there is.
        assert local.date() - on <= DAY * 2
