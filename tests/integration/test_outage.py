"""What the API answers while the database is away, on a port where nobody listens."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from chalice.app import Chalice
from pynamodb.exceptions import PutError

from chalicelib.api.routes import register
from chalicelib.bootstrap import Services
from chalicelib.domain.errors import Busy, DomainError, NotFound
from chalicelib.local.gateway import Gateway
from chalicelib.ports.store import AuditNote
from chalicelib.store import keys
from chalicelib.store.audit import AuditItem
from chalicelib.store.base import (
    EphemeralItem,
    KeysItem,
    ModelWrite,
    PlatformItem,
    StoreUnavailable,
    TenantsItem,
    check,
    outage_of,
)
from chalicelib.store.billing_state import BillingStateItem
from chalicelib.store.idempotency import IdempotencyRecords
from tests.fakes.api_client import ApiClient
from tests.integration.conftest import PASSWORD, EngineServices, SignedIn

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
def test_a_request_is_told_to_come_again(
    cut_off: Services, method: str, path: str, body: object, capsys: pytest.CaptureFixture[str]
) -> None:
    app = Chalice(app_name="isp-billing", configure_logs=False)
    register(app, lambda: cut_off)

    refused = ApiClient(Gateway(app)).bearer("ses_unknown").request(method, path, json=body)

    assert refused.problem == (503, "store_unavailable", None)
    assert refused.headers["Retry-After"] == "1"
    logged = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (logged["level"], logged["status"], logged["code"]) == ("ERROR", 503, "store_unavailable")
    assert logged["cause"][-1].startswith("EndpointConnectionError"), logged


def test_a_refused_key_is_told_from_a_database_that_is_away(
    services: EngineServices, signed_in: SignedIn, capsys: pytest.CaptureFixture[str]
) -> None:
    """An operator reads from the log that the function may not use its key."""

    class Denied:
        def decrypt(self, **_: object) -> object:
            text = f"{signed_in.email} is not authorized"  # whatever a message says
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": text}}, "Decrypt")

    denied = replace(services)
    denied.key_wrapper._client = Denied()  # type: ignore[assignment]
    app = Chalice(app_name="isp-billing", configure_logs=False)
    register(app, lambda: denied)
    capsys.readouterr()

    refused = ApiClient(Gateway(app)).bearer(signed_in.token).get("/v1/subscribers")

    assert refused.problem == (503, "keys_unavailable", None)
    logged = capsys.readouterr().out
    line = json.loads(logged.splitlines()[-1])
    assert line["cause"] == ["KeysUnavailable", "ClientError:AccessDeniedException"]
    assert signed_in.email not in logged


@pytest.mark.parametrize("made", ["made", "not made"])
def test_nobody_is_told_that_nothing_was_written_where_that_is_not_known(
    services: EngineServices, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    """The answer to a transaction is lost on the way: the same key does it once, or brings the answer."""
    commit = services.database.commit

    def lost(writes: Sequence[ModelWrite]) -> None:
        if made == "made":
            commit(writes)
        away()

    def away(**_: object) -> None:
        raise outage_of(PutError("", cause=ReadTimeoutError(endpoint_url="http://db"))) or AssertionError

    speeds = {"download_kbps": 1_000, "upload_kbps": 1_000}
    package = {"name": "Home", "price": {"amount": 100, "currency": "PKR"}, "cycle": "month", **speeds}
    api = signed_in.api.with_headers(Idempotency_Key="one")
    with monkeypatch.context() as cut:
        cut.setattr(services.database, "commit", lost)
        cut.setattr(IdempotencyRecords, "answered", lambda *_, **__: away())
        refused = api.post("/v1/packages", json=package)

    assert refused.problem == (503, "store_unavailable", None)
    assert "Idempotency-Key" in refused.json["message"]
    assert "nothing" not in refused.json["message"]
    assert api.post("/v1/packages", json=package).status == 201
    assert len(signed_in.api.get("/v1/packages").json["items"]) == 1


OPERATIONS: dict[str, Callable[[Services], object]] = {
    "get": lambda _: TenantsItem.get("a", "b"),
    "query": lambda _: list(TenantsItem.query("a")),
    "update": lambda services: services.identity.attempts.add(key="a", window_seconds=1, at=NOW),
    "put": lambda _: TenantsItem("a", "b").save(),
    "delete": lambda _: TenantsItem("a", "b").delete(),
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


def test_an_item_that_two_readers_saw_differently_is_no_outage(signed_in: SignedIn) -> None:
    """A transaction takes no item twice: two checks of one are made as one, and refused as it is."""
    store, at = signed_in.store, datetime(2041, 5, 15, tzinfo=UTC)
    now = store.billing_state()
    note = AuditNote("system", "tested", "x", at)
    before = replace(now, started_through=now.started_through - timedelta(days=1))
    unmoved = [store.billing_unmoved(state=one) for one in (now, before)]
    still_open = check(
        BillingStateItem,
        keys.billing(signed_in.tenant_id),
        keys.STATE,
        condition=BillingStateItem.closed_through.does_not_exist(),
        refused=NotFound("the month is closed"),
    )

    for other in ([], [still_open], [still_open, unmoved[0]]):
        store.commit(unmoved[0], *other, store.note(note=note))
    for first, second in permutations([*unmoved, still_open], 2):
        if unmoved[1] in (first, second):
            with pytest.raises(Busy, match="nothing was written"):
                store.commit(first, second, store.note(note=note))
    assert sum(one.action == "tested" for one in AuditItem.query(f"{signed_in.tenant_id}#AUD#2041-05")) == 3
