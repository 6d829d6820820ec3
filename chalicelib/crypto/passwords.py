"""Passwords: Argon2id with OWASP's parameters (19 MiB, 2 passes, 1 lane)."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MEMORY_KIB: Final = 19 * 1024
PASSES: Final = 2
LANES: Final = 1


class Argon2Passwords:
    """Hashes and checks passwords; the same work is done whether or not the account exists.

    Only tests take less memory and fewer passes than the defaults.
    """

    def __init__(self, *, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=LANES)

    def hash(self, *, password: str) -> str:
        """Return the PHC string to store."""
        return self._hasher.hash(password)

    def matches(self, *, password: str, stored: str | None) -> bool:
        """Whether the password is the stored one; None costs the same and is never right."""
        try:
            self._hasher.verify(stored or self._decoy, password)
        except (VerificationError, InvalidHashError):
            return False
        return bool(stored)

    def outdated(self, *, stored: str) -> bool:
        """Whether the string was made with other parameters than a new one would be."""
        try:
            return self._hasher.check_needs_rehash(stored)
        except InvalidHashError:
            return False

    @cached_property
    def _decoy(self) -> str:
        return self._hasher.hash("no account has this password")
