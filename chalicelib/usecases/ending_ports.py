"""What ending a tenant works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.invoices import fiscal_year
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.life import EndingRegistry, EndingStores, FileErasure, Leftovers, Purges, Vault
from chalicelib.ports.services import Mailer
from chalicelib.ports.store import TenantStore
from chalicelib.usecases.identity import Identity
from chalicelib.usecases.support import SupportPorts


@dataclass(frozen=True, slots=True)
class EndingPorts:
    """The ports, wired together once."""

    identity: Identity
    registry: EndingRegistry
    stores: EndingStores
    support: Callable[[], SupportPorts]
    operator: Callable[[], TenantStore | None]
    purges: Purges
    leftovers: Leftovers
    files: FileErasure
    vault: Vault
    mailer: Mailer


def fiscal_year_at(*, tenant: Tenant, at: datetime) -> int:
    """Return the tenant's fiscal year of an instant, by the year in which it ends."""
    return fiscal_year(on=tenant.local_date(at=at), start_month=tenant.fiscal_year_start_month)
