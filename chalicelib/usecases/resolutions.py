"""Resolving what a settlement found, line by line: by hand, audited, and to be undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.documents import NOTE_CHARS_MAX, Document, DocumentKind, Entry, allocate
from chalicelib.domain.errors import InvalidValue, NotFound
from chalicelib.domain.gateway_collections import paid_mark
from chalicelib.domain.gateways import GatewayKind
from chalicelib.domain.payments import check_words, receive
from chalicelib.domain.reconciliation import (
    Line,
    LineResult,
    NothingToResolve,
    PaymentKnown,
    PaymentStands,
    Resolution,
    ResolutionKind,
    Settlement,
    check_resolvable,
)
from chalicelib.ports.gateway_collections import EventKnown
from chalicelib.ports.store import AuditNote, Idempotency, Page, TenantStore, Write
from chalicelib.usecases.posting import Books, Posted, post


class UnknownPayment(InvalidValue):
    """There is no receipt of this identifier."""

    code = "unknown_payment"


@dataclass(frozen=True, slots=True)
class ResolvedLine:
    """A line of a settlement, and how it was resolved, if it was."""

    line: Line
    resolution: Resolution | None = None


@dataclass(frozen=True, slots=True)
class ResolutionAsked:
    """How a line is to be resolved.

    RECORDED takes the payment of ``subscriber_id``; LINKED names the receipt ``document_id`` that the row
    belongs to; EXPLAINED says in ``note`` why nothing is to be done.
    """

    kind: ResolutionKind
    subscriber_id: str = ""
    document_id: str = ""
    note: str = ""


def show_line(*, store: TenantStore, settlement_id: str, line_id: str) -> ResolvedLine:
    """Return a line of a settlement, or raise NotFound."""
    absent = NotFound("no such line", param="line_id")
    name, _, number = line_id.rpartition("-")
    if name not in set(LineResult) or not (number.isascii() and number.isdecimal() and len(number) <= 6):
        raise absent
    result, place = LineResult(name), int(number)
    if not 1 <= place <= _count(store, settlement_id, result):
        raise absent
    [found] = store.money.settlements.lines(settlement_id=settlement_id, result=result, first=place, limit=1)
    return ResolvedLine(*found)


def list_lines(
    *, store: TenantStore, settlement_id: str, result: LineResult, limit: int, after: str | None
) -> Page[ResolvedLine]:
    """Return a page of a settlement's lines of one result, in the order of the file; or raise NotFound."""
    count = _count(store, settlement_id, result)
    first = int(after) if after else 1
    shown = min(limit, count - first + 1)
    if shown <= 0:
        return Page(())
    found = store.money.settlements.lines(
        settlement_id=settlement_id, result=result, first=first, limit=shown
    )
    lines = tuple(ResolvedLine(*one) for one in found)
    return Page(lines, str(first + shown) if first + shown <= count else None)


def _count(store: TenantStore, settlement_id: str, result: LineResult) -> int:
    """Return how many lines of a result there are: pages of a comparison that died are none of it."""
    settlement = store.money.settlements.get(settlement_id=settlement_id)
    return settlement.totals.counts.get(result.value, 0)


