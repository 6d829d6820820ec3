"""Opaque random tokens: handed out once, stored as a hash."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Final

TOKEN_BYTES: Final = 32
CODE_DIGITS: Final = 6


def new_token(*, prefix: str) -> str:
    """Return a token of 256 random bits, URL-safe, with a prefix that says what it is."""
    return f"{prefix}_{secrets.token_urlsafe(TOKEN_BYTES)}"


def token_hash(token: str) -> str:
    """Return the form in which a token is stored: SHA-256, for a random token needs no salt."""
    return sha256(token.encode()).hexdigest()


class RandomTokens:
    """Tokens behind the use cases' port."""

    def new(self, *, prefix: str) -> str:
        """Return a token of 256 random bits that begins with ``<prefix>_``."""
        return new_token(prefix=prefix)

    def code(self) -> str:
        """Return six random digits, to be typed by people."""
        return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"

    def hash(self, *, token: str) -> str:
        """Return the form in which a token is stored."""
        return token_hash(token)
