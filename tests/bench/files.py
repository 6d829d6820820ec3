"""Imports and exports on an engine of their own: ``python -m tests.bench.files [ROWS]``.

Prints one JSON object: rows a second and client CPU of an import of plain rows (code,
package, price), of rows with contact data, of the same file again, and of an export of what
was imported and billed; and the most memory that the process took.
"""

from __future__ import annotations

import itertools
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

from chalicelib.adapters.clock import SystemClock
from chalicelib.bootstrap import Services
from chalicelib.domain.exports import EXPORTED
from chalicelib.domain.import_mapping import ImportDefaults, ImportField, ImportMapping
from chalicelib.domain.money import Money
from chalicelib.domain.packages import Package, PackageState
from chalicelib.domain.periods import NAMED_CYCLES, BillingTiming
from chalicelib.domain.tenants import Tenant
from chalicelib.jobs.exports import records_of
from chalicelib.ports.store import AuditNote
from chalicelib.usecases.billing import plan_tenant, work_shard
from chalicelib.usecases.export_work import ExportWork, make_export
from chalicelib.usecases.exports import create_export
from chalicelib.usecases.import_batches import ImportWork
from chalicelib.usecases.import_work import work_on_import
from chalicelib.usecases.imports import create_import, map_import, start_import
from tests.bench.books import bench_tenant
from tests.bench.engine import bench

ROWS_DEFAULT: Final = 5_000
F = ImportField
COLUMNS: Final = {
    F.CODE: "code",
    F.PACKAGE: "package",
    F.PRICE: "price",
    F.NAME: "name",
    F.PHONE: "phone",
    F.EMAIL: "email",
    F.NATIONAL_ID: "cnic",
    F.ADDRESS: "address",
}
PLAIN: Final = (F.CODE, F.PACKAGE, F.PRICE)


