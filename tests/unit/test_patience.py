"""How long services may take: a request answers within its function's time, whatever is away."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import urllib3
from pynamodb.models import Model
from urllib3.exceptions import ReadTimeoutError

from chalicelib import bootstrap
from chalicelib.bootstrap import Services
from chalicelib.config import JOB_PATIENCE, Settings
from chalicelib.store import wire
from chalicelib.store.base import EphemeralItem, KeysItem, PlatformItem, StoreUnavailable, TenantsItem
from chalicelib.store.wire import HttpAnswer
from chalicelib.usecases.backoff import backoff_seconds
from tests.architecture.code import ROOT
from tests.fakes.clock import FakeClock

# botocore's standard mode, botocore.retries.standard: a throttled call waits up to 1, 2, 4... seconds,
# 20 at most, and 5 more where the service asks for it.
THROTTLED_SECONDS, WAIT_SECONDS_MAX, RETRY_AFTER_SECONDS_MAX = 1, 20, 5

BASES: tuple[type[Model], ...] = (TenantsItem, PlatformItem, KeysItem, EphemeralItem)


def function_seconds(name: str) -> int:
    config = json.loads((Path(ROOT) / ".chalice" / "config.json").read_text())
    seconds: int = config["stages"]["prod"]["lambda_functions"][name]["lambda_timeout"]
    return seconds


def longest_seconds(config: Any) -> float:
    """One call's longest time: every attempt times out, and every wait is as long as botocore's can be."""
    attempts = config.retries["total_max_attempts"]
    waits = sum(
        min(THROTTLED_SECONDS * 2**retry, WAIT_SECONDS_MAX) + RETRY_AFTER_SECONDS_MAX
        for retry in range(attempts - 1)
    )
    return float(attempts * (config.connect_timeout + config.read_timeout) + waits)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Settings, and credentials that are nobody's; models go back to their connection afterwards."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "nobody")
    for base in BASES:
        monkeypatch.setattr(base, "_connection", base._connection, raising=False)
        monkeypatch.setattr(base.Meta, "table_name", base.Meta.table_name)
    names = "TENANTS_TABLE PLATFORM_TABLE KEYS_TABLE EPHEMERAL_TABLE FILES_BUCKET BILLING_QUEUE_URL"
    names += " ANCHORS_BUCKET IMPORT_QUEUE_URL EXPORT_QUEUE_URL MAIL_QUEUE_URL FIELD_KEY_ID PUBLIC_BASE_URL"
    return {**{name: name.lower() for name in names.split()}, "MAIL_FROM": "billing@isp.example"}


def client_configs(services: Services) -> dict[str, Any]:
    """The configuration of every client that the services make."""
    made: Any = {
        "kms": services.key_wrapper._client,
        "s3": services.blobs._client,  # type: ignore[attr-defined]
        "sqs": services.billing_queue._client,  # type: ignore[attr-defined]
        "sesv2": services.mailer._client,  # type: ignore[attr-defined]
        "dynamodb": services.database._connection.client,
    }
    return {name: client.meta.config for name, client in made.items()}


class SilentPool:
    """A database that accepts connections and never answers, on the clock of the test."""

    def __init__(self) -> None:
        self.waited = 0.0

    def request(self, *_: object, timeout: urllib3.Timeout, **__: object) -> HttpAnswer:
        """Time out."""
        seconds = (timeout.connect_timeout, timeout.read_timeout)
        assert all(isinstance(one, int | float) for one in seconds), "each wait has an end"
        self.waited += sum(one for one in seconds if isinstance(one, int | float))
        raise ReadTimeoutError(pool=None, url="/", message="no answer")  # type: ignore[arg-type]


def longest_wire_seconds(services: Services, monkeypatch: pytest.MonkeyPatch) -> float:
    """How long the lean client keeps its caller where the database is silent and every pause the longest."""
    pool = SilentPool()
    monkeypatch.setattr(services.wire, "_pool", pool)
    monkeypatch.setattr(services.wire, "_sleep", lambda _: None)
    waits: list[float] = []

    def longest_wait(**limits: Any) -> float:
        waits.append(backoff_seconds(**limits, between=lambda _, most: most))
        return waits[-1]

    monkeypatch.setattr(wire, "backoff_seconds", longest_wait)
    with pytest.raises(StoreUnavailable):
        services.wire.call("GetItem", {})
    return pool.waited + sum(waits)


def test_no_service_can_keep_a_request_longer_than_its_function_runs(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    services = Services(settings=Settings.from_env(environment), clock=FakeClock(datetime.now(UTC)))

    longest = {name: longest_seconds(config) for name, config in client_configs(services).items()}

    assert len(longest) == 5
    longest["wire"] = longest_wire_seconds(services, monkeypatch)
    assert max(longest.values()) < function_seconds("api_handler"), longest


def test_a_job_is_more_patient_and_still_ends_in_time(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    bootstrap.job_services.cache_clear()
    services = bootstrap.job_services()
    bootstrap.job_services.cache_clear()

    for name, config in client_configs(services).items():
        assert config.read_timeout == JOB_PATIENCE.read_seconds, name
        assert longest_seconds(config) < function_seconds("billing_planner"), name
    in_run = longest_wire_seconds(services, monkeypatch)
    assert function_seconds("api_handler") < in_run < function_seconds("billing_worker")


def test_every_event_is_handled_with_a_job_s_patience() -> None:
    composition = (Path(ROOT) / "app.py").read_text()

    assert "register(app, services)" in composition
    handlers = composition.count("\n@app.")
    assert handlers >= 6
    assert composition.count("job_services(), event") == handlers
