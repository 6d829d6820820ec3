"""Accesses of platform support: how long, why, and what stands of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.permissions import SUPPORT_READS, SUPPORT_WRITES, Permission
from chalicelib.domain.support import EndedBy, SupportAccess, check_reason, support_principal, time_limit

NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
WEEK = NOW + timedelta(days=7)
ACCESS = SupportAccess(
    access_id="spa_1",
    tenant_id="ten_1",
    subdomain="lahore-net",
    operator_id="ten_2",
    staff_id="stf_1",
    name="Bilal Ahmed",
    reason="Runs stand still",
    write=False,
    opened_at=NOW,
    until=NOW + timedelta(hours=1),
    token_hash="t",
    session_hash="s",
)


@pytest.mark.parametrize("reason", ["", "too short", " " * 20, "x" * 501, "look at https://bad.example"])
def test_a_reason_says_something(reason: str) -> None:
    with pytest.raises(InvalidValue):
        check_reason(reason=reason)


def test_a_reason_is_kept_without_blanks_around_it() -> None:
    assert check_reason(reason="  Runs stand\n still ") == "Runs stand still"


@pytest.mark.parametrize("minutes", [5, 60, 240])
def test_the_time_limit_is_in_minutes(minutes: int) -> None:
    until = time_limit(at=NOW, minutes=minutes, session_ends_at=WEEK)

    assert until == NOW + timedelta(minutes=minutes)


@pytest.mark.parametrize("minutes", [-1, 0, 4, 241])
def test_other_times_are_refused(minutes: int) -> None:
    with pytest.raises(InvalidValue):
        time_limit(at=NOW, minutes=minutes, session_ends_at=WEEK)


def test_no_access_outlasts_its_session() -> None:
    ends = NOW + timedelta(minutes=7)

    assert time_limit(at=NOW, minutes=60, session_ends_at=ends) == ends


def test_an_access_is_over_by_its_time_and_with_its_session() -> None:
    later = NOW + timedelta(minutes=59)

    assert ACCESS.standing(session_lives=True, at=later) == ACCESS
    gone = ACCESS.standing(session_lives=False, at=later)
    assert (gone.ended_by, gone.ended_at) == (EndedBy.SESSION, later)
    late = ACCESS.standing(session_lives=False, at=NOW + timedelta(days=1))
    assert (late.ended_by, late.ended_at) == (EndedBy.TIME_LIMIT, ACCESS.until)


def test_an_end_that_is_noted_stays_what_it_is() -> None:
    ended = ACCESS.ended(by=EndedBy.TENANT, at=NOW, staff_id="stf_9")

    assert ended.standing(session_lives=False, at=WEEK) == ended


def test_support_reads_and_changes_what_is_named_and_never_more() -> None:
    read, write = (
        support_principal(tenant_id="ten_1", staff_id="stf_1", access_id="spa_1", write=write)
        for write in (False, True)
    )

    assert read.permissions == SUPPORT_READS
    assert write.permissions == SUPPORT_READS | {Permission.SUBSCRIBERS_WRITE}
    assert {Permission.SUBSCRIBERS_WRITE} == SUPPORT_WRITES
    assert {one.value.rpartition(":")[2] for one in SUPPORT_READS} == {"read"}
    for never in ("exports", "imports", "keys"):
        assert not [one for one in write.permissions if one.value.startswith(never)]
    assert (write.actor_id, write.access_id) == ("platform_support/stf_1/spa_1", "spa_1")
