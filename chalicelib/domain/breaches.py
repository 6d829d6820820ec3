"""The register of breaches of personal data: what happened, the 72 hours, and who is affected.

Article 33 GDPR: the authority is told within 72 hours of noticing a breach, unless it is no risk to
anybody; article 34: so are the people, where the risk is high; article 33 (5): each is documented.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.domain.data_map import Category
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.privacy_requests import Happening, require_words

AUTHORITY_HOURS: Final = 72
WINDOW_DAYS_MAX: Final = 366
NAMED_MAX: Final = 200
STEPS_MAX: Final = 200
# Entries of the audit log that are looked at for one answer; a window with more says that it is not all.
ENTRIES_WALKED_MAX: Final = 50_000
# Whoever may answer is reminded at so many hours before the 72 are over, and when they are.
REMINDED_AT_HOURS: Final = (24, 0)
# What takes everybody's data out of the platform: then everybody is affected. The log has what was
# changed of whom.
TAKES_EVERYBODY: Final = frozenset({"export.downloaded", "audit.exported"})
# What belongs to an account has its ULID before a hyphen.
_ACCOUNT: Final = re.compile(
    r"\A(?:sbr_(?=[0-9A-Z]{26}\Z)|[a-z]{3}_(?=[0-9A-Z]{26}-))([0-9A-Z]{26})", re.ASCII
)
_STAFF: Final = re.compile(r"\Astf_[0-9A-Z]{26}\Z", re.ASCII)
_NAMED: Final = re.compile(r"\A(?:stf|sbr|key)_[0-9A-Z]{26}\Z", re.ASCII)


class BreachClosed(Conflict):
    """The breach is closed already."""

    code = "breach_closed"


class TooManySteps(Conflict):
    """As many steps are written down of the breach as there may be: close it."""

    code = "too_many_steps"


class Risk(StrEnum):
    """What the breach may do to people: decides who is told."""

    NONE = "none"
    SOME = "some"
    HIGH = "high"


class Step(StrEnum):
    """What is written down about a breach as it goes on."""

    AUTHORITY_TOLD = "authority_told"
    PERSONS_TOLD = "persons_told"
    NOTED = "noted"


@dataclass(frozen=True, slots=True)
class Breach:
    """One breach. It went on from ``began_at`` until ``ended_at`` (exclusive); all instants are in UTC.

    ``actor_ids`` are whose access was misused (staff, programs, subscribers): what they did meanwhile
    says who is affected; without any, what anybody did. ``subject_ids`` are known to be affected
    besides. ``version`` counts every change.
    """

    breach_id: str
    noticed_at: datetime
    began_at: datetime
    ended_at: datetime
    what: str
    categories: tuple[Category, ...]
    risk: Risk
    actor_ids: tuple[str, ...] = ()
    subject_ids: tuple[str, ...] = ()
    version: int = 1
    authority_told_at: datetime | None = None
    persons_told_at: datetime | None = None
    closed_at: datetime | None = None
    lessons: str = ""
    reminded: tuple[int, ...] = ()
    history: tuple[Happening, ...] = ()

    @property
    def tell_by(self) -> datetime:
        """Until when the authority is to be told."""
        return self.noticed_at + timedelta(hours=AUTHORITY_HOURS)

    @property
    def to_be_told(self) -> bool:
        """Whether the authority is still to be told."""
        return self.closed_at is None and self.authority_told_at is None and self.risk is not Risk.NONE

    def hours_left(self, *, at: datetime) -> int:
        """Return how many whole hours are left to tell the authority; negative where they are over."""
        return (self.tell_by - at) // timedelta(hours=1)

    def overdue(self, *, at: datetime) -> bool:
        """Whether the authority is still to be told, and the 72 hours are over."""
        return self.to_be_told and at > self.tell_by


@dataclass(frozen=True, slots=True)
class Touched:
    """One line of the audit log, unopened: when, who, what, about which object."""

    at: datetime
    actor_id: str
    action: str
    object_id: str


@dataclass(frozen=True, slots=True)
class AffectedPerson:
    """Who is affected: what of theirs was touched how often, first and last."""

    person_id: str
    times: int
    first_at: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Affected:
    """Who is affected, by identifier. ``everybody``: all subscribers, for their data was taken as a whole.

    ``complete`` is false where the log of the window is too long to be looked through at once.
    """

    people: tuple[AffectedPerson, ...]
    everybody: bool
    complete: bool


def check_breach(*, breach: Breach, at: datetime) -> Breach:
    """Return a new breach as it is stored, or raise InvalidValue or CardNumberRefused."""
    if breach.noticed_at > at:
        raise InvalidValue("it cannot have been noticed in time to come", param="noticed_at")
    if not breach.began_at < breach.ended_at:
        raise InvalidValue("it began before it ended", param="ended_at")
    if breach.ended_at - breach.began_at > timedelta(days=WINDOW_DAYS_MAX):
        raise InvalidValue(f"a window has at most {WINDOW_DAYS_MAX} days", param="began_at")
    for param, named in (("actor_ids", breach.actor_ids), ("subject_ids", breach.subject_ids)):
        if len(named) > NAMED_MAX or not all(map(_NAMED.match, named)):
            raise InvalidValue(f"name up to {NAMED_MAX} people or programs by identifier", param=param)
    return replace(breach, what=require_words(text=breach.what, param="what"))


def stepped(*, breach: Breach, step: Step, words: str, at: datetime, by: str) -> Breach:
    """Return the breach after a step; what was told first counts.

    Raises BreachClosed, TooManySteps or InvalidValue.
    """
    if breach.closed_at is not None:
        raise BreachClosed("the breach is closed")
    if len(breach.history) >= STEPS_MAX:
        raise TooManySteps(f"a breach has at most {STEPS_MAX} steps")
    after = _written(breach, Happening(at, by, step.value, require_words(text=words, param="words")))
    if step is Step.AUTHORITY_TOLD:
        return replace(after, authority_told_at=breach.authority_told_at or at)
    if step is Step.PERSONS_TOLD:
        return replace(after, persons_told_at=breach.persons_told_at or at)
    return after


def closed(*, breach: Breach, lessons: str, at: datetime, by: str) -> Breach:
    """Return the breach closed with what was learnt of it; raise BreachClosed or InvalidValue.

    One that is a risk is not closed before the authority was told, nor one that is a high risk before
    the people were.
    """
    if breach.closed_at is not None:
        raise BreachClosed("the breach is closed")
    if breach.to_be_told:
        raise InvalidValue("tell the authority first, or write down that there is no risk", param="risk")
    if breach.risk is Risk.HIGH and breach.persons_told_at is None:
        raise InvalidValue("tell the people first", param="risk")
    learnt = require_words(text=lessons, param="lessons")
    return replace(_written(breach, Happening(at, by, "closed")), closed_at=at, lessons=learnt)


def _written(breach: Breach, happening: Happening) -> Breach:
    return replace(breach, version=breach.version + 1, history=(*breach.history, happening))


def affected_by(*, breach: Breach, log: Iterable[Touched]) -> Affected:
    """Return who is affected by a breach, of the audit log of its window, in the order of identifiers."""
    found: dict[str, AffectedPerson] = {}
    everybody, complete = False, True
    misused = frozenset(breach.actor_ids)
    for person_id in (*breach.subject_ids, *(one for one in breach.actor_ids if not one.startswith("key_"))):
        found.setdefault(person_id, AffectedPerson(person_id, 0))
    for number, one in enumerate(log, start=1):
        if number > ENTRIES_WALKED_MAX:
            complete = False
            break
        if misused and one.actor_id not in misused:
            continue
        everybody = everybody or one.action in TAKES_EVERYBODY
        person_id = person_of(object_id=one.object_id)
        if person_id:
            found[person_id] = _again(found.get(person_id), person_id, one.at)
    return Affected(tuple(found[name] for name in sorted(found)), everybody, complete)


def _again(before: AffectedPerson | None, person_id: str, at: datetime) -> AffectedPerson:
    first = at if before is None or before.first_at is None else before.first_at
    return AffectedPerson(person_id, (before.times if before else 0) + 1, first, at)


def person_of(*, object_id: str) -> str:
    """Return whose an object of the audit log is: a subscriber, a member of staff, or nobody (empty)."""
    account = _ACCOUNT.match(object_id)
    if account:
        return f"sbr_{account[1]}"
    return object_id if _STAFF.match(object_id) else ""


def reminder(*, breach: Breach, at: datetime) -> int | None:
    """Return which reminder is due: the latest whose hour has come, unless it or a later one was sent."""
    if not breach.to_be_told:
        return None
    left = breach.hours_left(at=at)
    come = [hours for hours in REMINDED_AT_HOURS if left < hours]
    if not come or (breach.reminded and min(breach.reminded) <= min(come)):
        return None
    return min(come)
