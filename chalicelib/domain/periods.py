"""Service periods and the days on which they are billed.

A period is half-open, ``[start, end)``, in calendar dates of the tenant's time zone. Every
boundary is computed from the *original* anchor, never from the boundary before it, so that a
subscription anchored on the 31st is billed on 31 Jan, 28 Feb and 31 Mar.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.records import record

YEAR_MAX: Final = 2200
CYCLE_COUNT_MAX: Final = 36


class InvalidCycle(InvalidValue):
    """The cycle's unit or count is not one we bill by."""

    code = "invalid_cycle"


class InvalidAnchor(InvalidValue):
    """The anchor is not a day of the month (1 to 31) or of the week (1 to 7)."""

    code = "invalid_anchor"


class CycleUnit(StrEnum):
    """What a billing cycle is counted in."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class BillingTiming(StrEnum):
    """When a period is billed: on its first day, or on the day after its last."""

    ADVANCE = "advance"
    ARREARS = "arrears"


@dataclass(frozen=True, slots=True)
class Cycle:
    """Every ``count`` ``unit``s: a quarter is 3 months, a half-year 6, a year 12."""

    unit: CycleUnit
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.count <= CYCLE_COUNT_MAX:
            raise InvalidCycle(f"a cycle counts 1 to {CYCLE_COUNT_MAX} units", param="cycle.count")


# The names that ISPs use; each is a Cycle.
NAMED_CYCLES: Final[dict[str, Cycle]] = {
    "day": Cycle(CycleUnit.DAY),
    "week": Cycle(CycleUnit.WEEK),
    "month": Cycle(CycleUnit.MONTH),
    "quarter": Cycle(CycleUnit.MONTH, 3),
    "half_year": Cycle(CycleUnit.MONTH, 6),
    "year": Cycle(CycleUnit.MONTH, 12),
}


@record
class Period:
    """Dates ``[start, end)`` in the tenant's zone."""

    start: date
    end: date

    def __post_init__(self) -> None:
        assert self.start < self.end, "a period has at least one day"

    @classmethod
    def day(cls, *, on: date) -> Period:
        """Return the period of one day."""
        return cls(on, on + timedelta(days=1))

    @property
    def days(self) -> int:
        """Number of days covered."""
        return (self.end - self.start).days


def clamp_day(*, year: int, month: int, day: int) -> date:
    """Return the ``day``-th of the month, or its last day where the month is shorter."""
    if day <= 28:
        return date(year, month, day)
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def add_months(*, origin: date, months: int, anchor_day: int) -> date:
    """Return the anchor day ``months`` after ``origin``'s month, clamped to the month's end."""
    index = origin.year * 12 + origin.month - 1 + months
    year, month0 = divmod(index, 12)
    if year > YEAR_MAX:
        raise InvalidValue(f"dates after {YEAR_MAX} are refused")
    return clamp_day(year=year, month=month0 + 1, day=anchor_day)


def check_anchor(*, cycle: Cycle, anchor_day: int) -> None:
    """Raise InvalidAnchor unless the anchor fits: month 1 to 31, week 1 (Monday) to 7, day 1."""
    highest = {CycleUnit.MONTH: 31, CycleUnit.WEEK: 7, CycleUnit.DAY: 1}[cycle.unit]
    if not 1 <= anchor_day <= highest:
        raise InvalidAnchor(f"the anchor of a {cycle.unit} cycle is 1 to {highest}", param="anchor_day")


def default_anchor(*, cycle: Cycle, start: date, bill_day: int = 0) -> int:
    """Return the anchor that makes the first period a whole one from ``start``.

    Of cycles of months it is ``bill_day`` where that is not 0: the first period is then short.
    """
    if cycle.unit is CycleUnit.MONTH:
        return bill_day or start.day
    return start.isoweekday() if cycle.unit is CycleUnit.WEEK else 1


