"""What alerts go out by, and what they remember."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from chalicelib.domain.anomalies import Anomaly


class Alarms(Protocol):
    """Tells the operator."""

    def tell(self, *, kind: Anomaly, tenant_id: str | None, at: datetime) -> None:
        """Tell of an anomaly; ``tenant_id`` is None where there is no such tenant."""


class Networks(Protocol):
    """Networks that a tenant's exports were asked for from, by hash."""

    def known(self, *, tenant_id: str) -> Mapping[str, datetime]:
        """Return each network with when it was last seen."""

    def keep(self, *, tenant_id: str, networks: Mapping[str, datetime], until: datetime) -> None:
        """Keep them until they are of no use any more."""
