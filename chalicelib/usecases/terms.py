"""Whether an owner may change something: not without the terms, once their time to accept them is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from chalicelib.domain.policies import Library, stopped_from
from chalicelib.domain.staff import Principal
from chalicelib.ports.store import Stores

# Owners whose standing a process remembers; who is beyond is looked up again.
OWNERS_REMEMBERED_MAX: Final = 1_000


@dataclass
class TermsGate:
    """Remembers from when each owner is stopped, so that a process looks it up once.

    That holds as long as the process: its policies are shipped with it, and what was accepted stays
    so. Only who is stopped is looked up again, for they may have accepted meanwhile.
    """

    stores: Stores
    _stopped_from: dict[str, datetime | None] = field(default_factory=dict)

    def stops(self, *, library: Library, principal: Principal, at: datetime) -> bool:
        """Whether an owner can change nothing until they accept what is in force: two reads at most."""
        owner_id = principal.actor_id
        if owner_id in self._stopped_from and not _over(self._stopped_from[owner_id], at):
            return False
        store = self.stores.of(tenant_id=principal.tenant_id)
        since = stopped_from(
            library=library,
            joined_at=store.staff.get(staff_id=owner_id).created_at,
            states=store.policy_states.of_person(staff_id=owner_id),
        )
        if len(self._stopped_from) >= OWNERS_REMEMBERED_MAX:
            self._stopped_from.clear()
        self._stopped_from[owner_id] = since
        return _over(since, at)


def _over(since: datetime | None, at: datetime) -> bool:
    return since is not None and since <= at
