"""EventBridge schedule expressions: when they fire next. Pure.

``rate(...)`` and ``cron(...)`` as described in the EventBridge user guide, "Schedule
expressions". Times are UTC. Of the special day characters only ``L`` (last day of the
month) is supported here; ``W`` and ``#`` are refused.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as datetime_time

SEARCH_DAYS_MAX = 366 * 8  # a 29 February may be eight years away (1896 to 1904)
MONTHS = {name.upper(): i for i, name in enumerate(calendar.month_abbr) if name}
WEEKDAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
RATE = re.compile(r"rate\(\s*(\d+)\s+(minute|hour|day)s?\s*\)")
CRON = re.compile(r"cron\(\s*(.+?)\s*\)")


class BadScheduleError(ValueError):
    """The expression is not one that EventBridge (or this parser) takes."""

    code = "bad_schedule"


@dataclass(frozen=True)
class Rate:
    """Every so often, counted from the last time it fired."""

    period: timedelta

    def next_after(self, moment: datetime) -> datetime:
        """The first firing after ``moment`` where that was the last one."""
        return moment + self.period


@dataclass(frozen=True)
class Cron:
    """At fixed minutes of UTC; a day matches when both of its day fields do."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int] | None
    last_day: bool
    months: frozenset[int]
    weekdays: frozenset[int] | None
    years: frozenset[int]

    def next_after(self, moment: datetime) -> datetime:
        """The first firing strictly after ``moment``. Raises BadScheduleError if there is none."""
        first = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        for offset in range(SEARCH_DAYS_MAX):
            day = first.date() + timedelta(days=offset)
            if not self._matches(day):
                continue
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    at = datetime_time(hour, minute, tzinfo=moment.tzinfo)
                    found = datetime.combine(day, at)
                    if found >= first:
                        return found
        raise BadScheduleError("the schedule never fires again")

    def _matches(self, day: date) -> bool:
        if day.month not in self.months or day.year not in self.years:
            return False
        if self.weekdays is not None:
            return day.isoweekday() % 7 + 1 in self.weekdays
        if self.days is None:
            return True
        is_last = day.day == calendar.monthrange(day.year, day.month)[1]
        return day.day in self.days or (self.last_day and is_last)


Schedule = Rate | Cron


def parse_schedule(expression: str) -> Schedule:
    """Raises BadScheduleError."""
    if found := RATE.fullmatch(expression.strip()):
        count = int(found[1])
        if count == 0:
            raise BadScheduleError(f"a rate of zero: {expression}")
        return Rate(timedelta(**{found[2] + "s": count}))
    if found := CRON.fullmatch(expression.strip()):
        return _parse_cron(found[1].split(), expression)
    raise BadScheduleError(f"neither rate(...) nor cron(...): {expression}")


def _parse_cron(fields: list[str], expression: str) -> Cron:
    if len(fields) != 6:
        raise BadScheduleError(f"a cron expression has six fields: {expression}")
    minutes, hours, days, months, weekdays, years = fields
    if (days == "?") == (weekdays == "?"):
        raise BadScheduleError(f"exactly one of the two day fields is '?': {expression}")
    try:
        return Cron(
            minutes=_values(minutes, 0, 59),
            hours=_values(hours, 0, 23),
            days=None if days == "?" else _values(days.replace("L", "31"), 1, 31),
            last_day="L" in days,
            months=_values(months, 1, 12, MONTHS),
            weekdays=None if weekdays == "?" else _values(weekdays, 1, 7, WEEKDAYS),
            years=_values(years, 1970, 2199),
        )
    except ValueError as error:
        raise BadScheduleError(f"{error} in {expression}") from error


def _values(field: str, low: int, high: int, names: Mapping[str, int] | None = None) -> frozenset[int]:
    values: set[int] = set()
    for part in field.upper().split(","):
        span, _, step = part.partition("/")
        start, dash, end = span.partition("-")
        if start == "*":
            first, last = low, high
        else:
            first = _number(start, names)
            last = _number(end, names) if dash else (high if step else first)
        if not low <= first <= last <= high:
            raise ValueError(f"{part!r} is out of range")
        values.update(range(first, last + 1, int(step or 1)))
    return frozenset(values)


def _number(text: str, names: Mapping[str, int] | None) -> int:
    return names[text] if names and text in names else int(text)
