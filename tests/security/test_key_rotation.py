"""Keys are replaced while the platform is used: nothing that is read fails, old or new."""

from __future__ import annotations

import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import boto3
import pytest

from chalicelib.bootstrap import Services
from chalicelib.crypto.keyring import CiphertextRejected
from chalicelib.domain.key_rotation import KEY_AGE_DAYS_MAX, InvalidKeyFamily
from chalicelib.jobs.keys import InvalidRotationOrder, keep_keys
from chalicelib.jobs.tenants import PassIncomplete
from chalicelib.store import keys
from tests import examples
from tests.counts import Count
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.raw import raw_items
from tests.integration.shop import Item, Shop, created, if_match, subscriber_body
from tests.security.containers import Killed, another, client_of, killed_at, order_keys, stored_keys

ROTATIONS = min(4 * examples.FACTOR, 60)
# How much every thread does between two rotations.
STEPS_BETWEEN = 3
PATIENCE_SECONDS = 120


def contact(word: str) -> Item:
    return {"name": f"Zainab {word}", "phone": "0300-1234567", "email": f"{word.lower()}@zainab.example"}


def add(api: ApiClient, word: str) -> Item:
    return created(api.post("/v1/subscribers", json=subscriber_body(**contact(word))))


def name_of(api: ApiClient, subscriber: Item) -> str:
    reply = api.get(f"/v1/subscribers/{subscriber['subscriber_id']}")
    assert reply.status == 200, reply.text
    return str(reply.json["name"])


@dataclass
class Load:
    """Threads that read and write until told to stop; what failed, and how much was done."""

    failures: list[str] = field(default_factory=list)
    done: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    stepped: dict[threading.Thread, threading.Semaphore] = field(default_factory=dict)

    def start(self, steps: Iterator[None]) -> None:
        """Go through the steps in a thread of their own."""
        thread = threading.Thread(target=self._run, args=[steps], daemon=True)
        self.stepped[thread] = threading.Semaphore(0)
        thread.start()

    def _run(self, steps: Iterator[None]) -> None:
        mine = self.stepped[threading.current_thread()]
        try:
            for _ in steps:
                self.done += 1
                mine.release()
                if self.over.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - told by the test
            self.failures.append(repr(error))
            mine.release(STEPS_BETWEEN)

    def wait(self) -> None:
        """Let every thread do some steps from now on."""
        for stepped in self.stepped.values():
            while stepped.acquire(blocking=False):
                pass
            if self.failures:
                return
            for _ in range(STEPS_BETWEEN):
                assert stepped.acquire(timeout=PATIENCE_SECONDS), "a thread hangs"

    def stop(self) -> None:
        """End the threads."""
        self.over.set()
        for thread in self.stepped:
            thread.join(timeout=PATIENCE_SECONDS)
            assert not thread.is_alive()


def read_over_and_over(api: ApiClient, subscribers: list[Item]) -> Iterator[None]:
    """Read one subscriber after the other, and the list of them."""
    while True:
        for subscriber in subscribers:
            assert name_of(api, subscriber) == subscriber["name"]
            yield
        listed = api.get("/v1/subscribers?limit=100")
        assert listed.status == 200, listed.text
        yield


def write_and_read(api: ApiClient, elsewhere: ApiClient, word: str) -> Iterator[None]:
    """Create, change, and read the change at another container."""
    number = 0
    while True:
        mine = add(api, f"{word}-{number}")
        path = f"/v1/subscribers/{mine['subscriber_id']}"
        changed = api.patch(path, json=contact(f"{word}-{number}-B"), headers=if_match(mine))
        assert changed.status == 200, changed.text
        assert name_of(elsewhere, mine).endswith("-B")
        number += 1
        yield


