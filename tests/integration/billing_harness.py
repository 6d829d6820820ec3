"""Books to bill, ways to break the billing of them, and the whole of what a tenant's books say."""

from __future__ import annotations

import json
import os
import secrets
import signal
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.runs import BillingRun
from chalicelib.domain.tenants import Tenant
from chalicelib.store import keys
from chalicelib.store.register import register_ids
from chalicelib.store.wire import DynamoWire, Json
from chalicelib.usecases.billing import ShardTask, plan_tenant, work_shard
from tests.bench.books import BILL_DAY, bench_tenant, seed_books
from tests.integration.raw import raw_items

AT: Final = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
# What differs between two runs of the same books and is none of their meaning.
NOT_COMPARED: Final = frozenset({"at", "updated_at", "started_at", "completed_at", "who"})


@dataclass(frozen=True)
class Books:
    """One tenant's books on the engine."""

    services: Services
    tenant: Tenant

    def run(self, *, wire: DynamoWire | None = None, at: datetime = AT) -> None:
        """Plan and work until nothing is left, as the schedule and the queue do."""
        store = self.services.stores.of(tenant_id=self.tenant.tenant_id)
        books = store.books(wire=wire or self.services.wire)
        tasks = self.plan(at=at) or self.stalled(at=at)
        while tasks:
            tasks = tasks[1:] + work_shard(
                task=tasks[0],
                tenant=self.tenant,
                store=store,
                books=books,
                now=lambda: at,
                out_of_time=lambda: False,
                pause=lambda _seconds: None,
            )

    def plan(self, *, at: datetime = AT) -> list[ShardTask]:
        """Start what is due."""
        store = self.services.stores.of(tenant_id=self.tenant.tenant_id)
        return plan_tenant(tenant=self.tenant, store=store, at=at)

    def stalled(self, *, at: datetime) -> list[ShardTask]:
        """Return the unfinished shards of a started run: what the queue delivers again."""
        store = self.services.stores.of(tenant_id=self.tenant.tenant_id)
        state = store.billing_state()
        if state.started_through == state.completed_through:
            return []
        run = store.runs.get(on=state.started_through)
        return [ShardTask(self.tenant.tenant_id, run.on, one.shard) for one in run.shards]

    def raw_items(self) -> Iterator[Json]:
        """Yield every item of the tenant in the tenants table as DynamoDB JSON."""
        return raw_items(self.services, f"{self.tenant.tenant_id}#")

    def items(self) -> list[dict[str, Any]]:
        """Return every item of the tenant in the tenants table, in key order."""
        plain = [{name: _plain(value) for name, value in item.items()} for item in self.raw_items()]
        return sorted(plain, key=lambda item: (item["pk"], item["sk"]))

    def meaning(self) -> list[dict[str, Any]]:
        """Return the books without the tenant's name, times and nonces: equal books are equal.

        Audit entries have random keys and are left out.
        """
        mine = f"{self.tenant.tenant_id}#"
        return [
            {
                name: value.replace(mine, "") if isinstance(value, str) else value
                for name, value in item.items()
                if name not in NOT_COMPARED
            }
            for item in self.items()
            if "#AUD#" not in item["pk"]
        ]

    def audited(self) -> list[dict[str, Any]]:
        """Return what the audit entries of batches say, in the order of the numbers given."""
        tenant_keys = self.services.stores.of(tenant_id=self.tenant.tenant_id).keys
        entries = [item for item in self.items() if "#AUD#" in item["pk"]]
        return sorted(
            (
                json.loads(
                    tenant_keys.open(
                        family="audit",
                        place=f"tenants|{item['pk']}|{item['sk']}|details",
                        sealed=item["details"],
                    )
                )
                for item in entries
                if item["action"] == "invoices.issued"
            ),
            key=lambda told: int(told["first"]),
        )

    def invoices(self) -> list[dict[str, Any]]:
        """Return the invoice items in the order of their numbers."""
        return invoices_among(self.items())

    def registered(self) -> list[str]:
        """Return the invoice ids of the register, in the order of their numbers."""
        return registered_among(self.items())


# 1,649.00 + sales tax 19.5 % 321.56 + advance income tax 15 % on the sum 295.58 (Pakistan).
TAXED_TOTAL: Final = 226_614


def run_of(books: Books, on: date = BILL_DAY) -> BillingRun:
    """Return the run of a date."""
    return books.services.stores.of(tenant_id=books.tenant.tenant_id).runs.get(on=on)


def change_account(books: Books, pk: str, expression: str, values: dict[str, object]) -> None:
    """Update an account behind the platform's back."""
    books.services.wire.call(
        "UpdateItem",
        {
            "TableName": books.services.settings.tenants_table,
            "Key": {"pk": {"S": pk}, "sk": {"S": keys.ACCOUNT}},
            "UpdateExpression": expression,
            "ExpressionAttributeValues": values,
        },
    )


