"""The Telco sample, imported over the API and billed: each of its figures, whatever happens.

The books are imported once. Each way of breaking a run then works on a copy of them as another
tenant: the accounts, the catalogue and what is due (the people stay sealed for their own).
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.runs import RunState
from chalicelib.domain.tenants import Tenant
from chalicelib.jobs.billing import work_billing
from chalicelib.store.invoices import decode_lines
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.billing_harness import Books, assert_books_are_right
from tests.integration.conftest import EngineServices, SignedIn, sign_up_and_in
from tests.integration.importing import Importer, add_package
from tests.sample import PATH, SUBSCRIBERS, TOTAL_MINOR, needs_sample, telco_mapping

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("#PKG", "#BILLING", "#DUE#")
WRITES_PER_CALL = 25

# What the rehearsal of the imported books came to, for the run to be compared with.
REHEARSED: dict[str, Any] = {}

pytestmark = needs_sample


@pytest.fixture(scope="module")
def imported(gateway: Any, engine_services: EngineServices) -> tuple[SignedIn, Tenant, date]:
    """The sample's tenant, imported with every subscription starting today."""
    clock = engine_services.clock
    assert isinstance(clock, FakeClock)
    clock.set(datetime.now(UTC))
    isp = sign_up_and_in(
        ApiClient(gateway), engine_services, currency="USD", country="US", time_zone="America/New_York"
    )
    add_package(isp, "Fiber optic", 8_000, "USD")
    add_package(isp, "DSL", 5_000, "USD")
    tenant = isp.store.profile()
    today = tenant.local_date(at=clock.now())
    done = Importer(engine_services, isp).run(PATH.read_bytes(), telco_mapping(starts_on=today.isoformat()))
    assert done["progress"]["created"] == SUBSCRIBERS, done
    return isp, tenant, today


@pytest.fixture
def copy(imported: tuple[SignedIn, Tenant, date], engine_services: EngineServices) -> Books:
    """The imported books as those of another tenant, not billed yet."""
    tenant = imported[1]
    wire, table = engine_services.wire, engine_services.settings.tenants_table
    other = replace(tenant, tenant_id=f"ten_{secrets.token_hex(13).upper()}")
    items = _copies(Books(engine_services, tenant), other.tenant_id)
    while batch := list(islice(items, WRITES_PER_CALL)):
        wire.call(
            "BatchWriteItem", {"RequestItems": {table: [{"PutRequest": {"Item": one}} for one in batch]}}
        )
    return Books(engine_services, other)


def _copies(books: Books, tenant_id: str) -> Iterator[dict[str, Any]]:
    """Yield the items that billing reads, as another tenant's and as they were before any run."""
    mine = books.tenant.tenant_id
    for item in books.raw_items():
        pk, sk = item["pk"]["S"], item["sk"]["S"]
        if sk == "ACCOUNT" or any(part in pk for part in COPIED):
            yield {**item, "pk": {"S": pk.replace(mine, tenant_id)}}


def packages_billed(books: Books) -> dict[str, tuple[int, int]]:
    """Return how many lines of each package were invoiced, and what they come to."""
    found: dict[str, tuple[int, int]] = {}
    for item in books.invoices():
        for line in decode_lines(item["l"]):
            count, total = found.get(line.package_id, (0, 0))
            found[line.package_id] = count + 1, total + line.total
    return found


def standing(books: Books) -> list[dict[str, Any]]:
    """The items as they lie there, without jobs and audit entries."""
    return [
        one for one in books.raw_items() if "#JOB#" not in one["pk"]["S"] and "#AUD#" not in one["pk"]["S"]
    ]


def at_noon(on: date) -> datetime:
    """An instant of the date in New York at which its billing hour has come."""
    return datetime(on.year, on.month, on.day, 17, 0, tzinfo=UTC)


def assert_billed_right(books: Books, on: date) -> None:
    issued = assert_books_are_right(books, invoices=SUBSCRIBERS)
    assert sum(int(item["t"]) for item in issued) == TOTAL_MINOR
    run = books.services.stores.of(tenant_id=books.tenant.tenant_id).runs.get(on=on)
    assert (run.state, run.invoices, run.total) == (RunState.COMPLETED, SUBSCRIBERS, TOTAL_MINOR)


def test_two_runs_at_once_bill_nobody_twice(copy: Books, imported: tuple[SignedIn, Tenant, date]) -> None:
    on = imported[2]
    workers = [start_worker(copy, on) for _ in range(2)]

    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]

    assert_billed_right(copy, on)