def test_no_read_fails_while_keys_are_rotated(
    services: EngineServices, clock: FakeClock, signed_in: SignedIn, count: Count
) -> None:
    """Given containers with the first key in memory that read and write, when keys rotate, all goes on."""
    warm, rotating = another(services), another(services)
    here, there = signed_in.api, client_of(warm, signed_in)
    old = [add(here, f"Old-{number}") for number in range(5)]
    load = Load()
    for api in (here, there):
        load.start(read_over_and_over(api, old))
    load.start(write_and_read(here, there, "Here"))
    load.start(write_and_read(there, here, "There"))

    load.wait()
    for number in range(ROTATIONS):
        clock.advance(timedelta(seconds=1))
        order_keys(rotating, signed_in, "op", "audit")
        # Some of the containers start anew: theirs is the newest key, that of the others an older one.
        if number % 2:
            services.keyring.forget(tenant_id=signed_in.tenant_id)
        load.wait()
    load.stop()

    assert load.failures == []
    fresh = client_of(another(services), signed_in)
    for subscriber in old:
        for api in (here, there, fresh):
            assert name_of(api, subscriber) == subscriber["name"]
    versions = {sealed_version(item["d"]) for item in persons(services, signed_in)}
    assert 1 in versions
    assert len(versions) >= 3
    assert f"op#{ROTATIONS + 1:04d}" in stored_keys(signed_in)
    count("rotation under load, rotations", ROTATIONS)
    count("rotation under load, steps in 4 threads without a failure", load.done)


def persons(services: Services, tenant: SignedIn) -> list[Item]:
    return [item for item in raw_items(services, f"{tenant.tenant_id}#A#") if item["sk"]["S"] == keys.PERSON]


def sealed_version(attribute: Item) -> int:
    return int.from_bytes(b64decode(attribute["B"])[1:3], "big")


def test_a_billing_year_s_key_is_rotated_and_its_invoices_stay_readable(
    services: EngineServices, clock: FakeClock, signed_in: SignedIn
) -> None:
    shop = Shop(signed_in, services)
    subscriber = shop.subscriber(**contact("Billed"))
    shop.subscribe(subscriber, shop.package())
    shop.bill(clock.now() + timedelta(days=1))
    (before,) = shop.invoices(subscriber)
    clock.advance(timedelta(seconds=1))
    order_keys(another(services), signed_in, "bill-2041")

    elsewhere = client_of(another(services), signed_in)
    shown = elsewhere.get(f"/v1/invoices/{before['invoice_id']}")

    assert shown.status == 200, shown.text
    assert shown.json["recipient"]["name"] == "Zainab Billed"
    assert {"bill-2041#0001", "bill-2041#0002"} <= set(stored_keys(signed_in))


def test_keys_are_rotated_by_age_and_only_then(
    services: EngineServices, clock: FakeClock, signed_in: SignedIn
) -> None:
    add(signed_in.api, "Aged")
    first = set(stored_keys(signed_in))

    def scheduled() -> None:
        # Other tests' tenants may be broken on purpose: that stops none.
        with suppress(PassIncomplete):
            keep_keys(services, {"detail": {}, "detail-type": "Scheduled Event"})

    clock.advance(timedelta(days=KEY_AGE_DAYS_MAX))
    scheduled()
    assert set(stored_keys(signed_in)) == first

    clock.advance(timedelta(seconds=1))
    scheduled()
    second = set(stored_keys(signed_in))
    scheduled()

    assert second - first == {"audit#0002", "op#0002"}
    assert set(stored_keys(signed_in)) == second


def test_each_replacement_is_audited(services: EngineServices, clock: FakeClock, signed_in: SignedIn) -> None:
    add(signed_in.api, "Audited")
    clock.advance(timedelta(seconds=1))
    order_keys(services, signed_in)

    entries = [
        (item["action"]["S"], item["actor_id"]["S"], item["object_id"]["S"])
        for item in raw_items(services, f"{signed_in.tenant_id}#AUD#")
        if item["action"]["S"].startswith("keys.")
    ]
    assert sorted(entries) == [
        ("keys.root_rewrapped", "keys", signed_in.tenant_id),
        ("keys.rotated", "keys", signed_in.tenant_id),
        ("keys.rotated", "keys", signed_in.tenant_id),
    ]


@pytest.fixture
def second_key(services: EngineServices) -> str:
    """Another KMS key, made as the first one is."""
    kms = boto3.client("kms", endpoint_url=services.settings.endpoint_url, region_name="us-east-1")
    return str(kms.create_key(Description="second")["KeyMetadata"]["Arn"])


