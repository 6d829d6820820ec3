"""What becomes of each simulated company, and when: drawn from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

# Companies that live on one platform at once: each pass of a schedule looks at all of them.
LOT_TENANTS_MAX: Final = 10
PEOPLE: Final = 3
# Accounts are cancelled in the first two years, less what recovery, holds and second thoughts take, and more
# of them early: on one day of a lot or at the end of its month, so that companies come due at once.
CANCELLED_IN_DAYS: Final = 600
CANCELLED_ON: Final = 1
# Requests about people's data are asked and answered, in time or late, before an account ends.
RIGHTS_DAYS: Final = 75
# One of the days is followed by a month that is shorter than the thirty days.
ASKED_ON: Final = (1, 260)

ZONES: Final = ("Asia/Karachi", "Europe/London", "America/New_York", "Pacific/Auckland")
FISCAL_MONTHS: Final = (7, 1, 4)


class Fate(StrEnum):
    """What becomes of a company."""

    KILLED = "is purged by passes that are killed in each step"
    RECOVERS = "comes back"
    STAYS = "stays"
    RELEASED = "is held, and released after the thirty days"
    BOOKS_HELD = "is purged, and its books are held beyond the seventh year"
    RETURNS = "comes back, and is purged after all"
    HELD = "is held for good"
    PURGED = "is purged"


@dataclass(frozen=True, slots=True)
class Plan:
    """One company's life, in spans since its beginning; ``number`` counts from 0 in its lot."""

    number: int
    fate: Fate
    zone: str
    fiscal_month: int
    ends_after: timedelta
    at_months_end: bool
    back_after: timedelta
    held_after: timedelta
    held_for: timedelta
    hold: str
    asks_after: timedelta | None
    answers_late: bool
    shortens: bool
    early_notice: int
    calls: tuple[int, ...]

    @property
    def numbers(self) -> range:
        """Its people among the lot's."""
        return range(self.number * PEOPLE, (self.number + 1) * PEOPLE)


@dataclass(frozen=True, slots=True)
class Pools:
    """What a lot's companies are drawn from: days on which accounts are cancelled, zones, fiscal months."""

    days: tuple[int, ...]
    zones: tuple[str, ...]
    months: tuple[int, ...]
    asks: bool = True
    at_months_end: float = 0.25


def plans(*, lot: int, tenants: int, seed: int = 0, brief: bool = False) -> tuple[Plan, ...]:
    """Return the lives of a lot, every fate in turn; brief ones come due together, for a quick look."""
    draw = random.Random(f"{seed} {lot}")
    days = tuple(1 + int(CANCELLED_IN_DAYS * draw.random() ** 3) for _ in range(CANCELLED_ON))
    zones, months = tuple(draw.sample(ZONES, 2)), tuple(draw.sample(FISCAL_MONTHS, 2))
    pools = (
        Pools((1,), ZONES[:1], FISCAL_MONTHS[:1], asks=False, at_months_end=0)
        if brief
        else Pools(days, zones, months)
    )
    return tuple(_plan(draw, lot * LOT_TENANTS_MAX + number, number, pools) for number in range(tenants))


def _plan(draw: random.Random, turn: int, number: int, pools: Pools) -> Plan:
    fate = tuple(Fate)[turn % len(Fate)]
    # Minutes past the hour: killed passes follow each other before the hour's own.
    ends_after = timedelta(
        days=draw.choice(pools.days), minutes=draw.randint(8, 15), seconds=draw.randint(0, 59)
    )
    quiet = 10_000 if fate is Fate.STAYS else ends_after.days - RIGHTS_DAYS
    asking = [days for days in ASKED_ON if days < quiet and pools.asks]
    return Plan(
        number=number,
        fate=fate,
        zone=draw.choice(pools.zones),
        fiscal_month=draw.choice(pools.months),
        ends_after=ends_after,
        at_months_end=fate is not Fate.KILLED and draw.random() < pools.at_months_end,
        back_after=timedelta(minutes=draw.randint(1, 30 * 24 * 60 - 1)),
        held_after=timedelta(days=draw.randint(-20, 29)),
        held_for=timedelta(days=draw.randint(31, 200)),
        hold=draw.choice(("everything", "billing")),
        asks_after=timedelta(days=draw.choice(asking)) if asking else None,
        answers_late=draw.random() < 0.5,
        shortens=draw.random() < 0.5,
        early_notice=draw.choice((14, 7, 1)),
        calls=tuple(draw.randint(1, 12) for _ in range(10)),
    )


def month_begins(*, at: datetime, after: int) -> datetime:
    """Return the first instant of a month in UTC, so many months after that of ``at``."""
    year, month = divmod(at.year * 12 + at.month - 1 + after, 12)
    return at.replace(year=year, month=month + 1, day=1, hour=0, minute=0, second=0, microsecond=0)