def main() -> None:
    """Measure, and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS_DEFAULT
    with bench(clock=SystemClock()) as measured:
        print(json.dumps(measure(measured.services, rows), indent=2))


def measure(services: Services, rows: int) -> dict[str, Any]:
    """Return the figures."""
    plain, rich = (tenant_of(services, number) for number in (1, 2))
    found = {
        "import_plain": import_file(services, plain, csv_file(rows, PLAIN), PLAIN),
        "import_again": import_file(services, plain, csv_file(rows, PLAIN), PLAIN),
        "import_contacts": import_file(services, rich, csv_file(rows, tuple(COLUMNS)), tuple(COLUMNS)),
    }
    bill(services, rich)
    found["export"] = _export(services, rich)
    figures: dict[str, Any] = {
        name: {"rows_per_s": round(rows / wall), "client_cpu_us_per_row": round(cpu / rows * 1e6)}
        for name, (wall, cpu) in found.items()
    }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"rows": rows, **figures, "peak_memory_mib": peak}


def tenant_of(services: Services, number: int) -> Tenant:
    """Register a tenant with one package."""
    now = services.clock.now()
    tenant = replace(bench_tenant(tenant_id=f"ten_{number:026d}", taxed=False), created_at=now)
    store = services.stores.of(tenant_id=tenant.tenant_id)
    package = Package(
        package_id=services.ids.new(prefix="pkg"),
        name="Home",
        price=Money(164_900, tenant.currency),
        cycle=NAMED_CYCLES["month"],
        timing=BillingTiming.ADVANCE,
        download_kbps=20_000,
        upload_kbps=10_000,
        tax_group=None,
        state=PackageState.ACTIVE,
        version=1,
        created_at=now,
    )
    yesterday = tenant.local_date(at=now) - timedelta(days=1)
    store.commit(
        *services.tenants.hold(tenant=tenant, until=now + timedelta(days=1), owner_id="", digest=""),
        *store.packages.add(package=package),
        store.start_billing(completed_through=yesterday),
    )
    return tenant


def csv_file(rows: int, fields: tuple[ImportField, ...]) -> bytes:
    """Return a file of so many rows with these columns."""

    def lines() -> Iterator[str]:
        yield ",".join(COLUMNS[name] for name in fields)
        for n in range(rows):
            cells = {
                F.CODE: f"C-{n:06d}",
                F.PACKAGE: "Home",
                F.PRICE: f"{1000 + n % 500}.50",
                F.NAME: f"Muhammad Ali Khan {n}",
                F.PHONE: f"0300-{n:07d}",
                F.EMAIL: f"user{n}@example.com",
                F.NATIONAL_ID: f"42301-{n:07d}-1",
                F.ADDRESS: f'"House {n}, Street 5, Gulberg III, Lahore"',
            }
            yield ",".join(cells[name] for name in fields)

    return "\n".join(itertools.chain(lines(), [""])).encode()


def _timed(job: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    job()
    return time.perf_counter() - wall, time.process_time() - cpu


def _note(services: Services, object_id: str) -> AuditNote:
    return AuditNote(actor_id="stf_bench", action="bench", object_id=object_id, at=services.clock.now())


def import_file(
    services: Services, tenant: Tenant, data: bytes, fields: tuple[ImportField, ...]
) -> tuple[float, float]:
    """Import a file; return seconds of wall and of client CPU."""
    store, now = services.stores.of(tenant_id=tenant.tenant_id), services.clock.now()
    import_id = services.ids.new(prefix="imp")
    note = _note(services, import_id)
    blobs = services.blobs
    size = len(data)
    create_import(
        store=store, blobs=blobs, import_id=import_id, file_name="x.csv", size_bytes=size, at=now, note=note
    )
    key = f"imports/{tenant.tenant_id}/{import_id}/upload.csv"
    blobs.write(key=key, chunks=[data], content_type="text/csv")
    mapping = ImportMapping(
        columns={name: COLUMNS[name] for name in fields},
        defaults=ImportDefaults(start_date=tenant.local_date(at=now)),
    )
    map_import(store=store, blobs=blobs, import_id=import_id, mapping=mapping, at=now, note=note)
    queue = services.import_queue
    start_import(store=store, blobs=blobs, queue=queue, import_id=import_id, at=now, note=note)
    work = ImportWork(
        stores=services.stores,
        blobs=blobs,
        ids=services.ids,
        now=services.clock.now,
        pause=time.sleep,
        out_of_time=lambda: False,
    )
    return _timed(lambda: work_on_import(work=work, tenant_id=tenant.tenant_id, import_id=import_id))


def bill(services: Services, tenant: Tenant) -> None:
    """Bill what is due tomorrow."""
    store, at = services.stores.of(tenant_id=tenant.tenant_id), services.clock.now() + timedelta(days=1)
    active = replace(tenant, billing_hour=0)
    tasks = plan_tenant(tenant=active, store=store, at=at)
    while tasks:
        books = store.books(wire=services.wire)
        tasks = tasks[1:] + work_shard(
            task=tasks[0], tenant=active, store=store, books=books, now=lambda: at, out_of_time=lambda: False
        )


def _export(services: Services, tenant: Tenant) -> tuple[float, float]:
    """Export everything; return seconds of wall and of client CPU."""
    store, now = services.stores.of(tenant_id=tenant.tenant_id), services.clock.now()
    export_id = services.ids.new(prefix="exp")
    note = _note(services, export_id)
    create_export(
        store=store,
        queue=services.export_queue,
        export_id=export_id,
        permissions=EXPORTED,
        at=now,
        note=note,
    )
    work = ExportWork(
        stores=services.stores,
        blobs=services.blobs,
        now=services.clock.now,
        scratch=tempfile.TemporaryFile,
        records=partial(records_of, services),
        out_of_time_to_read=lambda: False,
        out_of_time=lambda: False,
    )
    return _timed(lambda: make_export(work=work, tenant_id=tenant.tenant_id, export_id=export_id))


if __name__ == "__main__":
    main()
