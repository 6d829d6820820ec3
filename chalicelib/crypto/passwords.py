"""Passwords: Argon2id with OWASP's parameters (19 MiB, 2 passes, 1 lane)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MEMORY_KIB: Final = 19 * 1024
PASSES: Final = 2
LANES: Final = 1

_HASHER: Final = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


class Argon2Passwords:
    """Hashes and checks passwords; the same work is done whether or not the account exists."""

    def hash(self, *, password: str) -> str:
        """Return the PHC string to store."""
        return _HASHER.hash(password)

    def matches(self, *, password: str, stored: str | None) -> bool:
        """Whether the password is the stored one; None costs the same and is never right."""
        try:
            _HASHER.verify(stored or _decoy(), password)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None


@lru_cache(maxsize=1)
def _decoy() -> str:
    return _HASHER.hash("no account has this password")
