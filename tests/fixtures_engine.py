"""The embedded engine for tests: one in memory for each process of tests (one, or xdist's workers).

``engine`` is the running engine, ``stack_env`` the environment of the functions with the
resources of ``.chalice/resources.json`` created on it, ready for
``Settings.from_env``. Tests share them, so each works with tenants and names of its own.

The engine's virtual environment is ``.local/engine-venv`` (made by ``make setup``), or
``ENGINE_VENV``. Where it is missing the tests are skipped, on CI they fail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
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
    client_environment,
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

TABLES = ("TENANTS_TABLE", "PLATFORM_TABLE", "KEYS_TABLE", "EPHEMERAL_TABLE")
ROOT = Path(__file__).resolve().parent.parent
BASE_URL = "http://127.0.0.1:8000"
NEEDS_ENGINE = {"engine", "stack_env", "engine_venv"}


@dataclass(frozen=True)
class EngineHandle:
    """A running engine, as its clients see it."""

    url: str

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
def engine(engine_venv: Path) -> Iterator[EngineHandle]:
    with Engine(engine_venv) as running:
        yield EngineHandle(running.url)


@pytest.fixture(scope="session")
def stack_env(engine: EngineHandle) -> dict[str, str]:
    """The functions' environment variables, boto3's included."""
    variables = ensure_stack(
        endpoint=engine.url,
        template=load_resources(ROOT / RESOURCES_PATH),
        parameters=local_parameters(base_url=BASE_URL, stage="test"),
        given=LOCAL_VARIABLES,
    )
    verify_sender(endpoint=engine.url, address=MAIL_FROM)
    return {**variables, **engine.client_environment()}


@pytest.fixture(scope="module")
def empty_tables(engine: EngineHandle, stack_env: dict[str, str]) -> None:
    """Tables without the tenants of the modules before.

    Some jobs visit every tenant that there is, and the engine's scans look at whole tables: a
    module would take the longer the later it comes.
    """
    make_tables_anew(engine, stack_env)


def make_tables_anew(engine: EngineHandle, stack_env: Mapping[str, str]) -> None:
    """Make every table anew, without items."""
    db = engine.client("dynamodb")
    for table in (stack_env[name] for name in TABLES):
        _make_anew(db, table)


_REMADE = ("KeySchema", "AttributeDefinitions", "StreamSpecification")


def _make_anew(db: Any, table: str) -> None:
    described = db.describe_table(TableName=table)["Table"]
    expiry = db.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert not described.get("GlobalSecondaryIndexes"), "make the indexes anew here too"
    db.update_table(TableName=table, DeletionProtectionEnabled=False)
    db.delete_table(TableName=table)
    db.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        **{name: described[name] for name in _REMADE if name in described},
    )
    if "AttributeName" in expiry:
        named = {"Enabled": True, "AttributeName": expiry["AttributeName"]}
        db.update_time_to_live(TableName=table, TimeToLiveSpecification=named)
