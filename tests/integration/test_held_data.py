"""What ends by itself is kept while everything of its company is held, and goes after the lift."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.adapters.blobs.erasing import S3FileErasure
from chalicelib.domain.activity import Area
from chalicelib.jobs.endings import keep_tenants
from chalicelib.jobs.holds import renew_one
from chalicelib.local.gateway import Gateway
from chalicelib.store import held_items
from chalicelib.store.acting import acting_for
from chalicelib.store.base import TenantsItem
from chalicelib.store.held_items import DynamoHeldItems
from chalicelib.store.leftovers import DynamoLeftovers
from chalicelib.store.networks import NetworksItem
from tests.fixtures_engine import EngineHandle
from tests.integration.conftest import EngineServices
from tests.integration.endings import DAY, Ending, Killed, killed_at, little, restored
from tests.integration.importing import Importer, mapping, people

WEEK = 7 * DAY
# What expires of the company of these tests, besides kept answers.
EXPIRING = {"JOB#imports", "ACTIVITY", "OUT", "IDEM", "NETWORKS"}


def rich(gateway: Gateway, services: EngineServices) -> Ending:
    """A company with one of everything that ends by itself; its invoice left the kept answer."""
    company = little(gateway, services)
    store, at = services.stores.of(tenant_id=company.tenant_id), company.clock.now()
    refused = people("C-1,Ali Raza,not a number,No such plan,x")
    Importer(services, company.shop.tenant).run(refused, mapping(at.date()))
    store.activity.add(area=Area.CONSOLE, on=at.date(), counts={("page", "home"): 1})
    store.commit(store.money.outbox.add(kind="line.restored", about="x", details={}))
    services.watch.exported(tenant_id=company.tenant_id, address="198.51.100.7", at=at)
    return company


@pytest.fixture
def company(gateway: Gateway, services: EngineServices) -> Ending:
    return rich(gateway, services)


def hold(company: Ending, category: str = "everything") -> dict[str, Any]:
    told: dict[str, Any] = company.order(
        hold={"tenant_id": company.tenant_id, "category": category, "reason": "Court order 12/2041"}
    )
    return told


def networks(company: Ending) -> list[NetworksItem]:
    return list(NetworksItem.query(f"NETWORKS#{company.tenant_id}", consistent_read=True))


def ends(company: Ending) -> dict[tuple[str, str], int]:
    """When each of the company's items ends that does so by itself."""
    found = {
        (item["pk"]["S"].partition("#")[2], item["sk"]["S"]): int(item["ttl"]["N"])
        for item in company.shop.items()
        if "ttl" in item
    }
    return found | {("NETWORKS", str(one.sk)): int(one.ttl) for one in networks(company)}


def there(company: Ending) -> set[str]:
    """The kinds of what has not ended yet."""
    now = company.clock.now().timestamp()
    live = [partition for (partition, _), ttl in ends(company).items() if ttl > now]
    return {kind for kind in EXPIRING if any(one.startswith(kind) for one in live)}


def test_what_would_have_ended_is_there_while_it_is_held_and_goes_after_the_lift(
    company: Ending, gateway: Gateway, services: EngineServices
) -> None:
    free, billing = rich(gateway, services), rich(gateway, services)
    untouched = [ends(free), ends(billing)]
    held = hold(company)
    hold(billing, "billing")
    assert held["complete"] is True
    assert there(company) == EXPIRING

    for _ in range(14):
        company.clock.advance(WEEK)
        keep_tenants(services, {})
        assert there(company) == EXPIRING

    assert [ends(free), ends(billing)] == untouched
    assert there(free) == there(billing) == set()
    (network,) = services.watch._ports.networks.known(tenant_id=company.tenant_id)
    # Another export takes away what is known of the first network.
    services.watch._seen.clear()
    services.watch.exported(tenant_id=company.tenant_id, address="203.0.113.9", at=company.clock.now())
    for _ in range(6):
        company.keep(WEEK)
    now = company.clock.now().timestamp()
    assert [one.ttl > now for one in networks(company) if network in one.known] == [True]
    company.order(lift={"tenant_id": company.tenant_id, "hold_id": held["hold_id"]})
    for _ in range(5):
        company.keep(WEEK)
    assert there(company) <= {"NETWORKS"}, "the export of just now"


