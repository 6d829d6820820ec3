"""The base of every refusal that a caller may see.

Each refusal is a class beside the function that raises it, with a stable ``code``; the
HTTP status belongs to ``chalicelib.api.errors`` alone.
"""

from __future__ import annotations

from typing import ClassVar


class DomainError(Exception):
    """A request that the rules refuse.

    ``code`` is stable and machine-readable, ``message`` is for people, and ``param`` names
    the input at fault (a dotted path), where there is one.
    """

    code: ClassVar[str] = "invalid_request"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class InvalidValue(DomainError):
    """An input of the right type whose value is not allowed."""

    code = "invalid_value"


class NotFound(DomainError):
    """Nothing of that name exists for this tenant: absent and foreign answer alike."""

    code = "not_found"


class Conflict(DomainError):
    """The request contradicts what is stored."""

    code = "conflict"


class StaleVersion(DomainError):
    """The record changed since the caller read it (``If-Match`` names an older version)."""

    code = "stale_version"


class Busy(DomainError):
    """What is asked for is contended, or cannot be reached, beyond our own retries: try again."""

    code = "busy"
