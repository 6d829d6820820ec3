"""The tenants that a schedule's pass looks at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from chalicelib.bootstrap import Services
from chalicelib.domain.tenants import Tenant
from chalicelib.usecases.billing import TENANTS_PER_PAGE, planning_turn


def active_tenants(*, services: Services, at: datetime) -> Iterator[Tenant]:
    """Yield every active tenant, a page of them read at a time; each pass begins with another."""
    after: str | None = None
    while True:
        page = services.tenants.active(after=after, limit=TENANTS_PER_PAGE, turn=planning_turn(at=at))
        yield from page.items
        after = page.after
        if after is None:
            return
