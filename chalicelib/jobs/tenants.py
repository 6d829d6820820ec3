"""A schedule's pass over the tenants: each is seen to by itself, and those that are left are told of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from chalicelib.bootstrap import Services
from chalicelib.domain.lifecycle import Capability
from chalicelib.domain.tenants import Tenant
from chalicelib.observability import logger
from chalicelib.usecases.billing import TENANTS_PER_PAGE, planning_turn

LEFT_TOLD_MAX: Final = 5


class PassIncomplete(RuntimeError):
    """Some tenants were not seen to in this pass, or not to the end; the next one goes on."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A pass over the tenants: how many it came to, which are left, and whether time ran out."""

    tenants: int
    left: tuple[str, ...]
    ran_out: bool

    @property
    def complete(self) -> bool:
        """Whether every tenant was seen to."""
        return not self.left and not self.ran_out

    def require_complete(self, *, what: str) -> None:
        """Raise PassIncomplete where it is not: a function that fails is what the operator is shown."""
        if not self.complete:
            told = "time ran out" if self.ran_out else f"{list(self.left[:LEFT_TOLD_MAX])}"
            raise PassIncomplete(f"{what} of {len(self.left)} tenants were not seen to: {told}")


def see_to_each(
    *,
    services: Services,
    at: datetime,
    out_of_time: Callable[[], bool],
    capability: Capability,
    see_to: Callable[[Tenant], bool],
    trouble: str,
) -> Passed:
    """See to every tenant of a capability, each pass beginning with another; none when time is out.

    ``see_to`` returns whether nothing of the tenant is left to the next pass. What it raises is logged
    as ``trouble`` with the tenant's identifier and the trace, and stops no other.
    """
    left: list[str] = []
    tenants = 0
    after: str | None = None
    ended = False
    turn = planning_turn(at=at)
    while not ended and not out_of_time():
        page = services.tenants.able(capability=capability, after=after, limit=TENANTS_PER_PAGE, turn=turn)
        left += [
            one.tenant_id
            for one in page.items
            if out_of_time() or not tried(partial(see_to, one), tenant_id=one.tenant_id, trouble=trouble)
        ]
        tenants += len(page.items)
        after, ended = page.after, page.after is None
    return Passed(tenants, tuple(left), ran_out=not ended)


def tried(do: Callable[[], bool], *, tenant_id: str, trouble: str) -> bool:
    """Do one thing for a tenant; return whether it is done. What it raises is logged, and stops no other."""
    try:
        return do()
    except Exception:  # noqa: BLE001 - logged with its trace, and told by the pass, which fails at its end
        logger().exception(trouble, extra={"tenant_id": tenant_id})
        return False
