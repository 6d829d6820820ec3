"""The machine's clock."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """UTC now."""

    def now(self) -> datetime:
        """Return the current instant in UTC."""
        return datetime.now(UTC)
