"""Credit notes: what of an issued invoice is taken back, with the very taxes that it holds.

An invoice never changes, so every credit is a mirror of its stored lines, never a new
calculation. What was credited of a line before is kept with the invoice (``LineCredit``):

- An amount is split in proportion to what is left of the line's net and taxes, by largest
  remainder. So no part ever exceeds what is left of it, and the last credit takes exactly
  the rest.
- Days are the difference of cumulative shares, as they were when billed. So the days before
  a date and those from it on sum to the whole line, however it is cut.
- The rounding of the invoice goes back with the last of its lines.

A credit note offsets what is open of its invoice first; the rest becomes the account's credit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from chalicelib.domain.accounts import ChargeKind
from chalicelib.domain.documents import DocumentKind, NewDocument, Settlement
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.invoices import (
    CREDIT,
    RECEIVABLE,
    Invoice,
    InvoiceLine,
    LineCredit,
    Posting,
    invoice_postings,
)
from chalicelib.domain.money import round_half_up, split_largest_remainder
from chalicelib.domain.periods import Period

SHARE_PER_UNIT: Final = 1_000_000


class CreditReason(StrEnum):
    """Why an invoice is credited by hand."""

    ERROR = "error"
    OUTAGE = "outage"
    GOODWILL = "goodwill"
    CANCELLATION = "cancellation"
    RETURN = "return"
    OTHER = "other"


class NothingToCredit(Conflict):
    """All that could be credited of the invoice, or of the line, is credited or written off."""

    code = "nothing_to_credit"


class ExceedsCreditable(Conflict):
    """More is asked for than is left to be credited."""

    code = "exceeds_creditable"


class UnknownLine(InvalidValue):
    """The invoice has no line of this number, or it cannot be credited by itself."""

    code = "unknown_line"


@dataclass(frozen=True, slots=True)
class CreditedLine:
    """A mirrored line, and the place in the invoice of the line that it mirrors."""

    index: int
    line: InvoiceLine

    @property
    def credit(self) -> LineCredit:
        """What it takes of the invoice's line."""
        return LineCredit(self.index, self.line.net, tuple(tax.amount for tax in self.line.taxes))


# -- one line --------------------------------------------------------------------------------


def left_of_line(*, line: InvoiceLine, already: LineCredit | None) -> tuple[int, ...]:
    """Return what is left to be credited of a line's net and of each of its taxes, in minor units."""
    whole = (line.net, *(tax.amount for tax in line.taxes))
    if already is None:
        return whole
    gone = (already.net, *already.taxes)
    return tuple(part - taken for part, taken in zip(whole, gone, strict=True))


def credit_of_line(*, line: InvoiceLine, amount: int, already: LineCredit | None) -> InvoiceLine:
    """Return a mirrored line of ``amount`` minor units, taxes included, of what is left of a line.

    Raises NothingToCredit or ExceedsCreditable.
    """
    left = left_of_line(line=line, already=already)
    if not sum(left):
        raise NothingToCredit(f"all of {line.description!r} is credited")
    if not 0 < amount * _sign(sum(left)) <= abs(sum(left)):
        raise ExceedsCreditable(f"{sum(left)} is left to be credited of {line.description!r}")
    parts = split_largest_remainder(amount=amount, weights=[abs(part) for part in left])
    return _mirrored(line, parts, f"n:{amount}/{line.total}")


