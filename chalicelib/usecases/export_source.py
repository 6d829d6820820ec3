"""What the tables of an export are read from: one tenant's store, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from chalicelib.domain.export_records import Records
from chalicelib.domain.export_tables import Row
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.retention import Retention
from chalicelib.ports.store import TenantStore


@dataclass(frozen=True, slots=True)
class Source:
    """One tenant at an instant; ``operator`` opens the platform's own books, where it has any."""

    store: TenantStore
    tenant: Tenant
    at: datetime
    retention: Retention
    operator: Callable[[], TenantStore | None]

    @property
    def currency(self) -> str:
        """The tenant's currency, in which its funds, dealers and ledger are."""
        return self.tenant.currency


# A table, and how its rows are read.
Reader: TypeAlias = tuple[Records, Callable[[Source], Iterator[Row]]]
