"""Rounds of verification: what is due, what is news, and what is forgotten."""

from __future__ import annotations

from datetime import date, timedelta

from chalicelib.domain.audit_chain import GENESIS, Fault, Flaw, Position
from chalicelib.domain.audit_rounds import ROUND_DAYS, TOLD_MAX, Round, first_round

TODAY = date(2026, 11, 26)
END = Position(8, GENESIS, "aud_8")
FLAW = Flaw(Fault.ENTRY_ALTERED, 3, "aud_3")
DONE = Round(begun_on=TODAY, position=END, done_on=TODAY, at_end=True)


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


def test_a_day_is_verified_once() -> None:
    assert Round(begun_on=TODAY).due(on=TODAY)
    assert not DONE.due(on=TODAY)
    assert DONE.due(on=day(1))


def test_a_round_begins_anew_after_a_week_and_where_it_is_asked_for() -> None:
    assert DONE.on(day=day(ROUND_DAYS - 1)) is DONE
    anew = DONE.on(day=day(ROUND_DAYS))
    assert (anew.position, anew.begun_on, anew.at_end) == (None, day(ROUND_DAYS), False)
    assert DONE.on(day=day(1), full=True).position is None


def test_a_round_that_is_not_at_its_end_goes_on_however_long_it_takes() -> None:
    long = Round(begun_on=TODAY, position=END)

    assert long.on(day=day(30)) is long


def test_days_to_come_put_verifying_off_for_nobody() -> None:
    forged = Round(begun_on=day(9_999), position=END, done_on=day(9_999), at_end=True)

    assert forged.due(on=TODAY)
    assert (forged.on(day=TODAY).begun_on, forged.on(day=TODAY).position) == (TODAY, None)


def test_faults_are_news_once() -> None:
    assert DONE.news(flaws=[FLAW, FLAW]) == (FLAW, FLAW)
    told = DONE.after(position=END, ended=True, flaws=[FLAW], day=TODAY)

    assert told.news(flaws=[FLAW]) == ()
    assert told.news(flaws=[Flaw(Fault.ENTRY_ALTERED, 4, "aud_4")]) != ()


def test_what_is_missing_at_the_end_is_one_fault_however_the_chain_goes_on() -> None:
    told = DONE.after(position=END, ended=True, flaws=[Flaw(Fault.HEAD_DIFFERS, 8, "head at 7")], day=TODAY)

    assert told.news(flaws=[Flaw(Fault.TRUNCATED, 7, "anchor of 2026-11-25")]) == ()
    assert told.news(flaws=[Flaw(Fault.HEAD_DIFFERS, 9, "head at 12")]) == ()


def test_a_fault_is_forgotten_when_a_whole_round_did_not_find_it() -> None:
    told = DONE.after(position=END, ended=True, flaws=[FLAW], day=TODAY)
    second = told.on(day=day(7))
    assert second.told == told.told
    third = second.after(position=END, ended=True, flaws=[], day=day(7)).on(day=day(14))

    assert third.told == ()
    assert third.news(flaws=[FLAW]) == (FLAW,)


def test_entries_that_wait_are_no_fault() -> None:
    waiting = Flaw(Fault.ENTRY_UNSEALED, 0, "aud_9")

    assert DONE.news(flaws=[waiting]) == ()
    assert DONE.after(position=END, ended=True, flaws=[waiting], day=TODAY).clean


def test_when_enough_was_told_nothing_more_is() -> None:
    many = [Flaw(Fault.ENTRY_MISSING, number, "x") for number in range(TOLD_MAX + 5)]
    told = DONE.after(position=END, ended=True, flaws=many, day=TODAY)

    assert len(told.told) == TOLD_MAX
    assert told.news(flaws=[FLAW]) == ()


def test_first_rounds_are_spread_over_the_week() -> None:
    begun = {first_round(tenant_id=f"ten_{number}", on=TODAY).begun_on for number in range(100)}

    assert begun == {day(-number) for number in range(ROUND_DAYS)}
