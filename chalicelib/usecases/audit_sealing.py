"""Sealing: chain what was written to the audit log since the last pass.

Only the head is contended, and only by sealers: writers never touch it. A pass may be ended
anywhere and begun again, and two at once do no harm: each record is put behind the head that was
read, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final, TypeVar

from chalicelib.domain.audit_chain import (
    LATE,
    LINKS_PER_RECORD_MAX,
    SETTLE,
    Anchor,
    Digest,
    Position,
    beginning,
    record_after,
)
from chalicelib.domain.audit_ids import floor_id, written_at
from chalicelib.domain.errors import DomainError
from chalicelib.ports.audit import Anchors, AuditLog, ChainMoved

# A late record comes with a marker for each of its entries, in one transaction.
LATE_LINKS_PER_RECORD_MAX: Final = 90
T = TypeVar("T")


class ChainDamaged(DomainError):
    """The chain's head does not fit its records: nothing is chained until somebody has looked."""

    code = "audit_chain_damaged"


@dataclass(slots=True)
class Sealed:
    """What a pass did for a tenant: ``waited_seconds`` is how long the oldest entry had waited."""

    sealed: int = 0
    late: int = 0
    waited_seconds: int = 0
    unfinished: bool = False


def seal_entries(
    *, log: AuditLog, created_at: datetime, at: datetime, out_of_time: Callable[[], bool]
) -> Sealed:
    """Chain all settled entries of a tenant; raise ChainMoved where another sealer is at it.

    Raises ChainDamaged where no sealer can go on. Whoever is out of time leaves the rest to the
    next pass.
    """
    report = Sealed()
    head = log.head()
    position = head or beginning(created_at=created_at)
    try:
        for chunk in _chunks(_came_late(log, position, at), LATE_LINKS_PER_RECORD_MAX):
            position = log.append(
                before=position, record=record_after(position=position, digests=chunk, late=True)
            )
            report.late += len(chunk)
        settled = log.digests(since=position.until, until=floor_id(at=at - SETTLE))
        for chunk in _chunks(settled, LINKS_PER_RECORD_MAX):
            waited = int((at - written_at(entry_id=chunk[0].entry_id)).total_seconds())
            report.waited_seconds = max(report.waited_seconds, waited)
            if out_of_time():
                report.unfinished = True
                break
            position = log.append(before=position, record=record_after(position=position, digests=chunk))
            report.sealed += len(chunk)
    except ChainMoved:
        if log.head() == (head if not report.sealed + report.late else position):
            raise ChainDamaged("records lie beyond the head of the audit chain") from None
        raise
    return report


def _came_late(log: AuditLog, position: Position, at: datetime) -> Iterator[Digest]:
    """Yield entries that were committed after others with later identifiers were sealed."""
    since = floor_id(at=at - LATE)
    if position.sequence == 0 or position.until < since:
        return
    known: set[str] = set()
    for record in log.records_back():
        known.update(one.entry_id for one in record.digests)
        if not record.late and record.digests[-1].entry_id < since:
            break
    for one in log.digests(since=since, until=position.until):
        if one.entry_id not in known:
            yield one


def _chunks(found: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(found)
    while chunk := list(islice(rest, size)):
        yield chunk


def anchor_head(*, log: AuditLog, anchors: Anchors, tenant_id: str, at: datetime) -> Anchor | None:
    """Keep the head of a tenant's chain where nobody can change it; None where nothing is sealed."""
    head = log.head()
    if head is None:
        return None
    anchor = Anchor(head.sequence, head.link, f"{at:%Y-%m-%d}")
    anchors.add(tenant_id=tenant_id, anchor=anchor)
    return anchor
