"""Bodies and answers of reconciliation."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from chalicelib.api.files import FailureOut
from chalicelib.api.import_answers import UploadTarget
from chalicelib.api.import_bodies import ColumnName
from chalicelib.api.ledger import DATE_MAX, DATE_MIN
from chalicelib.api.schemas import Line as Words
from chalicelib.api.schemas import ListAnswer, ListQuery, Schema
from chalicelib.domain.documents import NOTE_CHARS_MAX
from chalicelib.domain.imports import FILE_NAME_CHARS_MAX
from chalicelib.domain.jobs import JobState
from chalicelib.domain.reconciliation import (
    FILED_CHANNELS,
    LineResult,
    Resolution,
    ResolutionKind,
    Settlement,
)
from chalicelib.domain.settlement_files import ROWS_MAX, SETTLEMENT_BYTES_MAX, Column, FileProfile
from chalicelib.usecases.imports import UPLOAD_CONTENT_TYPE
from chalicelib.usecases.reconciliations import Gap, SettlementAsked, SettlementUpload
from chalicelib.usecases.resolutions import ResolutionAsked, ResolvedLine

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=60)]


class SettlementColumns(Schema):
    """Columns that are called otherwise than usual."""

    reference: ColumnName | None = None
    vendor_id: ColumnName | None = Field(default=None, description="the vendor's number of the payment")
    amount: ColumnName | None = None
    fee: ColumnName | None = None
    date: ColumnName | None = None
    status: ColumnName | None = None
    currency: ColumnName | None = None
    merchant: ColumnName | None = None


class SettlementIn(Schema):
    """A file of a gateway or bank that is to be compared with a day's payments."""

    channel: Identifier = Field(description=f"one of {', '.join(FILED_CHANNELS)}", examples=["jazzcash"])
    on: date = Field(ge=DATE_MIN, le=DATE_MAX, description="the day, in the company's zone")
    file_name: Annotated[Words, Field(min_length=1, max_length=FILE_NAME_CHARS_MAX)] = Field(
        examples=["settlement-2026-11-20.csv"]
    )
    size_bytes: int = Field(ge=1, description=f"at most {SETTLEMENT_BYTES_MAX}", examples=[48_211])
    columns: SettlementColumns | None = None
    minor_units: bool = Field(default=False, description="amounts are whole minor units, not decimals")
    merchant: Annotated[Words, Field(max_length=80)] = Field(
        default="", description="the company's id with the vendor: files of another one are refused"
    )

    def asked(self) -> SettlementAsked:
        """Return the use case's value."""
        given = self.columns.model_dump(exclude_none=True) if self.columns else {}
        columns = {Column(name): column for name, column in given.items()}
        profile = FileProfile(columns, self.minor_units, self.merchant)
        return SettlementAsked(self.channel, self.on, self.file_name, self.size_bytes, profile)


class SettlementTotals(Schema):
    """Lines by result, and amounts in minor units: the file's, its fees, and those recorded of the day."""

    lines: dict[str, int]
    rows: int
    left_out: int = Field(description="rows that took no money in, such as failed ones")
    there: int
    fees: int
    here: int


class SettlementOut(Schema):
    """A settlement; ``totals`` is null until it was compared, ``failure`` says why a file was refused."""

    settlement_id: str = Field(examples=["stl_01JD0000000000000000000000"])
    channel: str
    on: date
    currency: str
    file_name: str
    state: JobState
    totals: SettlementTotals | None
    failure: FailureOut | None
    created_by: str
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, settlement: Settlement) -> SettlementOut:
        """Render a settlement."""
        totals = settlement.totals
        return cls(
            settlement_id=settlement.settlement_id,
            channel=settlement.channel,
            on=settlement.on,
            currency=settlement.currency,
            file_name=settlement.file_name,
            state=settlement.state,
            totals=SettlementTotals(
                lines=dict(totals.counts),
                rows=totals.rows,
                left_out=totals.left_out,
                there=totals.there,
                fees=totals.fees,
                here=totals.here,
            )
            if settlement.done
            else None,
            failure=FailureOut.of(settlement.failure) if settlement.failure else None,
            created_by=settlement.created_by,
            created_at=settlement.created_at,
            finished_at=settlement.finished_at,
        )


