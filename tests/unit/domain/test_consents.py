"""What a choice allows and for how long, what the signal does to it, and what a visitor's cookie holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.domain.consent_cookies import (
    VisitorChoice,
    decode_choice,
    encode_choice,
    not_allowed,
    visitor_standing,
)
from chalicelib.domain.consent_texts import TEXTS, Category, current_text
from chalicelib.domain.consents import (
    CONSENT_LIFE,
    Consent,
    ConsentNotOffered,
    ConsentTextOutdated,
    Means,
    SubjectKind,
    check_choice,
    standing_of,
)

NOW = datetime(2041, 5, 15, 6, 0, tzinfo=UTC)
ESSENTIAL = frozenset({Category.ESSENTIAL})
BOTH = frozenset({Category.FUNCTIONAL, Category.ANALYTICS})
# Words that change are another version, at the end of TEXTS: never change one that somebody agreed to.
PUBLISHED = ("20261126-ae1155c2",)


def consent(**changes: object) -> Consent:
    made = Consent(
        consent_id="cns_1",
        kind=SubjectKind.VISITOR,
        agreed=BOTH,
        text=current_text().version,
        at=NOW,
        how=Means.BANNER,
        gpc=False,
        browser="Firefox on Linux",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_texts_that_were_published_stay_as_they_are() -> None:
    assert tuple(one.version for one in TEXTS) == PUBLISHED


def test_without_an_answer_only_the_essential_is_allowed_and_the_question_is_asked() -> None:
    nothing = standing_of(consent=None, at=NOW, gpc=False)

    assert (nothing.allowed, nothing.asked) == (ESSENTIAL, True)


def test_what_was_agreed_to_is_allowed_until_it_ends() -> None:
    given = consent()

    assert standing_of(consent=given, at=NOW + CONSENT_LIFE - timedelta(seconds=1), gpc=False).allowed > BOTH
    over = standing_of(consent=given, at=NOW + CONSENT_LIFE, gpc=False)
    assert (over.allowed, over.asked) == (ESSENTIAL, True)


def test_an_answer_to_another_text_is_none() -> None:
    other = standing_of(consent=consent(text="20200101-00000000"), at=NOW, gpc=False)

    assert (other.allowed, other.asked) == (ESSENTIAL, True)


def test_a_refusal_is_an_answer() -> None:
    refused = standing_of(consent=consent(agreed=frozenset()), at=NOW, gpc=False)

    assert (refused.allowed, refused.asked) == (ESSENTIAL, False)


def test_the_signal_refuses_analytics_and_asks_nothing() -> None:
    assert standing_of(consent=None, at=NOW, gpc=True).asked is False
    assert standing_of(consent=consent(), at=NOW, gpc=True).allowed == ESSENTIAL | {Category.FUNCTIONAL}
    # An answer that was given with the signal on is one for this site.
    assert standing_of(consent=consent(gpc=True), at=NOW, gpc=True).allowed == ESSENTIAL | BOTH


def test_nobody_agrees_to_what_they_are_not_asked_or_did_not_read() -> None:
    text = current_text().version
    with pytest.raises(ConsentNotOffered):
        check_choice(kind=SubjectKind.VISITOR, agreed=[Category.PRODUCT_MAIL], text=text)
    with pytest.raises(ConsentTextOutdated):
        check_choice(kind=SubjectKind.STAFF, agreed=[], text="20200101-00000000")
    assert check_choice(kind=SubjectKind.STAFF, agreed=[Category.ESSENTIAL], text=text) == frozenset()


@pytest.mark.parametrize("agreed", [frozenset(), frozenset({Category.ANALYTICS}), BOTH])
@pytest.mark.parametrize("gpc", [False, True])
def test_a_cookie_says_what_was_chosen(agreed: frozenset[Category], gpc: bool) -> None:  # noqa: FBT001
    token = f"vis_{'x' * 43}" if agreed else None
    choice = VisitorChoice(current_text().version, NOW.date(), agreed, gpc, token)

    assert decode_choice(value=encode_choice(choice=choice)) == choice
    assert visitor_standing(choice=choice, at=NOW, gpc=gpc).allowed == agreed | ESSENTIAL


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1",
        "20261126-1a2b3c4d~20411399~fa~",
        "20261126-1a2b3c4d~20410515~x~",
        "x~~~",
        "20261126-1a2b3c4d~20410515~fa~vis_\n",
    ],
)
def test_what_is_no_cookie_of_ours_is_no_answer(value: str) -> None:
    assert decode_choice(value=value) is None


@pytest.mark.parametrize("day", [date(2041, 5, 16), date.max])
def test_a_cookie_of_a_day_to_come_is_no_answer(day: date) -> None:
    choice = VisitorChoice(current_text().version, day, BOTH)

    now = visitor_standing(choice=choice, at=NOW, gpc=False)

    assert (now.allowed, now.asked) == (ESSENTIAL, True)


def test_cookies_that_are_not_allowed_have_to_go() -> None:
    held = frozenset({"theme", "visit", "session", "consent"})

    assert not_allowed(held=held, standing=standing_of(consent=None, at=NOW, gpc=False)) == ("theme", "visit")
    assert not_allowed(held=held, standing=standing_of(consent=consent(), at=NOW, gpc=True)) == ("visit",)
    assert not_allowed(held=held, standing=standing_of(consent=consent(), at=NOW, gpc=False)) == ()
