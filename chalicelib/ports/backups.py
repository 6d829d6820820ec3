"""What backups are made of and kept in, and where they are restored to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.errors import Conflict, DomainError

if TYPE_CHECKING:
    from chalicelib.domain.backups import Change, Item, Table


class KeysState(StrEnum):
    """Whether a tenant's data can be read: its keys are there, were destroyed on purpose, or are lost."""

    THERE = "there"
    DESTROYED = "destroyed"
    LOST = "lost"


class ChangesLost(DomainError):
    """The stream of changes does not reach back to where reading stopped: the backup is begun anew."""

    code = "changes_lost"


class FileThere(Conflict):
    """There is a file of that name already: another pass writes this backup."""

    code = "file_there"


@dataclass(frozen=True, slots=True)
class Scanned:
    """A page of a table, when it was read by the database's clock (UTC), and where the next begins."""

    items: Sequence[Item]
    at: datetime
    after: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Drained:
    """Changes of one shard, in their order, and the position behind them."""

    shard: str
    position: str
    changes: Sequence[Change]


class BackupSource(Protocol):
    """The tables that are copied, while others write to them."""

    def now(self) -> datetime:
        """Return the time by the database's own clock, in UTC."""

    def scan(self, *, table: Table, after: Mapping[str, str] | None) -> Scanned:
        """Return a page of a table, every item as it was at some instant of the reading."""

    def drain(self, *, table: Table, positions: Mapping[str, str]) -> Iterator[Drained]:
        """Yield what was changed since the positions, as far as it is known; raise ChangesLost.

        Changes of one item come in their order.
        """


class BackupFiles(Protocol):
    """Files that can be written once, and not deleted."""

    def add(self, *, key: str, body: bytes) -> None:
        """Keep a file, or raise FileThere."""

    def read(self, *, key: str, size: int | None = None) -> bytes:
        """Return a file as it was first written, or its first bytes; raise BlobGone where there is none."""

    def names(self, *, prefix: str) -> Iterator[str]:
        """Yield the keys of files that begin so, in their order, those that seem deleted too."""


class BackupSeals(Protocol):
    """What a backup is sealed with: each owner's part under the owner's own keys."""

    def seal(self, *, owner: str, place: str, plain: bytes) -> tuple[str, bytes]:
        """Return the family of keys and the ciphertext, bound to owner and place."""

    def open(self, *, owner: str, family: str, place: str, sealed: bytes) -> bytes:
        """Return what was sealed for this owner and place.

        Raises BackupDamaged where it was not, OwnerUnreadable where the owner's keys are not there.
        """


class OwnerUnreadable(DomainError):
    """The keys of an owner are not there; ``destroyed`` where they were destroyed on purpose."""

    code = "owner_unreadable"

    def __init__(self, message: str, *, destroyed: bool = False) -> None:
        super().__init__(message)
        self.destroyed = destroyed


class BackupSealing(Protocol):
    """Opens the keys of a backup."""

    def fresh(self, *, backup: str) -> bytes:
        """Return a new data key for a backup, wrapped by the key service."""

    def seals(self, *, backup: str, key: bytes) -> BackupSeals:
        """Return what seals and opens a backup; raise BackupDamaged where this is not its key."""


class KeyStates(Protocol):
    """Tells of tenants' keys, without making any."""

    def of(self, *, tenant_id: str) -> KeysState:
        """Return how the keys of a tenant are."""


class RestoredTables(Protocol):
    """New tables that a backup is restored into."""

    def make(self) -> None:
        """Make the tables where they are missing."""

    def empty(self) -> bool:
        """Return whether there is no item in the tables."""

    def note(self, *, text: str) -> None:
        """Remember how far restoring is, in the tables themselves."""

    def noted(self) -> str:
        """Return what was remembered; empty where nothing was, or the tables are not there."""

    def forget(self) -> None:
        """Take the note away: the tables hold the backup and nothing else."""

    def write(self, *, table: Table, puts: Iterable[Item], deletes: Iterable[tuple[str, str]]) -> None:
        """Put items and delete others; none is named twice."""

    def scan(self, *, table: Table) -> Iterator[Item]:
        """Yield every item of a table."""

    def furnish(self) -> Sequence[str]:
        """Give the tables what the originals have beside items; return what is not to be had here."""

    def remove(self) -> None:
        """Delete the tables."""
