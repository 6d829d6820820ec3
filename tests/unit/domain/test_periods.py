"""Periods are contiguous and disjoint, on the original anchor, and found by their buckets."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.periods import (
    NAMED_CYCLES,
    BillingTiming,
    Cycle,
    CycleUnit,
    InvalidAnchor,
    InvalidCycle,
    Period,
    anchor_bucket,
    bill_date,
    check_anchor,
    clamp_day,
    default_anchor,
    due_buckets,
    full_period_days,
    next_boundary,
    period_from,
)
from chalicelib.domain.tenants import Tenant, TenantState
from tests.examples import examples
from tests.unit.domain.strategies import anchored

YEARS = timedelta(days=30 * 365 + 8)
MONTH = NAMED_CYCLES["month"]


def periods(cycle: Cycle, anchor_day: int, origin: date, until: date) -> list[Period]:
    found = [period_from(cycle=cycle, anchor_day=anchor_day, origin=origin, start=origin)]
    while found[-1].end < until:
        found.append(period_from(cycle=cycle, anchor_day=anchor_day, origin=origin, start=found[-1].end))
    return found


@given(anchored())
@examples(150)
def test_thirty_years_of_periods_leave_no_day_out_and_count_none_twice(
    chosen: tuple[Cycle, int, date],
) -> None:
    cycle, anchor_day, origin = chosen
    found = periods(cycle, anchor_day, origin, origin + YEARS)

    assert found[0].start == origin
    assert all(before.end == after.start for before, after in pairwise(found))
    assert sum(period.days for period in found) == (found[-1].end - origin).days


@given(anchored())
@examples(150)
def test_every_boundary_is_on_the_original_anchor_and_whole_cycles_apart(
    chosen: tuple[Cycle, int, date],
) -> None:
    cycle, anchor_day, origin = chosen
    boundaries = [period.end for period in periods(cycle, anchor_day, origin, origin + YEARS)]

    for before, after in pairwise(boundaries):
        if cycle.unit is CycleUnit.MONTH:
            assert (after.year - before.year) * 12 + after.month - before.month == cycle.count
            assert after == clamp_day(year=after.year, month=after.month, day=anchor_day)
        else:
            assert (after - before).days == cycle.count * (7 if cycle.unit is CycleUnit.WEEK else 1)
    if cycle.unit is CycleUnit.WEEK:
        assert {boundary.isoweekday() for boundary in boundaries} == {anchor_day}


@given(anchored())
@examples(150)
def test_every_boundary_is_due_in_the_bucket_of_its_subscription(chosen: tuple[Cycle, int, date]) -> None:
    cycle, anchor_day, origin = chosen
    bucket = anchor_bucket(cycle=cycle, anchor_day=anchor_day, origin=origin)

    for period in periods(cycle, anchor_day, origin, origin + YEARS):
        assert bucket in due_buckets(on=period.end)


@given(anchored(), st.integers(0, 10_000))
@examples(300)
def test_a_period_ends_where_it_would_from_any_day_inside(chosen: tuple[Cycle, int, date], days: int) -> None:
    cycle, anchor_day, origin = chosen
    day = origin + timedelta(days=days)
    whole = next(
        period for period in periods(cycle, anchor_day, origin, day + timedelta(1)) if period.end > day
    )

    rest = period_from(cycle=cycle, anchor_day=anchor_day, origin=origin, start=day)

    assert rest == Period(day, whole.end)
    full = full_period_days(cycle=cycle, anchor_day=anchor_day, boundary=rest.end)
    assert rest.days <= whole.days <= full
    if whole.start != origin:
        assert whole.days == full


@given(anchored())
@examples(200)
def test_with_the_default_anchor_the_first_period_is_a_whole_one(chosen: tuple[Cycle, int, date]) -> None:
    cycle, _, origin = chosen
    anchor_day = default_anchor(cycle=cycle, start=origin)
    first = period_from(cycle=cycle, anchor_day=anchor_day, origin=origin, start=origin)

    full = full_period_days(cycle=cycle, anchor_day=anchor_day, boundary=first.end)

    check_anchor(cycle=cycle, anchor_day=anchor_day)
    assert first.days == full


@given(st.dates(date(2000, 1, 1), date(2150, 1, 1)))
def test_buckets_of_a_date_are_few_and_different(on: date) -> None:
    buckets = due_buckets(on=on)

    assert len(set(buckets)) == len(buckets) <= 6 * 4 + 2


def test_the_thirty_first_is_clamped_and_comes_back() -> None:
    found = periods(MONTH, 31, date(2026, 1, 31), date(2026, 6, 1))

    assert [period.start for period in found] == [
        date(2026, 1, 31),
        date(2026, 2, 28),
        date(2026, 3, 31),
        date(2026, 4, 30),
        date(2026, 5, 31),
    ]


def test_the_twenty_ninth_of_february_comes_back_in_leap_years() -> None:
    found = periods(NAMED_CYCLES["year"], 29, date(2024, 2, 29), date(2029, 1, 1))

    assert [period.start for period in found] == [
        date(2024, 2, 29),
        date(2025, 2, 28),
        date(2026, 2, 28),
        date(2027, 2, 28),
        date(2028, 2, 29),
    ]


def test_a_start_before_the_anchor_makes_a_short_first_period() -> None:
    first = period_from(cycle=MONTH, anchor_day=1, origin=date(2026, 1, 20), start=date(2026, 1, 20))

    assert first == Period(date(2026, 1, 20), date(2026, 2, 1))
    full = full_period_days(cycle=MONTH, anchor_day=1, boundary=first.end)
    assert (first.days, full) == (12, 31)


def test_advance_is_billed_on_the_first_day_and_arrears_on_the_day_after_the_last() -> None:
    period = Period(date(2026, 1, 1), date(2026, 2, 1))

    assert bill_date(period=period, timing=BillingTiming.ADVANCE) == date(2026, 1, 1)
    assert bill_date(period=period, timing=BillingTiming.ARREARS) == date(2026, 2, 1)


@pytest.mark.parametrize(
    ("unit", "anchor_day"),
    [(CycleUnit.MONTH, 0), (CycleUnit.MONTH, 32), (CycleUnit.WEEK, 8), (CycleUnit.DAY, 2)],
)
def test_an_anchor_that_does_not_fit_the_cycle_is_refused(unit: CycleUnit, anchor_day: int) -> None:
    with pytest.raises(InvalidAnchor):
        check_anchor(cycle=Cycle(unit), anchor_day=anchor_day)


@pytest.mark.parametrize("count", [0, -1, 37])
def test_a_cycle_of_no_or_too_many_units_is_refused(count: int) -> None:
    with pytest.raises(InvalidCycle):
        Cycle(CycleUnit.MONTH, count)


def test_dates_beyond_the_calendar_are_refused_not_overflowed() -> None:
    with pytest.raises(InvalidValue):
        next_boundary(cycle=MONTH, anchor_day=1, origin=date(9999, 12, 1), after=date(9999, 12, 2))


@pytest.mark.parametrize(
    "zone", ["Asia/Karachi", "America/New_York", "Europe/Berlin", "Pacific/Chatham", "Africa/Casablanca"]
)
def test_clock_changes_neither_skip_nor_repeat_a_local_date(zone: str) -> None:
    tenant = Tenant(
        tenant_id="ten_1",
        company="x",
        subdomain="xyz",
        country="PK",
        currency="PKR",
        time_zone=zone,
        fiscal_year_start_month=7,
        state=TenantState.ACTIVE,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    seen = [tenant.local_date(at=begin + timedelta(minutes=15 * step)) for step in range(4 * 24 * 365)]

    days = list(dict.fromkeys(seen))
    assert seen == sorted(seen)
    assert days == [days[0] + timedelta(days=step) for step in range(len(days))]
    found = periods(NAMED_CYCLES["day"], 1, days[0], days[-1])
    assert [period.start for period in found] == days[: len(found)]
