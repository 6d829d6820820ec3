"""A tenant at its imports: over the API, the file store and the worker."""

from __future__ import annotations

import csv
import io
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from chalicelib.bootstrap import Services
from chalicelib.domain.subscribers import Subscriber
from chalicelib.jobs.imports import work_imports
from chalicelib.ports.store import SubscriberQuery
from tests.fakes.api_client import Reply
from tests.integration.conftest import SignedIn

# What the small files of the tests have: see ``people``.
COLUMNS = {"code": "id", "name": "name", "phone": "phone", "package": "plan", "price": "fee"}
HEADER = "id,name,phone,plan,fee"


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


def people(*rows: str) -> bytes:
    """Return a file with the usual header."""
    return "\n".join([HEADER, *rows, ""]).encode()


def mapping(start: date, **changes: object) -> dict[str, object]:
    """Return the mapping of the usual header."""
    return {"columns": COLUMNS, "defaults": {"start_date": start.isoformat()}, **changes}


def add_package(tenant: SignedIn, name: str, minor: int, currency: str = "PKR") -> str:
    """Add a monthly package to the catalogue."""
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


def all_subscribers(tenant: SignedIn, *, prefix: str | None = None) -> list[Subscriber]:
    """Read every subscriber whose code begins so, in the order of codes."""
    query = SubscriberQuery(archived=True, text=prefix)
    found: list[Subscriber] = []
    after = None
    while True:
        page = tenant.store.subscribers.list(query=query, limit=200, after=after)
        found += tenant.store.subscribers.many(subscriber_ids=[one.subscriber_id for one in page.items])
        after = page.after
        if after is None:
            return found
