"""What runs out of prepaid service: renewed from the wallet, or marked as ended; each end once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.errors import Busy, DomainError, StaleVersion
from chalicelib.domain.prepaid import EXPIRED, RENEWED_AHEAD, PrepaidLine, end_of
from chalicelib.ports.prepaid import Ending
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.posting import Books, post
from chalicelib.usecases.prepaid import Purchase, prepaid_package

ENDINGS_PER_PAGE: Final = 100
SCHEDULE_ACTOR: Final = "prepaid"


class RenewedAlready(DomainError):
    """Somebody else saw to this end: nothing was written."""

    code = "renewed_already"


@dataclass(slots=True)
class EndingReport:
    """What one pass did: lines renewed and ended, those to be tried again, and whether time ran out."""

    renewed: int = 0
    ended: int = 0
    failed: list[str] = field(default_factory=list)
    unfinished: bool = False


@dataclass(frozen=True)
class EndingPass:
    """One pass over what runs out of one tenant; ``passing`` are errors after which trying again helps."""

    store: TenantStore
    at: datetime
    out_of_time: Callable[[], bool]
    passing: tuple[type[DomainError], ...] = (Busy,)


def see_to_endings(*, work: EndingPass) -> EndingReport:
    """Renew what runs out and is to be renewed, mark what has run out; the oldest first.

    A line is renewed shortly before it runs out, so that service goes on; where that is refused
    it is tried until then, and then ended with the refusal's code. Each end is seen to once,
    however often and by however many this is called, and wherever one of them is ended itself.
    """
    report = EndingReport()
    after: str | None = None
    while True:
        page = work.store.prepaid.ending(before=work.at + RENEWED_AHEAD, limit=ENDINGS_PER_PAGE, after=after)
        for ending in page.items:
            if work.out_of_time():
                report.unfinished = True
                return report
            _see_to(work, ending, report)
        after = page.after
        if after is None:
            return report


def _see_to(work: EndingPass, ending: Ending, report: EndingReport) -> None:
    """See to one end; whatever is refused stops no other."""
    store = work.store
    line = store.prepaid.get(account_id=ending.account_id, slot=ending.slot)
    try:
        if line is None:
            store.commit(*store.prepaid.forget(ending=ending))
            return
        if line.ended or line.expires_at != ending.expires_at:
            return  # it changed since the list was read
        reason = _renew(work, line, report) if line.auto_renew else EXPIRED
        if reason and line.expires_at <= work.at:
            _end(work, line, reason)
            report.ended += 1
    except (RenewedAlready, StaleVersion):
        return
    except work.passing as error:
        report.failed.append(f"{ending.account_id}: {error.code}")


def _renew(work: EndingPass, line: PrepaidLine, report: EndingReport) -> str:
    """Renew a line; return the code of what refused it, empty where it is renewed."""
    store = work.store

    def same(_books: Books) -> tuple[PrepaidLine, int]:
        now = store.prepaid.get(account_id=line.account_id, slot=line.slot)
        if now is None or now.version != line.version:
            raise RenewedAlready("the line changed meanwhile")
        return now, now.slot

    try:
        purchase = Purchase(store, work.at, prepaid_package(store=store, package_id=line.package_id), same)
        post(
            store=store,
            subscriber_id=line.account_id,
            make=lambda books: purchase.make(books=books),
            at=work.at,
            note=_note(work, "prepaid.renewed", line),
            besides=lambda _posted: purchase.writes(),
        )
    except DomainError as error:
        if isinstance(error, (RenewedAlready, *work.passing)):
            raise
        return error.code
    report.renewed += 1
    return ""


def _end(work: EndingPass, line: PrepaidLine, reason: str) -> None:
    """Mark a line as run out. Its audit entry is what tells the network and dunning."""
    note = replace(_note(work, "prepaid.ended", line), details={"reason": reason})
    work.store.commit(
        *work.store.prepaid.change(before=line, after=end_of(line=line, reason=reason)),
        work.store.note(note=note),
    )


def _note(work: EndingPass, action: str, line: PrepaidLine) -> AuditNote:
    return AuditNote(actor_id=SCHEDULE_ACTOR, action=action, object_id=line.subscription_id, at=work.at)