def credit_days(*, line: InvoiceLine, start: date, end: date, already: LineCredit | None) -> InvoiceLine:
    """Return a mirrored line (amounts are positive) for the days ``[start, end)`` of a line's period.

    Each part of the line is its amount for the days until ``end``, rounded half up, less that for
    the days until ``start``, and never more than is left of it. Raises NothingToCredit where
    nothing is.
    """
    period = line.period
    assert period.start <= start < end <= period.end, "the days are of the line's period"
    before, until, whole = (start - period.start).days, (end - period.start).days, period.days
    left = left_of_line(line=line, already=already)
    amounts = (line.net, *(tax.amount for tax in line.taxes))
    parts = [
        min(rest, days_part(amount=amount, first=before, until=until, whole=whole))
        for amount, rest in zip(amounts, left, strict=True)
    ]
    if not any(parts):
        raise NothingToCredit(f"all of {line.description!r} is credited")
    days = until - before
    mirrored = _mirrored(line, parts, f"nd:{days}/{whole}")
    discount = days_part(amount=line.discount, first=before, until=until, whole=whole)
    # Where a line is not billed by the day, its one day says nothing of days.
    billed = days if line.billed_days == whole else line.billed_days
    return replace(mirrored, period=Period(start, end), billed_days=billed, discount=discount)


def days_part(*, amount: int, first: int, until: int, whole: int) -> int:
    """Return what of an amount for ``whole`` days is for those from ``first`` to ``until``, exclusive.

    It is the amount of the days up to the end, rounded half up, less the same up to the beginning.
    """
    return _share(amount, until, whole) - _share(amount, first, whole)


def _share(amount: int, days: int, whole: int) -> int:
    return round_half_up(numerator=amount * days, denominator=whole)


def _sign(amount: int) -> int:
    return -1 if amount < 0 else 1


def _mirrored(line: InvoiceLine, parts: Sequence[int], how: str) -> InvoiceLine:
    net, *taxes = parts
    mirrored = tuple(replace(tax, amount=amount) for tax, amount in zip(line.taxes, taxes, strict=True))
    discount = line.discount if net == line.net else 0
    return replace(line, net=net, taxes=mirrored, discount=discount, trace=(how,))


# -- an invoice ------------------------------------------------------------------------------


def credited_before(*, invoice: Invoice, index: int) -> LineCredit | None:
    """Return what credit notes took of an invoice's line, or None."""
    return next((one for one in invoice.credited_lines if one.index == index), None)


def creditable(*, invoice: Invoice) -> int:
    """Return what may still be credited: what is left of the lines, less what was written off."""
    return _left_of_lines(invoice) - invoice.written_off


def whole_invoice(*, invoice: Invoice) -> tuple[CreditedLine, ...]:
    """Return the mirror of all that is left of an invoice, or raise NothingToCredit."""
    return share_of_invoice(invoice=invoice, share=SHARE_PER_UNIT)


def share_of_invoice(*, invoice: Invoice, share: int) -> tuple[CreditedLine, ...]:
    """Return the mirror of a share, in millionths, of what is left of each line.

    Raises NothingToCredit where that comes to nothing.
    """
    amounts = {
        index: round_half_up(numerator=left * share, denominator=SHARE_PER_UNIT)
        for index, left in _left_by_line(invoice).items()
    }
    return _mirrors(invoice, amounts)


def lines_of_invoice(*, invoice: Invoice, amounts: Mapping[int, int | None]) -> tuple[CreditedLine, ...]:
    """Return the mirror of amounts (minor units with taxes) by line from 0 on; None is all that is left.

    Raises UnknownLine, NothingToCredit or ExceedsCreditable.
    """
    left, wanted = _left_by_line(invoice), {}
    for position, (index, amount) in enumerate(amounts.items()):
        param = f"lines.{position}.line"
        if not 0 <= index < len(invoice.lines):
            raise UnknownLine(f"the invoice has lines 0 to {len(invoice.lines) - 1}", param=param)
        if invoice.lines[index].kind is ChargeKind.ROUNDING:
            raise UnknownLine("the rounding goes back with the last of the other lines", param=param)
        if not left.get(index):
            raise NothingToCredit(f"nothing is left to be credited of line {index}", param=param)
        if amount is not None and amount > left[index]:
            message = f"{left[index]} is left to be credited of line {index}"
            raise ExceedsCreditable(message, param=f"lines.{position}.amount")
        wanted[index] = left[index] if amount is None else amount
    return _mirrors(invoice, wanted)


