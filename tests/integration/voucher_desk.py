"""An ISP that makes vouchers, and the worker that the queue would start."""

from __future__ import annotations

import csv
import io
import json
import secrets
from dataclasses import dataclass
from typing import Any

from chalicelib.jobs.exports import work_exports
from tests.fakes.api_client import ApiClient, Reply
from tests.integration.counter import pkr
from tests.integration.importing import http_get
from tests.integration.shop import Item, Shop, ok

LAST_DAY = "2041-06-30"


@dataclass
class VoucherDesk:
    """The staff that makes vouchers."""

    shop: Shop

    def ask(self, count: int, **changes: object) -> Reply:
        """Ask for a batch worth 500.00 each."""
        worth = {} if "package_id" in changes else {"value": pkr(50_000)}
        body = {"count": count, "expires_on": LAST_DAY, **worth, **changes}
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        return self.shop.tenant.api.post("/v1/voucher-batches", json=body, headers=headers)

    def batch(self, count: int, **changes: object) -> Item:
        """Have a batch made."""
        asked = self.ask(count, **changes)
        assert asked.status == 202, asked.text
        assert self.work(asked.json["batch_id"]) == []
        return self.show(asked.json["batch_id"])

    def work(self, batch_id: str, *, receives: int = 1) -> list[Any]:
        """Do what the queue makes the worker do; return what failed."""
        body = json.dumps({"tenant_id": self.shop.tenant.tenant_id, "voucher_batch_id": batch_id})
        attributes = {"ApproximateReceiveCount": str(receives)}
        record = {"messageId": "m", "body": body, "attributes": attributes}
        return list(work_exports(self.shop.services, {"Records": [record]})["batchItemFailures"])

    def show(self, batch_id: str) -> Item:
        """Show a batch."""
        return ok(self.shop.tenant.api.get(f"/v1/voucher-batches/{batch_id}"))

    def file(self, batch: Item, form: str) -> bytes:
        """Download a batch's codes."""
        path = f"/v1/voucher-batches/{batch['batch_id']}/codes?format={form}"
        return http_get(ok(self.shop.tenant.api.get(path))["url"])

    def codes(self, batch: Item) -> list[str]:
        """The codes of a batch in the order of their serial numbers."""
        rows = csv.DictReader(io.StringIO(self.file(batch, "csv").decode()))
        return [row["code"] for row in rows]

    def change(self, batch: Item, what: str, serial: str = "") -> Reply:
        """Make a batch, or one of its vouchers, ``void``; or undo it by ``reinstatement``."""
        part = f"/vouchers/{serial}" if serial else ""
        path = f"/v1/voucher-batches/{batch['batch_id']}{part}/{what}"
        return self.shop.tenant.api.post(path, json={"reason": "the sheets were lost"})


def redeem(api: ApiClient, path: str, code: str, key: str | None = None, **changes: object) -> Reply:
    """Redeem a code under a subscriber's path, or the portal's."""
    headers = {"Idempotency-Key": key or secrets.token_hex(8)}
    return api.post(f"{path}/voucher-redemptions", json={"code": code, **changes}, headers=headers)
