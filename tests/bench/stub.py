"""The product's own speed: a billing run against a database that answers at once, on one core.

``python -m tests.bench.stub SUBSCRIBERS [plain]`` prints invoices per second and CPU per invoice,
with the full rules (two lines, two taxes, a jurisdiction, discounts) or plain. What is measured
is everything this side of the socket: rules, encryption, signatures, JSON. The stand-in holds
the due list and the accounts as bytes and accepts every transaction.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import orjson
import urllib3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chalicelib.adapters.ids import UlidIds
from chalicelib.config import RUN_PATIENCE
from chalicelib.crypto.keyring import TenantKeys, WrappedKey
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.runs import RunShard, ShardProgress
from chalicelib.domain.safety_bounds import default_invoice_limit
from chalicelib.domain.tenants import Tenant
from chalicelib.jobs.collector import few_collections
from chalicelib.store.billing import DynamoBillingBooks
from chalicelib.store.runs import DynamoRuns
from chalicelib.store.wire import HttpWire
from chalicelib.usecases.billing_shard import ShardRun, bill_shard
from tests.bench.books import (
    BILL_DAY,
    accounts_and_pointers,
    bench_packages,
    bench_tenant,
)

SHARD: Final = RunShard(0, 255)
TABLE: Final = "tenants"
KEYS_PER_PAGE: Final = 10_000


class MemoryKeys:
    """Wrapped keys in a dictionary."""

    def __init__(self) -> None:
        self._kept: dict[str, WrappedKey] = {}

    def load(self, *, tenant_id: str) -> dict[str, WrappedKey]:
        """Return every wrapped key."""
        return dict(self._kept)

    def add(self, *, tenant_id: str, name: str, key: WrappedKey) -> WrappedKey:
        """Keep the first key of a name."""
        return self._kept.setdefault(name, key)

    def remove(self, *, tenant_id: str) -> None:
        """Forget them all."""
        self._kept.clear()


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    data: bytes
    status: int = 200


class StubPool:
    """Answers DynamoDB's requests from memory; transactions are counted, not kept."""

    def __init__(self, items: Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]) -> None:
        self._accounts: dict[str, bytes] = {}
        due: list[str] = []
        for item, pointers in items:
            self._accounts[item["pk"]["S"]] = orjson.dumps(item)
            due += [pointer["sk"]["S"] for pointer in pointers]
        self._bucket = pointers[0]["pk"]["S"]
        self._due = sorted(due)
        self.transactions = 0

    def request(
        self, method: str, url: str, *, body: bytes, headers: dict[str, str], timeout: urllib3.Timeout
    ) -> Answer:
        """Answer one request."""
        operation = headers["X-Amz-Target"].rpartition(".")[2]
        if operation == "TransactWriteItems":
            self.transactions += 1
            return Answer(b"{}")
        if operation == "GetItem":
            return Answer(b"{}")
        asked = orjson.loads(body)
        if operation == "BatchGetItem":
            wanted = asked["RequestItems"][TABLE]["Keys"]
            found = b",".join(self._accounts[key["pk"]["S"]] for key in wanted)
            return Answer(b'{"Responses":{"%s":[%s]}}' % (TABLE.encode(), found))
        return Answer(orjson.dumps(self._page(asked)))

    def _page(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["ExpressionAttributeValues"][":p"]["S"] != self._bucket:
            return {"Items": []}
        start = int(asked.get("ExclusiveStartKey", {}).get("at", 0))
        page = self._due[start : start + KEYS_PER_PAGE]
        answer: dict[str, Any] = {"Items": [{"sk": {"S": sort}} for sort in page]}
        if start + KEYS_PER_PAGE < len(self._due):
            answer["LastEvaluatedKey"] = {"at": start + KEYS_PER_PAGE}
        return answer


class FixedClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Return noon of the bill day."""
        return datetime(2026, 11, 1, 12, tzinfo=UTC)


class MemoryRuns(DynamoRuns):
    """The run ledger of one shard that has not begun."""

    def __init__(self, *, tenant_id: str, clock: FixedClock) -> None:
        self._tenant_id = tenant_id
        self._clock = clock

    def progress(self, *, on: date, shard: RunShard) -> ShardProgress:
        """Return the beginning."""
        return ShardProgress(shard=shard)


def stub_run(*, subscribers: int, full: bool = True) -> tuple[ShardRun, StubPool]:
    """Return a run over so many accounts, all due, and the stand-in it talks to."""
    tenant = bench_tenant(tenant_id="ten_00000000000000000000000000")
    keys = TenantKeys(tenant.tenant_id, AESGCM(os.urandom(32)), MemoryKeys(), {})
    pool = StubPool(
        accounts_and_pointers(tenant.tenant_id, keys, subscribers=subscribers, on=BILL_DAY, full=full)
    )
    os.environ.update(AWS_ACCESS_KEY_ID="stub", AWS_SECRET_ACCESS_KEY="stub")
    clock = FixedClock()
    books = DynamoBillingBooks(
        tenant_id=tenant.tenant_id,
        table=TABLE,
        wire=HttpWire(
            region="us-east-1", endpoint_url="http://stub.invalid", patience=RUN_PATIENCE, pool=pool
        ),
        tenant_keys=keys,
        runs=MemoryRuns(tenant_id=tenant.tenant_id, clock=clock),
        clock=clock,
        ids=UlidIds(clock=clock),
    )
    return _shard_run(tenant, books), pool


def _shard_run(tenant: Tenant, books: DynamoBillingBooks) -> ShardRun:
    packages = bench_packages(tenant=tenant)
    return ShardRun(
        tenant=tenant,
        on=BILL_DAY,
        shard=SHARD,
        books=books,
        catalogue=Catalogue(
            packages={package.package_id: package for package in packages},
            tax_groups={group.code: group for group in tenant.tax_groups},
            invoice_limit=default_invoice_limit(packages=packages, currency=tenant.currency),
        ),
        today=BILL_DAY,
        pause=lambda _: None,
        out_of_time=lambda: False,
    )


def measure(*, subscribers: int, full: bool = True) -> dict[str, float]:
    """Run once and return the figures."""
    run, pool = stub_run(subscribers=subscribers, full=full)
    wall, cpu = time.perf_counter(), time.process_time()
    with few_collections():
        progress = bill_shard(run=run)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert progress.invoices == subscribers, f"{progress.invoices} invoices"
    assert pool.transactions > subscribers // 48, "every batch was sent"
    return {"invoices_per_s": subscribers / wall, "client_cpu_us_per_invoice": cpu / subscribers * 1e6}


if __name__ == "__main__":
    print(json.dumps(measure(subscribers=int(sys.argv[1]), full="plain" not in sys.argv[2:])))
