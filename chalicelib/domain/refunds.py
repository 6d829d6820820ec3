"""Billed days that are given back: which lines hold them, and the credit notes that take them.

Days are credited at the price that was paid for them, with the very taxes of the line. A day
that a credit note gave back before is not given back again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from chalicelib.domain.accounts import ChargeKind
from chalicelib.domain.charges import SHARE_PER_UNIT
from chalicelib.domain.credit_notes import (
    CreditedLine,
    NothingToCredit,
    credit_days,
    credit_note,
    credit_of_line,
    credited_before,
    left_of_line,
    to_credit,
)
from chalicelib.domain.documents import Document, NewDocument, Settlement
from chalicelib.domain.errors import Conflict
from chalicelib.domain.invoices import Invoice, InvoiceLine, LineCredit
from chalicelib.domain.money import round_half_up
from chalicelib.domain.periods import Period

# Credit notes that one command makes at most: daily invoices of a long time are credited by hand.
CREDIT_NOTES_MAX: Final = 8
# Traces of mirrored lines that stand for whole days.
DAYS_TRACE: Final = "nd:"
PAUSE_TRACE: Final = "pause:"


class TooManyToCredit(Conflict):
    """The days to be credited are on more invoices than one command credits."""

    code = "too_many_to_credit"


class BilledAt(StrEnum):
    """Which lines are meant: any, or those at the full price, or at the price while paused."""

    ANY = "any"
    FULL = "full"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Unserved:
    """Days ``[start, end)`` of a slot to give back, ``share`` millionths of what they were billed at.

    ``whole`` gives back the whole lines that hold any of the days.
    """

    slot: int
    start: date
    end: date
    share: int = SHARE_PER_UNIT
    billed_at: BilledAt = BilledAt.ANY
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Refund:
    """The credit notes of some days, and what they settle; ``to_credit`` is what the account keeps."""

    documents: tuple[NewDocument, ...] = ()
    settled: tuple[Settlement, ...] = ()

    @property
    def to_credit(self) -> int:
        """What of the notes becomes the account's credit, in minor units."""
        return sum(to_credit(document=one) for one in self.documents)


NO_REFUND: Final = Refund()


def holds(*, line: InvoiceLine, wanted: Unserved) -> bool:
    """Whether a line bills any of the days."""
    if line.kind is not ChargeKind.RECURRING or line.slot != wanted.slot:
        return False
    if wanted.billed_at is not BilledAt.ANY and billed_paused(line=line) is not (
        wanted.billed_at is BilledAt.PAUSED
    ):
        return False
    return line.period.start < wanted.end and wanted.start < line.period.end


def billed_paused(*, line: InvoiceLine) -> bool:
    """Whether a line was billed at the price while paused."""
    return any(code.startswith(PAUSE_TRACE) for code in line.trace)


def refund(
    *, wanted: Sequence[Unserved], invoices: Iterable[Invoice], notes: Iterable[Document], reason: str
) -> Refund:
    """Return the credit notes, one an invoice, for days that ``invoices`` billed.

    ``notes`` are the credit notes made before. Days that are on none of the invoices, or free of
    charge, come to nothing. Raises TooManyToCredit.
    """
    given = _given(notes)
    documents: list[NewDocument] = []
    settled: list[Settlement] = []
    for invoice in invoices:
        lines = _lines(invoice, wanted, given)
        if not lines:
            continue
        try:
            document, settlement = credit_note(invoice=invoice, lines=lines, reason=reason)
        except NothingToCredit:
            continue
        documents.append(document)
        settled.append(settlement)
    if len(documents) > CREDIT_NOTES_MAX:
        message = f"the days are on {len(documents)} invoices, and one change credits {CREDIT_NOTES_MAX}"
        raise TooManyToCredit(f"{message}: credit the invoices first")
    return Refund(tuple(documents), tuple(settled))


def _given(notes: Iterable[Document]) -> Mapping[tuple[str, int], list[Period]]:
    """Return the days that were given back before, by invoice and slot."""
    given: dict[tuple[str, int], list[Period]] = {}
    for note in notes:
        for line in note.lines:
            if line.trace and line.trace[0].startswith(DAYS_TRACE):
                given.setdefault((note.about, line.slot), []).append(line.period)
    return given


def still_billed(*, wanted: Unserved, invoices: Iterable[Invoice], notes: Iterable[Document]) -> list[Period]:
    """Return the days of ``wanted`` that ``invoices`` bill and no credit note gave back, in order."""
    given = _given(notes)
    found = [
        days
        for invoice in invoices
        for line in invoice.lines
        if holds(line=line, wanted=wanted)
        for days in _left(invoice, line, wanted, given)
    ]
    return sorted(found, key=lambda days: days.start)


def _left(
    invoice: Invoice, line: InvoiceLine, wanted: Unserved, given: Mapping[tuple[str, int], list[Period]]
) -> list[Period]:
    """Return the days of a line that are wanted and were not given back."""
    period = line.period
    if not wanted.whole:
        period = Period(max(wanted.start, period.start), min(wanted.end, period.end))
    return without(period=period, gone=given.get((invoice.invoice_id, line.slot), []))


def _lines(
    invoice: Invoice, wanted: Sequence[Unserved], given: Mapping[tuple[str, int], list[Period]]
) -> list[CreditedLine]:
    """Return the mirrored lines of an invoice."""
    taken: dict[int, LineCredit | None] = {}
    found: list[CreditedLine] = []
    for index, line in enumerate(invoice.lines):
        for one in wanted:
            if not holds(line=line, wanted=one):
                continue
            for days in _left(invoice, line, one, given):
                already = taken.get(index, credited_before(invoice=invoice, index=index))
                mirrored = _mirror(line, days, one.share, already)
                if mirrored is not None:
                    credited = CreditedLine(index, mirrored)
                    found.append(credited)
                    taken[index] = _together(already, credited.credit)
    return found


def without(*, period: Period, gone: Sequence[Period]) -> list[Period]:
    """Return what of a period is in none of ``gone``, in order."""
    left: list[Period] = []
    start = period.start
    for one in sorted(gone, key=lambda taken: taken.start):
        if one.start >= period.end:
            break
        if one.start > start:
            left.append(Period(start, one.start))
        start = max(start, one.end)
    if start < period.end:
        left.append(Period(start, period.end))
    return left


def _mirror(line: InvoiceLine, days: Period, share: int, already: LineCredit | None) -> InvoiceLine | None:
    """Return the mirrored line of some days, or None where it comes to nothing."""
    try:
        mirrored = credit_days(line=line, start=days.start, end=days.end, already=already)
        if share == SHARE_PER_UNIT:
            return mirrored if mirrored.total > 0 else None
        amount = round_half_up(numerator=mirrored.total * share, denominator=SHARE_PER_UNIT)
        amount = min(amount, sum(left_of_line(line=line, already=already)))
        if amount <= 0:
            return None
        part = credit_of_line(line=line, amount=amount, already=already)
    except NothingToCredit:
        return None
    return replace(mirrored, net=part.net, taxes=part.taxes, trace=(*mirrored.trace, *part.trace))


def _together(before: LineCredit | None, more: LineCredit) -> LineCredit:
    if before is None:
        return more
    taxes = tuple(one + other for one, other in zip(before.taxes, more.taxes, strict=True))
    return LineCredit(more.index, before.net + more.net, taxes)
