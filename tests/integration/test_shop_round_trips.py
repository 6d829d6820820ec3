"""What selling asks of the database: two round trips for a read, three for a write."""

from __future__ import annotations

import pytest

from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.shop import Shop, if_match, ok, package_body, subscriber_body
from tests.integration.test_round_trips import RoundTrips

READ_TOGETHER = ["GetItem", "TransactGetItems", "TransactWriteItems"]


@pytest.fixture
def shop(signed_in: SignedIn, services: EngineServices) -> Shop:
    return Shop(signed_in, services)


@pytest.fixture
def trips(services: EngineServices) -> RoundTrips:
    return RoundTrips(services)


def test_reads_take_two(shop: Shop, trips: RoundTrips) -> None:
    subscriber, package = shop.subscriber(), shop.package()
    subscription = shop.subscribe(subscriber, package)

    for path in (
        f"/v1/subscribers/{subscriber['subscriber_id']}",
        f"/v1/subscriptions/{subscription['subscription_id']}",
        f"/v1/packages/{package['package_id']}",
        "/v1/subscribers?status=active",
        "/v1/subscribers?text=C-",
    ):
        with trips.counted() as operations:
            ok(shop.tenant.api.get(path))
        assert len(operations) == 2, (path, operations)


def test_a_search_asks_each_index_and_the_rows(shop: Shop, trips: RoundTrips) -> None:
    shop.subscriber(phone="0300-1234567")

    with trips.counted() as operations:
        ok(shop.tenant.api.post("/v1/subscriber-searches", json={"text": "0300-1234567"}))

    # The session, the codes, two indexes, the rows of what one of them holds.
    assert operations == ["GetItem", "Query", "Query", "Query", "BatchGetItem"]


def test_writes_take_three(shop: Shop, trips: RoundTrips) -> None:
    shop.package()  # the process knows by then that the owner accepted the terms
    api = shop.tenant.api
    with trips.counted() as operations:
        subscriber = api.post("/v1/subscribers", json=subscriber_body(name="x", phone="0300-1234567")).json
    # The session, the tenant with its plan and count, the subscriber.
    assert operations == ["GetItem", "Query", "TransactWriteItems"]

    path = f"/v1/subscribers/{subscriber['subscriber_id']}"
    with trips.counted() as operations:
        ok(api.patch(path, json={"name": "y"}, headers=if_match(subscriber)))
    assert operations == ["GetItem", "Query", "TransactWriteItems"]

    package = shop.package()
    with trips.counted() as operations:
        subscription = shop.subscribe(subscriber, package)
    assert operations == READ_TOGETHER

    with trips.counted() as operations:
        assert shop.try_to_change(subscription, state="paused").status == 200
    assert operations == READ_TOGETHER

    path = f"/v1/packages/{package['package_id']}"
    with trips.counted() as operations:
        ok(api.patch(path, json={"name": "Home 30"}, headers=if_match(package)))
    assert operations == ["GetItem", "GetItem", "TransactWriteItems"]


def test_a_package_takes_four_for_it_counts_the_catalogue(shop: Shop, trips: RoundTrips) -> None:
    shop.package()  # the process knows by then that the owner accepted the terms
    with trips.counted() as operations:
        assert shop.tenant.api.post("/v1/packages", json=package_body()).status == 201

    assert operations == ["GetItem", "GetItem", "Query", "TransactWriteItems"]
