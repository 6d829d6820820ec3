"""The audit chain: every entry in a sequence, each with the hash of the one before.

An entry's link is SHA-256 over the link before it, its sequence, its identifier and the hash of
its stored form, sealed details as ciphertext: whoever checks the chain needs no key. The chain is
kept in records of many links; how many go into one changes no hash, so that a sealer that is
ended anywhere and begun again leaves the same chain.

Entries are chained in the order of their identifiers (ULIDs), once they are older than
``SETTLE``. A commit that took longer comes in behind the others as a *late* link, if it appears
within ``LATE``; what appears among sealed entries after that was inserted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from chalicelib.domain.audit_ids import floor_id, written_at

GENESIS: Final = bytes(32)
LINKS_PER_RECORD_MAX: Final = 200
# Twice what the slowest request may take: an entry's identifier is made right before its commit.
SETTLE: Final = timedelta(minutes=2)
# Twice what any function may run: no commit comes later.
LATE: Final = timedelta(minutes=30)
# An entry that is older and in no chain is a fault of the sealer; an alarm looks at it.
UNSEALED_SECONDS_MAX: Final = 600
FLAWS_TOLD_MAX: Final = 200

_DOMAIN: Final = b"isp-billing audit link 1"


class Fault(StrEnum):
    """What can be wrong with a chain."""

    ENTRY_ALTERED = "entry_altered"
    ENTRY_MISSING = "entry_missing"
    ENTRY_INSERTED = "entry_inserted"
    ENTRY_UNSEALED = "entry_unsealed"
    RECORD_ALTERED = "record_altered"
    RECORD_MISSING = "record_missing"
    LINK_BROKEN = "link_broken"
    OUT_OF_ORDER = "out_of_order"
    ANCHOR_DIFFERS = "anchor_differs"
    HEAD_DIFFERS = "head_differs"
    TRUNCATED = "truncated"


@dataclass(frozen=True, slots=True)
class Flaw:
    """One fault: at which sequence of the chain (0: none), and what it is about."""

    fault: Fault
    sequence: int
    about: str


@dataclass(frozen=True, slots=True)
class Digest:
    """An entry's identifier, and the hash of its stored form."""

    entry_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Position:
    """How far a chain goes: the last sequence, its link, and through which entry all is sealed."""

    sequence: int
    link: bytes
    until: str


@dataclass(frozen=True, slots=True)
class Record:
    """Consecutive links; ``head`` is what the record itself says that the last of them is."""

    first: int
    previous: bytes
    digests: tuple[Digest, ...]
    head: bytes
    late: bool = False

    @property
    def last(self) -> int:
        """The sequence of the last link."""
        return self.first + len(self.digests) - 1

    def links(self) -> Iterator[bytes]:
        """Yield each entry's link."""
        link = self.previous
        for offset, one in enumerate(self.digests):
            link = link_of(previous=link, sequence=self.first + offset, digest=one, late=self.late)
            yield link


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head as it was kept outside the database: its sequence, link and UTC date."""

    sequence: int
    link: bytes
    on: str


@dataclass(slots=True)
class Examined:
    """What examining a piece of a chain found, and where the next piece goes on."""

    position: Position
    entries: int = 0
    flaws: list[Flaw] = field(default_factory=list)

    def add(self, *, fault: Fault, sequence: int, about: str) -> None:
        """Note a fault, if there are not too many."""
        if len(self.flaws) < FLAWS_TOLD_MAX:
            self.flaws.append(Flaw(fault, sequence, about))


# -- hashes --------------------------------------------------------------------------------


def canonical(*, item: Mapping[str, tuple[str, bytes]]) -> bytes:
    """Return the one form of a stored item: names in order, each with its type and value.

    Lengths stand before what they measure, so that no two items have the same form.
    """
    parts: list[bytes] = []
    for name in sorted(item):
        kind, value = item[name]
        for part in (name.encode(), kind.encode(), value):
            parts += [len(part).to_bytes(4, "big"), part]
    return b"".join(parts)


def digest_of(*, entry_id: str, item: Mapping[str, tuple[str, bytes]]) -> Digest:
    """Return the digest of a stored item."""
    return Digest(entry_id, sha256(canonical(item=item)).digest())


def link_of(*, previous: bytes, sequence: int, digest: Digest, late: bool) -> bytes:
    """Return an entry's link."""
    name = digest.entry_id.encode()
    parts = (_DOMAIN, previous, sequence.to_bytes(8, "big"), b"L" if late else b"R")
    return sha256(b"".join((*parts, len(name).to_bytes(4, "big"), name, digest.body))).digest()


def beginning(*, created_at: datetime) -> Position:
    """Return where the chain of a tenant begins: before anything that it can have written."""
    return Position(0, GENESIS, floor_id(at=created_at - timedelta(days=1)))


def record_after(*, position: Position, digests: Sequence[Digest], late: bool = False) -> Record:
    """Return the record that chains entries, in order, behind a position."""
    assert 0 < len(digests) <= LINKS_PER_RECORD_MAX, "a record has 1 to 200 links"
    assert late or digests[0].entry_id > position.until, "what is sealed is not sealed again"
    record = Record(position.sequence + 1, position.link, tuple(digests), b"", late)
    *_, head = record.links()
    return replace(record, head=head)


def position_after(*, position: Position, record: Record) -> Position:
    """Return where the chain is after a record; late links leave behind what is sealed."""
    until = position.until if record.late else max(position.until, record.digests[-1].entry_id)
    return Position(record.last, record.head, until)


