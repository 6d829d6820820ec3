"""The 72 hours of a breach, and whom it affects."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.breaches import (
    AffectedPerson,
    Breach,
    BreachClosed,
    Risk,
    Step,
    Touched,
    affected_by,
    check_breach,
    closed,
    person_of,
    reminder,
    stepped,
)
from chalicelib.domain.data_map import Category
from chalicelib.domain.errors import InvalidValue

AT = datetime(2041, 5, 15, 6, 0, tzinfo=UTC)
ULID = "01JD0000000000000000000000"
THIEF, HONEST = "stf_01JD0000000000000000000001", "stf_01JD0000000000000000000002"
BREACH = Breach(
    breach_id=f"brc_{ULID}",
    noticed_at=AT,
    began_at=AT - timedelta(days=1),
    ended_at=AT,
    what="a laptop was stolen",
    categories=(Category.IDENTITY,),
    risk=Risk.SOME,
)


def test_the_clock_runs_for_72_hours_until_the_authority_is_told() -> None:
    late = AT + timedelta(hours=72, minutes=1)

    assert (BREACH.hours_left(at=AT), BREACH.hours_left(at=late)) == (72, -1)
    assert not BREACH.overdue(at=BREACH.tell_by)
    assert BREACH.overdue(at=late)
    told = stepped(breach=BREACH, step=Step.AUTHORITY_TOLD, words="by form", at=AT, by=HONEST)
    assert not told.overdue(at=late)
    assert not replace(BREACH, risk=Risk.NONE).overdue(at=late)


def test_reminders_come_a_day_before_and_when_it_is_over_once_each() -> None:
    def at(hours: int, *reminded: int) -> int | None:
        return reminder(breach=replace(BREACH, reminded=reminded), at=AT + timedelta(hours=hours, minutes=1))

    assert [at(47), at(48), at(49, 24), at(72, 24), at(90, 24, 0)] == [None, 24, None, 0, None]


def test_what_must_be_told_is_told_before_it_is_closed() -> None:
    def close(breach: Breach) -> Breach:
        return closed(breach=breach, lessons="encrypt disks", at=AT, by=HONEST)

    high = replace(BREACH, risk=Risk.HIGH)
    told = stepped(breach=high, step=Step.AUTHORITY_TOLD, words="by form", at=AT, by=HONEST)
    for early in (BREACH, high, told):
        with pytest.raises(InvalidValue):
            close(early)
    done = close(stepped(breach=told, step=Step.PERSONS_TOLD, words="by mail", at=AT, by=HONEST))
    assert (done.lessons, done.closed_at) == ("encrypt disks", AT)
    assert close(replace(BREACH, risk=Risk.NONE)).closed_at == AT
    with pytest.raises(BreachClosed):
        stepped(breach=done, step=Step.NOTED, words="more", at=AT, by=HONEST)


@pytest.mark.parametrize(
    ("object_id", "person"),
    [
        (f"sbr_{ULID}", f"sbr_{ULID}"),
        (f"sbn_{ULID}-1", f"sbr_{ULID}"),
        (f"inv_{ULID}-20410515-1", f"sbr_{ULID}"),
        (THIEF, THIEF),
        (f"exp_{ULID}", ""),
        (f"pkg_{ULID}", ""),
        ("system", ""),
    ],
)
def test_whose_an_object_is(object_id: str, person: str) -> None:
    assert person_of(object_id=object_id) == person


def test_who_is_affected_is_whom_the_misused_access_touched() -> None:
    other = ULID.replace("D", "E")
    log = [
        Touched(AT, THIEF, "subscriber.identity_shown", f"sbr_{ULID}"),
        Touched(AT + timedelta(hours=1), THIEF, "payment.recorded", f"rcp_{ULID}-20410515-201"),
        Touched(AT, HONEST, "subscriber.changed", f"sbr_{other}"),
    ]

    found = affected_by(breach=replace(BREACH, actor_ids=(THIEF,)), log=log)
    anybody = affected_by(breach=BREACH, log=log)
    taken = affected_by(breach=BREACH, log=[Touched(AT, THIEF, "export.downloaded", f"exp_{ULID}")])
    log_taken = affected_by(breach=BREACH, log=[Touched(AT, THIEF, "audit.exported", f"ten_{ULID}")])

    assert found.people == (
        AffectedPerson(f"sbr_{ULID}", 2, AT, AT + timedelta(hours=1)),
        AffectedPerson(THIEF, 0),
    )
    assert not found.everybody
    assert [one.person_id for one in anybody.people] == [f"sbr_{ULID}", f"sbr_{other}"]
    assert taken.everybody
    assert log_taken.everybody


@pytest.mark.parametrize(
    "changes",
    [
        {"noticed_at": AT + timedelta(hours=1)},
        {"ended_at": AT - timedelta(days=1)},
        {"began_at": AT - timedelta(days=400)},
        {"actor_ids": ("Zainab",)},
        {"what": " "},
    ],
)
def test_a_breach_that_cannot_be_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        check_breach(breach=replace(BREACH, **changes), at=AT)  # type: ignore[arg-type]
