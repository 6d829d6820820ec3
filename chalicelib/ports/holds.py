"""What keeps from ending by itself what is held of a tenant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol


class HeldItems(Protocol):
    """One tenant's items that end by themselves."""

    def renew(self, *, at: datetime, out_of_time: Callable[[], bool]) -> bool:
        """Move on what would end soon; return whether there was time for all of it."""


class HeldNetworks(Protocol):
    """The networks that tenants' exports were asked for from."""

    def hold(self, *, tenant_id: str, at: datetime) -> None:
        """Keep each beside what is forgotten, until so long after the hold is lifted."""


class HeldFiles(Protocol):
    """Tenants' files, which the life cycle of their bucket deletes."""

    def hold(self, *, tenant_id: str, at: datetime, out_of_time: Callable[[], bool]) -> bool:
        """Keep a copy of each file; return whether there was time for all of them."""
