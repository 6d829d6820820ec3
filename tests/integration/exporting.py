"""A tenant at its exports."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from chalicelib.bootstrap import Services
from chalicelib.jobs.exports import work_exports
from tests.integration.conftest import SignedIn
from tests.integration.importing import http_get


@dataclass(frozen=True)
class Exporter:
    """A tenant at its exports."""

    services: Services
    tenant: SignedIn

    def ask(self) -> str:
        """Ask for an export."""
        asked = self.tenant.api.post("/v1/exports")
        assert asked.status == 202, asked.text
        return str(asked.json["export_id"])

    def work(self, export_id: str, *, receives: int = 1) -> dict[str, Any]:
        """Do what the queue makes the worker do."""
        body = json.dumps({"tenant_id": self.tenant.tenant_id, "export_id": export_id})
        attributes = {"ApproximateReceiveCount": str(receives)}
        record = {"messageId": "m", "body": body, "attributes": attributes}
        return work_exports(self.services, {"Records": [record]})

    def show(self, export_id: str) -> dict[str, Any]:
        """Show an export."""
        found = self.tenant.api.get(f"/v1/exports/{export_id}")
        assert found.status == 200, found.text
        return dict(found.json)

    def download(self, export_id: str) -> bytes:
        """Download the archive."""
        found = self.tenant.api.get(f"/v1/exports/{export_id}/download")
        assert found.status == 200, found.text
        return http_get(found.json["url"])

    def run(self) -> tuple[dict[str, Any], zipfile.ZipFile]:
        """Ask, make, download."""
        export_id = self.ask()
        assert self.work(export_id) == {"batchItemFailures": []}
        data = self.download(export_id)
        shown = self.show(export_id)
        assert (shown["size_bytes"], shown["sha256"]) == (len(data), sha256(data).hexdigest())
        return shown, zipfile.ZipFile(io.BytesIO(data))
