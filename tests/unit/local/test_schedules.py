from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.local.schedules import BadScheduleError, parse_schedule

MOMENT = datetime(2026, 11, 23, 10, 7, 30, tzinfo=UTC)  # a Monday


def after(expression: str, moment: datetime = MOMENT) -> str:
    return parse_schedule(expression).next_after(moment).strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("expression", "period"),
    [
        ("rate(1 minute)", timedelta(minutes=1)),
        ("rate(15 minutes)", timedelta(minutes=15)),
        ("rate(1 hour)", timedelta(hours=1)),
        ("rate(7 days)", timedelta(days=7)),
    ],
)
def test_a_rate_fires_one_period_after_the_last_time(expression: str, period: timedelta) -> None:
    assert parse_schedule(expression).next_after(MOMENT) == MOMENT + period


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(* * * * ? *)", "2026-11-23 10:08:00"),
        ("cron(0/15 * * * ? *)", "2026-11-23 10:15:00"),
        ("cron(7 10 * * ? *)", "2026-11-24 10:07:00"),  # this minute has begun already
        ("cron(30 2 * * ? *)", "2026-11-24 02:30:00"),
        ("cron(0 9 ? * MON-FRI *)", "2026-11-24 09:00:00"),
        ("cron(0 9 ? * 2 *)", "2026-11-30 09:00:00"),  # 1 is Sunday, 2 Monday
        ("cron(0 0 1,15 * ? *)", "2026-12-01 00:00:00"),
        ("cron(0 0 L * ? *)", "2026-11-30 00:00:00"),
        ("cron(0 0 29 FEB ? *)", "2028-02-29 00:00:00"),
        ("cron(15 8-10/2 * * ? 2027)", "2027-01-01 08:15:00"),
    ],
)
def test_cron_finds_the_next_time(expression: str, expected: str) -> None:
    assert after(expression) == expected


def test_the_last_day_follows_the_month() -> None:
    february = datetime(2027, 2, 1, tzinfo=UTC)

    assert after("cron(0 0 L * ? *)", february) == "2027-02-28 00:00:00"


def test_times_are_those_of_the_moment_given() -> None:
    assert parse_schedule("cron(0 0 * * ? *)").next_after(MOMENT).tzinfo is UTC


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "rate(0 minutes)",
        "rate(5 weeks)",
        "cron(* * * * *)",
        "cron(60 * * * ? *)",
        "cron(* * * * * *)",
        "cron(* * ? * ? *)",
        "cron(* * 15W * ? *)",
        "cron(* * ? * 3#1 *)",
        "cron(5-1 * * * ? *)",
        "every day",
    ],
)
def test_what_eventbridge_or_this_parser_does_not_take_is_refused(expression: str) -> None:
    with pytest.raises(BadScheduleError):
        parse_schedule(expression)


def test_a_year_that_is_over_never_fires() -> None:
    with pytest.raises(BadScheduleError, match="never"):
        after("cron(0 0 1 1 ? 2020)")
