"""``python -m chalicelib.local`` as a user runs it: a small app, the real resources."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures_engine import ROOT

pytestmark = pytest.mark.enable_socket
READY = "Ctrl-C stops everything"
READY_S = 60.0
STOP_S = 15.0
NOTE_S = 45.0  # what a killed pump was at comes back after seconds

APP = """
import json, os, pathlib, time
import boto3
from chalice import Chalice, Rate

app = Chalice(app_name="small", configure_logs=False)


def table():
    return boto3.resource("dynamodb").Table(os.environ["TENANTS_TABLE"])


def note(sk):
    table().put_item(Item={"pk": "note", "sk": sk})


@app.route("/{proxy+}")
def notes():
    if "send" in (app.current_request.query_params or {}):
        sent = app.current_request.query_params["send"]
        boto3.client("sqs").send_message(QueueUrl=os.environ["IMPORT_QUEUE_URL"], MessageBody=sent)
    found = table().query(KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": "note"})
    return [item["sk"] for item in found["Items"]]


@app.schedule(Rate(15, unit=Rate.MINUTES), name="billing_planner")
def billing_planner(event):
    note("planner")


@app.on_sqs_message(queue="ImportQueue", batch_size=1, name="import_worker")
def import_worker(event):
    for record in event:
        if record.body == "poison":
            raise ValueError("poison")
        if record.body == "stuck":
            note("stuck begun")
        while record.body == "stuck" and pathlib.Path("stuck").exists():
            time.sleep(0.05)
        note(record.body)


@app.on_sqs_message(queue="ExportQueue", batch_size=1, name="export_worker")
def export_worker(event):
    raise AssertionError
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    for name in ("chalicelib", ".chalice"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


class Runner:
    """A started ``run`` and how to talk to it."""

    def __init__(
        self, root: Path, venv: Path, *flags: str, until: str, ports: tuple[int, int] | None = None
    ) -> None:
        self.port, self.engine_port = ports or (free_port(), free_port())
        self.log = root / "run.log"
        command = [sys.executable, "-m", "chalicelib.local", "run", "--root", str(root), *flags]
        command += ["--port", str(self.port), "--engine-port", str(self.engine_port)]
        command += ["--engine-venv", str(venv)]
        environment = {**os.environ, "AWS_PROFILE": "does-not-exist", "AWS_REGION": "mars-1"}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)
        self.wait_for(until)

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + READY_S
        while text not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def notes(self, query: str = "") -> Any:
        url = f"http://127.0.0.1:{self.port}/v1/notes{query}"
        with urllib.request.urlopen(url, timeout=10) as response:
            return json.load(response)

    def wait_for_note(self, note: str) -> None:
        deadline = time.monotonic() + NOTE_S
        while note not in self.notes():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def end(self, signum: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signum)
        return self.process.wait(STOP_S)

    def children(self) -> list[int]:
        own = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for path in own for pid in path.read_text().split()]

    def is_deaf(self) -> bool:
        return not any(accepts(port) for port in (self.port, self.engine_port))


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def start(root: Path, engine_venv: Path) -> Iterator[Any]:
    started: list[Runner] = []

    def one(*flags: str, until: str = READY, ports: tuple[int, int] | None = None) -> Runner:
        started.append(Runner(root, engine_venv, *(flags or ["--no-demo"]), until=until, ports=ports))
        return started[-1]

    yield one
    for runner in started:
        if runner.process.poll() is None:
            runner.end(signal.SIGTERM)


def command(root: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chalicelib.local", name, "--root", str(root), *arguments],
        cwd=root,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_platform_runs_stops_and_keeps_its_state(start: Any, root: Path) -> None:
    first = start()
    first.wait_for_note("planner")
    first.notes("?send=poison")
    first.notes("?send=hello")
    first.wait_for_note("hello")
    first.wait_for("import_worker failed: ValueError: poison")

    status = first.end()

    assert status == 0
    told = first.log.read_text()
    assert "Stopped; the state is kept" in told
    assert ".local/state/platform.log (make run ARGS=--debug shows it here)" in told
    assert "GET /v1/notes" not in told
    kept = (root / ".local/state/platform.log").read_text()
    assert "GET /v1/notes 200" in kept
    assert "import_worker failed: ValueError: poison" in kept
    assert first.is_deaf()

    second = start()
    assert "hello" in second.notes()
    assert second.end(signal.SIGTERM) == 0
    assert second.is_deaf()

    assert command(root, "reset").returncode == 0
    third = start()
    assert "hello" not in third.notes()


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="no limits of other processes here")
def test_a_state_that_cannot_be_saved_is_told_at_once_and_at_the_end(start: Any, root: Path) -> None:
    """The engine may write no byte into a file, as on a full disk."""
    runner = start()
    engine = json.loads((root / ".local" / "state" / "run" / "report.json").read_text())["pid"]
    os.kill(engine, signal.SIGUSR1)
    saved = root / ".local" / "state" / "checkpoints" / "current"
    wait_until(saved.exists)
    _, hard = resource.prlimit(engine, resource.RLIMIT_FSIZE)
    resource.prlimit(engine, resource.RLIMIT_FSIZE, (1, hard))

    os.kill(engine, signal.SIGUSR1)
    runner.wait_for("The state cannot be saved (File too large)")
    resource.prlimit(engine, resource.RLIMIT_FSIZE, (hard, hard))
    os.kill(engine, signal.SIGUSR1)
    runner.wait_for("The state is saved again")
    resource.prlimit(engine, resource.RLIMIT_FSIZE, (1, hard))
    runner.end()

    told = runner.log.read_text()
    assert "Stopped, but the state could not be saved (File too large): what came after" in told
    assert "the state is kept" not in told
    assert told.count("cannot be saved") == 1
    assert runner.is_deaf()


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + READY_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_second_start_and_a_reset_while_running_are_one_line_each(start: Any, root: Path) -> None:
    runner = start()

    for name in ("run", "reset"):
        refused = command(root, name)
        assert refused.returncode == 1
        assert "already running" in refused.stderr
        assert str(runner.process.pid) in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert f"process {runner.process.pid}" in command(root, "status").stdout
    runner.end()
    assert command(root, "status").stdout == "Not running\n"


