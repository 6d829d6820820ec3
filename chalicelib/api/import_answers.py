"""Answers of imports."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import Field

from chalicelib.api.files import FailureOut
from chalicelib.api.import_bodies import MappingBody
from chalicelib.api.schemas import ListAnswer, Schema
from chalicelib.domain.csv_inspect import COLUMNS_MAX, FILE_BYTES_MAX
from chalicelib.domain.csv_records import Record
from chalicelib.domain.imports import ROWS_MAX, ImportJob, ImportProgress, RowFate, RowReport
from chalicelib.domain.jobs import JobState
from chalicelib.usecases.imports import UPLOAD_CONTENT_TYPE, Mapped, Preview, Upload

PREVIEW_CELL_CHARS_MAX: Final = 200


class ProgressOut(Schema):
    """How far an import is: every row that was read is created, existing, skipped or failed."""

    rows_read: int
    created: int
    existing: int = Field(description="rows whose code a subscriber had already")
    skipped: dict[str, int] = Field(description="by reason")
    failed: dict[str, int] = Field(description="by code")
    skipped_total: int
    failed_total: int
    bytes_done: int
    bytes_total: int

    @classmethod
    def of(cls, progress: ImportProgress, size_bytes: int) -> ProgressOut:
        """Render progress."""
        return cls(
            rows_read=progress.read,
            created=progress.created,
            existing=progress.existing,
            skipped=dict(progress.skipped),
            failed=dict(progress.failed),
            skipped_total=progress.skipped_total,
            failed_total=progress.failed_total,
            bytes_done=progress.offset,
            bytes_total=size_bytes,
        )


class ImportBrief(Schema):
    """An import, from ``awaiting_upload`` and ``ready`` (mapped) to ``succeeded`` or ``failed``."""

    import_id: str = Field(examples=["imp_01JD0000000000000000000000"])
    file_name: str
    size_bytes: int
    state: JobState
    created_at: datetime
    started_at: datetime | None
    updated_at: datetime | None = Field(description="when it was last mapped, started or worked on")
    finished_at: datetime | None
    progress: ProgressOut | None
    failure: FailureOut | None

    @classmethod
    def of(cls, job: ImportJob) -> ImportBrief:
        """Render an import."""
        return cls(**_brief(job))


class ImportOut(ImportBrief):
    """An import with its mapping."""

    mapping: MappingBody | None

    @classmethod
    def of(cls, job: ImportJob) -> ImportOut:
        """Render an import."""
        return cls(**_fields(job))


def _fields(job: ImportJob) -> dict[str, Any]:
    return {**_brief(job), "mapping": MappingBody.of(job.mapping) if job.mapping else None}


def _brief(job: ImportJob) -> dict[str, Any]:
    size = job.source.size_bytes if job.source else job.size_bytes
    return {
        "import_id": job.import_id,
        "file_name": job.file_name,
        "size_bytes": size,
        "state": job.state,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "updated_at": job.updated_at,
        "finished_at": job.finished_at,
        "progress": ProgressOut.of(job.progress, size) if job.progress else None,
        "failure": FailureOut.of(job.failure) if job.failure else None,
    }


class ImportList(ListAnswer):
    """Imports, newest first, without their mappings."""

    items: list[ImportBrief]


class UploadTarget(Schema):
    """Where to PUT the file, with exactly these headers."""

    method: str = "PUT"
    url: str
    headers: dict[str, str]
    expires_at: datetime


class UploadOut(ImportOut):
    """A new import, and where its file goes."""

    upload: UploadTarget
    bytes_max: int = FILE_BYTES_MAX
    rows_max: int = ROWS_MAX

    @classmethod
    def of(cls, upload: Upload | ImportJob) -> UploadOut:
        """Render a new import."""
        assert isinstance(upload, Upload)
        target = UploadTarget(
            url=upload.url, headers={"Content-Type": UPLOAD_CONTENT_TYPE}, expires_at=upload.expires_at
        )
        return cls(**_fields(upload.job), upload=target)


class PreviewRow(Schema):
    """A row as it was read; ``problem`` says why it cannot be."""

    row: int
    cells: list[str]
    problem: str | None

    @classmethod
    def of(cls, record: Record) -> PreviewRow:
        """Render a row; long cells are cut."""
        cells = [cell[:PREVIEW_CELL_CHARS_MAX] for cell in record.cells[:COLUMNS_MAX]]
        return cls(row=record.row, cells=cells, problem=record.problem)


class PreviewOut(Schema):
    """What the uploaded file turned out to be, and a guess at the columns."""

    import_id: str
    size_bytes: int
    encoding: str = Field(description="cp1252 or latin-1 where the file is not UTF-8 or UTF-16")
    delimiter: str
    header: list[str]
    header_row: int
    rows: list[PreviewRow]
    suggested_columns: dict[str, str]

    @classmethod
    def of(cls, preview: Preview) -> PreviewOut:
        """Render a preview."""
        found = preview.inspection
        return cls(
            import_id=preview.job.import_id,
            size_bytes=preview.size_bytes,
            encoding=found.format.encoding,
            delimiter=found.format.delimiter,
            header=list(found.header),
            header_row=found.header_row,
            rows=[PreviewRow.of(record) for record in found.first],
            suggested_columns={name.value: column for name, column in preview.suggested.items()},
        )


class RowReportOut(Schema):
    """What is wrong with a row."""

    column: str
    code: str
    message: str

    @classmethod
    def of(cls, report: RowReport) -> RowReportOut:
        """Render a report."""
        return cls(column=report.column, code=report.code, message=report.message)


class SampleRow(Schema):
    """What would become of a row."""

    row: int
    outcome: RowFate
    reports: list[RowReportOut]


class MappedOut(ImportOut):
    """A mapped import, and what the mapping makes of the first rows."""

    sample: list[SampleRow]

    @classmethod
    def of(cls, mapped: Mapped | ImportJob) -> MappedOut:
        """Render a mapped import."""
        assert isinstance(mapped, Mapped)
        sample = [
            SampleRow(row=one.row, outcome=one.fate, reports=[RowReportOut.of(item) for item in one.reports])
            for one in mapped.sample
        ]
        return cls(**_fields(mapped.job), sample=sample)
