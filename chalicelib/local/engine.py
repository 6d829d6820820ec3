"""The embedded engine (ministack) as a child process of the local runner and of the tests.

The engine speaks the AWS APIs on one port of the loopback interface. It runs Lambda code
in its own interpreter and hands them its own environment, so it is started with a clean one.
What a hard kill loses is said in ``engine_main``.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
REGION = "us-east-1"
ACCESS_KEY = "test"  # the engine's root key, for any account
START_DEADLINE_S = 60.0
STOP_DEADLINE_S = 20.0
CHECKPOINT_DEADLINE_S = 120.0
CHECKPOINT_INTERVAL_S = 30.0
POLL_S = 0.05
LOG_TAIL_LINES = 5
EXIT_PORT_IN_USE = 98
REPORT = "report.json"
MAIN = Path(__file__).with_name("engine_main.py")


class EngineError(Exception):
    """The engine could not be started, or did not answer; the message is one line for people."""

    code = "engine_failed"


class PortInUseError(EngineError):
    """Another process listens on the engine's port."""

    code = "port_in_use"


class EngineMissingError(EngineError):
    """The engine's virtual environment is not there."""

    code = "engine_missing"


class Engine:
    """One engine process; a context manager that leaves no process behind.

    ``venv`` is the engine's own virtual environment. With ``state_dir`` the state is kept
    there between runs (and checkpointed every ``checkpoint_interval_s``); with None it lives in
    memory. Port 0 takes a free one. The engine ends itself when process ``watch_pid``
    (default: this one) is gone. ``auth`` makes it enforce signatures and IAM policies.
    With a ``certificate`` (and its key, PEM files) it speaks TLS, which its clients must trust.
    ``inherited`` are descriptors that stay open in it for as long as it lives.
    """

    def __init__(
        self,
        venv: Path,
        state_dir: Path | None = None,
        *,
        port: int = 0,
        auth: bool = False,
        checkpoint_interval_s: float = CHECKPOINT_INTERVAL_S,
        watch_pid: int | None = None,
        certificate: tuple[Path, Path] | None = None,
        environment: Mapping[str, str] | None = None,
        inherited: Sequence[int] = (),
    ) -> None:
        self._python = venv / "bin" / "python"
        self._state_dir = state_dir.absolute() if state_dir else None
        self._wanted_port = port
        self._auth = auth
        self._interval_s = checkpoint_interval_s
        self._watch_pid = os.getpid() if watch_pid is None else watch_pid
        self._certificate = certificate
        self._environment = dict(environment or {})
        self._inherited = tuple(inherited)
        self._process: subprocess.Popen[bytes] | None = None
        self._scratch: Path | None = None
        self._news: int | None = None
        self._unsaved: str | None = None
        self.port = 0

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The endpoint for every AWS service, without a slash at its end."""
        return f"{'https' if self._certificate else 'http'}://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """The engine's process id, which is also that of its process group."""
        assert self._process is not None
        return self._process.pid

    @property
    def scratch(self) -> Path:
        """Directory of the running engine's log, report and temporary files."""
        assert self._scratch is not None
        return self._scratch

    @property
    def log_path(self) -> Path:
        """Where the engine's own output goes."""
        return self.scratch / "engine.log"

    def client_environment(self) -> dict[str, str]:
        """The variables with which boto3 in another process talks to this engine."""
        return client_environment(self.url)

    @property
    def unsaved(self) -> str | None:
        """Why the last checkpoint failed; None where it did not. After the end: of the last one of all."""
        if self._news is not None:
            with contextlib.suppress(BlockingIOError):
                while told := os.read(self._news, 65_536):
                    outcome, _, reason = told.decode().splitlines()[-1].partition(" ")
                    self._unsaved = reason if outcome == "failed" else None
        return self._unsaved

    @property
    def saved_at(self) -> datetime | None:
        """When the valid checkpoint was written (UTC); None where there is none."""
        assert self._state_dir is not None, "an engine in memory has no checkpoints"
        pointer = self._state_dir / "checkpoints" / "current"
        if not pointer.exists():
            return None
        return datetime.fromtimestamp(int(pointer.read_text().partition("-")[0]) // 10**9, UTC)

    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start, and return when the engine answers.

        Raises EngineMissingError, PortInUseError, EngineError.
        """
        assert not self.is_running()
        if not self._python.exists():
            raise EngineMissingError(f"no engine in {self._python.parent.parent}: run `make setup`")
        self._scratch = self._new_scratch()
        self._news, telling = os.pipe()
        os.set_blocking(self._news, False)
        with self.log_path.open("wb") as log, os.fdopen(telling, "wb"):
            self._process = subprocess.Popen(
                [*self._command(), "--news-fd", str(telling)],
                env=self._clean_environment(),
                cwd=self.scratch,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the runner, which ends us in order
                pass_fds=(*self._inherited, telling),
            )
        try:
            self._await_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self, *, deadline_s: float = STOP_DEADLINE_S) -> bool:
        """End cleanly (the state is saved), or by force after the deadline.

        Returns whether the end was clean and the state is saved; ``unsaved`` says why it is not.
        """
        if self._process is None:
            return True
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGINT)
        try:
            clean = self._process.wait(deadline_s) == 0
        except subprocess.TimeoutExpired:
            clean = False
        self.kill()
        return clean

    def kill(self) -> None:
        """SIGKILL to the whole process group; loses what came after the last checkpoint."""
        if self._process is not None:
            kill_group(self.pid)
            self._process.wait()
            self._process = None
        if self._news is not None:
            self._unsaved = self.unsaved
            os.close(self._news)
            self._news = None
        if self._scratch is not None and self._state_dir is None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def checkpoint(self, *, deadline_s: float = CHECKPOINT_DEADLINE_S) -> None:
        """Write a checkpoint now, and return when it is durable. Raises EngineError."""
        assert self._state_dir is not None, "an engine in memory has no checkpoints"
        pointer = self._state_dir / "checkpoints" / "current"
        before = pointer.read_text() if pointer.exists() else ""
        if self.unsaved:
            self._unsaved = None  # that was told of an earlier one
        os.kill(self.pid, signal.SIGUSR1)
        deadline = time.monotonic() + deadline_s
        while not pointer.exists() or pointer.read_text() == before:
            if self.unsaved:
                raise EngineError(f"the engine could not save its state: {self.unsaved}")
            if not self.is_running() or time.monotonic() > deadline:
                raise EngineError("the engine did not write a checkpoint")
            time.sleep(POLL_S)

    def _new_scratch(self) -> Path:
        """An empty directory; with a state directory it is in there, so that the log stays."""
        if self._state_dir is None:
            scratch = Path(tempfile.mkdtemp(prefix="isp-engine-"))
        else:
            scratch = self._state_dir / "run"
            shutil.rmtree(scratch, ignore_errors=True)
        (scratch / "tmp").mkdir(parents=True)
        return scratch

    def _command(self) -> list[str]:
        command = [str(self._python), "-I", str(MAIN), "--port", str(self._wanted_port)]
        command += ["--report", str(self.scratch / REPORT)]
        command += ["--watch-pid", str(self._watch_pid)]
        if self._state_dir:
            command += ["--checkpoints", str(self._state_dir / "checkpoints")]
            command += ["--interval", str(self._interval_s)]
        return command

    def _clean_environment(self) -> dict[str, str]:
        persist = "1" if self._state_dir else "0"
        state = self._state_dir or self.scratch
        return {
            "PATH": f"{self._python.parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.scratch),
            "TMPDIR": str(self.scratch / "tmp"),
            "LANG": "C.UTF-8",
            "BIND_HOST": HOST,
            "MINISTACK_REGION": REGION,
            "PERSIST_STATE": persist,
            "STATE_DIR": str(state / "engine"),
            "S3_PERSIST": persist,
            "S3_DATA_DIR": str(state / "s3"),
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "AUTH": "true" if self._auth else "false",
            "LOG_LEVEL": "WARNING",
            # It reaps containers with its label at start and end: let it see no Docker at all.
            "DOCKER_HOST": "unix:///nonexistent/docker.sock",
            **self._tls_environment(),
            **self._environment,
        }

    def _tls_environment(self) -> dict[str, str]:
        if self._certificate is None:
            return {}
        certificate, key = (str(path.absolute()) for path in self._certificate)
        return {
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": certificate,
            "MINISTACK_SSL_KEY": key,
            "AWS_CA_BUNDLE": certificate,  # Lambda functions inherit it
        }

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_DEADLINE_S
        report = self.scratch / REPORT
        while time.monotonic() < deadline:
            if not self.is_running():
                raise self._start_failure()
            if report.exists():
                self.port = int(json.loads(report.read_text())["port"])
                if answers(self.url, certificate=self._certificate and self._certificate[0]):
                    return
            time.sleep(POLL_S)
        raise EngineError(f"the engine was not ready after {START_DEADLINE_S:.0f} s")

    def _start_failure(self) -> EngineError:
        assert self._process is not None
        if self._process.returncode == EXIT_PORT_IN_USE:
            return PortInUseError(
                f"port {self._wanted_port} on {HOST} is in use by another process: "
                "end it, or choose another with ENGINE_PORT=<port>"
            )
        tail = self.log_path.read_text(errors="replace").strip().splitlines()[-LOG_TAIL_LINES:]
        return EngineError(f"the engine ended while starting: {' | '.join(tail)}")


def answers(url: str, *, certificate: Path | None = None) -> bool:
    """Whether an engine at this endpoint is ready to serve."""
    trust = ssl.create_default_context(cafile=certificate) if certificate else None
    try:
        with urllib.request.urlopen(f"{url}/_ministack/ready", timeout=5, context=trust) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def client_environment(url: str) -> dict[str, str]:
    """The variables with which boto3 talks to the engine at ``url`` with its root key."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": ACCESS_KEY,
        "AWS_EC2_METADATA_DISABLED": "true",
        # A profile of the developer's own must not lead to real AWS.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def kill_group(pid: int) -> None:
    """SIGKILL to the process group that ``pid`` leads, whatever is left of it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
