"""How often a request asks the database: two round trips for a read, three for a write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from chalicelib.store.base import TenantsItem
from tests.fakes.api_client import ApiClient, Reply
from tests.integration.conftest import PASSWORD, EngineServices, SignedIn, mailed_token, sign_up_body

READ_MAX = 2
WRITE_MAX = 3


class RoundTrips:
    """Counts what goes out to DynamoDB."""

    def __init__(self, services: EngineServices) -> None:
        # Models go by the connection of the newest Database, which other tests may have opened.
        newest = TenantsItem._get_connection().connection
        connections = {id(one): one for one in (services.database._connection, newest)}
        self._events = [one.client.meta.events for one in connections.values()]
        self.operations: list[str] = []

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        self.operations.clear()
        for events in self._events:
            events.register("before-call.dynamodb", self._count)
        try:
            yield self.operations
        finally:
            for events in self._events:
                events.unregister("before-call.dynamodb", self._count)

    def _count(self, *, model: object, **_: object) -> None:
        self.operations.append(str(getattr(model, "name", "")))


@pytest.fixture
def trips(services: EngineServices) -> RoundTrips:
    return RoundTrips(services)


READS: dict[str, Callable[[ApiClient], Reply]] = {
    "me": lambda api: api.get("/v1/me"),
    "tenant": lambda api: api.get("/v1/tenant"),
    "packages": lambda api: api.get("/v1/packages"),
    "subscribers": lambda api: api.get("/v1/subscribers"),
    "invoices": lambda api: api.get("/v1/invoices?fiscal_year=2027"),
    "runs": lambda api: api.get("/v1/billing/runs"),
    "imports": lambda api: api.get("/v1/imports"),
}


@pytest.mark.parametrize("what", READS)
def test_a_read_takes_two_round_trips(what: str, signed_in: SignedIn, trips: RoundTrips) -> None:
    with trips.counted() as operations:
        assert READS[what](signed_in.api).status == 200

    assert 0 < len(operations) <= READ_MAX, operations


def test_a_write_takes_three(signed_in: SignedIn, trips: RoundTrips) -> None:
    assert (
        signed_in.api.patch("/v1/tenant", json={"billing_hour": 4}, headers={"If-Match": '"2"'}).status == 200
    )
    # By now the process knows that the owner accepted the terms.
    with trips.counted() as operations:
        headers = {"If-Match": '"3"'}
        assert signed_in.api.patch("/v1/tenant", json={"billing_hour": 3}, headers=headers).status == 200

    assert operations == ["GetItem", "GetItem", "TransactWriteItems"]


def test_signing_out_takes_two(signed_in: SignedIn, trips: RoundTrips) -> None:
    with trips.counted() as operations:
        assert signed_in.api.delete("/v1/sessions/current").status == 204

    assert operations == ["GetItem", "TransactWriteItems"]


def test_signing_in_takes_eight_for_it_counts_attempts_first_and_reads_sessions_and_settings(
    signed_in: SignedIn, api: ApiClient, trips: RoundTrips
) -> None:
    body = {"subdomain": signed_in.subdomain, "email": signed_in.email, "password": signed_in.password}
    with trips.counted() as operations:
        assert api.post("/v1/sessions", json=body).status == 201

    counted = ["UpdateItem", "UpdateItem"]
    begun = ["GetItem", "GetItem", "UpdateItem", "Query", "TransactWriteItems"]
    # Whether the company asks for the second factor that this person does not have.
    assert operations == [*counted, *begun, "GetItem"]


def test_verifying_takes_five_for_it_counts_attempts_first_and_looks_for_a_plan(
    api: ApiClient, services: EngineServices, trips: RoundTrips
) -> None:
    subdomain = f"{services.ids.new(prefix='t')}".lower().replace("_", "")
    api.post("/v1/signups", json=sign_up_body(subdomain))
    code = {"token": mailed_token(services, f"owner@{subdomain}.example"), "password": PASSWORD}
    with trips.counted() as operations:
        assert api.post("/v1/signups/verify", json=code).status == 200

    # The last looks for the platform's operator, of which there is none here.
    assert operations == ["GetItem", "TransactGetItems", "UpdateItem", "TransactWriteItems", "GetItem"]
