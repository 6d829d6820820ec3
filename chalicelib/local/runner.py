"""Starts, watches and stops what the platform consists of on one machine.

The engine, the front door and the pump are child processes, the last two with the clean
environment of a function: nothing of the developer's shell (AWS profiles above all) reaches
them. All end with this process, whatever happens to it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from chalicelib.local.engine import CHECKPOINT_INTERVAL_S, Engine, EngineError
from chalicelib.local.lock import Lock, RunError, exclusive
from chalicelib.local.stack import (
    LOCAL_VARIABLES,
    MAIL_FROM,
    RESOURCES_PATH,
    StackError,
    ensure_stack,
    load_resources,
    local_parameters,
    verify_sender,
)
from chalicelib.local.terminal import LOG_NAME, Terminal

HOST = "127.0.0.1"
STEPS = 5
FRONT_DOOR_DEADLINE_S = 60.0
FRONT_DOOR_STOP_S = 3.0
PUMP_STOP_S = 9.0
SEED_DEADLINE_S = 600.0
WATCH_S = 0.3
PUMP_RESTART_S = 5.0


@dataclass(frozen=True)
class Options:
    """Where everything is: ``root`` is the checkout, ``local`` its ``.local`` directory."""

    root: Path
    local: Path
    engine_venv: Path
    port: int = 8000
    engine_port: int = 4566
    demo: bool = True
    debug: bool = False

    @property
    def state(self) -> Path:
        """What is kept between runs."""
        return self.local / "state"

    @property
    def log(self) -> Path:
        """Everything that the parts said."""
        return self.state / LOG_NAME

    @property
    def unfinished(self) -> Path:
        """Exists while a fresh state is being filled with demo data."""
        return self.state / "unfinished"

    @property
    def base_url(self) -> str:
        """The front door's address."""
        return f"http://{HOST}:{self.port}"


def reset(options: Options) -> None:
    """Forget all state. Raises RunError while the platform runs."""
    with exclusive(options.local, url=options.base_url) as lock:
        lock.await_leftovers(stopped=lambda: False)
        shutil.rmtree(options.state, ignore_errors=True)