def test_a_killed_runner_leaves_nothing_behind_and_the_next_start_works(start: Any) -> None:
    runner = start()
    runner.wait_for_note("planner")

    runner.process.kill()
    runner.process.wait()

    deadline = time.monotonic() + 15
    while not runner.is_deaf() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert runner.is_deaf()
    again = start()
    assert "planner" in again.notes()


def test_the_same_ports_can_be_had_at_once_after_a_kill(start: Any) -> None:
    runner = start()
    runner.wait_for_note("planner")
    left = runner.children()

    for child in left:
        os.kill(child, signal.SIGSTOP)  # or they have ended before the next start looks
    runner.process.kill()
    runner.process.wait()
    again = start(until="are still ending: waiting", ports=(runner.port, runner.engine_port))
    for child in left:
        os.kill(child, signal.SIGCONT)

    again.wait_for(READY)
    assert "planner" in again.notes()


def test_work_that_was_cut_short_by_a_kill_is_taken_up_by_the_next_start(start: Any, root: Path) -> None:
    (root / "stuck").touch()
    runner = start()
    runner.notes("?send=stuck")
    runner.wait_for_note("stuck begun")

    runner.process.kill()
    runner.process.wait()
    again = start()
    (root / "stuck").unlink()

    again.wait_for_note("stuck")


def test_a_busy_port_is_one_line(root: Path, engine_venv: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        taken = str(busy.getsockname()[1])
        door = command(root, "run", "--port", taken, "--engine-venv", str(engine_venv))
        engine = command(
            root, "run", "--port", str(free_port()), "--engine-port", taken, "--engine-venv", str(engine_venv)
        )

    assert door.returncode == engine.returncode == 1
    assert f"port {taken}" in door.stderr
    assert "PORT=" in door.stderr
    assert f"port {taken}" in engine.stderr
    assert "ENGINE_PORT=" in engine.stderr
    assert door.stderr.count("\n") == engine.stderr.count("\n") == 1


def test_a_missing_engine_is_one_line(root: Path) -> None:
    refused = command(root, "run", "--port", str(free_port()))

    assert refused.returncode == 1
    assert "make setup" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_an_app_that_does_not_start_ends_the_run(root: Path, engine_venv: Path) -> None:
    (root / "app.py").write_text("raise RuntimeError('broken')")
    ports = ["--port", str(free_port()), "--engine-port", str(free_port())]

    ended = command(root, "run", "--no-demo", "--engine-venv", str(engine_venv), *ports)

    assert ended.returncode == 1
    assert "RuntimeError: broken" in ended.stderr
    assert "the front door did not open" in ended.stderr


@pytest.fixture
def demo(root: Path) -> Path:
    """A checkout with a demo module of its own, which waits where a file ``slow`` stands."""
    real = root / "chalicelib"
    real.unlink()
    shutil.copytree(ROOT / "chalicelib", real, ignore=shutil.ignore_patterns("__pycache__"))
    module = """
import os, pathlib, time, boto3

def seed(*, report):
    table = boto3.resource("dynamodb").Table(os.environ["TENANTS_TABLE"])
    table.put_item(Item={"pk": "note", "sk": "seeded"}, ConditionExpression="attribute_not_exists(pk)")
    report("one of one")
    while pathlib.Path("slow").exists():
        time.sleep(0.1)
    return {"E-mail": "owner@demo.example"}
"""
    (real / "local" / "demo.py").write_text(module)
    return root


def test_the_demo_data_is_seeded_once_and_its_log_in_shown(start: Any, demo: Path) -> None:
    for _ in range(2):
        runner = start("--debug")
        assert "owner@demo.example" in runner.log.read_text()
        assert "seeded" in runner.notes()
        runner.wait_for("GET /v1/notes 200")
        assert runner.end() == 0


def test_demo_data_that_was_cut_short_is_made_afresh(start: Any, demo: Path) -> None:
    (demo / "slow").touch()
    cut_short = start("--debug", until="one of one")
    assert cut_short.end() == 1
    told = cut_short.log.read_text()
    assert "ended before the demo data was complete: the next start begins afresh" in told
    assert "the state is kept" not in told
    (demo / "slow").unlink()

    runner = start("--debug")

    assert "starting afresh" in runner.log.read_text()
    assert "seeded" in runner.notes()
