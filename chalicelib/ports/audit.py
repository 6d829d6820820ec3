"""The audit log as the use cases see it: entries to read, and the chain that seals them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.errors import DomainError

if TYPE_CHECKING:
    from chalicelib.domain.audit_chain import Anchor, Digest, Position, Record
    from chalicelib.domain.audit_rounds import Round
    from chalicelib.ports.store import Page


class ChainMoved(DomainError):
    """Another sealer chained entries meanwhile: nothing was written."""

    code = "audit_chain_moved"


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Filters of the audit log; all that are given must fit. ``since`` and ``before`` are instants."""

    object_id: str | None = None
    actor_id: str | None = None
    action: str | None = None
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry, opened. ``at`` is the time of what it tells of, ``written_at`` that of its writing.

    ``personal`` is empty where there was none; ``erased`` says that it was taken away. What cannot
    be read (altered, or its key destroyed) is left out, and ``readable`` says so.
    """

    entry_id: str
    written_at: datetime
    at: str
    actor_id: str
    action: str
    object_id: str
    request_id: str
    address: str = ""
    details: Mapping[str, object] = field(default_factory=dict)
    personal: Mapping[str, object] = field(default_factory=dict)
    erased: bool = False
    readable: bool = True


class AuditLog(Protocol):
    """One tenant's audit entries and their chain."""

    def search(
        self, *, query: AuditQuery, limit: int, after: str | None, newest_first: bool
    ) -> Page[AuditEntry]:
        """Return a page of entries; it may be short, or empty, and yet go on."""

    def each(self, *, since: datetime) -> Iterator[AuditEntry]:
        """Yield every entry written since an instant, oldest first."""

    def digests(self, *, since: str, until: str) -> Iterator[Digest]:
        """Yield the stored entries after an identifier through another, in order."""

    def digests_of(self, *, entry_ids: Sequence[str]) -> Mapping[str, bytes]:
        """Return the hashes of the stored forms of those entries that exist."""

    def head(self) -> Position | None:
        """Return how far the chain goes; None where nothing is sealed yet."""

    def records(self, *, first: int) -> Iterator[Record]:
        """Yield the chain's records from a sequence on, in order; an unreadable one is left out."""

    def records_back(self) -> Iterator[Record]:
        """Yield the chain's records, the newest first."""

    def late(self, *, entry_ids: Sequence[str]) -> Mapping[str, int]:
        """Return which of the entries late records name, each with the record's first sequence."""

    def append(self, *, before: Position, record: Record) -> Position:
        """Chain a record behind a position, and return the new one; raise ChainMoved."""


class RoundMoved(DomainError):
    """Another verifier noted how far it is meanwhile: nothing was written."""

    code = "audit_round_moved"


class AuditRounds(Protocol):
    """How far the schedule verified one tenant's chain."""

    def get(self) -> Round | None:
        """Return how far; None where it never did."""

    def save(self, *, after: Round) -> Round:
        """Note how far, and return it; raise RoundMoved where another did since it was read."""


class Anchors(Protocol):
    """Heads of chains, kept outside the database where nobody can change or delete them."""

    def add(self, *, tenant_id: str, anchor: Anchor) -> None:
        """Keep a head; keeping the same again changes nothing."""

    def after(self, *, tenant_id: str, sequence: int, limit: int) -> Sequence[Anchor]:
        """Return the tenant's anchors beyond a sequence, in order: at most ``limit``.

        Raises FilesUnavailable.
        """
