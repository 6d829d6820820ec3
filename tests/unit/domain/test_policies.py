"""Versions of policies, what changed between them, who is told, and how they are shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import pytest

from chalicelib.domain.errors import NotFound
from chalicelib.domain.policies import (
    Document,
    Library,
    NothingToAccept,
    PolicyState,
    PolicyVersion,
    VersionOutdated,
    changes,
    check_acceptance,
    notices,
    parse_version,
    shipped_policies,
    stopped_from,
    to_be_mailed,
)
from chalicelib.domain.policy_markup import render_markup

FIRST = PolicyVersion(
    Document.TERMS, date(2026, 1, 1), "Terms", "First.", True, True, "We keep it.\n\nYou pay."
)
MINOR = replace(
    FIRST, on=date(2027, 1, 1), significant=False, accept=False, text="We keep it well.\n\nYou pay."
)
LIBRARY = Library({Document.TERMS: (FIRST, MINOR)})
EARLY, LATE = datetime(2025, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
# A version that was in force is never changed: what people were shown and accepted is this.
PUBLISHED = {
    "cookies 2026-11-26": "c94e96c9c649",
    "privacy 2026-11-26": "02c1efc3041e",
    "terms 2026-11-26": "a8ea228b1cd6",
}


def state(version: PolicyVersion, **done: datetime) -> dict[tuple[Document, str], PolicyState]:
    return {(version.document, version.version): PolicyState(version.document, version.version, **done)}


def test_versions_that_were_published_stay_as_they_are() -> None:
    found = {
        f"{one.document.value} {one.version}": sha256(one.text.encode()).hexdigest()[:12]
        for known in shipped_policies().versions.values()
        for one in known
    }

    assert found == PUBLISHED


def test_a_version_is_in_force_from_its_day_on() -> None:
    day_before = MINOR.in_force_at - timedelta(seconds=1)

    assert LIBRARY.current(document=Document.TERMS, at=day_before) == FIRST
    assert LIBRARY.current(document=Document.TERMS, at=MINOR.in_force_at) == MINOR
    assert LIBRARY.before(version=MINOR) == FIRST
    assert LIBRARY.before(version=FIRST) is None
    for document, version in (("terms", "2026-01-02"), ("privacy", "2026-01-01"), ("x", "2026-01-01")):
        with pytest.raises(NotFound):
            LIBRARY.get(document=document, version=version)


def test_what_changed_is_told_word_by_word() -> None:
    found = [(one.kind, one.words) for one in changes(before=FIRST, after=MINOR)]

    assert found == [
        ("same", "We keep"),
        ("removed", "it."),
        ("added", "it well."),
        ("same", "\n\n You pay."),
    ]


def test_who_joined_before_a_version_has_a_notice_of_it_until_they_have_seen_it() -> None:
    accepted = state(FIRST, accepted_at=EARLY)

    assert [one.version for one in notices(library=LIBRARY, joined_at=EARLY, states=accepted)] == [MINOR]
    assert notices(library=LIBRARY, joined_at=LATE, states=accepted) == ()
    seen = accepted | state(MINOR, dismissed_at=LATE)
    assert notices(library=LIBRARY, joined_at=EARLY, states=seen) == ()


def test_an_acceptance_is_asked_for_until_it_is_given_and_of_the_newest_text() -> None:
    (asked,) = notices(library=LIBRARY, joined_at=LATE, states=state(MINOR, dismissed_at=LATE))
    assert (asked.version, asked.accept) == (MINOR, True)
    assert notices(library=LIBRARY, joined_at=LATE, states=state(MINOR, accepted_at=LATE)) == ()

    assert check_acceptance(library=LIBRARY, document=Document.TERMS, version="2027-01-01") == MINOR
    with pytest.raises(VersionOutdated):
        check_acceptance(library=LIBRARY, document=Document.TERMS, version="2026-01-01")
    silent = Library({Document.TERMS: (MINOR,)})
    with pytest.raises(NothingToAccept):
        check_acceptance(library=silent, document=Document.TERMS, version="2027-01-01")


ASKING = replace(FIRST, on=date(2028, 1, 1), accept=True, text="We keep it well.\n\nYou pay more.")
THREE = Library({Document.TERMS: (FIRST, MINOR, ASKING)})
JOINED = datetime(2027, 6, 1, tzinfo=UTC)
DAYS_30 = timedelta(days=30)


@pytest.mark.parametrize(
    ("joined_at", "states", "stopped"),
    [
        # In time after joining, after a version came into force, and after the mail about it went.
        (JOINED, {}, JOINED + DAYS_30),
        (EARLY, {}, FIRST.in_force_at + DAYS_30),
        (EARLY, state(FIRST, mailed_at=JOINED), JOINED + DAYS_30),
        (JOINED, state(FIRST, accepted_at=JOINED), ASKING.in_force_at + DAYS_30),
        (JOINED, state(MINOR, accepted_at=JOINED), ASKING.in_force_at + DAYS_30),
        (JOINED, state(FIRST, dismissed_at=JOINED), JOINED + DAYS_30),
        (JOINED, state(ASKING, accepted_at=LATE), None),
        (LATE, state(ASKING, mailed_at=LATE), LATE + DAYS_30),
    ],
)
def test_an_owner_is_stopped_thirty_days_after_they_could_accept(
    joined_at: datetime, states: dict[tuple[Document, str], PolicyState], stopped: datetime | None
) -> None:
    assert stopped_from(library=THREE, joined_at=joined_at, states=states) == stopped


def test_nobody_is_stopped_where_nothing_is_to_be_accepted() -> None:
    library = Library({Document.PRIVACY: (replace(MINOR, document=Document.PRIVACY),)})

    assert stopped_from(library=library, joined_at=EARLY, states={}) is None


def test_everybody_who_was_there_is_mailed_a_significant_change_and_who_agreed_to_it_a_small_one() -> None:
    assert to_be_mailed(version=FIRST, joined_at=EARLY, product_mail=False)
    assert not to_be_mailed(version=FIRST, joined_at=LATE, product_mail=True)
    assert not to_be_mailed(version=MINOR, joined_at=EARLY, product_mail=False)
    assert to_be_mailed(version=MINOR, joined_at=EARLY, product_mail=True)


def test_a_file_has_a_head_and_a_text() -> None:
    content = "title: Terms\nsummary: First.\nsignificant: yes\naccept: no\n\nWe keep it.\n"

    read = parse_version(document=Document.TERMS, on=date(2026, 1, 1), content=content)

    assert (read.title, read.significant, read.accept, read.text) == ("Terms", True, False, "We keep it.")
    with pytest.raises(AssertionError, match="head"):
        parse_version(document=Document.TERMS, on=date(2026, 1, 1), content="title: Terms\n\nWe keep it.")


def test_a_text_is_shown_as_it_is_meant_and_nothing_in_it_is_html() -> None:
    text = "## Who & what\n\nAsk **us** at [here](/cookies).\nNow.\n\n- one\n- [two](javascript:x)"
    text += "\n\n{{t}}\n\n<b>"

    assert render_markup(text=text, tables={"t": lambda: "<table></table>"}).split("\n") == [
        '<h2 id="who-what">Who &amp; what</h2>',
        '<p>Ask <strong>us</strong> at <a href="/cookies">here</a>. Now.</p>',
        "<ul><li>one</li><li>[two](javascript:x)</li></ul>",
        "<table></table>",
        "<p>&lt;b&gt;</p>",
    ]
