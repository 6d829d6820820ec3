"""Purges on an engine of their own: ``python -m tests.bench.purges [SUBSCRIBERS]``.

Imports subscribers with contact data, bills them once, and lets the hours' passes purge the company.
Prints one JSON object: subscribers a second and client CPU of the passes that delete, how many they
were, and how long the rest took.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.tenants import Ending, TenantState
from chalicelib.jobs.endings import keep_tenants
from chalicelib.local.ending_steps import MovedClock
from tests.bench.engine import bench
from tests.bench.files import COLUMNS, bill, csv_file, import_file, tenant_of

SUBSCRIBERS_DEFAULT: Final = 5_000
# A purge stops first, and deletes an hour later: the longest worker has ended by then.
HOUR: Final = timedelta(hours=1)


def main() -> None:
    """Measure, and print."""
    subscribers = int(sys.argv[1]) if len(sys.argv) > 1 else SUBSCRIBERS_DEFAULT
    clock = MovedClock()
    with bench(clock=clock) as measured:
        print(json.dumps(measure(measured.services, clock, subscribers), indent=2))


def measure(services: Services, clock: MovedClock, subscribers: int) -> dict[str, Any]:
    """Return the figures."""
    tenant, fields = tenant_of(services, 1), tuple(COLUMNS)
    import_file(services, tenant, csv_file(subscribers, fields), fields)
    bill(services, tenant)
    store = services.stores.of(tenant_id=tenant.tenant_id)
    before = store.profile()
    ended = replace(before, state=TenantState.PURGING, ending=Ending(clock.now(), clock.now()))
    store.commit(*store.life.move(before=before, after=ended))
    passes: list[tuple[float, float]] = []
    while store.profile().state is TenantState.PURGING:
        wall, cpu = time.perf_counter(), time.process_time()
        keep_tenants(services, {"detail": {"tenant_id": tenant.tenant_id}})
        passes.append((time.perf_counter() - wall, time.process_time() - cpu))
        clock.ahead += HOUR
    # The first pass stops everything, and the last seals the audit log.
    (stopping, _), *deleting, (sealing, _) = passes
    return {
        "subscribers": subscribers,
        "passes_that_delete": len(deleting),
        "subscribers_per_s": round(subscribers / sum(wall for wall, _ in deleting)),
        "client_cpu_ms_per_subscriber": round(sum(cpu for _, cpu in deleting) / subscribers * 1e3, 2),
        "stop_s": round(stopping, 1),
        "seal_s": round(sealing, 1),
    }


if __name__ == "__main__":
    main()
