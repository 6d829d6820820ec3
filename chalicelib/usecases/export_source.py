"""What the tables of an export are read from: one tenant's store, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias, TypeVar

from chalicelib.domain.export_records import Records
from chalicelib.domain.export_tables import Row
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.retention import Retention
from chalicelib.ports.store import Page, TenantStore

T = TypeVar("T")

ITEMS_PER_READ: Final = 500


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


def each(*, read: Callable[..., Page[T]]) -> Iterator[T]:
    """Yield what there is; ``read`` is asked for one page after the other by ``limit`` and ``after``."""
    after: str | None = None
    while True:
        page = read(limit=ITEMS_PER_READ, after=after)
        yield from page.items
        after = page.after
        if after is None:
            return
