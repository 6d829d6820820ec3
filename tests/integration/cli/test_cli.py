"""The command line over HTTP: the main job, clear errors, exit codes."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.cli import import_commands
from chalicelib.config import CliSettings
from tests.fakes.clock import FakeClock
from tests.integration.cli.conftest import MAP, Terminal
from tests.integration.conftest import PASSWORD, EngineServices, SignedIn
from tests.integration.passkeys import device_for, register
from tests.integration.test_exports import bill


def test_the_main_job_from_the_command_line(
    user: Terminal, customers: Path, tmp_path: Path, services: EngineServices, signed_in: SignedIn
) -> None:
    clock = services.clock
    assert isinstance(clock, FakeClock)
    start = signed_in.store.profile().local_date(at=clock.now()) + timedelta(days=1)
    assert user.run("packages", "add", "Home", "--price", "1649.00") == 0, user.err
    assert [one["price"] for one in user.json("packages", "list")] == [{"amount": 164_900, "currency": "PKR"}]
    assert user.run("packages", "list") == 0
    assert {"kind", "service"} <= set(user.out.split()), user.out

    report = tmp_path / "report.csv"
    code = user.run(
        "import",
        str(customers),
        *MAP,
        *(
            "--start",
            start.isoformat(),
            "--skip",
            "plan=None:no internet",
            "--watch",
            "--report",
            str(report),
        ),
    )

    assert code == 0, user.err
    assert "created    40" in user.out
    assert "40 created, 0 existing, 1 skipped, 1 failed" in user.err
    assert report.read_text(encoding="utf-8-sig").splitlines()[1:] == [
        '"42","failed","name","formula_cell","the cell begins like a spreadsheet formula (= + - @)","C-41"',
        '"43","skipped","plan","skipped","no internet","C-42"',
    ]
    assert user.run("subscribers", "show", "c-7") == 0
    assert "Name 7" in user.out
    assert "as the company has them" in user.out
    assert len(user.json("subscribers", "list", "--limit", "0")) == 40

    bill(services, signed_in, clock.now() + timedelta(days=1))

    [run] = [one for one in user.json("runs", "list") if one["invoices"]]
    assert run["total"] == {"amount": sum(100 * n + 50 for n in range(1, 41)), "currency": "PKR"}
    assert user.run("runs", "show", run["date"]) == 0
    assert "total        840.00 PKR" in user.out
    assert user.run("run") == 0

    archive = tmp_path / "export.zip"
    assert user.run("export", "--out", str(archive)) == 0, user.err
    manifest = json.loads(zipfile.ZipFile(archive).read("manifest.json"))
    assert manifest["sums"]["PKR"]["invoices"]["total"] == run["total"]["amount"]
    assert user.run("export", "--out", str(archive)) == 1
    assert "is there already" in user.err
    [made] = user.json("exports", "list")
    again = tmp_path / "again.zip"
    assert user.run("exports", "download", made["export_id"], "--out", str(again)) == 0
    assert again.read_bytes() == archive.read_bytes()


def test_without_a_mapping_nothing_is_imported_and_one_is_suggested(user: Terminal, customers: Path) -> None:
    assert user.run("import", str(customers)) == 0

    assert "C-1" in user.out
    assert "--map code='id' name='name' phone='phone' package='plan' price='fee'" in user.err
    assert user.json("subscribers", "list") == []


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (["import", "{dir}/nope.csv", *MAP], 1, "there is no file"),
        (["import", "{file}", "--map", "id"], 1, "--map takes FIELD=COLUMN"),
        (["import", "{file}", "--map", "code=nope"], 1, "(--map code=COLUMN) [unknown_column]"),
        (["import", "{file}", "--map", "code=idd"], 1, "is 'id' meant?"),
        (["import", "{file}", "--map", "kode=id"], 1, "no field 'kode'; is 'code' meant?"),
        (["import", "{file}", "--map", "id=code"], 1, "is code=id meant?"),
        (["import", "{file}", "--map", "code=id", "code=name"], 1, "code is given twice"),
        (["import", "{file}", *MAP], 1, "(--start DATE, or --map start_date=COLUMN)"),
        (["import", "{file}", *MAP, "--start", "1999-01-01"], 1, "(--start)"),
        (["import", "{file}", "--map", "code=id", "--skip", "nope=x"], 1, "(--skip)"),
        (["import", "{file}", *MAP, "--report", "{file}"], 1, "--force"),
        (["subscribers", "list", "--limit", "-1"], 2, "not a count"),
        (["import", "{file}", "--map", "code=id", "--start", "soon"], 2, "not a date such as"),
        (["import", "{file}", "--map", "code=id", "--price", "1,5"], 1, "such as 1649.00"),
        (["import", "{file}", "--map", "code=id", "--skip", "plan"], 1, "--skip takes"),
        (["imports", "show", "imp_1"], 1, "[not_found]"),
        (["imports", "report", "imp_1", "--out", "{dir}/x"], 1, "[not_found]"),
        (["export", "--out", "{dir}/no/dir.zip"], 1, "there is no directory"),
        (["packages", "add", "X", "--price", "-5"], 1, "'-5' is less than nothing; a price is 0 or more"),
        (["packages", "add", "X", "--price", "1,649.00"], 1, "without commas, such as 1649.00"),
        (["subscribers", "show", "NOPE"], 1, "no subscriber with the code"),
        (["runs", "show", "2026-01-01"], 1, "[not_found]"),
        (["runs", "show", "2026-13-01"], 2, "'2026-13-01' is not a date such as"),
        (["login", "--subdomian", "ravi"], 2, "no option --subdomian; is --subdomain meant?"),
        (["login", "--subdomain=ravi", "--emial=x"], 2, "no option --emial; is --email meant?"),
        (["whoami", "--url", "http://example.com"], 1, "use https"),
        (["whoami", "--url", "ftp://x"], 1, "is not an address"),
        (["whoami", "--url", "http://127.0.0.1:9"], 4, "not signed in"),
        (["frobnicate"], 2, "invalid choice"),
        ([], 2, "required"),
    ],
)
def test_mistakes_are_answered_clearly(
    argv: list[str], code: int, says: str, user: Terminal, customers: Path
) -> None:
    places = {"{file}": str(customers), "{dir}": str(customers.parent)}
    given = [word.replace("{file}", places["{file}"]).replace("{dir}", places["{dir}"]) for word in argv]

    assert user.run(*given) == code
    assert says in user.err
    assert "Traceback" not in user.err


def test_the_session_is_the_owner_s_alone_to_read(user: Terminal) -> None:
    path = user.settings.config_dir / "session.json"
    assert path.stat().st_mode & 0o777 == 0o600

    path.chmod(0o644)

    assert user.run("whoami") == 1
    assert "can be read by others" in user.err
    path.chmod(0o600)
    path.write_text("{")
    assert user.run("whoami") == 1
    assert "is damaged" in user.err


def test_logging_out_ends_the_session_there_and_here(user: Terminal, url: str) -> None:
    token = json.loads((user.settings.config_dir / "session.json").read_text())["token"]
    assert user.run("logout") == 0

    assert user.run("whoami") == 4
    user.settings = CliSettings(config_dir=user.settings.config_dir, url=url, token=token)
    assert user.run("whoami") == 4
    assert "session has ended" in user.err


def test_a_platform_that_is_away_is_told_of(terminal: Terminal) -> None:
    terminal.settings = CliSettings(
        config_dir=terminal.settings.config_dir, url="http://127.0.0.1:9", token="svs_x"
    )

    assert terminal.run("whoami") == 3
    assert "127.0.0.1:9 does not answer" in terminal.err
    assert "`make run` starts it" in terminal.err


def test_a_wrong_password_is_refused(
    terminal: Terminal, url: str, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("wrong\n"))
    who = ("--subdomain", signed_in.subdomain, "--email", signed_in.email)

    assert terminal.run("login", "--url", url, *who, "--password-stdin") == 1
    assert "[wrong_credentials]" in terminal.err
    assert not terminal.settings.config_dir.exists()


def test_who_has_passkeys_alone_signs_in_with_a_recovery_code(
    terminal: Terminal,
    url: str,
    signed_in: SignedIn,
    services: EngineServices,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spare, *_ = register(signed_in.api, device_for(services), PASSWORD)["recovery_codes"]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n{spare}\n"))

    terminal.log_in(url, signed_in)

    assert terminal.run("whoami") == 0


def test_an_interruption_says_what_goes_on(user: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(import_commands, "list_imports", interrupted)

    assert user.run("imports", "list") == 130
    assert "what was started goes on" in user.err


def test_who_gives_no_code_is_told_where_it_goes(
    terminal: Terminal,
    url: str,
    services: EngineServices,
    signed_in: SignedIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    register(signed_in.api, device_for(services), PASSWORD)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    who = ("--subdomain", signed_in.subdomain, "--email", signed_in.email)

    assert terminal.run("login", "--url", url, *who, "--password-stdin") == 1
    assert "second line of standard input" in terminal.err
