"""Optimistic locking at the edge of a use case."""

from __future__ import annotations

from chalicelib.domain.errors import StaleVersion


def require_version(*, current: int, expected: int | None) -> None:
    """Raise StaleVersion unless the caller read the current version; None asks for nothing."""
    if expected is not None and expected != current:
        raise StaleVersion(f"the record is at version {current}: read it again", param="If-Match")
