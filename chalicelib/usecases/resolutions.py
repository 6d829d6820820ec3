"""Resolving what a settlement found, line by line: by hand, audited, and to be undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.documents import NOTE_CHARS_MAX, Document, DocumentKind, Entry, allocate
from chalicelib.domain.errors import Conflict, InvalidValue, NotFound
from chalicelib.domain.gateway_collections import paid_mark, recorded_mark
from chalicelib.domain.gateways import GatewayKind
from chalicelib.domain.payments import check_words, receive
from chalicelib.domain.reconciliation import (
    Line,
    LineResult,
    NothingToResolve,
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


class PaymentKnown(Conflict):
    """The gateway told of this payment: it is recorded, or among the parked notices."""

    code = "payment_known"


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

    Raises NotFound, NothingToResolve, LineResolved, UnknownPayment, PaymentKnown, InvalidValue,
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
    linked = _linked(store, asked) if asked.kind is ResolutionKind.LINKED else None
    if asked.kind is ResolutionKind.EXPLAINED and not asked.note:
        raise InvalidValue(f"say why, in 1 to {NOTE_CHARS_MAX} characters", param="note")
    document_id = linked.document_id if linked else ""
    resolution = Resolution(asked.kind, note.actor_id, at, document_id, asked.note)
    resolved = ResolvedLine(line, resolution)
    store.commit(
        store.money.settlements.resolve(settlement_id=settlement_id, line=line, resolution=resolution),
        *(_claims(store, settlement, linked) if linked else ()),
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
    unclaimed = []
    if found.resolution.document_id:
        receipt = store.documents.get(document_id=found.resolution.document_id)
        if found.resolution.kind is ResolutionKind.RECORDED and not receipt.reversed_by:
            raise PaymentStands(f"reverse {receipt.number} first, which was recorded for this line")
        unclaimed = [store.money.settlements.unclaim(payment=receipt)]
    store.commit(
        *unclaimed,
        store.money.settlements.reopen(
            settlement_id=settlement_id, line=found.line, resolution=found.resolution
        ),
        store.note(note=note),
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
    """Take the payment of a row, with the resolution in the same transaction.

    Where the gateway tells of it later, that is not taken for another payment.
    """
    marks = _marked(store, settlement, line, at)

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
        resolve = settlements.resolve(
            settlement_id=settlement.settlement_id, line=line, resolution=resolution
        )
        return [resolve, *marks, *_claims(store, settlement, posted.documents[0])]

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


def _marked(store: TenantStore, settlement: Settlement, line: Line, at: datetime) -> Sequence[Write]:
    """Describe that a gateway's payment is recorded by hand, or raise PaymentKnown."""
    if settlement.channel not in set(GatewayKind):
        return ()
    kind, collections = GatewayKind(settlement.channel), store.collections
    collection = collections.by_reference(reference=line.reference)
    told = {one.vendor_id for one in collection.captures} if collection else set()
    heard = paid_mark(reference=line.reference, vendor_id=line.vendor_id)
    if (
        (told and not line.vendor_id)
        or line.vendor_id in told
        or collections.heard(kind=kind, event_id=heard)
    ):
        message = "the gateway told of it: link the row to its receipt, or look at the parked notices"
        raise PaymentKnown(message, param="line_id")
    mark = recorded_mark(name=line.reference if collection else line.vendor_id or line.reference)
    if collections.heard(kind=kind, event_id=mark):  # recorded before, and reversed
        return ()
    return [collections.hear(kind=kind, event_id=mark, at=at)]


def _claims(store: TenantStore, settlement: Settlement, payment: Document) -> Sequence[Write]:
    """Describe that a payment is in this settlement's file, where its own day and channel are others.

    The file of its own day does not have it, and is not to miss it.
    """
    if (payment.issued_on, payment.channel) == (settlement.on, settlement.channel):
        return ()
    return [store.money.settlements.claim(settlement_id=settlement.settlement_id, payment=payment)]


def _linked(store: TenantStore, asked: ResolutionAsked) -> Document:
    """Return the receipt that a row is linked to, or raise UnknownPayment."""
    unknown = UnknownPayment("there is no receipt of this id", param="document_id")
    try:
        receipt: Document = store.documents.get(document_id=asked.document_id)
    except NotFound:
        raise unknown from None
    if receipt.kind is not DocumentKind.RECEIPT:
        raise unknown
    if receipt.reversed_by:
        raise UnknownPayment(f"{receipt.number} was reversed: no money stands for it", param="document_id")
    return receipt
