"""Identifiers: a prefix that says of what, and a ULID in Crockford's base 32."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.errors import InvalidValue

ULID_CHARS: Final = 26
_CROCKFORD: Final = frozenset("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


class MalformedId(InvalidValue):
    """The identifier is not of the form that this resource's identifiers have."""

    code = "malformed_id"


def is_ulid(*, text: str) -> bool:
    """Whether the text is 26 Crockford characters."""
    return len(text) == ULID_CHARS and _CROCKFORD.issuperset(text)


def is_id(*, value: str, prefix: str) -> bool:
    """Whether the text is ``<prefix>_<ULID>``."""
    return value.startswith(f"{prefix}_") and is_ulid(text=value.removeprefix(f"{prefix}_"))


def is_subscriber_id(*, value: str) -> bool:
    """Whether the text is ``sbr_<ULID>``."""
    return value.startswith("sbr_") and is_ulid(text=value.removeprefix("sbr_"))