class SettlementList(ListAnswer):
    """Settlements."""

    items: list[SettlementOut]


class NewSettlementOut(Schema):
    """A new settlement, and where its file goes."""

    settlement: SettlementOut
    upload: UploadTarget
    rows_max: int = ROWS_MAX

    @classmethod
    def of(cls, made: SettlementUpload) -> NewSettlementOut:
        """Render a new settlement."""
        headers = {"Content-Type": UPLOAD_CONTENT_TYPE}
        target = UploadTarget(url=made.url, headers=headers, expires_at=made.expires_at)
        return cls(settlement=SettlementOut.of(made.settlement), upload=target)


class SettlementLinesQuery(ListQuery):
    """Which lines."""

    result: LineResult = Field(examples=["missing_here"])


class ResolutionOut(Schema):
    """How a difference was resolved."""

    kind: ResolutionKind
    by: str
    at: datetime
    document_id: str | None
    note: str

    @classmethod
    def of(cls, made: Resolution) -> ResolutionOut:
        """Render a resolution."""
        document_id = made.document_id or None
        return cls(kind=made.kind, by=made.by, at=made.at, document_id=document_id, note=made.note)


class SettlementLineOut(Schema):
    """A row of the file, a payment of ours, or both; amounts in minor units."""

    line_id: str = Field(examples=["missing_here-1"])
    result: LineResult
    row: int | None
    reference: str
    vendor_id: str
    amount: int | None
    fee: int
    document_id: str | None
    ours: int | None
    problem: str | None
    resolution: ResolutionOut | None

    @classmethod
    def of(cls, found: ResolvedLine) -> SettlementLineOut:
        """Render a line."""
        line = found.line
        return cls(
            line_id=line.line_id,
            result=line.result,
            row=line.row or None,
            reference=line.reference,
            vendor_id=line.vendor_id,
            amount=line.amount or None,
            fee=line.fee,
            document_id=line.document_id or None,
            ours=line.ours or None,
            problem=line.problem or None,
            resolution=ResolutionOut.of(found.resolution) if found.resolution else None,
        )


class SettlementLineList(ListAnswer):
    """Lines of one result, in the order of the file."""

    items: list[SettlementLineOut]


class ResolutionIn(Schema):
    """How a difference is resolved.

    ``recorded`` takes the payment of ``subscriber_id``, ``linked`` names the receipt ``document_id`` that the
    row belongs to, ``explained`` says in ``note`` why nothing is to be done.
    """

    kind: Literal["recorded", "linked", "explained"]
    subscriber_id: Identifier | None = None
    document_id: Identifier | None = None
    note: Words = Field(default="", max_length=NOTE_CHARS_MAX)

    def asked(self) -> ResolutionAsked:
        """Return the use case's value."""
        kind = ResolutionKind(self.kind)
        return ResolutionAsked(kind, self.subscriber_id or "", self.document_id or "", self.note)


class GapsQuery(Schema):
    """Which days, both included: at most 31."""

    first: date = Field(alias="from", ge=DATE_MIN, le=DATE_MAX, examples=["2026-11-01"])
    last: date = Field(alias="to", ge=DATE_MIN, le=DATE_MAX, examples=["2026-11-30"])


class GapOut(Schema):
    """A day on which a channel took money in, and of which no file was compared."""

    on: date
    channel: str
    received: int = Field(description="minor units")

    @classmethod
    def of(cls, gap: Gap) -> GapOut:
        """Render a day."""
        return cls(on=gap.on, channel=gap.channel, received=gap.received)


class GapsOut(Schema):
    """Days without a settlement, the oldest first."""

    items: list[GapOut]
