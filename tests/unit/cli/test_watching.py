"""Looking on at a job: what is said while it stands still, and how it is left."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.cli.client import CliError, Interrupted, Unreachable
from chalicelib.cli.output import Output, watch


class Job:
    """A job that shows these states, one a look, each so many seconds after the one before."""

    def __init__(self, *states: str | BaseException, seconds: float = 10) -> None:
        self._states: Iterator[str | BaseException] = iter(states)
        self._seconds = seconds
        self.now = 0.0
        self.output = Output(err=io.StringIO())

    def look(self) -> dict[str, Any]:
        state = next(self._states)
        if isinstance(state, BaseException):
            raise state
        return {"state": state}

    def sleep(self, _: float) -> None:
        self.now += self._seconds

    def watch(self) -> str:
        watch(
            self.output,
            look=self.look,
            tell=lambda job: str(job["state"]),
            ended=lambda job: job["state"] == "done",
            again="jobs watch 1",
            stalled="start it again with: jobs start 1",
            sleep=self.sleep,
            now=lambda: self.now,
        )
        assert isinstance(self.output.err, io.StringIO)
        return self.output.err.getvalue()


def test_a_minute_without_progress_names_the_next_step_once() -> None:
    told = Job(*["queued"] * 20, "done").watch()

    assert told.splitlines() == [
        "queued",
        "no progress for 60 seconds: start it again with: jobs start 1",
        "done",
    ]


def test_progress_now_and_then_is_progress() -> None:
    states = [f"row {count}" for count in range(20) for _ in range(5)]

    assert "no progress" not in Job(*states, "done").watch()


def test_each_standstill_is_told_of() -> None:
    told = Job(*["row 1"] * 9, *["row 2"] * 9, "done").watch()

    assert told.count("no progress") == 2


@pytest.mark.parametrize(
    ("end", "kind", "code"),
    [
        (KeyboardInterrupt(), Interrupted, 130),
        (Unreachable("127.0.0.1:9 does not answer"), Unreachable, 3),
    ],
)
def test_who_stops_looking_on_is_told_how_to_look_again(
    end: BaseException, kind: type[CliError], code: int
) -> None:
    with pytest.raises(kind, match="jobs watch 1") as raised:
        Job("queued", end).watch()

    assert raised.value.exit_code == code


def test_what_is_told_often_is_a_line_now_and_then_where_there_is_no_terminal() -> None:
    times = iter([0, 0, 1, 9, 10, 10, 11])
    output = Output(err=io.StringIO(), now=lambda: next(times))

    for number in range(5):
        output.progress(f"{number} accounts", often=True)

    assert isinstance(output.err, io.StringIO)
    assert output.err.getvalue() == "0 accounts\n3 accounts\n"
