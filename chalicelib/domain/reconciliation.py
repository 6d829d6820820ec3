"""Comparing a gateway's or bank's file of a day with the payments that were recorded of it.

A payment and a row belong together by the number that the vendor gave it, or by our reference. A row
may be of the day before or after, by the vendor's own clock: payments of those days are looked at too,
and only those of the day itself are missed in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from chalicelib.domain.documents import Document
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.gateways import GatewayKind
from chalicelib.domain.jobs import JobFailure, JobState
from chalicelib.domain.payments import Channel
from chalicelib.domain.settlement_files import BadRow, FileProfile, FileRow

# What comes with a file of its own: gateways, and the bank's account.
FILED_CHANNELS: Final = (*(kind.value for kind in GatewayKind), Channel.BANK_TRANSFER.value)
DAYS_ASKED_MAX: Final = 31


class SettlementBegun(Conflict):
    """The settlement is being compared, or was: begin another one for another file."""

    code = "settlement_begun"


class SettlementRepeated(Conflict):
    """The same file was compared before."""

    code = "settlement_repeated"


class NothingToResolve(Conflict):
    """The line is no difference, or not one that can be resolved so."""

    code = "nothing_to_resolve"


class LineResolved(Conflict):
    """The difference is resolved; it is opened again before it is resolved otherwise."""

    code = "line_resolved"


class PaymentKnown(Conflict):
    """The gateway told of the payment by itself meanwhile, or it was recorded for another line."""

    code = "payment_known"


class PaymentStands(Conflict):
    """The payment that was recorded for the line stands: it is reversed first."""

    code = "payment_stands"


class LineResult(StrEnum):
    """What a line of a settlement came to."""

    MATCHED = "matched"
    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    AMOUNT_DIFFERS = "amount_differs"
    DUPLICATE = "duplicate"
    UNREADABLE = "unreadable"


class ResolutionKind(StrEnum):
    """How a difference was resolved by hand."""

    RECORDED = "recorded"
    LINKED = "linked"
    EXPLAINED = "explained"


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the file, a payment of ours, or both; amounts in minor units.

    ``number`` counts the lines of its result from 1 on. ``row`` is 0 where the file has none, ``document_id``
    empty where we have none. ``problem`` is the code of why a row cannot be read.
    """

    result: LineResult
    number: int
    row: int = 0
    reference: str = ""
    vendor_id: str = ""
    amount: int = 0
    fee: int = 0
    document_id: str = ""
    ours: int = 0
    problem: str = ""

    @property
    def line_id(self) -> str:
        """Its name within the settlement."""
        return f"{self.result.value}-{self.number}"


@dataclass(frozen=True, slots=True)
class Resolution:
    """How a difference was resolved, by whom and when."""

    kind: ResolutionKind
    by: str
    at: datetime
    document_id: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """What a comparison came to: lines by result, and amounts in minor units.

    ``rows`` are those of the file, ``left_out`` those that took no money in. ``there`` is the sum of the
    file's payments, ``fees`` what the vendor kept of them, ``here`` that of our payments of the day.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    rows: int = 0
    left_out: int = 0
    there: int = 0
    fees: int = 0
    here: int = 0


@dataclass(frozen=True, slots=True)
class Settlement:
    """A file of a channel and day, and what comparing it came to; ``on`` is the tenant's date."""

    settlement_id: str
    channel: str
    on: date
    currency: str
    file_name: str
    size_bytes: int
    profile: FileProfile
    state: JobState
    created_by: str
    created_at: datetime
    sha256: str = ""
    totals: Totals = Totals()
    failure: JobFailure | None = None
    finished_at: datetime | None = None
    version: int = 1

    @property
    def done(self) -> bool:
        """Whether it was compared."""
        return self.state is JobState.SUCCEEDED

    def queued(self) -> Settlement:
        """Return the settlement as it waits for a worker."""
        return replace(self, state=JobState.QUEUED, failure=None, version=self.version + 1)

    def failed(self, *, failure: JobFailure, at: datetime) -> Settlement:
        """Return the settlement whose file was refused."""
        state = JobState.FAILED
        return replace(self, state=state, failure=failure, finished_at=at, version=self.version + 1)

    def compared(self, *, sha256: str, totals: Totals, at: datetime) -> Settlement:
        """Return the settlement with what it came to."""
        return replace(
            self,
            state=JobState.SUCCEEDED,
            sha256=sha256,
            totals=totals,
            finished_at=at,
            version=self.version + 1,
        )


