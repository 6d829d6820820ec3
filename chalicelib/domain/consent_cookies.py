"""The cookies of consent: what a visitor's browser keeps of a choice, and which cookies need which category.

The answer itself is in the cookie, so that showing a page reads no database. Where nothing was agreed to it
holds nothing that could tell one browser from another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from chalicelib.domain.consent_texts import Category
from chalicelib.domain.consents import CONSENT_LIFE, Standing, standing

CONSENT: Final = "consent"
THEME: Final = "theme"
VISIT: Final = "visit"
THEMES: Final = ("light", "dark")
CONSENT_SECONDS: Final = int(CONSENT_LIFE.total_seconds())

# Every cookie that is not essential, and what it needs.
NEEDS: Final = {THEME: Category.FUNCTIONAL, VISIT: Category.ANALYTICS}

_LETTERS: Final = {"f": Category.FUNCTIONAL, "a": Category.ANALYTICS}
_SIGNAL: Final = "g"
_FORM: Final = re.compile(r"(\d{8}-[0-9a-f]{8})~(\d{8})~([fag]*)~(vis_[\w-]{20,80})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class VisitorChoice:
    """A choice as the cookie has it; ``token`` finds the record, if anything was agreed to."""

    text: str
    on: date
    agreed: frozenset[Category]
    gpc: bool = False
    token: str | None = None


def encode_choice(*, choice: VisitorChoice) -> str:
    """Return the cookie's value."""
    letters = "".join(letter for letter, category in _LETTERS.items() if category in choice.agreed)
    signal = _SIGNAL if choice.gpc else ""
    return f"{choice.text}~{choice.on:%Y%m%d}~{letters}{signal}~{choice.token or ''}"


def decode_choice(*, value: str) -> VisitorChoice | None:
    """Read a cookie's value; None for whatever we did not write."""
    found = _FORM.fullmatch(value)
    if found is None:
        return None
    text, day, letters, token = found.groups()
    try:
        on = date(int(day[:4]), int(day[4:6]), int(day[6:]))
    except ValueError:
        return None
    agreed = frozenset(category for letter, category in _LETTERS.items() if letter in letters)
    return VisitorChoice(text, on, agreed, _SIGNAL in letters, token)


def visitor_standing(*, choice: VisitorChoice | None, at: datetime, gpc: bool) -> Standing:
    """Return what a visitor's cookie allows at a time."""
    # A day that is still to come is none that we wrote, and its choice would never end.
    if choice is None or choice.on > at.astimezone(UTC).date():
        return standing(agreed=None, text="", at=at, given_at=at, gpc=gpc, despite_gpc=False)
    given_at = datetime(choice.on.year, choice.on.month, choice.on.day, tzinfo=UTC)
    return standing(
        agreed=choice.agreed, text=choice.text, at=at, given_at=given_at, gpc=gpc, despite_gpc=choice.gpc
    )


def not_allowed(*, held: frozenset[str], standing: Standing) -> tuple[str, ...]:
    """Return which of the cookies that a browser holds have to go, in the order of their names."""
    return tuple(sorted(name for name in held if name in NEEDS and NEEDS[name] not in standing.allowed))
