"""Consent: whose it is, what a choice allows and for how long, and what a browser's signal does to it.

Nothing beyond what is essential is done before somebody agreed, and taking back is as easy as giving.
Records are appended and never changed (article 7 (1) GDPR): who, when, to which text, how.

Global Privacy Control (W3C, ``Sec-GPC: 1``) asks not to sell or share personal data. We do neither; the
signal counts as refusing analytics all the same. Its specification leaves exceptions for one site to that
site and the law: here a choice that is made on the preference page while the signal is on, and none before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.domain.consent_texts import Category, current_text
from chalicelib.domain.errors import InvalidValue

CONSENT_LIFE: Final = timedelta(days=180)
# As long as somebody may ask whether a consent was given, after it ended by itself.
PROOF_LIFE: Final = CONSENT_LIFE + timedelta(days=365)
HISTORY_SHOWN_MAX: Final = 50


class SubjectKind(StrEnum):
    """Whose choice it is."""

    VISITOR = "visitor"
    STAFF = "staff"
    SUBSCRIBER = "subscriber"


class Means(StrEnum):
    """How a choice was made."""

    BANNER = "banner"
    PREFERENCES = "preference_page"
    API = "api"
    REQUEST = "privacy_request"


# What is asked of whom: a visitor has no address that mail could go to, and subscribers are the ISP's.
OFFERED: Final[Mapping[SubjectKind, frozenset[Category]]] = {
    SubjectKind.VISITOR: frozenset({Category.FUNCTIONAL, Category.ANALYTICS}),
    SubjectKind.STAFF: frozenset({Category.FUNCTIONAL, Category.ANALYTICS, Category.PRODUCT_MAIL}),
    SubjectKind.SUBSCRIBER: frozenset({Category.FUNCTIONAL, Category.ANALYTICS}),
}


class ConsentNotOffered(InvalidValue):
    """Such a person is not asked this."""

    code = "consent_not_offered"


class ConsentTextOutdated(InvalidValue):
    """The choice names a text that is not asked any more: read it again."""

    code = "consent_text_outdated"


@dataclass(frozen=True, slots=True)
class Consent:
    """One choice. ``agreed`` is what was agreed to; ``gpc`` says whether the browser sent the signal then.

    ``browser`` is a family without its version. ``previous`` is the choice that it took the place of.
    """

    consent_id: str
    kind: SubjectKind
    agreed: frozenset[Category]
    text: str
    at: datetime
    how: Means
    gpc: bool
    browser: str
    previous: str | None = None

    @property
    def ends_at(self) -> datetime:
        """When it is asked again."""
        return self.at + CONSENT_LIFE


@dataclass(frozen=True, slots=True)
class Standing:
    """What may be done now; ``asked`` says whether the person is still to be asked."""

    allowed: frozenset[Category]
    asked: bool
    gpc: bool


def check_choice(*, kind: SubjectKind, agreed: Collection[Category], text: str) -> frozenset[Category]:
    """Return what is agreed to, or raise ConsentNotOffered or ConsentTextOutdated."""
    chosen = frozenset(agreed) - {Category.ESSENTIAL}
    if not chosen <= OFFERED[kind]:
        raise ConsentNotOffered("this is not asked of you", param="agreed")
    if text != current_text().version:
        raise ConsentTextOutdated("the text has changed: read it again", param="text")
    return chosen


def standing(
    *,
    agreed: frozenset[Category] | None,
    text: str,
    at: datetime,
    given_at: datetime,
    gpc: bool,
    despite_gpc: bool,
) -> Standing:
    """Return what a choice allows at a time; ``agreed`` None stands for no choice.

    ``gpc`` says whether the browser sends the signal now, ``despite_gpc`` whether it did when the
    choice was made.
    """
    over = agreed is None or text != current_text().version or at - given_at >= CONSENT_LIFE
    if over or agreed is None:
        return Standing(frozenset({Category.ESSENTIAL}), asked=not gpc, gpc=gpc)
    refused = {Category.ANALYTICS} if gpc and not despite_gpc else set()
    return Standing((agreed | {Category.ESSENTIAL}) - refused, asked=False, gpc=gpc)


def standing_of(*, consent: Consent | None, at: datetime, gpc: bool) -> Standing:
    """Return what the newest record allows."""
    if consent is None:
        return standing(agreed=None, text="", at=at, given_at=at, gpc=gpc, despite_gpc=False)
    return standing(
        agreed=consent.agreed,
        text=consent.text,
        at=at,
        given_at=consent.at,
        gpc=gpc,
        despite_gpc=consent.gpc,
    )


def says_the_same(*, before: Consent | None, agreed: frozenset[Category], gpc: bool, at: datetime) -> bool:
    """Whether a choice is the one that is on record and in force, so that nothing new is to be written."""
    return (
        before is not None
        and before.agreed == agreed
        and before.text == current_text().version
        and before.gpc == gpc
        and at < before.ends_at
    )