def check_channel(*, channel: str) -> None:
    """Raise InvalidValue unless files come of a channel."""
    if channel not in FILED_CHANNELS:
        raise InvalidValue(f"files come of {', '.join(FILED_CHANNELS)}", param="channel")


def compare(
    *,
    rows: Iterable[FileRow | BadRow],
    payments: Sequence[Document],
    references: Mapping[str, Sequence[str]],
    on: date,
) -> list[Line]:
    """Return the lines of a comparison, by result and in the order of the file, then of our numbers.

    ``payments`` are the receipts that stand, of the day and those beside it; ``references`` are other
    numbers by which a payment may be named, by document id.
    """
    known = _by_name(payments, references)
    seen: set[str] = set()
    used: set[str] = set()
    drawn: list[Line] = []
    for row in rows:
        if isinstance(row, BadRow):
            drawn.append(Line(LineResult.UNREADABLE, 0, row.row, problem=row.problem))
            continue
        line = Line(LineResult.MISSING_HERE, 0, row.row, row.reference, row.vendor_id, row.amount, row.fee)
        names = [name for name in (_key(row.vendor_id), _key(row.reference)) if name]
        found = (one for name in names for one in known.get(name, ()) if one.document_id not in used)
        ours = next(found, None)
        if names[0] in seen:
            line = replace(line, result=LineResult.DUPLICATE)
        elif ours is not None:
            used.add(ours.document_id)
            same = ours.amount == row.amount
            result = LineResult.MATCHED if same else LineResult.AMOUNT_DIFFERS
            line = replace(line, result=result, document_id=ours.document_id, ours=ours.amount)
        seen.add(names[0])
        drawn.append(line)
    drawn += [
        Line(
            LineResult.MISSING_THERE,
            0,
            vendor_id=one.reference,
            document_id=one.document_id,
            ours=one.amount,
        )
        for one in payments
        if one.issued_on == on and one.document_id not in used
    ]
    return _numbered(drawn)


def _by_name(
    payments: Sequence[Document], references: Mapping[str, Sequence[str]]
) -> dict[str, list[Document]]:
    """Return the payments by every number that they may be named by."""
    known: dict[str, list[Document]] = {}
    for one in payments:
        for name in {_key(text) for text in (one.reference, *references.get(one.document_id, ()))}:
            if name:
                known.setdefault(name, []).append(one)
    return known


def _key(text: str) -> str:
    return "".join(text.split()).casefold()


def _numbered(lines: Iterable[Line]) -> list[Line]:
    """Return the lines in the order of results, each numbered within its own."""
    found: dict[LineResult, list[Line]] = {result: [] for result in LineResult}
    for line in lines:
        same = found[line.result]
        same.append(replace(line, number=len(same) + 1))
    return [line for same in found.values() for line in same]


def totals_of(
    *, lines: Sequence[Line], rows: int, left_out: int, payments: Sequence[Document], on: date
) -> Totals:
    """Return what a comparison came to."""
    counts = {result.value: 0 for result in LineResult}
    for line in lines:
        counts[line.result.value] += 1
    in_file = [one for one in lines if one.row and one.result is not LineResult.DUPLICATE]
    return Totals(
        counts=counts,
        rows=rows,
        left_out=left_out,
        there=sum(one.amount for one in in_file),
        fees=sum(one.fee for one in in_file),
        here=sum(one.amount for one in payments if one.issued_on == on),
    )


def check_resolvable(*, line: Line, kind: ResolutionKind) -> None:
    """Raise NothingToResolve unless a line is a difference that can be resolved so."""
    missing = line.result is LineResult.MISSING_HERE
    if line.result is LineResult.MATCHED:
        raise NothingToResolve("the line is no difference")
    if kind is ResolutionKind.RECORDED and not missing:
        raise NothingToResolve("only a payment that is missing here can be recorded")
    if kind is ResolutionKind.LINKED and line.result in {LineResult.MISSING_THERE, LineResult.UNREADABLE}:
        raise NothingToResolve("there is no row to link a payment to")
