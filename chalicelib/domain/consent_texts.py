"""What is asked for consent, in which words: every version that anybody may have agreed to.

A version's name is its date and a hash of its words, so that a record says exactly what was agreed to. Words
that change are a version more, at the end: whoever agreed to another one is asked again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from typing import Final

HASH_DIGITS: Final = 8


class Category(StrEnum):
    """What a person may agree to, one by one; ESSENTIAL is not asked for."""

    ESSENTIAL = "essential"
    FUNCTIONAL = "functional"
    ANALYTICS = "analytics"
    PRODUCT_MAIL = "product_mail"


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie by its name (without the prefix that browsers ask for over HTTPS), and its life in words."""

    name: str
    holds: str
    life: str


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a category is for, and which cookies it has."""

    category: Category
    title: str
    words: str
    cookies: tuple[Cookie, ...] = ()


@dataclass(frozen=True)
class ConsentText:
    """One version of what is asked."""

    on: date
    purposes: tuple[Purpose, ...]

    @cached_property
    def version(self) -> str:
        """Return its name: ``20261126-1a2b3c4d``."""
        words = json.dumps([asdict(one) for one in self.purposes], sort_keys=True)
        return f"{self.on:%Y%m%d}-{sha256(words.encode()).hexdigest()[:HASH_DIGITS]}"

    def purpose(self, *, category: Category) -> Purpose:
        """Return what a category is for."""
        return next(one for one in self.purposes if one.category is category)


_FIRST: Final = ConsentText(
    on=date(2026, 11, 26),
    purposes=(
        Purpose(
            Category.ESSENTIAL,
            "Essential",
            "Signing in, and remembering what you answered here. Without them the service does not work or "
            "would ask you again on every page, so they are not asked for.",
            (
                Cookie(
                    "session", "a random token that finds your session", "until you sign out, 7 days at most"
                ),
                Cookie(
                    "portal", "the same, for subscribers of an ISP", "until you sign out, 12 hours at most"
                ),
                Cookie(
                    "consent",
                    "your answer, its day and which text it was given to; where you agreed to something, "
                    "also a random number that finds the record of it",
                    "180 days",
                ),
            ),
        ),
        Purpose(
            Category.FUNCTIONAL,
            "Functional",
            "Remembers on this device how pages look to you: light or dark.",
            (Cookie("theme", "the word light or dark", "180 days"),),
        ),
        Purpose(
            Category.ANALYTICS,
            "Analytics",
            "Counts which pages and features are used, and how long visits last, so that we can improve "
            "them. We add to totals of a day and keep neither your address nor who you are; nobody else "
            "gets them.",
            (Cookie("visit", "when this visit began and how long it has lasted", "30 minutes"),),
        ),
        Purpose(
            Category.PRODUCT_MAIL,
            "Mail about the product",
            "Tells you by mail of small changes to our policies and of news about the product. What you must "
            "know, such as significant changes, is sent in any case.",
        ),
    ),
)

TEXTS: Final[tuple[ConsentText, ...]] = (_FIRST,)


def current_text() -> ConsentText:
    """Return what is asked now."""
    return TEXTS[-1]
