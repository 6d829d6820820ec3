"""Verifying the audit log piece by piece: records, entries, anchors and the end of the chain.

Each piece is bounded as a request is, and hands on where the next begins, so that a chain of any
length is verified by a row of requests. Nothing is written and no key is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from chalicelib.domain.audit_chain import (
    LATE,
    UNSEALED_SECONDS_MAX,
    Anchor,
    Examined,
    Fault,
    Flaw,
    Position,
    Record,
    beginning,
    examine,
    examine_end,
    examine_unsealed,
)
from chalicelib.domain.audit_ids import floor_id
from chalicelib.ports.audit import Anchors, AuditLog
from chalicelib.ports.store import TenantStore

RECORDS_PER_PIECE_MAX: Final = 500
ANCHORS_PER_PIECE_MAX: Final = 1_000
# So many stored entries more than sealed ones are looked at in a piece: a flood of insertions is
# told by its beginning.
INSERTED_LOOKED_AT_MAX: Final = 500
UNSEALED_COUNTED_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Verified:
    """A piece of the verification. ``after`` leads on, and ``position`` is how far the chain goes to here.

    ``late`` counts entries that were chained behind later ones, ``anchors`` those compared;
    ``unsealed`` are entries that wait to be sealed, counted with the last piece.
    """

    position: Position
    entries: int
    late: int
    anchors: int
    flaws: tuple[Flaw, ...]
    after: Position | None = None
    unsealed: int = 0


def verify_piece(
    *,
    store: TenantStore,
    anchors: Anchors,
    start: Position | None,
    entries_max: int,
    at: datetime,
) -> Verified:
    """Verify the records after a position, of about ``entries_max`` entries."""
    log = store.audit
    begun = start or beginning(created_at=store.profile().created_at)
    records, more = _records(log, begun, entries_max)
    until = max([begun.until, *(one.digests[-1].entry_id for one in records if not one.late)])
    beyond = anchors.after(tenant_id=store.tenant_id, sequence=begun.sequence, limit=ANCHORS_PER_PIECE_MAX)
    named = [one.entry_id for record in records if record.late for one in record.digests]
    sealed = sum(len(record.digests) for record in records)
    found = examine(
        start=begun,
        records=records,
        stored=islice(log.digests(since=begun.until, until=until), sealed + INSERTED_LOOKED_AT_MAX),
        late=log.digests_of(entry_ids=named),
        anchors=beyond,
    )
    found.flaws = _without_late(log, found.flaws, at)
    after, unsealed = (found.position, 0) if more else (None, _end(log, found, beyond, at))
    return Verified(
        position=found.position,
        entries=found.entries,
        late=len(named),
        anchors=sum(one.sequence <= found.position.sequence for one in beyond),
        flaws=tuple(found.flaws),
        after=after,
        unsealed=unsealed,
    )


def _records(log: AuditLog, start: Position, entries_max: int) -> tuple[list[Record], bool]:
    """Return the records of a piece, and whether there are more."""
    records: list[Record] = []
    count = 0
    for record in log.records(first=start.sequence + 1):
        if count >= entries_max or len(records) == RECORDS_PER_PIECE_MAX:
            return records, True
        records.append(record)
        count += len(record.digests)
    return records, False


def _end(log: AuditLog, found: Examined, anchors: Sequence[Anchor], at: datetime) -> int:
    """Examine the end of the chain, and return how many entries wait beyond it."""
    head = log.head()
    sealed_meanwhile = head is not None and head.sequence > found.position.sequence
    if sealed_meanwhile and next(log.records(first=found.position.sequence + 1), None) is not None:
        head = found.position  # the next verification looks at those
    examine_end(found=found, head=head, anchors=anchors)
    waiting = (one.entry_id for one in log.digests(since=found.position.until, until=floor_id(at=at + LATE)))
    return examine_unsealed(found=found, unsealed=islice(waiting, UNSEALED_COUNTED_MAX), now=at)


def _without_late(log: AuditLog, flaws: list[Flaw], at: datetime) -> list[Flaw]:
    """Return the flaws without insertions that are none: entries chained late, or about to be.

    Until ``LATE`` is over a late commit and an insertion look alike; the sealer chains both, and the
    count of late entries tells.
    """
    inserted = [one.about for one in flaws if one.fault is Fault.ENTRY_INSERTED]
    if not inserted:
        return flaws
    excused = {
        entry_id
        for entry_id, first in log.late(entry_ids=inserted).items()
        if _names(next(log.records(first=first), None), first, entry_id)
    }
    since = floor_id(at=at - LATE - timedelta(seconds=UNSEALED_SECONDS_MAX))
    excused |= {entry_id for entry_id in inserted if entry_id >= since}
    return [one for one in flaws if one.fault is not Fault.ENTRY_INSERTED or one.about not in excused]


def _names(record: Record | None, first: int, entry_id: str) -> bool:
    """Whether a record is the late one that a marker points to, and names the entry."""
    if record is None or not record.late or record.first != first:
        return False
    return any(one.entry_id == entry_id for one in record.digests)
