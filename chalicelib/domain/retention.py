"""For how long things are kept: the rules in force for a tenant, and what is past its time.

The rules are the data map's, with the periods of countries whose law asks for others. A tenant may shorten
what the map lets it shorten, but lengthen nothing: what the privacy policy promises is the longest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final

from chalicelib.domain.data_map import ACCESS_LOG, JOBS, REQUESTS, RULES, TICKETS, TRAFFIC, Rule
from chalicelib.domain.errors import InvalidValue

# Below these a rule is of no use: who looks into an incident looks back a month.
SHORTEST_DAYS: Final = {ACCESS_LOG.code: 30, JOBS.code: 30, REQUESTS.code: 90, TICKETS.code: 90}
# The longest period of use is a year.
PERIOD_DAYS_MAX: Final = 366


class UnknownRule(InvalidValue):
    """There is no such rule, or it is one that no tenant changes."""

    code = "unknown_retention_rule"


class RetentionTooLong(InvalidValue):
    """A tenant may shorten a period and not lengthen it."""

    code = "retention_too_long"


@dataclass(frozen=True, slots=True)
class Period:
    """A rule as it is in force: ``days`` of this tenant, None where it is not counted in days.

    ``longest`` is what the tenant may set at most, ``shortest`` at least; both None where it may not.
    """

    rule: Rule
    days: int | None
    longest: int | None = None
    shortest: int | None = None

    @property
    def words(self) -> str:
        """Return the period as the tenant's people read it."""
        return self.rule.words if self.days is None else self.rule.words_of(days=self.days)


@dataclass(frozen=True, slots=True)
class Shortened:
    """What a tenant has shortened: days by the code of a rule."""

    days: Mapping[str, int] = field(default_factory=dict)
    version: int = 1

    def with_rule(self, *, code: str, days: int | None, country: str) -> Shortened:
        """Return it with a rule's days set, or with None as they are by default.

        Raises UnknownRule, RetentionTooLong, or InvalidValue where it is too short to be of use.
        """
        found = next((rule for rule in RULES if rule.code == code and rule.shortened), None)
        if found is None:
            allowed = ", ".join(rule.code for rule in RULES if rule.shortened)
            raise UnknownRule(f"these may be shortened: {allowed}", param="rule")
        kept = {name: one for name, one in self.days.items() if name != code}
        if days is not None:
            longest, shortest = found.days_in(country=country), SHORTEST_DAYS.get(code, 1)
            if days > longest:
                raise RetentionTooLong(f"it is {longest} days at most", param="days")
            if days < shortest:
                raise InvalidValue(f"it is {shortest} days at least", param="days")
            kept[code] = days
        return replace(self, days=kept, version=self.version + 1)


def periods(*, country: str, shortened: Shortened) -> tuple[Period, ...]:
    """Return every rule as it is in force for a tenant."""
    found = []
    for rule in RULES:
        default = rule.days_in(country=country)
        if not rule.shortened:
            found.append(Period(rule, default or None))
            continue
        days = days_of(rule=rule, country=country, shortened=shortened)
        found.append(Period(rule, days, default, SHORTEST_DAYS.get(rule.code, 1)))
    return tuple(found)


def days_of(*, rule: Rule, country: str, shortened: Shortened) -> int:
    """Return for how many days a tenant keeps what a rule is of."""
    default = rule.days_in(country=country)
    return min(default, shortened.days.get(rule.code, default)) if rule.shortened else default


@dataclass(frozen=True, slots=True)
class CutOffs:
    """What a pass takes away: what is older than these.

    ``access``, ``jobs`` and ``requests`` are instants: addresses in audit entries written before, jobs
    that ended before, privacy requests that were closed before. ``traffic`` is a date: periods of use that
    ended on it or before.
    """

    access: datetime
    jobs: datetime
    requests: datetime
    traffic: date


def cut_offs(*, country: str, shortened: Shortened, today: date, at: datetime) -> CutOffs:
    """Return the cut-offs of a pass on the tenant's today."""
    days = {
        rule.code: timedelta(days=days_of(rule=rule, country=country, shortened=shortened))
        for rule in (ACCESS_LOG, JOBS, REQUESTS, TRAFFIC)
    }
    return CutOffs(
        access=at - days[ACCESS_LOG.code],
        jobs=at - days[JOBS.code],
        requests=at - days[REQUESTS.code],
        traffic=today - days[TRAFFIC.code],
    )


def over_periods(*, starts: tuple[date, ...], through: date) -> tuple[date, ...]:
    """Return those of a line's periods of use, by their start, that ended on a day or before.

    A period ends where the next begins; the last one a year after its start at the latest.
    """
    ordered = sorted(starts)
    ends = [*ordered[1:], *(one + timedelta(days=PERIOD_DAYS_MAX) for one in ordered[-1:])]
    return tuple(start for start, end in zip(ordered, ends, strict=True) if end <= through)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far passes are.

    ``access_through`` is the audit identifier before which no address is left; ``traffic_month`` the
    month (its first day) whose walk over the accounts is done, ``traffic_after`` where the walk of
    a later month goes on.
    """

    access_through: str = ""
    traffic_month: date | None = None
    traffic_after: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was taken away on one day, by the code of the rule."""

    on: date
    counts: Mapping[str, int]
