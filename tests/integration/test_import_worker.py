"""The import worker as the queue sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.bootstrap import Services
from chalicelib.domain.imports import AT_WORK_MAX
from chalicelib.jobs import imports as jobs
from chalicelib.jobs.turns import LOOKS_MAX
from chalicelib.ports.services import QueueUnavailable
from chalicelib.store.base import StoreUnavailable
from chalicelib.usecases.import_batches import ImportTaken
from chalicelib.usecases.imports import STALLED_AFTER
from tests.fakes.clock import FakeClock
from tests.fakes.files import InMemoryQueue
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.endings import Ending
from tests.integration.importing import Importer, add_package, mapping, people
from tests.integration.shop import Shop

ROWS = people(*(f"C-{n},Name,0300-1234567,Home,{n}" for n in range(250)))


@pytest.fixture
def queue(services: EngineServices, monkeypatch: pytest.MonkeyPatch) -> InMemoryQueue:
    """The import queue, in the test's own hands."""
    queue = InMemoryQueue()
    monkeypatch.setitem(services.__dict__, "import_queue", queue)
    return queue


@pytest.fixture
def importer(services: EngineServices, signed_in: SignedIn) -> Importer:
    add_package(signed_in, "Home", 200_000)
    return Importer(services, signed_in)


@pytest.fixture
def started(importer: Importer, queue: InMemoryQueue) -> str:
    """A started import of 250 rows; its message is taken off the queue."""
    store, clock = importer.tenant.store, importer.services.clock
    start = store.profile().local_date(at=clock.now()) + timedelta(days=30)
    import_id = importer.upload(ROWS)
    assert importer.map(import_id, mapping(start)).status == 200
    assert importer.start(import_id).status == 202
    assert queue.sent == [{"tenant_id": importer.tenant.tenant_id, "import_id": import_id}]
    queue.sent.clear()
    return import_id


def deliver(services: Services, message: Mapping[str, Any], *, receives: int = 1) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": str(receives)}
    record = {"messageId": "m", "body": json.dumps(message), "attributes": attributes}
    return jobs.work_imports(services, {"Records": [record]})


def test_a_worker_out_of_time_hands_the_rest_to_a_new_message(
    importer: Importer, queue: InMemoryQueue, started: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "WORK_SECONDS_MAX", 0)
    messages: list[Mapping[str, Any]] = [{"tenant_id": importer.tenant.tenant_id, "import_id": started}]

    read = []
    while messages:
        assert deliver(importer.services, messages.pop()) == {"batchItemFailures": []}
        read.append(importer.show(started)["progress"]["rows_read"])
        messages, queue.sent = queue.sent, []

    assert read == [100, 200, 250, 250]
    assert importer.show(started)["state"] == "succeeded"