def next_boundary(*, cycle: Cycle, anchor_day: int, origin: date, after: date) -> date:
    """Return the first period boundary later than ``after``.

    ``origin`` is the subscription's start: it fixes which months (or weeks, or days) of a
    longer cycle are boundaries. The first period may be short, up to the first anchor.
    """
    if cycle.unit is CycleUnit.MONTH:
        return _next_month_boundary(cycle, anchor_day, origin, after)
    step = cycle.count * (7 if cycle.unit is CycleUnit.WEEK else 1)
    first = origin
    if cycle.unit is CycleUnit.WEEK:
        first = origin + timedelta(days=(anchor_day - origin.isoweekday()) % 7)
    if first > after:
        return first
    return first + timedelta(days=((after - first).days // step + 1) * step)


def _next_month_boundary(cycle: Cycle, anchor_day: int, origin: date, after: date) -> date:
    months_passed = (after.year - origin.year) * 12 + after.month - origin.month
    months = max(0, months_passed // cycle.count * cycle.count)
    if months == months_passed and after.day >= anchor_day:  # this month's is behind: the usual case
        months += cycle.count
    while True:
        boundary = add_months(origin=origin, months=months, anchor_day=anchor_day)
        if boundary > after:
            return boundary
        months += cycle.count


def period_number(*, cycle: Cycle, anchor_day: int, origin: date, start: date) -> int:
    """Return how many periods of a subscription begin before the one that ``start`` falls in, from 0."""
    if start <= origin:
        return 0
    first = next_boundary(cycle=cycle, anchor_day=anchor_day, origin=origin, after=origin)
    if start < first:
        return 0
    if cycle.unit is not CycleUnit.MONTH:
        step = cycle.count * (7 if cycle.unit is CycleUnit.WEEK else 1)
        return (start - first).days // step + 1
    months = (start.year - first.year) * 12 + start.month - first.month
    if clamp_day(year=start.year, month=start.month, day=anchor_day) > start:
        months -= 1
    return months // cycle.count + 1


def period_from(*, cycle: Cycle, anchor_day: int, origin: date, start: date) -> Period:
    """Return the period that begins at ``start``, itself ``origin`` or a boundary."""
    end = next_boundary(cycle=cycle, anchor_day=anchor_day, origin=origin, after=start)
    return Period(start, end)


def full_period_days(*, cycle: Cycle, anchor_day: int, boundary: date) -> int:
    """Return how many days the whole cycle ending at a boundary has: proration's divisor."""
    if cycle.unit is CycleUnit.DAY:
        return cycle.count
    if cycle.unit is CycleUnit.WEEK:
        return 7 * cycle.count
    begin = add_months(origin=boundary, months=-cycle.count, anchor_day=anchor_day)
    return (boundary - begin).days


def cycle_days_max(*, cycle: Cycle) -> int:
    """Return how many days the longest period of a cycle has, at least."""
    return cycle.count * {CycleUnit.DAY: 1, CycleUnit.WEEK: 7, CycleUnit.MONTH: 31}[cycle.unit]


def bill_date(*, period: Period, timing: BillingTiming) -> date:
    """Return the date on which the period is billed."""
    return period.start if timing is BillingTiming.ADVANCE else period.end


# -- due buckets ---------------------------------------------------------------------------
# A subscription is filed once under a bucket that depends on its anchor alone. The buckets
# that can hold something due on a date are computed from the date, so that nothing has to be
# re-filed at each bill, and a missed day is found again by its own date.

_MONTH_COUNTS: Final = (1, 2, 3, 4, 6, 12)


def anchor_bucket(*, cycle: Cycle, anchor_day: int, origin: date) -> str:
    """Return the bucket of a subscription: ``m03-1-31`` is every third month, phase 1, day 31.

    Month counts that do not divide a year, and weeks or days by the several, are filed as
    every month, week or day: looked at a little more often, billed exactly when due.
    """
    if cycle.unit is CycleUnit.DAY:
        return "d"
    if cycle.unit is CycleUnit.WEEK:
        return f"w{anchor_day}"
    count = cycle.count if cycle.count in _MONTH_COUNTS else 1
    phase = (origin.year * 12 + origin.month - 1) % count
    return f"m{count:02d}-{phase:02d}-{anchor_day:02d}"


def due_buckets(*, on: date) -> list[str]:
    """Return every bucket that can hold a boundary on this date, in a fixed order."""
    month_index = on.year * 12 + on.month - 1
    last_day = calendar.monthrange(on.year, on.month)[1]
    days = range(on.day, 32) if on.day == last_day else range(on.day, on.day + 1)
    monthly = [f"m{count:02d}-{month_index % count:02d}-{day:02d}" for count in _MONTH_COUNTS for day in days]
    return [*monthly, f"w{on.isoweekday()}", "d"]


def buckets_of_run(*, on: date) -> list[str]:
    """Return the buckets that the run of a date looks at, in order.

    The last is what was filed for the next date because this one's run had started: whatever
    of it is due already is billed without waiting for tomorrow.
    """
    return [*due_buckets(on=on), date_bucket(on=on), date_bucket(on=on + timedelta(days=1))]


def date_bucket(*, on: date) -> str:
    """Return the bucket of what must be looked at on one date only, such as a late start."""
    return f"on-{on.isoformat()}"