def test_roots_move_to_another_kms_key_and_the_first_is_needed_no_more(
    services: EngineServices, signed_in: SignedIn, second_key: str
) -> None:
    """Given a container with the root in memory, when roots are wrapped anew, nobody reads less."""
    subscriber = add(signed_in.api, "Moved")
    warm = client_of(services, signed_in)
    first_key = services.settings.field_key_id
    moving = another(services, field_key_id=second_key, previous_field_key_id=first_key)
    too_early = another(services, field_key_id=second_key)
    with pytest.raises(CiphertextRejected):
        too_early.keyring.of(tenant_id=signed_in.tenant_id)

    order_keys(moving, signed_in)

    assert stored_keys(signed_in)["root"].wrapped_by == second_key
    moved = another(services, field_key_id=second_key)
    for api in (warm, client_of(moving, signed_in), client_of(moved, signed_in)):
        assert name_of(api, subscriber) == "Zainab Moved"
    before = stored_keys(signed_in)["root"].wrapped
    order_keys(moving, signed_in)
    assert stored_keys(signed_in)["root"].wrapped == before


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("commit", [1, 2, 3])
def test_a_job_killed_anywhere_is_finished_by_the_same_order(
    services: EngineServices, clock: FakeClock, signed_in: SignedIn, commit: int, *, written: bool
) -> None:
    subscriber = add(signed_in.api, "Killed")
    before = stored_keys(signed_in)
    clock.advance(timedelta(seconds=1))
    detail = {"made_before": clock.now().isoformat(), "tenant_id": signed_in.tenant_id}
    with pytest.raises(Killed):
        keep_keys(killed_at(services, commit=commit, written=written), {"detail": detail})
    assert name_of(client_of(another(services), signed_in), subscriber) == "Zainab Killed"

    for _ in range(2):
        keep_keys(another(services), {"detail": detail})

    after = stored_keys(signed_in)
    assert set(after) - set(before) == {"audit#0002", "op#0002"}
    assert after["root"].wrapped != before["root"].wrapped
    actions = [item["action"]["S"] for item in raw_items(services, f"{signed_in.tenant_id}#AUD#")]
    assert sum(action.startswith("keys.") for action in actions) == 3
    assert name_of(client_of(another(services), signed_in), subscriber) == "Zainab Killed"


def test_two_jobs_at_once_replace_each_key_once(
    services: EngineServices, clock: FakeClock, signed_in: SignedIn
) -> None:
    add(signed_in.api, "Twice")
    clock.advance(timedelta(seconds=1))
    jobs = [another(services) for _ in range(4)]
    together = threading.Barrier(len(jobs))
    failures: list[BaseException] = []

    def work(mine: EngineServices) -> None:
        together.wait()
        try:
            order_keys(mine, signed_in)
        except BaseException as error:  # noqa: BLE001 - told by the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    names = set(stored_keys(signed_in))
    assert {"op#0002", "audit#0002"} <= names
    assert not {"op#0003", "audit#0003"} & names


@pytest.mark.parametrize(
    ("detail", "refusal"),
    [
        ({"families": ["op"]}, InvalidRotationOrder),
        ({"made_before": "soon"}, InvalidRotationOrder),
        ({"made_before": "2041-05-15T06:00:00"}, InvalidRotationOrder),
        ({"made_before": "2141-05-15T06:00:00Z"}, InvalidRotationOrder),
        ({"made_before": "2041-05-15T05:00:00Z", "famlies": []}, InvalidRotationOrder),
        ({"made_before": "2041-05-15T05:00:00Z", "families": ["index"]}, InvalidKeyFamily),
    ],
)
def test_an_order_that_cannot_be_read_replaces_nothing(
    services: EngineServices, signed_in: SignedIn, detail: Item, refusal: type[Exception]
) -> None:
    before = set(stored_keys(signed_in))
    with pytest.raises(refusal):
        keep_keys(services, {"detail": {**detail, "tenant_id": signed_in.tenant_id}})
    assert set(stored_keys(signed_in)) == before


def test_an_order_for_a_tenant_that_is_not_there_does_not_end_green(services: EngineServices) -> None:
    detail = {"made_before": "2041-05-15T05:00:00Z", "tenant_id": "ten_01M3B1HBBCZZ5HHWDAGK48C96N"}
    with pytest.raises(InvalidRotationOrder, match="no such tenant"):
        keep_keys(services, {"detail": detail})


def test_a_tenant_whose_root_is_lost_stops_no_other(
    services: EngineServices, clock: FakeClock, signed_in: SignedIn, other_tenant: SignedIn
) -> None:
    for tenant in (signed_in, other_tenant):
        add(tenant.api, "Fine")
    lost = stored_keys(signed_in)["root"]
    lost.delete()
    clock.advance(timedelta(days=KEY_AGE_DAYS_MAX, seconds=1))
    try:
        with pytest.raises(PassIncomplete):
            keep_keys(another(services), {})
    finally:
        lost.save()
    assert "op#0002" in stored_keys(other_tenant)
    assert "op#0002" not in stored_keys(signed_in)