# -- finding the break ---------------------------------------------------------------------


def examine(
    *,
    start: Position,
    records: Sequence[Record],
    stored: Iterable[Digest],
    late: Mapping[str, bytes],
    anchors: Sequence[Anchor] = (),
) -> Examined:
    """Compare some consecutive records with the stored entries and the anchors, and locate each fault.

    ``stored`` are all entries after ``start.until`` through the last one that the records seal, in
    order; ``late`` the stored hashes of entries that late records name. A sealed entry that a late
    record names is found as inserted here: who knows all late records takes it out again.
    """
    found = Examined(start)
    rest = _Stored(stored)
    kept: dict[int, list[Anchor]] = {}
    for anchor in anchors:
        kept.setdefault(anchor.sequence, []).append(anchor)
    for record in records:
        _examine_record(found, record, kept)
        if record.late:
            for offset, one in enumerate(record.digests):
                _compare(found, record.first + offset, one, late.get(one.entry_id))
        else:
            _examine_entries(found, record, rest)
        found.entries += len(record.digests)
        found.position = position_after(position=found.position, record=record)
    for extra in rest:
        found.add(fault=Fault.ENTRY_INSERTED, sequence=found.position.sequence, about=extra.entry_id)
    return found


def _examine_record(found: Examined, record: Record, anchors: Mapping[int, list[Anchor]]) -> None:
    """Look at what a record says of itself, of the one before it, and what anchors say of it."""
    expected = found.position.sequence + 1
    if record.first > expected:
        missing = f"{expected} to {record.first - 1}"
        found.add(fault=Fault.RECORD_MISSING, sequence=expected, about=missing)
    elif record.first < expected:
        found.add(fault=Fault.OUT_OF_ORDER, sequence=record.first, about=f"expected {expected}")
    elif record.previous != found.position.link:
        found.add(fault=Fault.LINK_BROKEN, sequence=record.first, about=record.digests[0].entry_id)
    link = record.previous
    for sequence, link in enumerate(record.links(), start=record.first):
        for anchor in anchors.get(sequence, ()):
            if anchor.link != link:
                found.add(fault=Fault.ANCHOR_DIFFERS, sequence=sequence, about=anchor.on)
    if link != record.head:
        found.add(fault=Fault.RECORD_ALTERED, sequence=record.first, about=f"through {record.last}")


def _examine_entries(found: Examined, record: Record, rest: _Stored) -> None:
    """Compare a record's entries with the stored ones of the same stretch."""
    if record.first > found.position.sequence + 1:
        rest.skip_below(record.digests[0].entry_id)  # what the missing records sealed
    before = found.position.until
    for sequence, one in enumerate(record.digests, start=record.first):
        if one.entry_id <= before:
            found.add(fault=Fault.OUT_OF_ORDER, sequence=sequence, about=one.entry_id)
            continue
        before = one.entry_id
        for extra in rest.below(one.entry_id):
            found.add(fault=Fault.ENTRY_INSERTED, sequence=sequence, about=extra.entry_id)
        _compare(found, sequence, one, rest.take(one.entry_id))


def _compare(found: Examined, sequence: int, sealed: Digest, stored: bytes | None) -> None:
    if stored is None:
        found.add(fault=Fault.ENTRY_MISSING, sequence=sequence, about=sealed.entry_id)
    elif stored != sealed.body:
        found.add(fault=Fault.ENTRY_ALTERED, sequence=sequence, about=sealed.entry_id)


class _Stored:
    """Stored entries in order, looked at one ahead."""

    def __init__(self, digests: Iterable[Digest]) -> None:
        self._rest = iter(digests)
        self._next = next(self._rest, None)

    def __iter__(self) -> Iterator[Digest]:
        while self._next is not None:
            yield self._step()

    def _step(self) -> Digest:
        one = self._next
        assert one is not None, "there is one ahead"
        self._next = next(self._rest, None)
        return one

    def below(self, entry_id: str) -> Iterator[Digest]:
        while self._next is not None and self._next.entry_id < entry_id:
            yield self._step()

    def skip_below(self, entry_id: str) -> None:
        for _ in self.below(entry_id):
            pass

    def take(self, entry_id: str) -> bytes | None:
        if self._next is None or self._next.entry_id != entry_id:
            return None
        return self._step().body


def examine_end(*, found: Examined, head: Position | None, anchors: Sequence[Anchor]) -> None:
    """Compare the end of the chain with its head, and with anchors that lie beyond it."""
    end = found.position
    for anchor in anchors:
        if anchor.sequence > end.sequence:
            found.add(fault=Fault.TRUNCATED, sequence=end.sequence, about=f"anchor of {anchor.on}")
            break
    said = head or Position(0, GENESIS, "")
    if said.sequence > end.sequence:
        found.add(fault=Fault.TRUNCATED, sequence=end.sequence, about=f"head at {said.sequence}")
    elif (said.sequence, said.link) != (end.sequence, end.link):
        found.add(fault=Fault.HEAD_DIFFERS, sequence=end.sequence, about=f"head at {said.sequence}")


def examine_unsealed(*, found: Examined, unsealed: Iterable[str], now: datetime) -> int:
    """Return how many entries wait to be sealed, and note those that wait for too long."""
    count = 0
    for count, entry_id in enumerate(unsealed, start=1):  # noqa: B007 - the count is the answer
        if now - written_at(entry_id=entry_id) > timedelta(seconds=UNSEALED_SECONDS_MAX):
            found.add(fault=Fault.ENTRY_UNSEALED, sequence=0, about=entry_id)
    return count
