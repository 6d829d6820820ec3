"""Keys of programs, as the stores keep them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.errors import Busy

if TYPE_CHECKING:
    from chalicelib.domain.api_keys import ApiKey
    from chalicelib.domain.permissions import Permission
    from chalicelib.ports.store import Write


class KeysMoved(Busy):
    """A key was made meanwhile: try again."""

    code = "api_keys_moved"


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """A tenant's keys, oldest first, expired ones too; ``made`` counts all that were ever made."""

    made: int
    keys: tuple[ApiKey, ...]


@dataclass(frozen=True, slots=True)
class FoundKey:
    """What a key may do, and where, as its token finds it."""

    key_id: str
    tenant_id: str
    token_hash: str
    permissions: frozenset[Permission]
    used_at: datetime | None


class ApiKeys(Protocol):
    """The keys of one tenant."""

    def all(self) -> KnownKeys:
        """Return every key."""

    def add(self, *, key: ApiKey, known: KnownKeys) -> Sequence[Write]:
        """Describe adding a key; refused with KeysMoved."""

    def remove(self, *, key: ApiKey) -> Sequence[Write]:
        """Describe revoking a key: its token finds nothing any more; absent is fine."""

    def stopped(self, *, key: ApiKey) -> Write:
        """Describe that a key opens nothing any more, though it stays on the list; absent is fine."""

    def started(self, *, key: ApiKey) -> Write:
        """Describe that a listed key opens again what it did."""

    def none_made(self, *, known: KnownKeys) -> Write:
        """Describe the condition that no key was made since ``known``; refused with KeysMoved."""

    def used(self, *, key_id: str, at: datetime) -> None:
        """Note when a key was used; absent is fine."""


class KeyFinder(Protocol):
    """The keys of every tenant, found by the digest of their token before the tenant is known."""

    def find(self, *, token_hash: str, at: datetime) -> FoundKey | None:
        """Return the key, unless it has expired or was revoked: one read."""

    def used(self, *, key: FoundKey, before: datetime, at: datetime) -> bool:
        """Note a use where the last one told was before an instant; return whether this one was told."""
