"""Bills one tenant's books in a process of its own: ``python -m tests.integration.billing_worker``.

Arguments: the tenant, and the instant that it is. Says ``working`` when it begins.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from chalicelib.adapters.clock import SystemClock
from chalicelib.bootstrap import Services
from chalicelib.config import Settings
from chalicelib.domain.tenants import Tenant, TenantState
from chalicelib.usecases.billing_shard import ShardTaken
from tests.integration.billing_harness import Books


def main() -> int:
    """Plan and work until nothing is left; another's shard is left to the other, and taken up after."""
    tenant_id, at = sys.argv[1], datetime.fromisoformat(sys.argv[2])
    services = Services(settings=Settings.from_env(), clock=SystemClock())
    books = Books(services, _tenant(tenant_id))
    print("working", flush=True)
    for _ in range(200):
        try:
            books.run(at=at)
        except ShardTaken:
            continue
        return 0
    return 1


def _tenant(tenant_id: str) -> Tenant:
    """The copied books' tenant: what billing asks of it."""
    return Tenant(
        tenant_id=tenant_id,
        company="Telco",
        subdomain="telco",
        country="US",
        currency="USD",
        time_zone="America/New_York",
        fiscal_year_start_month=7,
        state=TenantState.ACTIVE,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


if __name__ == "__main__":
    sys.exit(main())
