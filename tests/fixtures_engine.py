"""The embedded engine for tests: one in memory per test session, shared by all xdist workers.

``engine`` is the running engine, ``stack_env`` the environment of the functions with the
resources of ``.chalice/resources.json`` created on it (once), ready for
``Settings.from_env``. Tests share them, so each works with tenants and names of its own.

The engine's virtual environment is ``.local/engine-venv`` (made by ``make setup``), or
``ENGINE_VENV``. Where it is missing the tests are skipped, on CI they fail.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from chalicelib.local.engine import (
    ACCESS_KEY,
    REGION,
    Engine,
    answers,
    client_environment,
    stop_detached,
)
from chalicelib.local.stack import (
    LOCAL_VARIABLES,
    MAIL_FROM,
    RESOURCES_PATH,
    ensure_stack,
    load_resources,
    local_parameters,
    verify_sender,
)

ROOT = Path(__file__).resolve().parent.parent
BASE_URL = "http://127.0.0.1:8000"
NEEDS_ENGINE = {"engine", "stack_env", "engine_venv"}
_started: list[Engine] = []  # keeps the child's handle until the session ends


@dataclass(frozen=True)
class EngineHandle:
    """A running engine, whoever started it."""

    url: str
    pid: int
    scratch: Path

    def client_environment(self) -> dict[str, str]:
        """The variables with which boto3 in any process talks to it."""
        return client_environment(self.url)

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of it, without retries."""
        return client_of(self.url, service, **options)


def client_of(url: str, service: str, **options: Any) -> Any:
    """A boto3 client of the engine at ``url``, with its root key and without retries."""
    config = Config(retries={"max_attempts": 0}, signature_version=options.pop("signature", None))
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=ACCESS_KEY,
        config=config,
        **options,
    )


def find_engine_venv() -> Path:
    """The engine's virtual environment; skips the test (fails it on CI) where there is none."""
    venv = Path(os.environ.get("ENGINE_VENV", ROOT / ".local" / "engine-venv"))
    if not (venv / "bin" / "python").exists():
        message = f"no engine in {venv}: run `make setup`"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return venv


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "enable_socket: the test talks to the engine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if NEEDS_ENGINE & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.enable_socket)


@pytest.fixture(scope="session")
def engine_venv() -> Path:
    """For tests that start an engine of their own."""
    return find_engine_venv()


@pytest.fixture(scope="session")
def engine(engine_venv: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineHandle]:
    shared = _shared_directory(tmp_path_factory)
    report = shared / "engine.json"
    with (shared / "engine.users").open("w") as users:
        with _exclusive(shared):
            handle = _read(report) or _start(engine_venv, report)
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield handle
        finally:
            with _exclusive(shared):
                fcntl.flock(users, fcntl.LOCK_UN)
                with contextlib.suppress(BlockingIOError):  # another worker still uses it
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    stop_detached(handle.pid, handle.scratch)
                    report.unlink(missing_ok=True)
                    for own in _started:
                        own.kill()  # it has ended: this only collects its exit status


@pytest.fixture(scope="session")
def stack_env(engine: EngineHandle, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The functions' environment variables, boto3's included."""
    template = load_resources(ROOT / RESOURCES_PATH)
    with _exclusive(_shared_directory(tmp_path_factory)):  # a second call changes nothing
        variables = ensure_stack(
            endpoint=engine.url,
            template=template,
            parameters=local_parameters(base_url=BASE_URL, stage="test"),
            given=LOCAL_VARIABLES,
        )
        verify_sender(endpoint=engine.url, address=MAIL_FROM)
    return {**variables, **engine.client_environment()}


def _start(venv: Path, report: Path) -> EngineHandle:
    engine = Engine(venv, watch_pid=_session_pid()).start()
    _started.append(engine)
    report.write_text(json.dumps({"url": engine.url, "pid": engine.pid, "scratch": str(engine.scratch)}))
    return EngineHandle(engine.url, engine.pid, engine.scratch)


def _read(report: Path) -> EngineHandle | None:
    if not report.exists():
        return None
    told = json.loads(report.read_text())
    handle = EngineHandle(told["url"], told["pid"], Path(told["scratch"]))
    return handle if answers(handle.url) else None


def _session_pid() -> int:
    """The process that outlives every worker: xdist's controller, or this one without xdist."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


def _shared_directory(factory: pytest.TempPathFactory) -> Path:
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@contextlib.contextmanager
def _exclusive(shared: Path) -> Iterator[None]:
    with (shared / "engine.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
