"""What the API answers while the database is away, on a port where nobody listens."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from chalice.app import Chalice

from chalicelib.api.routes import register
from chalicelib.bootstrap import Services
from chalicelib.domain.errors import DomainError
from chalicelib.local.gateway import Gateway
from chalicelib.store.base import (
    EphemeralItem,
    KeysItem,
    PlatformItem,
    StoreUnavailable,
    TenantsItem,
    outage_of,
)
from tests.fakes.api_client import ApiClient
from tests.integration.conftest import PASSWORD, EngineServices

NOW = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def cut_off(services: EngineServices) -> Iterator[Services]:
    """Services whose database does not answer; models go by the newest connection, so it is put back."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}"
    assert services.database is not None  # the engine's models are bound before they are cut off
    bound = [(base, base._connection) for base in (TenantsItem, PlatformItem, KeysItem, EphemeralItem)]
    away = Services(settings=replace(services.settings, endpoint_url=closed), clock=services.clock)
    assert away.database is not None
    yield away
    for base, connection in bound:
        base._connection = connection


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/me", None),
        ("GET", "/v1/packages", None),
        ("POST", "/v1/sessions", {"subdomain": "lahore", "email": "a@b.example", "password": PASSWORD}),
        ("POST", "/v1/signups/verify", {"token": "svt_unknown", "password": PASSWORD}),
    ],
)
def test_a_request_is_told_to_come_again(cut_off: Services, method: str, path: str, body: object) -> None:
    app = Chalice(app_name="isp-billing", configure_logs=False)
    register(app, lambda: cut_off)

    refused = ApiClient(Gateway(app)).bearer("ses_unknown").request(method, path, json=body)

    assert refused.problem == (503, "temporarily_unavailable", None)
    assert refused.headers["Retry-After"] == "1"


OPERATIONS: dict[str, Callable[[Services], object]] = {
    "get": lambda _: TenantsItem.get("a", "b"),
    "query": lambda _: list(TenantsItem.query("a")),
    "update": lambda services: services.identity.attempts.add(key="a", window_seconds=1, at=NOW),
    "put": lambda _: TenantsItem("a", "b").save(),
    "delete": lambda services: services.sessions.remove(token_hash="a"),
    "read together": lambda services: services.database.read_together((TenantsItem, "a", "b")),
    "keys": lambda services: services.stores.of(tenant_id="ten_1").keys.blind(kind="staff", value="a"),
}


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_every_kind_of_read_and_write_that_gets_no_answer_is_an_outage(
    cut_off: Services, operation: str
) -> None:
    with pytest.raises(Exception) as failed:  # noqa: PT011 - whichever class the library raises
        OPERATIONS[operation](cut_off)

    error = failed.value
    told = error if isinstance(error, DomainError) else outage_of(error)
    assert isinstance(told, StoreUnavailable), repr(error)
