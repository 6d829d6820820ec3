"""The command line over HTTP: the main job, clear errors, exit codes."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.cli import import_commands, output
from chalicelib.cli.main import main
from chalicelib.config import CliSettings
from chalicelib.jobs.exports import work_exports
from chalicelib.jobs.imports import work_imports
from chalicelib.local.front_door import Server, Site
from chalicelib.local.gateway import Gateway
from tests.fakes.clock import FakeClock
from tests.integration.conftest import PASSWORD, EngineServices, SignedIn
from tests.integration.importing import HEADER
from tests.integration.test_exports import bill

Work = Callable[[EngineServices, Mapping[str, Any]], object]


class AtOnce:
    """A queue whose worker takes each message when it is sent."""

    def __init__(self, services: EngineServices, work: Work) -> None:
        self._services = services
        self._work = work

    def send(self, *, message: Mapping[str, object], delay_seconds: int = 0) -> None:
        """Do the work."""
        record = {"messageId": "m", "body": json.dumps(dict(message))}
        self._work(self._services, {"Records": [record]})


@pytest.fixture
def url(gateway: Gateway, services: EngineServices, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The front door, with workers that work at once."""
    monkeypatch.setitem(services.__dict__, "import_queue", AtOnce(services, work_imports))
    monkeypatch.setitem(services.__dict__, "export_queue", AtOnce(services, work_exports))
    monkeypatch.setattr(output, "POLL_SECONDS", 0.01)
    server = Server(Site(gateway=gateway, base_url="", engine_url="", demo={}), port=0)
    thread = threading.Thread(target=server.serve_forever, args=[0.05])
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


class Terminal:
    """Runs commands and keeps what they print."""

    def __init__(self, config_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.settings = CliSettings(config_dir=config_dir, url=None, token=None)
        self._capsys = capsys
        self.out = self.err = ""

    def run(self, *argv: str) -> int:
        """Run a command; return its exit code."""
        try:
            code = main(argv, settings=self.settings)
        except SystemExit as usage:
            code = int(str(usage.code))
        self.out, self.err = self._capsys.readouterr()
        return code

    def json(self, *argv: str) -> Any:
        """Run a command that succeeds; return its JSON."""
        assert self.run(*argv, "--json") == 0, self.err
        return json.loads("\n".join(line for line in self.out.splitlines() if not line.startswith('{"level')))


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path / "config", capsys)


@pytest.fixture
def user(terminal: Terminal, url: str, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Someone who is signed in."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    who = ("--subdomain", signed_in.subdomain, "--email", signed_in.email)
    assert terminal.run("login", "--url", url, *who, "--password-stdin") == 0, terminal.err
    return terminal


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    rows = [f"C-{n},Name {n},0300-{n:07d},Home,{n}.50" for n in range(1, 41)]
    path.write_text("\n".join([HEADER, *rows, "C-41,=evil,,Home,1", "C-42,No,,none,1", ""]))
    return path


MAP = ("--map", "code=id", "name=name", "phone=phone", "package=plan", "price=fee")


def test_the_main_job_from_the_command_line(
    user: Terminal, customers: Path, tmp_path: Path, services: EngineServices, signed_in: SignedIn
) -> None:
    clock = services.clock
    assert isinstance(clock, FakeClock)
    start = signed_in.store.profile().local_date(at=clock.now()) + timedelta(days=1)
    assert user.run("packages", "add", "Home", "--price", "1649.00") == 0, user.err
    assert [one["price"] for one in user.json("packages", "list")] == [{"amount": 164_900, "currency": "PKR"}]

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
        (["import", "{file}", "--map", "code=nope"], 1, "[unknown_column]"),
        (["import", "{file}", "--map", "code=id", "--start", "soon"], 2, "not a date such as"),
        (["import", "{file}", "--map", "code=id", "--price", "1,5"], 1, "not a plain decimal"),
        (["import", "{file}", "--map", "code=id", "--skip", "plan"], 1, "--skip takes"),
        (["imports", "show", "imp_1"], 1, "[not_found]"),
        (["imports", "report", "imp_1", "--out", "{dir}/x"], 1, "[not_found]"),
        (["export", "--out", "{dir}/no/dir.zip"], 1, "there is no directory"),
        (["packages", "add", "X", "--price", "-5"], 1, "(price.amount)"),
        (["subscribers", "show", "NOPE"], 1, "no subscriber with the code"),
        (["runs", "show", "never"], 1, "[not_found]"),
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


def test_a_wrong_password_is_refused(
    terminal: Terminal, url: str, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("wrong\n"))
    who = ("--subdomain", signed_in.subdomain, "--email", signed_in.email)

    assert terminal.run("login", "--url", url, *who, "--password-stdin") == 1
    assert "[wrong_credentials]" in terminal.err
    assert not terminal.settings.config_dir.exists()


def test_an_interruption_says_what_goes_on(user: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(import_commands, "list_imports", interrupted)

    assert user.run("imports", "list") == 130
    assert "what was started goes on" in user.err