def resolve_line(
    *,
    store: TenantStore,
    settlement_id: str,
    line_id: str,
    asked: ResolutionAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> ResolvedLine:
    """Resolve a difference, once.

    Raises NotFound, NothingToResolve, LineResolved, PaymentKnown, UnknownPayment, InvalidValue,
    CardNumberRefused, or what taking a payment raises.
    """
    settlement = store.money.settlements.get(settlement_id=settlement_id)
    line = show_line(store=store, settlement_id=settlement_id, line_id=line_id).line
    check_resolvable(line=line, kind=asked.kind)
    check_words(note=asked.note)
    if asked.kind is ResolutionKind.RECORDED:
        return _record(
            store=store,
            settlement=settlement,
            line=line,
            asked=asked,
            at=at,
            note=note,
            idempotency=idempotency,
        )
    document_id = _linked(store, asked) if asked.kind is ResolutionKind.LINKED else ""
    if asked.kind is ResolutionKind.EXPLAINED and not asked.note:
        raise InvalidValue(f"say why, in 1 to {NOTE_CHARS_MAX} characters", param="note")
    resolution = Resolution(asked.kind, note.actor_id, at, document_id, asked.note)
    resolved = ResolvedLine(line, resolution)
    store.commit(
        store.money.settlements.resolve(settlement_id=settlement_id, line=line, resolution=resolution),
        store.note(note=note),
        *store.remember(idempotency=idempotency, answer=resolved),
    )
    return resolved


def reopen_line(*, store: TenantStore, settlement_id: str, line_id: str, note: AuditNote) -> ResolvedLine:
    """Undo how a line was resolved; a payment that was recorded for it is reversed first.

    Raises NotFound, NothingToResolve or PaymentStands.
    """
    found = show_line(store=store, settlement_id=settlement_id, line_id=line_id)
    if found.resolution is None:
        raise NothingToResolve("the line is not resolved")
    if found.resolution.kind is ResolutionKind.RECORDED:
        receipt = store.documents.get(document_id=found.resolution.document_id)
        if not receipt.reversed_by:
            raise PaymentStands(f"reverse {receipt.number} first, which was recorded for this line")
    settlement = store.money.settlements.get(settlement_id=settlement_id)
    recorded = found.resolution.kind is ResolutionKind.RECORDED
    marked = _mark(settlement, found.line) if recorded else None
    store.commit(
        store.money.settlements.reopen(
            settlement_id=settlement_id, line=found.line, resolution=found.resolution
        ),
        store.note(note=note),
        *([store.collections.forget(kind=marked[0], event_id=marked[1])] if marked else ()),
    )
    return ResolvedLine(found.line)


def _record(
    *,
    store: TenantStore,
    settlement: Settlement,
    line: Line,
    asked: ResolutionAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None,
) -> ResolvedLine:
    """Take the payment of a row, with the resolution in the same transaction."""

    def make(books: Books) -> Entry:
        return receive(
            account=books.subscriber.account,
            amount=line.amount,
            channel=settlement.channel,
            settled=allocate(amount=line.amount, invoices=books.open_invoices()),
            reference=line.vendor_id or line.reference,
            note=asked.note,
        )

    def resolved(posted: Posted) -> ResolvedLine:
        receipt = posted.documents[0].document_id
        return ResolvedLine(line, Resolution(asked.kind, note.actor_id, at, receipt, asked.note))

    def besides(posted: Posted) -> Sequence[Write]:
        resolution = resolved(posted).resolution
        assert resolution is not None, "a recorded payment resolves its line"
        settlements = store.money.settlements
        mark = _mark(settlement, line)
        heard = [store.collections.hear(kind=mark[0], event_id=mark[1], at=at)] if mark else []
        resolving = settlements.resolve(
            settlement_id=settlement.settlement_id, line=line, resolution=resolution
        )
        return [resolving, *heard]

    try:
        posted = post(
            store=store,
            subscriber_id=asked.subscriber_id,
            make=make,
            at=at,
            note=note,
            idempotency=idempotency,
            answer=resolved,
            besides=besides,
        )
    except EventKnown:
        raise PaymentKnown("this payment is recorded by now: link the line to its receipt") from None
    return resolved(posted)


def _mark(settlement: Settlement, line: Line) -> tuple[GatewayKind, str] | None:
    """Return by what the gateway's own notice of a row's payment is known, which may still come."""
    if settlement.channel not in set(GatewayKind) or not (line.reference and line.vendor_id):
        return None
    mark = paid_mark(reference=line.reference, vendor_id=line.vendor_id)
    return GatewayKind(settlement.channel), mark


def _linked(store: TenantStore, asked: ResolutionAsked) -> str:
    """Return the identifier of the receipt that a row is linked to, or raise UnknownPayment."""
    unknown = UnknownPayment("there is no receipt of this id", param="document_id")
    try:
        receipt: Document = store.documents.get(document_id=asked.document_id)
    except NotFound:
        raise unknown from None
    if receipt.kind is not DocumentKind.RECEIPT:
        raise unknown
    return receipt.document_id
