"""The tenants that a schedule's pass looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.bootstrap import Services
from chalicelib.domain.errors import DomainError
from chalicelib.domain.lifecycle import Capability
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.store import Page
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


def tenants_able(*, services: Services, at: datetime, capability: Capability) -> Iterator[Tenant]:
    """Yield every tenant of a capability, a page read at a time; each pass begins with another."""
    after: str | None = None
    while True:
        page = _page(services, at, capability, after)
        yield from page.items
        after = page.after
        if after is None:
            return


def see_to_each(
    *,
    services: Services,
    at: datetime,
    out_of_time: Callable[[], bool],
    capability: Capability,
    see_to: Callable[[Tenant], None],
    left: type[DomainError],
) -> Passed:
    """See to every tenant of a capability, each pass beginning with another; no page when time is out.

    A tenant that ``see_to`` raises ``left`` for is left to the next pass, and stops no other.
    """
    failed: list[str] = []
    tenants = 0
    after: str | None = None
    ended = False
    while not ended and not out_of_time():
        page = _page(services, at, capability, after)
        for tenant in page.items:
            try:
                see_to(tenant)
            except left:
                failed.append(tenant.tenant_id)
        tenants += len(page.items)
        after, ended = page.after, page.after is None
    return Passed(tenants, tuple(failed), ran_out=not ended)


def _page(services: Services, at: datetime, capability: Capability, after: str | None) -> Page[Tenant]:
    turn = planning_turn(at=at)
    return services.tenants.able(capability=capability, after=after, limit=TENANTS_PER_PAGE, turn=turn)
