"""The command line at jobs: what is refused, cut short, repeated, or left alone."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.cli import import_commands, import_file
from chalicelib.jobs.imports import work_imports
from tests.fakes.clock import FakeClock
from tests.fakes.queues import AtOnce
from tests.integration.cli.conftest import MAP, Terminal
from tests.integration.conftest import PASSWORD, EngineServices, SignedIn
from tests.integration.importing import HEADER


def tomorrow(services: EngineServices, signed_in: SignedIn) -> str:
    return (signed_in.store.profile().local_date(at=services.clock.now()) + timedelta(days=1)).isoformat()


def test_a_list_that_goes_on_says_so(user: Terminal, customers: Path) -> None:
    assert user.run("import", str(customers), "--map", "code=id", "--watch") == 0, user.err

    assert user.run("subscribers", "list", "--limit", "40") == 0
    assert len(user.out.splitlines()) == 1 + 40
    assert "there are more than these 40: --limit 0 shows all" in user.err
    assert user.run("subscribers", "list", "--limit", "42") == 0
    assert user.err == ""
    assert len(user.json("subscribers", "list", "--limit", "0")) == 42
    assert user.err == ""


def test_a_report_is_saved_without_watch_too_and_over_no_other_file(
    user: Terminal, tmp_path: Path, customers: Path
) -> None:
    report = tmp_path / "report.csv"
    arguments = ("import", str(customers), "--map", "code=id", "name=name", "--report", str(report))
    assert user.run(*arguments) == 0, user.err
    kept = report.read_bytes()
    assert b"formula_cell" in kept
    [made] = user.json("imports", "list")

    for command in (arguments, ("imports", "report", made["import_id"], "--out", str(report))):
        report.write_text("mine")
        assert user.run(*command) == 1
        assert "is there already" in user.err
        assert report.read_text() == "mine"
    assert len(user.json("imports", "list")) == 1

    assert user.run("imports", "report", made["import_id"], "--out", str(report), "--force") == 0
    assert report.read_bytes() == kept


def test_an_export_replaces_a_file_by_force_alone(user: Terminal, tmp_path: Path) -> None:
    archive = tmp_path / "export.zip"
    archive.write_text("mine")
    assert user.run("export", "--out", str(archive)) == 1
    assert user.json("exports", "list") == []

    assert user.run("export", "--out", str(archive), "--force") == 0, user.err

    assert zipfile.is_zipfile(archive)


@pytest.mark.parametrize(
    ("text", "arguments", "code"),
    [
        ("PK\x03\x04", ("--map", "code=id"), 1),
        ("id,name\n", ("--map", "code=id"), 1),
        ("id,name\nC-1,Ali\n", ("--map", "code=nope"), 1),
        ("id,name\nC-1,Ali\n", (), 0),
    ],
)
def test_what_is_not_started_leaves_no_import_behind(
    text: str, arguments: tuple[str, ...], code: int, user: Terminal, tmp_path: Path
) -> None:
    file = tmp_path / "refused.csv"
    file.write_text(text)

    assert user.run("import", str(file), *arguments) == code

    assert user.json("imports", "list") == []


def test_an_import_is_not_started_where_every_row_looked_at_is_refused(
    user: Terminal, tmp_path: Path, services: EngineServices, signed_in: SignedIn
) -> None:
    file = tmp_path / "all.csv"
    file.write_text(f"{HEADER}\nC-1,Ali,,No such plan,\nC-2,Sana,,No such plan,\n")
    arguments = ("import", str(file), *MAP, "--start", tomorrow(services, signed_in))

    assert user.run(*arguments) == 1
    assert "row 2, column plan: there is no package 'No such plan'" in user.err
    assert "not started: every row that was looked at (2) is refused" in user.err
    assert "--anyway" in user.err
    assert user.json("imports", "list") == []

    assert user.run(*arguments, "--anyway", "--watch") == 0, user.err
    assert "failed     unknown_package: 2" in user.out


def test_starting_again_says_when_there_is_nothing_to_start(
    user: Terminal, customers: Path, services: EngineServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(services.__dict__, "import_queue", AtOnce(services, lambda *_: None))
    assert user.run("import", str(customers), "--map", "code=id") == 0, user.err
    [made] = user.json("imports", "list")
    start = ("imports", "start", made["import_id"])

    assert user.run(*start) == 0
    assert "nothing was changed: a worker is at it" in user.err
    assert user.run("imports", "withdraw", made["import_id"]) == 1
    assert "[import_started]" in user.err

    assert isinstance(services.clock, FakeClock)
    services.clock.set(services.clock.now() + timedelta(minutes=3))
    monkeypatch.setitem(services.__dict__, "import_queue", AtOnce(services, work_imports))
    assert user.run(*start) == 0
    assert f"started {made['import_id']}" in user.err
    assert user.run(*start) == 0
    assert "nothing was started: it is finished" in user.err


def test_ctrl_c_before_the_start_withdraws_the_import(
    user: Terminal, customers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(import_file, "upload", interrupted)

    assert user.run("import", str(customers), "--map", "code=id") == 130
    assert "interrupted: nothing was imported" in user.err
    assert user.json("imports", "list") == []


def test_ctrl_c_while_looking_on_says_how_to_look_again(
    user: Terminal, customers: Path, services: EngineServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setitem(services.__dict__, "import_queue", AtOnce(services, lambda *_: None))
    monkeypatch.setattr(import_commands, "_told", interrupted)

    assert user.run("import", str(customers), "--map", "code=id", "--watch") == 130
    [made] = user.json("imports", "list")
    assert made["state"] == "queued"
    assert user.run("imports", "watch", made["import_id"]) == 130
    assert f"goes on. Look at it with: imports watch {made['import_id']}" in user.err


def test_a_run_that_nobody_looks_on_at_says_how_to(
    terminal: Terminal,
    url: str,
    signed_in: SignedIn,
    services: EngineServices,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert isinstance(services.clock, FakeClock)
    services.clock.set(services.clock.now() + timedelta(days=2))
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    terminal.log_in(url, signed_in)

    assert terminal.run("run") == 0
    assert "started the run of 20" in terminal.err
    assert "look on with: run --watch" in terminal.err