def test_no_expiry_is_shortened_and_nothing_that_ended_or_was_deleted_comes_back(
    company: Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, at = ends(company), company.clock.now()
    items = DynamoHeldItems(tenant_id=company.tenant_id)
    hold(company)
    assert all(ttl >= before[item] for item, ttl in ends(company).items() if item in before)

    assert items.renew(at=at + 91 * DAY, out_of_time=lambda: False)
    assert {item: ttl for item, ttl in ends(company).items() if item in before} == before, "all of it ended"
    assert all(map(company.shop.items, ("JOB#imports#imp_", "OUT")))

    move_on = held_items._move_on

    def late(item: Any, at: datetime) -> None:
        """Move an item on that was deleted since it was read."""
        with acting_for(company.tenant_id):
            TenantsItem(str(item.pk), str(item.sk)).delete()
        move_on(item, at)

    monkeypatch.setattr(held_items, "_move_on", late)
    assert items.renew(at=at + 20 * DAY, out_of_time=lambda: False)
    assert [found for found in map(company.shop.items, ("JOB#imports#imp_", "OUT")) if found] == []


def test_a_renewal_that_is_killed_anywhere_is_made_up_for_by_the_next(
    company: Ending, services: EngineServices, engine: EngineHandle
) -> None:
    hold(company)
    at, in_time = company.clock.now(), lambda: False
    tomorrow = {"ttl": {"N": f"{int((at + DAY).timestamp())}"}}
    ending = [{**item, **tomorrow} for item in company.shop.items() if "ttl" in item]
    (held,) = [one for one in networks(company) if one.sk != "EXPORTS"]

    def renew() -> bool:
        return renew_one(services=services, tenant_id=company.tenant_id, at=at, out_of_time=in_time)

    restored(engine, services, ending)
    assert renew()
    whole = ends(company)
    assert sum(ttl == int((at + 30 * DAY).timestamp()) for ttl in whole.values()) == len(ending) + 1
    for call in count(1, 4):
        restored(engine, services, ending)
        held.delete()
        with suppress(Killed), killed_at(services, call=call, sent=call % 8 == 1) as made:
            renew()
        assert renew()
        assert ends(company) == whole, f"killed at call {call}"
        if len(made) < call:
            break

    assert call > 20


def test_a_pass_without_time_says_so(company: Ending, services: EngineServices) -> None:
    hold(company)

    assert not renew_one(
        services=services, tenant_id=company.tenant_id, at=company.clock.now(), out_of_time=lambda: True
    )


# -- files --------------------------------------------------------------------------------------


class Bucket:
    """The company's files, as they lie in the bucket."""

    def __init__(self, company: Ending) -> None:
        self.client, self.name = company.services.s3, company.services.settings.files_bucket
        self.company = company

    def put(self, kind: str, name: str, body: bytes) -> str:
        """Put a file there, and return its key."""
        key = f"{kind}/{self.company.tenant_id}/{name}"
        self.client.put_object(Bucket=self.name, Key=key, Body=body, ContentType="application/pdf")
        return key

    def names(self, kind: str = "held") -> list[str]:
        """The names of what is there of a kind."""
        prefix = f"{kind}/{self.company.tenant_id}/"
        found = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix).get("Contents", [])
        return [one["Key"] for one in found]

    def head(self, key: str) -> dict[str, Any]:
        """What is told of a file."""
        found: dict[str, Any] = self.client.head_object(Bucket=self.name, Key=key)
        return found

    def body(self, key: str) -> bytes:
        """A file's content."""
        return bytes(self.client.get_object(Bucket=self.name, Key=key)["Body"].read())


def test_files_are_copied_while_they_are_held_and_the_copies_renewed(company: Ending) -> None:
    bucket = Bucket(company)
    paper = bucket.put("documents", "doc_1.pdf", b"first")
    before = bucket.head(paper)
    company.keep()
    assert bucket.names() == [], "it is not held"
    held = hold(company)

    copies = bucket.names()
    [copy] = [one for one in copies if one.endswith("/doc_1.pdf")]
    assert (bucket.body(copy), bucket.head(copy)["ContentType"]) == (b"first", "application/pdf")
    assert len(copies) == len(bucket.names("documents") + bucket.names("imports"))
    bucket.put("documents", "doc_1.pdf", b"another")
    bucket.client.delete_object(Bucket=bucket.name, Key=bucket.put("vouchers", "vb_1.pdf", b"codes"))
    made: datetime = bucket.head(copy)["LastModified"]
    # The file store's clock is not the tests'.
    for after, renewed in ((14 * DAY, False), (16 * DAY, True)):
        company.clock.set(made + after)
        company.keep()
        assert ("renewed" in bucket.head(copy)["Metadata"]) is renewed
    assert sorted(bucket.body(one) for one in bucket.names() if "/documents/" in one) == [
        b"another",
        b"first",
    ]
    assert "renewed" not in bucket.head(paper)["Metadata"]
    assert bucket.head(copy)["ContentType"] == before["ContentType"]
    company.order(lift={"tenant_id": company.tenant_id, "hold_id": held["hold_id"]})
    last = bucket.head(copy)["Metadata"]
    company.keep(16 * DAY)
    assert bucket.head(copy)["Metadata"] == last, "the life cycle comes to it"


def test_a_purge_after_the_lift_takes_away_what_was_kept(company: Ending, services: EngineServices) -> None:
    bucket, tenant_id = Bucket(company), company.tenant_id
    bucket.put("documents", "doc_1.pdf", b"first")
    hold(company)
    assert bucket.names()
    assert len(networks(company)) > 1

    S3FileErasure(client=bucket.client, bucket=bucket.name).erase(tenant_id=tenant_id)
    DynamoLeftovers(database=services.database).erase_networks(tenant_id=tenant_id)

    assert (bucket.names(), networks(company)) == ([], [])


def test_a_file_store_that_is_away_keeps_no_hold_from_being_set(
    company: Ending,
    services: EngineServices,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(services.s3, "get_paginator", lambda _name: Away())

    told = hold(company)

    assert told["complete"] is False
    assert [one["hold_id"] for one in company.order(holds={"tenant_id": company.tenant_id})["holds"]] == [
        told["hold_id"]
    ]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [one["tenant_id"] for one in lines if one["message"] == "what is held not renewed"]


class Away:
    """A file store that does not answer."""

    def paginate(self, **_: object) -> Iterator[dict[str, Any]]:
        raise EndpointConnectionError(endpoint_url="https://files.example")
