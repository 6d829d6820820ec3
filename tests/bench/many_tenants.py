"""Many tenants on one queue, in memory: whose turn comes when, and what planning costs.

``python -m tests.bench.many_tenants [TENANTS SUBSCRIBERS]`` bills them all beside one large
tenant that is planned first, and prints how long it takes and how long the others wait.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from chalicelib.domain.billing_state import BillingState
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.store import Page, TenantRegistry, TenantStore
from chalicelib.usecases.billing import plan_all, plan_tenant, shard_task, work_shard
from tests.bench.books import BILL_DAY, bench_account, bench_catalogue, bench_tenant
from tests.fakes.billing import InMemoryBooks, InMemoryRuns
from tests.fakes.files import InMemoryQueue

AT: Final = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
# Looked at before: as many as to be cut into the most shards.
LARGE: Final = 400_000


def tenant_books(*, number: int, subscribers: int, looked_at: int = 0) -> InMemoryBooks:
    """A tenant whose subscribers are all due on the bill day."""
    tenant = bench_tenant(tenant_id=f"ten_{number:026d}")
    before = BILL_DAY - timedelta(days=1)
    accounts = (bench_account(index=index, on=BILL_DAY) for index in range(subscribers))
    return InMemoryBooks(
        tenant=tenant,
        packages_sold=[bench_catalogue(tenant=tenant)],
        runs=InMemoryRuns(BillingState(before, before, looked_at)),
        kept={one.account_id: one for one in accounts},
    )


@dataclass
class Platform:
    """Tenants, their one queue and its workers; ``worked`` is each shard in the order of its turn."""

    books: dict[str, InMemoryBooks]
    queue: InMemoryQueue = field(default_factory=InMemoryQueue)
    worked: list[tuple[str, int]] = field(default_factory=list)

    def active(self, *, after: str | None, limit: int, turn: int = 0) -> Page[Tenant]:
        """List the tenants, the first made first."""
        start = int(after or 0)
        page = [one.tenant for one in self.books.values()][start : start + limit]
        return Page(tuple(page), str(start + limit) if start + limit < len(self.books) else None)

    def plan(self, *, at: datetime) -> int:
        """Make one pass of the planner; return the shards sent."""
        report = plan_all(
            registry=cast(TenantRegistry, self),
            plan=lambda tenant: plan_tenant(
                tenant=tenant, store=cast(TenantStore, self.books[tenant.tenant_id]), at=at
            ),
            queue=self.queue,
            at=at,
        )
        assert not report.failed, report.failed
        return report.sent

    def work(self, *, at: datetime) -> None:
        """Work on messages in the order in which they were sent, until there are none."""
        while self.queue.sent:
            task = shard_task(message=self.queue.sent.pop(0))
            books = self.books[task.tenant_id]
            self.worked.append((task.tenant_id, task.shard.first))
            following = work_shard(
                task=task,
                tenant=books.tenant,
                store=cast(TenantStore, books),
                books=books,
                now=lambda: at,
                out_of_time=lambda: False,
            )
            for one in following:
                self.queue.send(message=one.message())


def platform(*, tenants: int, subscribers: int, large: int) -> Platform:
    """A large tenant of so many subscribers, and others after it."""
    books = [tenant_books(number=0, subscribers=large, looked_at=LARGE)]
    books += [tenant_books(number=number, subscribers=subscribers) for number in range(1, tenants + 1)]
    return Platform({one.tenant.tenant_id: one for one in books})


def measure(*, tenants: int, subscribers: int) -> dict[str, Any]:
    """Bill them all, and return the figures."""
    made = platform(tenants=tenants, subscribers=subscribers, large=subscribers * 10)
    begun = time.process_time()
    shards = made.plan(at=AT)
    planned = time.process_time()
    made.work(at=AT)
    ended = time.process_time()
    invoices = sum(len(one.numbers) for one in made.books.values())
    assert invoices == subscribers * (tenants + 10), invoices
    return {
        "tenants": tenants + 1,
        "shards": shards,
        "invoices": invoices,
        "planning_cpu_s": round(planned - begun, 3),
        "billing_cpu_us_per_invoice": round((ended - planned) / invoices * 1e6, 1),
    }


if __name__ == "__main__":
    tenants, subscribers = (int(one) for one in (sys.argv[1:] or ["1000", "100"]))
    print(json.dumps(measure(tenants=tenants, subscribers=subscribers), indent=2))
