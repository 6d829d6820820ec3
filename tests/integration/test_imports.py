"""Imports over the API, the file store and the worker, on the engine."""

from __future__ import annotations

import csv
import io
import os
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from chalicelib.bootstrap import Services
from chalicelib.domain.money import Money
from chalicelib.jobs.imports import work_imports
from tests.fakes.api_client import Reply
from tests.integration.conftest import SignedIn, sign_up_and_in

SAMPLE = Path(
    os.environ.get("ISPBILLING_SAMPLE_CSV")
    or Path(__file__).parents[3] / "shared" / "data" / "telco-customer-churn.csv"
)


def http_put(url: str, data: bytes, headers: Mapping[str, str]) -> int:
    request = urllib.request.Request(url, data=data, method="PUT", headers=dict(headers))
    with urllib.request.urlopen(request, timeout=60) as response:
        return int(response.status)


def http_get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as response:
        data: bytes = response.read()
        return data


@dataclass(frozen=True)
class Importer:
    """A tenant at its imports."""

    services: Services
    tenant: SignedIn

    def upload(self, data: bytes) -> str:
        """Ask for an import and upload the file; return the import's id."""
        asked = self.tenant.api.post("/v1/imports", json={"file_name": "x.csv", "size_bytes": len(data)})
        assert asked.status == 201, asked.text
        upload = asked.json["upload"]
        assert http_put(upload["url"], data, upload["headers"]) == 200
        return str(asked.json["import_id"])

    def map(self, import_id: str, mapping: Mapping[str, object]) -> Reply:
        """Map the columns."""
        return self.tenant.api.put(f"/v1/imports/{import_id}/mapping", json=mapping)

    def start(self, import_id: str) -> Reply:
        """Start."""
        return self.tenant.api.post(f"/v1/imports/{import_id}/start")

    def work(self, import_id: str) -> dict[str, Any]:
        """Do what the queue makes the worker do."""
        body = f'{{"tenant_id": "{self.tenant.tenant_id}", "import_id": "{import_id}"}}'
        return work_imports(self.services, {"Records": [{"messageId": "m", "body": body}]})

    def show(self, import_id: str) -> dict[str, Any]:
        """Show the import."""
        found = self.tenant.api.get(f"/v1/imports/{import_id}")
        assert found.status == 200, found.text
        return dict(found.json)

    def run(self, data: bytes, mapping: Mapping[str, object]) -> dict[str, Any]:
        """Import a file from upload to end; return the import."""
        import_id = self.upload(data)
        mapped = self.map(import_id, mapping)
        assert mapped.status == 200, mapped.text
        assert self.start(import_id).status == 202
        assert self.work(import_id) == {"batchItemFailures": []}
        return self.show(import_id)

    def report(self, import_id: str) -> list[dict[str, str]]:
        """Download the report."""
        found = self.tenant.api.get(f"/v1/imports/{import_id}/errors")
        assert found.status == 200, found.text
        text = http_get(found.json["url"]).decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def importer(services: Services, signed_in: SignedIn) -> Importer:
    add_package(signed_in, "Home 10 MB", 200_000)
    return Importer(services, signed_in)


def add_package(tenant: SignedIn, name: str, minor: int, currency: str = "PKR") -> str:
    made = tenant.api.post(
        "/v1/packages",
        json={
            "name": name,
            "price": {"amount": minor, "currency": currency},
            "cycle": "month",
            "download_kbps": 10_000,
            "upload_kbps": 10_000,
        },
    )
    assert made.status == 201, made.text
    return str(made.json["package_id"])


def today(tenant: SignedIn, services: Services) -> date:
    return tenant.store.profile().local_date(at=services.clock.now())


@pytest.mark.skipif(not SAMPLE.exists(), reason=f"the Telco sample is not at {SAMPLE}")
def test_the_telco_sample_imports_to_the_figures_that_it_has(api: Any, services: Services) -> None:
    tenant = sign_up_and_in(api, services, currency="USD", country="US", time_zone="America/New_York")
    fiber = add_package(tenant, "Fiber optic", 8_000, "USD")
    dsl = add_package(tenant, "DSL", 5_000, "USD")
    importer = Importer(services, tenant)
    start = today(tenant, services)

    done = importer.run(
        SAMPLE.read_bytes(),
        {
            "columns": {"code": "customerID", "package": "InternetService", "price": "MonthlyCharges"},
            "defaults": {"start_date": start.isoformat()},
            "skip_when": [{"column": "InternetService", "values": ["No"], "reason": "no internet service"}],
        },
    )

    assert done["state"] == "succeeded", done
    assert done["progress"] == {
        "rows_read": 7_043,
        "created": 5_517,
        "existing": 0,
        "skipped": {"no internet service": 1_526},
        "failed": {},
        "skipped_total": 1_526,
        "failed_total": 0,
        "bytes_done": SAMPLE.stat().st_size,
        "bytes_total": SAMPLE.stat().st_size,
    }
    report = importer.report(done["import_id"])
    assert len(report) == 1_526
    assert {(row["outcome"], row["message"]) for row in report} == {("skipped", "no internet service")}
    subscriptions = [sub for one in all_subscribers(tenant) for sub in one.account.subscriptions]
    assert len(subscriptions) == 5_517
    total = Money(sum(sub.price_override or 0 for sub in subscriptions), "USD")
    assert str(total) == "423949.75 USD"
    assert [sum(sub.package_id == one for sub in subscriptions) for one in (fiber, dsl)] == [3_096, 2_421]
    assert {sub.starts_on for sub in subscriptions} == {start}


def all_subscribers(tenant: SignedIn) -> list[Any]:
    from chalicelib.ports.store import SubscriberQuery

    found: list[Any] = []
    after = None
    while True:
        page = tenant.store.subscribers.list(query=SubscriberQuery(archived=True), limit=200, after=after)
        found += tenant.store.subscribers.many(subscriber_ids=[one.subscriber_id for one in page.items])
        after = page.after
        if after is None:
            return found
