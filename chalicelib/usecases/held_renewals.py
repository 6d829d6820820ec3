"""What ends by itself is kept while everything of its tenant is held: expiries move on, files are copied.

Nothing of what writes it knows of holds. Whatever is repeated changes nothing that is done, so that a pass
may end anywhere; the next one finds what is left by key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.holds import HeldCategory, held
from chalicelib.ports.holds import HeldFiles, HeldItems, HeldNetworks
from chalicelib.ports.life import EndingStores


@dataclass(frozen=True, slots=True)
class HoldPorts:
    """What renewing works with; ``items`` are those of a tenant, by its identifier."""

    stores: EndingStores
    items: Callable[[str], HeldItems]
    networks: HeldNetworks
    files: HeldFiles


def renew_held(*, ports: HoldPorts, tenant_id: str, at: datetime, out_of_time: Callable[[], bool]) -> bool:
    """Renew what is held of a tenant; return whether nothing of it is left to the next pass.

    Raises FilesUnavailable, or what the stores do.
    """
    holds = ports.stores.of(tenant_id=tenant_id).life.holds.categories()
    if not held(holds=holds, category=HeldCategory.EVERYTHING):
        return True
    ports.networks.hold(tenant_id=tenant_id, at=at)
    # Before the items: printed documents live for a day, what expires is seen to weeks ahead.
    copied = ports.files.hold(tenant_id=tenant_id, at=at, out_of_time=out_of_time)
    return copied and ports.items(tenant_id).renew(at=at, out_of_time=out_of_time)
