"""Billed days that are given back: which lines hold them, and the credit notes that take them.

Days are credited at the price that was paid for them, with the very taxes of the line. A day
that a credit note gave back before is not given back again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import cached_property
from itertools import zip_longest
from typing import Final

from chalicelib.domain.accounts import ChargeKind
from chalicelib.domain.charges import SHARE_PER_UNIT
from chalicelib.domain.credit_notes import (
    CreditedLine,
    NothingToCredit,
    credit_days,
    credit_note,
    credit_of_line,
    creditable,
    credited_before,
    days_part,
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
SHARE_TRACE: Final = "n:"
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


def refund(*, wanted: Sequence[Unserved], billed: Billed, reason: str) -> Refund:
    """Return the credit notes, one an invoice, for days that were billed.

    Days that are on none of the invoices, or free of charge, come to nothing. Of an invoice that was
    written off, in part or in all, a day is given back at the part of its price that is still asked
    for. Raises TooManyToCredit.
    """
    documents: list[NewDocument] = []
    settled: list[Settlement] = []
    for invoice in billed.invoices:
        lines = _lines(invoice, wanted, billed.given)
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


@dataclass(frozen=True, slots=True)
class _Given:
    """Mirrored lines of days that credit notes gave back, those of one line of an invoice."""

    lines: tuple[InvoiceLine, ...] = ()

    @property
    def days(self) -> list[Period]:
        """All of the days, those of which only a share was given back too."""
        return [one.period for one in self.lines]

    @property
    def whole_days(self) -> list[Period]:
        """The days of which nothing is left."""
        return [one.period for one in self.lines if not _at_a_share(one)]

    def of(self, days: Period) -> tuple[int, ...]:
        """Return what of the net and of each tax was given back of some days at a share."""
        sums: tuple[int, ...] = ()
        for one in self.lines:
            start, end = max(one.period.start, days.start), min(one.period.end, days.end)
            if not _at_a_share(one) or start >= end:
                continue
            first, until = (start - one.period.start).days, (end - one.period.start).days
            parts = tuple(
                days_part(amount=amount, first=first, until=until, whole=one.period.days)
                for amount in (one.net, *(tax.amount for tax in one.taxes))
            )
            sums = tuple(map(sum, zip_longest(sums, parts, fillvalue=0)))
        return sums


def _at_a_share(line: InvoiceLine) -> bool:
    return any(code.startswith(SHARE_TRACE) for code in line.trace)


# By invoice, slot and what the line is for: the parts of a bundle share a slot.
_GivenByLine = Mapping[tuple[str, int, str], _Given]
_NOTHING_GIVEN: Final = _Given()


def _given(notes: Iterable[Document]) -> _GivenByLine:
    """Return what was given back before, by line."""
    given: dict[tuple[str, int, str], _Given] = {}
    for note in notes:
        for line in note.lines:
            if line.trace and line.trace[0].startswith(DAYS_TRACE):
                key = (note.about, line.slot, line.description)
                given[key] = _Given((*given.get(key, _NOTHING_GIVEN).lines, line))
    return given


def _of_line(given: _GivenByLine, invoice: Invoice, line: InvoiceLine) -> _Given:
    return given.get((invoice.invoice_id, line.slot, line.description), _NOTHING_GIVEN)


@dataclass(frozen=True)
class Billed:
    """Invoices, and the credit notes made of them before."""

    invoices: Sequence[Invoice] = ()
    notes: Sequence[Document] = ()

    @cached_property
    def given(self) -> _GivenByLine:
        """What was given back before, by line."""
        return _given(self.notes)


def billed_lines(*, wanted: Sequence[Unserved], billed: Billed) -> list[InvoiceLine]:
    """Return the lines that bill any of the days and were not given back for them."""
    return [
        line
        for invoice in billed.invoices
        for line in invoice.lines
        if any(
            holds(line=line, wanted=one) and _left(line, one, _of_line(billed.given, invoice, line).days)
            for one in wanted
        )
    ]


def still_billed(*, wanted: Unserved, billed: Billed) -> list[Period]:
    """Return the days of ``wanted`` that are billed and no credit note gave back: in order, each once."""
    found = [
        days
        for invoice in billed.invoices
        for line in invoice.lines
        if holds(line=line, wanted=wanted)
        for days in _left(line, wanted, _of_line(billed.given, invoice, line).days)
    ]
    together: list[Period] = []
    for days in sorted(found, key=lambda days: days.start):
        if together and days.start <= together[-1].end:
            together[-1] = Period(together[-1].start, max(together[-1].end, days.end))
        else:
            together.append(days)
    return together


def _left(line: InvoiceLine, wanted: Unserved, gone: Sequence[Period]) -> list[Period]:
    """Return the days of a line to be given back, without those that are gone.

    A whole line is given back for its days that are wanted, not where those are gone already.
    """
    period = line.period
    asked = Period(max(wanted.start, period.start), min(wanted.end, period.end))
    left = without(period=asked, gone=gone)
    return without(period=period, gone=gone) if wanted.whole and left else left


def _lines(invoice: Invoice, wanted: Sequence[Unserved], given: _GivenByLine) -> list[CreditedLine]:
    """Return the mirrored lines of an invoice, which come to no more than may be credited of it."""
    taken: dict[int, LineCredit | None] = {}
    found: list[CreditedLine] = []
    left = creditable(invoice=invoice)
    for index, line in enumerate(invoice.lines):
        before = _of_line(given, invoice, line)
        for one in wanted:
            if not holds(line=line, wanted=one):
                continue
            gone = before.whole_days if one.share == SHARE_PER_UNIT else before.days
            for days in _left(line, one, gone):
                already = taken.get(index, credited_before(invoice=invoice, index=index))
                asked = _Asked(days, one.share, before.of(days))
                mirrored = _mirror(invoice, line, asked, already, left)
                if mirrored is not None:
                    credited = CreditedLine(index, mirrored)
                    found.append(credited)
                    taken[index] = _together(already, credited.credit)
                    left -= mirrored.total
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


@dataclass(frozen=True, slots=True)
class _Asked:
    """Days of a line, the share of them to give back, and what was given back of them before."""

    days: Period
    share: int
    before: tuple[int, ...]


def _mirror(
    invoice: Invoice, line: InvoiceLine, asked: _Asked, already: LineCredit | None, left: int
) -> InvoiceLine | None:
    """Return the mirrored line of some days, or None where it comes to nothing; ``left`` bounds it."""
    try:
        # What was given back of these very days is taken off below; else no more than the line has left.
        bound = None if asked.before else already
        mirrored = credit_days(line=line, start=asked.days.start, end=asked.days.end, already=bound)
        whole = mirrored.total - sum(asked.before)
        numerator, denominator = asked.share, SHARE_PER_UNIT
        if invoice.written_off:
            numerator *= invoice.total - invoice.written_off
            denominator *= invoice.total
        amount = round_half_up(numerator=whole * numerator, denominator=denominator)
        amount = min(amount, left, sum(left_of_line(line=line, already=already)))
        if amount == mirrored.total:
            return mirrored if amount > 0 else None
        if amount <= 0:
            return None
        part = credit_of_line(line=line, amount=amount, already=already)
    except NothingToCredit:
        return None
    less = part.trace if asked.share != SHARE_PER_UNIT else (f"nl:{amount}/{mirrored.total}",)
    trace = (*mirrored.trace, *less)
    return replace(mirrored, net=part.net, taxes=part.taxes, trace=trace)


def _together(before: LineCredit | None, more: LineCredit) -> LineCredit:
    if before is None:
        return more
    taxes = tuple(one + other for one, other in zip(before.taxes, more.taxes, strict=True))
    return LineCredit(more.index, before.net + more.net, taxes)
