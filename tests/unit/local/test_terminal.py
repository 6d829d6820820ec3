"""What `make run` shows of its parts' lines: little, and all of it in a file."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.local import terminal
from chalicelib.local.terminal import Terminal


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shown(tmp_path: Path, clock: Clock) -> Iterator[Terminal]:
    made = Terminal(tmp_path / "platform.log", clock=clock)
    yield made
    made.end()


def line(level: str = "INFO", message: str = "request", **facts: object) -> str:
    told = {"level": level, "location": "x:1", "message": message, "timestamp": "now", "service": "s"}
    return json.dumps({**told, **facts})


def completed(on: str, invoices: int, *, tenant: str = "ten_1", quarantined: int = 0) -> str:
    facts = {"tenant_id": tenant, "on": on, "invoices": invoices, "total": invoices * 100_050}
    level = "WARNING" if quarantined else "INFO"
    return line(level, "billing run completed", **facts, currency="PKR", quarantined=quarantined)


def test_what_asks_for_nothing_is_kept_and_not_shown(
    shown: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    said = [line(), "GET /v1/health 200 3 ms", line(message="billing planned")]

    for one in said:
        shown.said(one)
    shown.end()

    assert capsys.readouterr() == ("", "")
    assert shown.log.read_text().splitlines() == said


def test_warnings_and_errors_are_one_short_line_each(
    shown: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = "Traceback\n" * 50
    shown.said(line("ERROR", "tenant not planned", tenant_id="ten_1", exception=trace, exception_name="Busy"))
    shown.said(line("WARNING", "long", words="x" * 1_000))

    first, second = capsys.readouterr().err.splitlines()

    assert first == "error: tenant not planned (tenant_id ten_1, error Busy)"
    assert len(second) == terminal.SHOWN_CHARS_MAX


def test_what_a_part_complains_of_is_shown_as_it_is(
    shown: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    shown.follow(io.BytesIO(), io.BytesIO(b"import_worker failed: ValueError: 100 % bad\nlast"))
    shown.end()

    told = "import_worker failed: ValueError: 100 % bad\nlast\n"
    assert capsys.readouterr().err == shown.log.read_text() == told


def test_runs_that_follow_each_other_are_one_line_once_they_rest(
    shown: Terminal, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    for on, invoices in (("2026-05-30", 2), ("2026-05-31", 0), ("2026-06-01", 1)):
        shown.said(completed(on, invoices))
        shown.said(completed(on, 1, tenant="ten_operator"))
        shown.tell_runs()
    assert capsys.readouterr() == ("", "")

    clock.now += terminal.RUNS_REST_S
    shown.tell_runs()
    shown.tell_runs()

    assert capsys.readouterr().out == "Billed 2026-05-30 to 2026-06-01: 6 invoices over 6003.00 PKR\n"


def test_what_a_run_set_aside_is_told_with_how_to_look_at_it(
    shown: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    shown.said(completed("2026-06-01", 1, quarantined=2))
    shown.end()

    assert capsys.readouterr().out == (
        "Billed 2026-06-01: 1 invoice over 1000.50 PKR; 2 set aside, see ./ispbilling runs show 2026-06-01\n"
    )


def test_all_of_it_is_shown_where_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Terminal(tmp_path / "platform.log", everything=True)
    said = [line(), completed("2026-06-01", 1), line("ERROR")]

    for one in said:
        shown.said(one)
    shown.end()

    assert capsys.readouterr() == ("".join(f"{one}\n" for one in said), "")


def test_the_file_is_bounded_and_a_disk_that_takes_nothing_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal, "LOG_BYTES_MAX", 1_000)
    shown = Terminal(tmp_path / "platform.log")
    for _ in range(100):
        shown.said("x" * 99)
    shown.end()
    kept = list(tmp_path.iterdir())
    assert len(kept) == 1 + terminal.LOGS_KEPT_MAX
    assert all(one.stat().st_size <= 1_000 for one in kept)

    nowhere = Terminal(tmp_path / "absent" / "platform.log")
    nowhere.complained("still told")
    nowhere.end()

    assert capsys.readouterr().err == "still told\n"