def credit_note(
    *, invoice: Invoice, lines: Sequence[CreditedLine], reason: str = "", note: str = ""
) -> tuple[NewDocument, Settlement]:
    """Return the credit note of mirrored lines, and what it does to its invoice.

    What of the invoice's rounding goes back with the lines is added to them. The note offsets what
    is open first; the rest is posted to the account's credit. Raises NothingToCredit, or
    ExceedsCreditable where some of the invoice was written off.
    """
    lines = (*lines, *_completed(invoice, lines))
    amount = sum(one.line.total for one in lines)
    if amount <= 0:
        raise NothingToCredit("nothing is left to be credited of the invoice")
    if amount > creditable(invoice=invoice):
        message = (
            f"{invoice.written_off} of the invoice is written off: {creditable(invoice=invoice)} is left"
        )
        raise ExceedsCreditable(message)
    offset = min(amount, invoice.open_amount)
    mirrored = tuple(one.line for one in lines)
    postings = [Posting(one.account, -one.amount) for one in invoice_postings(lines=mirrored)]
    owed = [one for one in postings if one.account != RECEIVABLE and one.amount]
    settling = (Posting(RECEIVABLE, -offset), Posting(CREDIT, offset - amount))
    document = NewDocument(
        DocumentKind.CREDIT_NOTE,
        amount,
        (*(one for one in settling if one.amount), *owed),
        mirrored,
        reason=reason,
        about=invoice.invoice_id,
        note=note,
    )
    return document, Settlement(invoice, credited=offset, lines=tuple(one.credit for one in lines))


def to_credit(*, document: NewDocument) -> int:
    """Return what of a credit note becomes the account's credit, in minor units."""
    return -sum(one.amount for one in document.postings if one.account == CREDIT)


def _left_of_lines(invoice: Invoice) -> int:
    return invoice.total - sum(one.total for one in invoice.credited_lines)


def _left_by_line(invoice: Invoice) -> dict[int, int]:
    """Return what is left of each line with its taxes, but for the rounding and those of nothing."""
    before = {one.index: one.total for one in invoice.credited_lines}
    left = {
        index: line.total - before.get(index, 0)
        for index, line in enumerate(invoice.lines)
        if line.kind is not ChargeKind.ROUNDING
    }
    return {index: rest for index, rest in left.items() if rest}


def _mirrors(invoice: Invoice, amounts: Mapping[int, int]) -> tuple[CreditedLine, ...]:
    """Return the mirrored lines."""
    found = []
    for index, amount in amounts.items():
        if amount:
            already = credited_before(invoice=invoice, index=index)
            line = credit_of_line(line=invoice.lines[index], amount=amount, already=already)
            found.append(CreditedLine(index, line))
    if not found:
        raise NothingToCredit("nothing is left to be credited of the invoice")
    return tuple(found)


def _completed(invoice: Invoice, lines: Sequence[CreditedLine]) -> list[CreditedLine]:
    """Return what goes back with mirrored lines: the rounding, with the last of the other lines.

    Where prices were rounded down, the lines come to more than the invoice. What would be left of
    them once all of the invoice is credited goes back at once, for no note could be of nothing.
    """
    index = next((i for i, one in enumerate(invoice.lines) if one.kind is ChargeKind.ROUNDING), None)
    if index is None or any(one.index == index for one in lines):
        return []
    amount = sum(one.line.total for one in lines)
    whole = amount == sum(_left_by_line(invoice).values())
    if not whole and amount < _left_of_lines(invoice):
        return []
    taken = Settlement(invoice, lines=tuple(one.credit for one in lines)).after
    rest = [*_left_by_line(taken), index]
    return [one for place in rest for one in _remainder(taken, place)]


def _remainder(invoice: Invoice, index: int) -> list[CreditedLine]:
    """Return the mirror of all that is left of a line, if anything is."""
    line = invoice.lines[index]
    left = left_of_line(line=line, already=credited_before(invoice=invoice, index=index))
    how = f"n:{sum(left)}/{line.total}"
    return [CreditedLine(index, _mirrored(line, left, how))] if any(left) else []