def new_books(
    services: Services, *, subscribers: int, on: date = BILL_DAY, taxed: bool = True, full: bool = False
) -> Books:
    """Write the books of a new tenant whose subscribers are all due on ``on``."""
    tenant = bench_tenant(tenant_id=f"ten_{secrets.token_hex(13).upper()}", taxed=taxed)
    tenant = replace(tenant, created_at=datetime(on.year, on.month, on.day, tzinfo=UTC))
    seed_books(services=services, tenant=tenant, subscribers=subscribers, on=on, full=full)
    return Books(services, tenant)


def invoices_among(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the invoice items in the order of their numbers."""
    found = [item for item in items if item["sk"].startswith("INV#") and "#A#" in item["pk"]]
    return sorted(found, key=lambda item: (item["fy"], item["n"]))


def registered_among(items: list[dict[str, Any]]) -> list[str]:
    """Return the invoice ids of the register, in the order of their numbers."""
    pages = [item for item in items if "#REG#INV#" in item["pk"]]
    return [one for page in pages for one in register_ids(page["e"])]


def assert_books_are_right(books: Books, *, invoices: int) -> list[dict[str, Any]]:
    """Numbers 1..n without a gap, each invoice registered once, balances equal to what was billed.

    Returns the invoice items in the order of their numbers.
    """
    items = books.items()
    issued = invoices_among(items)
    assert [item["n"] for item in issued] == list(range(1, invoices + 1))
    ids = [f"inv_{item['pk'].rpartition('#')[2]}-{item['sk'].removeprefix('INV#')}" for item in issued]
    assert registered_among(items) == ids
    owed: dict[str, int] = {}
    for item in issued:
        owed[item["pk"]] = owed.get(item["pk"], 0) + int(item["t"])
    balances = {item["pk"]: int(item["b"]) for item in items if item["sk"] == "ACCOUNT"}
    assert {pk: balance for pk, balance in balances.items() if balance} == owed
    assert_each_batch_is_audited(books, issued)
    return issued


def assert_each_batch_is_audited(books: Books, issued: list[dict[str, Any]]) -> None:
    """The audit entries of batches cover every number once, with what the invoices come to."""
    told = books.audited()
    numbers = [number for one in told for number in range(one["first"], one["first"] + one["count"])]
    assert numbers == list(range(1, len(issued) + 1))
    assert sum(one["net"] + one["tax"] for one in told) == sum(int(item["t"]) for item in issued)


def _plain(value: Json) -> Any:
    kind, inner = next(iter(value.items()))
    if kind == "N":
        return int(inner)
    if kind == "M":
        return {name: _plain(one) for name, one in inner.items()}
    if kind == "L":
        return [_plain(one) for one in inner]
    return b64decode(inner) if kind == "B" else inner


class KilledAt:
    """A wire whose process dies by SIGKILL at its n-th call, before it is sent or after it was done."""

    def __init__(self, inner: DynamoWire, *, call: int, sent: bool) -> None:
        self._inner = inner
        self._left = call
        self._sent = sent

    def call(self, operation: str, body: Json) -> Json:
        """Pass calls on until the n-th."""
        self._left -= 1
        if self._left == 0:
            if self._sent:
                self._inner.call(operation, body)
            os.kill(os.getpid(), signal.SIGKILL)
        return self._inner.call(operation, body)


class Counting:
    """Notes the calls that pass."""

    def __init__(self, inner: DynamoWire) -> None:
        self._inner = inner
        self.operations: list[str] = []

    def call(self, operation: str, body: Json) -> Json:
        """Pass the call on."""
        self.operations.append(operation)
        return self._inner.call(operation, body)


class LostAnswers:
    """A wire on which the answer to every write is lost once, so that the write is sent again."""

    def __init__(self, inner: DynamoWire) -> None:
        self._inner = inner

    def call(self, operation: str, body: Json) -> Json:
        """Do writes twice, as a client does that saw no answer."""
        if operation == "TransactWriteItems":
            self._inner.call(operation, body)
        return self._inner.call(operation, body)


class Meddling:
    """A wire that lets ``meddle`` run just before the first batch is written, or before ``each``."""

    def __init__(self, inner: DynamoWire, meddle: Callable[[], None], *, each: bool = False) -> None:
        self._inner = inner
        self._meddle = meddle
        self._each = each
        self._met = False

    def call(self, operation: str, body: Json) -> Json:
        """Pass the call on, after the meddling."""
        if operation == "TransactWriteItems" and (self._each or not self._met):
            self._met = True
            self._meddle()
        return self._inner.call(operation, body)
