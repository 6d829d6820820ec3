"""One measured billing run in a process of its own: ``python -m tests.bench.billing_run TENANT``.

Prints one JSON object: wall and client CPU seconds, write units, round trips and peak memory
of the first run, and the CPU of a second one.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from datetime import UTC, datetime
from typing import Any, Final

from chalicelib.bootstrap import Services, job_services
from chalicelib.domain.runs import RunShard
from chalicelib.jobs.collector import few_collections
from chalicelib.store.wire import DynamoWire, Json
from chalicelib.usecases.billing import ShardTask, plan_tenant, work_shard
from tests.bench.books import BILL_DAY, bench_tenant

AT: Final = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


class MeasuringWire:
    """Counts round trips and consumed write units of what passes."""

    def __init__(self, inner: DynamoWire) -> None:
        self._inner = inner
        self.round_trips = 0
        self.write_units = 0.0
        self.index_write_units = 0.0

    def call(self, operation: str, body: Json) -> Json:
        """Pass the call on, asking for the capacity that writes consume."""
        self.round_trips += 1
        if operation == "TransactWriteItems":
            body = {**body, "ReturnConsumedCapacity": "INDEXES"}
        answer = self._inner.call(operation, body)
        for used in answer.get("ConsumedCapacity", []) if operation == "TransactWriteItems" else []:
            index = sum(
                part["CapacityUnits"]
                for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
                for part in used.get(kind, {}).values()
            )
            self.index_write_units += index
            self.write_units += used["CapacityUnits"] - index
        return answer


def run_all(services: Services, wire: DynamoWire, tenant_id: str) -> int:
    """Plan and work until nothing is left; return the shards worked on."""
    tenant = bench_tenant(tenant_id=tenant_id)
    store = services.stores.of(tenant_id=tenant_id)
    books = store.books(wire=wire)
    tasks = plan_tenant(tenant=tenant, store=store, at=AT)
    worked = 0
    while tasks:
        worked += 1
        with few_collections():
            following = work_shard(
                task=tasks[0],
                tenant=tenant,
                store=store,
                books=books,
                now=lambda: AT,
                out_of_time=lambda: False,
            )
        tasks = tasks[1:] + following
    return worked


def redeliver(services: Services, wire: DynamoWire, tenant_id: str) -> None:
    """What a duplicated schedule and a redelivered message do: plan again, work the shard again."""
    run_all(services, wire, tenant_id)
    store = services.stores.of(tenant_id=tenant_id)
    work_shard(
        task=ShardTask(tenant_id, BILL_DAY, RunShard(0, 255)),
        tenant=bench_tenant(tenant_id=tenant_id),
        store=store,
        books=store.books(wire=wire),
        now=lambda: AT,
        out_of_time=lambda: False,
    )


def _warm(services: Services, wire: MeasuringWire, tenant_id: str) -> None:
    """Make the clients and unwrap the keys: what a container does once and not once a run."""
    store = services.stores.of(tenant_id=tenant_id)
    store.keys.blind(kind="warm", value="up")
    store.billing_state()
    store.books(wire=wire).next_number(fiscal_year=1)
    wire.round_trips = 0


def main(tenant_id: str) -> dict[str, Any]:
    """Measure the tenant's run and its repetition."""
    services = job_services()
    wire = MeasuringWire(services.wire)
    _warm(services, wire, tenant_id)
    wall, cpu = time.perf_counter(), time.process_time()
    run_all(services, wire, tenant_id)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    trips, units, index_units = wire.round_trips, wire.write_units, wire.index_write_units
    again_wall, again_cpu = time.perf_counter(), time.process_time()
    redeliver(services, wire, tenant_id)
    again_wall, again_cpu = time.perf_counter() - again_wall, time.process_time() - again_cpu
    run = services.stores.of(tenant_id=tenant_id).runs.get(on=BILL_DAY)
    return {
        "invoices": run.invoices,
        "total": run.total,
        "wall_s": wall,
        "cpu_s": cpu,
        "round_trips": trips,
        "write_units": units,
        "index_write_units": index_units,
        "again_wall_s": again_wall,
        "again_cpu_s": again_cpu,
        "again_writes": wire.write_units - units,
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
