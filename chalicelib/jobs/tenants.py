"""The tenants that a schedule's pass looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.bootstrap import Services
from chalicelib.domain.errors import DomainError
from chalicelib.domain.tenants import Tenant
from chalicelib.usecases.billing import TENANTS_PER_PAGE, planning_turn

FAILED_TOLD_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Passed:
    """A pass over the tenants: how many it came to, which it could not see to, and whether time ran out."""

    tenants: int
    failed: tuple[str, ...]
    ran_out: bool

    @property
    def complete(self) -> bool:
        """Whether every tenant was seen to."""
        return not self.failed and not self.ran_out

    @property
    def told(self) -> str:
        """Why it is not complete, for the error that says so."""
        return "time ran out" if self.ran_out else f"{list(self.failed[:FAILED_TOLD_MAX])}"


def active_tenants(*, services: Services, at: datetime) -> Iterator[Tenant]:
    """Yield every active tenant, a page of them read at a time; each pass begins with another."""
    after: str | None = None
    while True:
        page = services.tenants.active(after=after, limit=TENANTS_PER_PAGE, turn=planning_turn(at=at))
        yield from page.items
        after = page.after
        if after is None:
            return


def see_to_each(
    *,
    services: Services,
    at: datetime,
    out_of_time: Callable[[], bool],
    see_to: Callable[[Tenant], None],
    left: type[DomainError],
) -> Passed:
    """See to every active tenant, each pass beginning with another; no page is begun when time is out.

    A tenant that ``see_to`` raises ``left`` for is left to the next pass, and stops no other.
    """
    failed: list[str] = []
    tenants = 0
    after: str | None = None
    while not out_of_time():
        page = services.tenants.active(after=after, limit=TENANTS_PER_PAGE, turn=planning_turn(at=at))
        for tenant in page.items:
            try:
                see_to(tenant)
            except left:
                failed.append(tenant.tenant_id)
        tenants += len(page.items)
        after = page.after
        if after is None:
            break
    return Passed(tenants, tuple(failed), ran_out=after is not None)
