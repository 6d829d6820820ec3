"""Verifying audit chains on a schedule: pieces in a row, each noted, so that a killed pass goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from chalicelib.domain.audit_chain import Flaw, beginning
from chalicelib.domain.audit_rounds import broken, first_round
from chalicelib.ports.audit import Anchors, AuditRounds
from chalicelib.ports.store import TenantStore
from chalicelib.usecases.audit_verification import verify_piece

# What the mail worker calls the mail that tells a tenant's owners.
BROKEN: Final = "audit-broken"
ENTRIES_PER_PIECE: Final = 5_000


@dataclass(slots=True)
class Checked:
    """What a pass did for a tenant: entries compared, faults found, and of those that nobody was told of."""

    entries: int = 0
    faults: int = 0
    news: int = 0
    unfinished: bool = False


def check_chain(
    *,
    store: TenantStore,
    rounds: AuditRounds,
    anchors: Anchors,
    created_at: datetime,
    at: datetime,
    out_of_time: Callable[[], bool],
    tell: Callable[[tuple[Flaw, ...], tuple[Flaw, ...]], None],
    full: bool = False,
) -> Checked:
    """Verify what is due of a tenant's chain today (UTC), all of it with ``full``.

    ``tell`` is given the faults of a piece, and those of them that are news. They are told before it
    is noted that they were: whoever is ended between the two tells them once more, and never not at
    all. Raises RoundMoved where another verifier is at it.
    """
    report, day = Checked(), at.astimezone(UTC).date()
    known = rounds.get() or first_round(tenant_id=store.tenant_id, on=day)
    if not full and not known.due(on=day):
        return report
    begun, ended = known.on(day=day, full=full), False
    if begun is not known:  # or a round that was asked for would be forgotten with a killed pass
        begun = rounds.save(after=begun)
    known = begun
    while not ended:
        if out_of_time():
            report.unfinished = True
            break
        start = known.position or beginning(created_at=created_at)
        piece = verify_piece(store=store, anchors=anchors, start=start, entries_max=ENTRIES_PER_PIECE, at=at)
        found = broken(flaws=piece.flaws)
        news = known.news(flaws=found)
        if found:
            tell(found, news)
        ended = piece.after is None
        known = rounds.save(
            after=known.after(position=piece.position, ended=ended, flaws=piece.flaws, day=day)
        )
        report.entries += piece.entries
        report.faults += len(found)
        report.news += len(news)
    return report
