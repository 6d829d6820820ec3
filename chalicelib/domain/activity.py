"""Activity: which pages and features are used and how long visits last, counted without anybody's name.

An event adds one to a total of the day and is gone: there is no item of a person, so that there is nothing to
give out, to erase, or to delete after a withdrawal. A visit is counted once for each length that it reaches,
by a cookie that holds its beginning and nothing else.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final

ACTIVITY_DAYS: Final = 90
EVENTS_MAX: Final = 20
VISIT_IDLE: Final = timedelta(minutes=30)
VISIT_MAX: Final = timedelta(days=1)
# A visit is counted when it begins, and when it has lasted so many minutes.
VISIT_MINUTES: Final = (0, 1, 5, 15, 60)
_VISIT: Final = re.compile(r"(\d{1,12})\.(\d)", re.ASCII)


class Area(StrEnum):
    """Where it was."""

    PUBLIC = "public"
    CONSOLE = "console"
    PORTAL = "portal"


class Page(StrEnum):
    """Pages and features that are counted; whatever has another name is refused."""

    PRIVACY = "privacy"
    TERMS = "terms"
    COOKIES = "cookies"
    POLICY_VERSION = "policy_version"
    SIGN_UP = "sign_up"
    PRIVACY_REQUEST = "privacy_request"
    HOME = "home"
    SUBSCRIBERS = "subscribers"
    SUBSCRIPTIONS = "subscriptions"
    PACKAGES = "packages"
    INVOICES = "invoices"
    PAYMENTS = "payments"
    LEDGER = "ledger"
    BILLING_RUNS = "billing_runs"
    REHEARSALS = "rehearsals"
    IMPORTS = "imports"
    EXPORTS = "exports"
    STAFF = "staff"
    SETTINGS = "settings"
    AUDIT = "audit"
    STATEMENT = "statement"


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit: when it began, in whole seconds of UTC, and how many of VISIT_MINUTES it has reached."""

    began_at: datetime
    reached: int


@dataclass(frozen=True, slots=True)
class Total:
    """How often something was seen on a day (UTC): ``name`` is a page, or ``<minutes>m`` of visits."""

    on: date
    area: Area
    kind: str
    name: str
    times: int


def encode_visit(*, visit: Visit) -> str:
    """Return the cookie's value."""
    return f"{int(visit.began_at.timestamp())}.{visit.reached}"


def decode_visit(*, value: str, at: datetime) -> Visit | None:
    """Read a cookie's value; None for what we did not write, or what is of another day."""
    found = _VISIT.fullmatch(value)
    if found is None:
        return None
    began_at = datetime.fromtimestamp(min(int(found[1]), int(at.timestamp()) + 1), tz=UTC)
    reached = int(found[2])
    if not at - VISIT_MAX < began_at <= at or not 1 <= reached <= len(VISIT_MINUTES):
        return None
    return Visit(began_at, reached)


def visit_goes_on(*, visit: Visit | None, at: datetime) -> tuple[Visit, tuple[str, ...]]:
    """Return the visit as it is now, one that begins where there is none, and the lengths to be counted."""
    known = visit or Visit(at.replace(microsecond=0), 0)
    lasted = at - known.began_at
    reached = sum(timedelta(minutes=minutes) <= lasted for minutes in VISIT_MINUTES)
    now = Visit(known.began_at, max(known.reached, reached, 1))
    return now, tuple(f"{minutes}m" for minutes in VISIT_MINUTES[known.reached : now.reached])


def counts_of(*, pages: Sequence[Page], lengths: Sequence[str]) -> Counter[tuple[str, str]]:
    """Return what is to be added to which totals of the day, by kind and name."""
    return Counter([*(("page", page.value) for page in pages), *(("visit", length) for length in lengths)])
