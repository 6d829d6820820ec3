"""Cursors: a list's position, sealed for one tenant and one query."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from chalicelib.crypto.keyring import CiphertextRejected, TenantKeys
from chalicelib.domain.errors import InvalidValue

CURSOR_CHARS_MAX: Final = 1_000


class InvalidCursor(InvalidValue):
    """The cursor is not one that this list handed out to this tenant for this query."""

    code = "invalid_cursor"


def seal_cursor(*, keys: TenantKeys, query: str, position: str | None) -> str | None:
    """Return the opaque cursor of a position; None at the end of the list."""
    if position is None:
        return None
    sealed = keys.seal(family="index", place=f"cursor|{query}", plain=position.encode())
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def open_cursor(*, keys: TenantKeys, query: str, cursor: str | None) -> str | None:
    """Return the position, or raise InvalidCursor: foreign, altered and malformed answer alike."""
    if cursor is None:
        return None
    if len(cursor) > CURSOR_CHARS_MAX:
        raise InvalidCursor("the cursor is not valid for this list", param="cursor")
    try:
        sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return keys.open(family="index", place=f"cursor|{query}", sealed=sealed).decode()
    except (binascii.Error, ValueError, CiphertextRejected):
        raise InvalidCursor("the cursor is not valid for this list", param="cursor") from None