@dataclass
class Platform:
    """The running children."""

    options: Options
    lock: Lock
    stopping: threading.Event = field(default_factory=threading.Event)
    engine: Engine | None = None
    front_door: subprocess.Popen[bytes] | None = None
    pump: subprocess.Popen[bytes] | None = None
    terminal: Terminal | None = None
    environment: dict[str, str] = field(default_factory=dict)
    demo: dict[str, str] = field(default_factory=dict)
    _step: int = 0
    _fresh: bool = True

    def start(self) -> None:
        """Bring everything up, with a line a step. Raises RunError."""
        self.lock.await_leftovers(stopped=self.stopping.is_set)
        _require_free_port(self.options.port)
        if self.options.unfinished.exists():
            print("The demo data was not complete: starting afresh", flush=True)
            shutil.rmtree(self.options.state)
        self._fresh = not self.options.state.exists()
        try:
            self._start_engine()
            self._create_resources()
            self._seed()
        except (EngineError, StackError) as error:
            raise RunError(str(error)) from error
        self.terminal = Terminal(self.options.log, everything=self.options.debug)
        self._start_front_door()
        self._start_pump()

    def watch(self) -> None:
        """Until a stop is asked for. Raises RunError when a part ends that cannot be replaced."""
        assert self.engine is not None
        assert self.terminal is not None
        pump_started = time.monotonic()
        unsaved: str | None = None
        while not self.stopping.wait(WATCH_S):
            unsaved = self._tell_unsaved(unsaved)
            self.terminal.tell_runs()
            if not self.engine.is_running():
                raise RunError(f"the engine ended by itself: see {self.engine.log_path}")
            if self.front_door is None or self.front_door.poll() is not None:
                raise RunError("the front door ended by itself: its last lines are above")
            ended = self.pump is None or self.pump.poll() is not None
            if ended and time.monotonic() - pump_started > PUMP_RESTART_S:
                print("the pump ended by itself: starting it again", flush=True)
                self.pump = self._new_pump()
                pump_started = time.monotonic()

    def stop(self) -> None:
        """Stop all children: first what takes work, last what keeps state."""
        if self.engine is None:
            return
        print("\nStopping", flush=True)
        for child in (self.front_door, self.pump):
            if child is not None and child.poll() is None:
                child.terminate()
        for child, grace_s in ((self.front_door, FRONT_DOOR_STOP_S), (self.pump, PUMP_STOP_S)):
            if child is not None:
                _end(child, grace_s)
        if self.terminal is not None:
            self.terminal.end()
        if self.engine.stop():
            afresh = self.options.unfinished.exists()
            print("Stopped" if afresh else "Stopped; the state is kept", flush=True)
        elif self.engine.unsaved:
            print(
                f"Stopped, but the state could not be saved ({self.engine.unsaved}): {self._lost()}",
                flush=True,
            )
        else:
            print(f"The engine did not end cleanly: {self._lost()}", flush=True)

    def _tell_unsaved(self, told: str | None) -> str | None:
        """Say once that the state cannot be saved, and once that it can again; return the reason."""
        assert self.engine is not None
        reason = self.engine.unsaved
        if reason and not told:
            print(
                f"The state cannot be saved ({reason}); it is tried again every "
                f"{CHECKPOINT_INTERVAL_S:.0f} s. If it stays so, {self._lost()}",
                flush=True,
            )
        elif told and not reason:
            print("The state is saved again", flush=True)
        return reason

    def _lost(self) -> str:
        assert self.engine is not None
        saved_at = self.engine.saved_at
        since = f"what came after {saved_at.astimezone():%H:%M:%S}" if saved_at else "everything of this run"
        return f"{since} is lost"

    def _progress(self, what: str) -> None:
        self._step += 1
        print(f"[{self._step}/{STEPS}] {what}", flush=True)

    def _start_engine(self) -> None:
        self._progress("Starting the engine")
        self.engine = Engine(
            self.options.engine_venv,
            self.options.state,
            port=self.options.engine_port,
            inherited=(self.lock.inherited,),
        ).start()

    def _create_resources(self) -> None:
        assert self.engine is not None
        self._progress("Creating tables, keys, buckets and queues")
        variables = ensure_stack(
            endpoint=self.engine.url,
            template=load_resources(self.options.root / RESOURCES_PATH),
            parameters=local_parameters(base_url=self.options.base_url),
            given=LOCAL_VARIABLES,
        )
        verify_sender(endpoint=self.engine.url, address=MAIL_FROM)
        self.environment = {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "TZ": "UTC",  # as in Lambda
            "PYTHONUNBUFFERED": "1",
            **variables,
            **self.engine.client_environment(),
        }

    def _seed(self) -> None:
        marker = self.options.state / "demo.json"
        if self.options.demo and not marker.exists():
            self._progress("Filling in the demo data")
            self._fill_in(marker)
        elif self._fresh:
            self._progress("Starting without demo data")
        else:
            self._progress("Keeping the data of the last run")
        if marker.exists():
            self.demo = json.loads(marker.read_text())

    def _fill_in(self, marker: Path) -> None:
        """Seed, and remember it; what is cut short on a fresh state is forgotten at the next start."""
        assert self.engine is not None
        if self._fresh:
            self.options.unfinished.touch()
        told = self.engine.scratch / "demo.json"
        if self._await_child(self._child("seeding", "--output", str(told))) != 0:
            raise RunError("the demo data could not be created: the reason is above")
        if told.exists():
            self.engine.checkpoint()  # so that the marker never outlives the data
            told.replace(marker)
        self.options.unfinished.unlink(missing_ok=True)

    def _await_child(self, child: subprocess.Popen[bytes]) -> int:
        deadline = time.monotonic() + SEED_DEADLINE_S
        while child.poll() is None:
            if self.stopping.wait(WATCH_S) or time.monotonic() > deadline:
                _end(child, 0)
                raise RunError(
                    "ended before the demo data was complete: the next start "
                    + ("begins afresh" if self._fresh else "tries again")
                )
        return child.returncode

    def _start_front_door(self) -> None:
        assert self.engine is not None
        self._progress("Opening the front door")
        arguments = ["--port", str(self.options.port), "--engine-url", self.engine.url]
        if self.demo:
            arguments += ["--demo", str(self.options.state / "demo.json")]
        self.front_door = self._followed("front_door", *arguments)
        deadline = time.monotonic() + FRONT_DOOR_DEADLINE_S
        while not _accepts(self.options.port):
            if self.front_door.poll() is not None or time.monotonic() > deadline:
                raise RunError("the front door did not open: the reason is above")
            if self.stopping.wait(WATCH_S / 3):
                return

    def _start_pump(self) -> None:
        self._progress("Starting the schedules and queue workers")
        self.pump = self._new_pump()

    def _new_pump(self) -> subprocess.Popen[bytes]:
        return self._followed("pump", "--log-level", "DEBUG" if self.options.debug else "INFO")

    def _followed(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a part whose lines the terminal takes."""
        assert self.terminal is not None
        child = self._child(module, *arguments, streams=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stderr is not None
        self.terminal.follow(child.stdout, child.stderr)
        return child

    def _child(self, module: str, *arguments: str, streams: int | None = None) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", f"chalicelib.local.{module}", *arguments],
            env=self.environment,
            cwd=self.options.root,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches this process only, which stops them in order
            pass_fds=(self.lock.inherited,),
            stdout=streams,
            stderr=streams,
        )


def run(options: Options) -> None:
    """Run the platform until SIGINT, SIGTERM or SIGHUP. Raises RunError."""
    with exclusive(options.local, url=options.base_url) as lock:
        platform = Platform(options, lock)
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, lambda *_: platform.stopping.set())
        try:
            platform.start()
            if not platform.stopping.is_set():
                _print_where_to_look(platform)
                platform.watch()
        finally:
            platform.stop()


def _print_where_to_look(platform: Platform) -> None:
    url = platform.options.base_url
    assert platform.engine is not None
    lines = {
        "Platform": url,
        "API": f"{url}/v1/openapi.json",
        "Mailbox": f"{url}/mailbox",
        "AWS": f"{platform.engine.url} (embedded engine)",
        "Log": _log(platform.options),
        **platform.demo,
    }
    width = max(map(len, lines))
    print("\nReady", *(f"  {name:<{width}}  {value}" for name, value in lines.items()), sep="\n")
    print("\nCtrl-C stops everything and keeps the state\n", flush=True)


def _log(options: Options) -> str:
    log = options.log
    shown = log.relative_to(options.root) if log.is_relative_to(options.root) else log
    return str(shown) if options.debug else f"{shown} (make run ARGS=--debug shows it here)"


def _require_free_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise RunError(
                f"port {port} on {HOST} is in use by another process: "
                "end it, or choose another with PORT=<port>"
            ) from error


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def _end(child: subprocess.Popen[bytes], grace_s: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(grace_s)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
