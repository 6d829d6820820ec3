"""An embedded engine with the platform's resources, for what is measured."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chalicelib.bootstrap import Services
from chalicelib.config import JOB_PATIENCE, RUN_PATIENCE, Settings
from chalicelib.local.engine import Engine
from chalicelib.local.stack import (
    LOCAL_VARIABLES,
    RESOURCES_PATH,
    ensure_stack,
    load_resources,
    local_parameters,
)
from chalicelib.ports.services import Clock

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Bench:
    """What is measured: the services of a job, and the environment of one in a process of its own."""

    services: Services
    environment: dict[str, str]
    engine_pid: int


@contextmanager
def bench(*, clock: Clock) -> Iterator[Bench]:
    """Run an engine, of ``ENGINE_VENV`` or of ``make engine-env``, for as long as the block."""
    venv = Path(os.environ.get("ENGINE_VENV", ROOT / ".local" / "engine-venv"))
    with Engine(venv) as engine:
        variables = ensure_stack(
            endpoint=engine.url,
            template=load_resources(ROOT / RESOURCES_PATH),
            parameters=local_parameters(base_url="http://127.0.0.1:8000", stage="bench"),
            given=LOCAL_VARIABLES,
        )
        os.environ.update(engine.client_environment())
        environment = {**os.environ, **variables}
        services = Services(
            Settings.from_env(environment), clock, patience=JOB_PATIENCE, wire_patience=RUN_PATIENCE
        )
        yield Bench(services, environment, engine.pid)
