"""The command line as somebody at a terminal uses it, against the front door."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from chalicelib.cli import output
from chalicelib.cli.main import main
from chalicelib.config import CliSettings
from chalicelib.jobs.exports import work_exports
from chalicelib.jobs.imports import work_imports
from chalicelib.local.front_door import Server, Site
from chalicelib.local.gateway import Gateway
from tests.fakes.queues import AtOnce
from tests.integration.conftest import PASSWORD, EngineServices, SignedIn
from tests.integration.importing import HEADER

Work = Callable[[EngineServices, Mapping[str, Any]], object]
MAP = ("--map", "code=id", "name=name", "phone=phone", "package=plan", "price=fee")


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
        out, self.err = self._capsys.readouterr()
        self.out = "".join(line for line in out.splitlines(keepends=True) if not line.startswith('{"level'))
        return code

    def json(self, *argv: str) -> Any:
        """Run a command that succeeds; return its JSON."""
        assert self.run(*argv, "--json") == 0, self.err
        return json.loads(self.out)

    def log_in(self, url: str, tenant: SignedIn) -> None:
        """Sign in as the owner; the password is on standard input."""
        who = ("--subdomain", tenant.subdomain, "--email", tenant.email)
        assert self.run("login", "--url", url, *who, "--password-stdin") == 0, self.err


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


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path / "config", capsys)


@pytest.fixture
def user(terminal: Terminal, url: str, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Someone who is signed in."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    terminal.log_in(url, signed_in)
    return terminal


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    rows = [f"C-{n},Name {n},0300-{n:07d},Home,{n}.50" for n in range(1, 41)]
    path.write_text("\n".join([HEADER, *rows, "C-41,=evil,,Home,1", "C-42,No,,none,1", ""]))
    return path