def test_workers_killed_again_and_again_leave_the_same_books(
    copy: Books, imported: tuple[SignedIn, Tenant, date]
) -> None:
    """A worker is killed by SIGKILL at some moment of its work, time after time, and run again."""
    on = imported[2]
    chance = random.Random(7)
    killed = 0
    for _ in range(30):
        worker = start_worker(copy, on)
        worker.wait_for_work()
        time.sleep(chance.uniform(0.2, 1.0))  # the moment of death, not a wait for something
        worker.kill()
        if worker.wait(timeout=60) != -signal.SIGKILL:
            break
        killed += 1
    assert start_worker(copy, on).wait(timeout=120) == 0

    assert killed >= 3
    assert_billed_right(copy, on)


class Worker:
    """A process that bills a tenant's books as the queue's worker would, and says when it begins."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def wait_for_work(self) -> None:
        """Return when the worker is at its work."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "working\n"

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._process.kill()

    def wait(self, *, timeout: float) -> int:
        """Return its exit code."""
        self._process.communicate(timeout=timeout)
        return self._process.returncode


def start_worker(books: Books, on: date) -> Worker:
    assert isinstance(books.services, EngineServices)
    environment = {**os.environ, **books.services.environment}
    return Worker(
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.integration.billing_worker",
                books.tenant.tenant_id,
                at_noon(on).isoformat(),
            ],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
    )


def test_the_rehearsal_equals_the_run(
    imported: tuple[SignedIn, Tenant, date], engine_services: EngineServices
) -> None:
    """Before the sample is billed: as a job, for it is too large to be worked out while one waits."""
    isp, _, on = imported
    books = Books(engine_services, imported[1])
    before = standing(books)
    refused = isp.api.get(f"/v1/billing/rehearsal?through={on}")
    assert (refused.status, refused.json["code"]) == (409, "rehearsal_too_large")
    asked = isp.api.post("/v1/billing/rehearsals", json={"through": on.isoformat()})
    assert asked.status == 202, asked.text
    path = f"/v1/billing/rehearsals/{asked.json['rehearsal_id']}"
    assert isp.api.get(f"{path}/result").json["code"] == "rehearsal_not_ready"
    body = f'{{"tenant_id": "{isp.tenant_id}", "rehearsal_id": "{asked.json["rehearsal_id"]}"}}'
    assert work_billing(engine_services, {"Records": [{"messageId": "m", "body": body}]}) == {
        "batchItemFailures": []
    }
    assert isp.api.get(path).json["state"] == "succeeded"

    found = isp.api.get(f"{path}/result").json

    assert (found["first"], found["through"]) == (on.isoformat(), on.isoformat())
    assert (found["invoices"], found["total"]["amount"]) == (SUBSCRIBERS, TOTAL_MINOR)
    assert [(one["date"], one["count"]) for one in found["by_date"]] == [(on.isoformat(), SUBSCRIBERS)]
    assert (found["quarantined"], found["compared"]) == ([], None)
    assert standing(books) == before
    REHEARSED.update(found)


def test_one_run_bills_the_sample_and_a_second_nobody(
    imported: tuple[SignedIn, Tenant, date], engine_services: EngineServices
) -> None:
    """Last, for it bills the imported books themselves: over the API and the queue's message."""
    isp, tenant, on = imported
    clock = engine_services.clock
    assert isinstance(clock, FakeClock)
    clock.set(at_noon(on))
    try:
        assert isp.api.post("/v1/billing/runs").status == 202
        body = f'{{"tenant_id": "{tenant.tenant_id}", "on": "{on}", "first": 0, "last": 255}}'
        event = {"Records": [{"messageId": "m", "body": body}]}
        assert work_billing(engine_services, event) == {"batchItemFailures": []}

        books = Books(engine_services, tenant)
        assert_billed_right(books, on)
        shown = isp.api.get(f"/v1/billing/runs/{on}").json
        assert shown["total"] == {"amount": TOTAL_MINOR, "currency": "USD"}
        assert packages_billed(books) == {
            one["package_id"]: (one["count"], one["total"]["amount"]) for one in REHEARSED["by_package"]
        }
        before = list(books.raw_items())
        assert isp.api.post("/v1/billing/runs").status == 202
        assert work_billing(engine_services, event) == {"batchItemFailures": []}
        assert list(books.raw_items()) == before
    finally:
        clock.set(datetime.now(UTC))
