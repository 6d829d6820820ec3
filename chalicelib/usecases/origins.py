"""Whether a web page of some origin may read an answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from chalicelib.domain.origins import is_origin
from chalicelib.ports.services import Origins

# A request from a page costs no round trip of its own but one a minute and container.
REMEMBERED_FOR: Final = timedelta(seconds=60)
REMEMBERED_MAX: Final = 1_000


class AllowedOrigins:
    """What tenants allow, remembered for a minute; safe for many threads."""

    def __init__(self, *, origins: Origins) -> None:
        self._origins = origins
        self._known: dict[str, tuple[datetime, frozenset[str]]] = {}
        self._lock = Lock()

    def allows(self, *, origin: str, tenant_id: str | None, at: datetime) -> bool:
        """Whether the tenant allows the origin; where none is known yet, whether any does.

        Before somebody is signed in no tenant is known, and nothing is told that is a tenant's.
        """
        if not is_origin(text=origin):
            return False
        tenants = self._tenants(origin, at)
        return bool(tenants) if tenant_id is None else tenant_id in tenants

    def _tenants(self, origin: str, at: datetime) -> frozenset[str]:
        with self._lock:
            since, tenants = self._known.get(origin, (None, frozenset()))
        if since is not None and since <= at < since + REMEMBERED_FOR:
            return tenants
        tenants = self._origins.tenants(origin=origin)
        with self._lock:
            if len(self._known) >= REMEMBERED_MAX:
                self._known.clear()
            self._known[origin] = (at, tenants)
        return tenants