def test_who_finds_another_worker_looks_again_later(
    importer: Importer, queue: InMemoryQueue, started: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(**_given: object) -> bool:
        raise ImportTaken("another worker is at this import")

    monkeypatch.setattr(jobs, "work_on_import", taken)
    message = {"tenant_id": importer.tenant.tenant_id, "import_id": started}

    assert deliver(importer.services, message) == {"batchItemFailures": []}
    assert queue.sent == [{**message, "looks": 1}]


def test_who_finds_another_worker_time_and_again_looks_no_more(
    importer: Importer, queue: InMemoryQueue, started: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(**_given: object) -> bool:
        raise ImportTaken("another worker is at this import")

    monkeypatch.setattr(jobs, "work_on_import", taken)
    messages: list[Mapping[str, Any]] = [{"tenant_id": importer.tenant.tenant_id, "import_id": started}]

    for _ in range(LOOKS_MAX + 1):
        assert deliver(importer.services, messages.pop()) == {"batchItemFailures": []}
        messages, queue.sent = queue.sent, []
    assert messages == []


def test_an_import_that_cannot_go_on_is_shown_and_can_be_started_again(
    importer: Importer, queue: InMemoryQueue, started: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_given: object) -> bool:
        raise StoreUnavailable("the database did not answer")

    message = {"tenant_id": importer.tenant.tenant_id, "import_id": started}
    failed = {"batchItemFailures": [{"itemIdentifier": "m"}]}
    with monkeypatch.context() as patched:
        patched.setattr(jobs, "work_on_import", away)
        assert deliver(importer.services, message, receives=4) == failed
        assert importer.show(started)["state"] == "queued"
        assert deliver(importer.services, message, receives=5) == failed
    shown = importer.show(started)
    assert (shown["state"], shown["failure"]["code"]) == ("failed", "internal_error")

    assert importer.start(started).json["state"] == "queued"
    assert deliver(importer.services, queue.sent[0]) == {"batchItemFailures": []}

    shown = importer.show(started)
    assert (shown["state"], shown["failure"], shown["progress"]["created"]) == ("succeeded", None, 250)


def test_a_start_whose_message_was_lost_can_be_made_again(
    importer: Importer, queue: InMemoryQueue, started: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(**_given: object) -> None:
        raise QueueUnavailable("the queue did not take the message")

    again = importer.upload(ROWS)
    importer.map(again, importer.show(started)["mapping"])
    with monkeypatch.context() as patched:
        patched.setattr(queue, "send", lost)
        assert importer.start(again).problem == (503, "queue_unavailable", None)
    assert importer.show(again)["state"] == "queued"

    assert importer.start(again).status == 202
    assert queue.sent == []
    clock = importer.services.clock
    assert isinstance(clock, FakeClock)
    clock.advance(STALLED_AFTER)

    assert [importer.start(again).status for _ in range(3)] == [202, 202, 202]

    assert queue.sent == [{"tenant_id": importer.tenant.tenant_id, "import_id": again}]


def test_an_import_whose_worker_died_can_be_started_again(
    importer: Importer, queue: InMemoryQueue, started: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = {"tenant_id": importer.tenant.tenant_id, "import_id": started}
    with monkeypatch.context() as patched:
        patched.setattr(jobs, "WORK_SECONDS_MAX", 0)
        deliver(importer.services, message)
    queue.sent.clear()

    assert importer.start(started).json["state"] == "running"
    assert queue.sent == []
    clock = importer.services.clock
    assert isinstance(clock, FakeClock)
    clock.advance(timedelta(minutes=3))
    assert importer.start(started).json["state"] == "running"

    assert queue.sent == [message]
    deliver(importer.services, message)
    assert importer.show(started)["progress"]["created"] == 250


def test_so_many_imports_are_at_work_and_no_more(
    importer: Importer, queue: InMemoryQueue, started: str
) -> None:
    how = importer.show(started)["mapping"]
    ids = [importer.upload(people("C-1,Name,0300-1234567,Home,1")) for _ in range(AT_WORK_MAX)]
    for one in ids:
        assert importer.map(one, how).status == 200
    *others, last = ids

    assert {importer.start(one).status for one in others} == {202}
    assert importer.start(last).problem == (409, "too_many_imports", None)
    assert importer.start(started).status == 202
    assert importer.work(started) == {"batchItemFailures": []}

    assert importer.start(last).status == 202
    assert importer.tenant.store.imports.count_at_work() == AT_WORK_MAX
    for one in ids:
        assert importer.work(one) == {"batchItemFailures": []}
    assert importer.tenant.store.imports.count_at_work() == 0


def test_a_list_leaves_the_mapping_out(importer: Importer, started: str) -> None:
    listed = importer.tenant.api.get("/v1/imports").json["items"]

    assert [one["import_id"] for one in listed] == [started]
    assert "mapping" not in listed[0]
    assert importer.show(started)["mapping"]["columns"]["code"] == "id"


@pytest.mark.parametrize("columns", [{"code": "id", "name": " "}, {"code": " "}])
def test_a_blank_column_is_refused_and_the_list_is_still_shown(
    columns: dict[str, str], importer: Importer
) -> None:
    import_id = importer.upload(b"id,\nC-1,x\n")

    assert importer.map(import_id, {"columns": columns}).status == 422
    assert importer.tenant.api.get("/v1/imports").status == 200
    assert importer.map(import_id, {"columns": {"code": " id "}}).json["mapping"]["columns"]["code"] == "id"


def test_long_cells_make_reports_and_stop_nothing(importer: Importer) -> None:
    today = importer.tenant.store.profile().local_date(at=importer.services.clock.now())
    data = people(*(f"L-{n},Name,0300-1234567,Home,{'9' * 60_000}" for n in range(60)), "L-X,Name,,Home,1")

    done = importer.run(data, mapping(today + timedelta(days=3)))

    assert (done["state"], done["progress"]["created"]) == ("succeeded", 1)
    assert done["progress"]["failed"] == {"invalid_amount": 60}
    assert max(len(row["message"]) for row in importer.report(done["import_id"])) < 200


def test_an_import_whose_companys_account_has_ended_stops_and_goes_on_when_it_is_back(
    importer: Importer, started: str, services: EngineServices
) -> None:
    message = {"tenant_id": importer.tenant.tenant_id, "import_id": started}
    ending = Ending(Shop(importer.tenant, services), services)
    ending.cancel()

    deliver(services, message)

    shown = importer.show(started)
    assert (shown["state"], shown["failure"]["code"]) == ("failed", "tenant_in_recovery")
    assert shown["progress"]["created"] == 0
    assert importer.tenant.api.post("/v1/tenant/recovery").status == 200
    assert importer.start(started).status == 202
    deliver(services, message)
    assert importer.show(started)["progress"]["created"] == 250
