"""Imports of subscribers from a CSV file: what is asked for, and how far it has come."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from chalicelib.domain.csv_records import CsvFormat
from chalicelib.domain.errors import Conflict
from chalicelib.domain.import_mapping import ImportMapping
from chalicelib.domain.jobs import JobFailure, JobState

ROWS_MAX: Final = 250_000
# Blank rows count here too: reading past them takes time.
LINES_MAX: Final = 1_000_000
# So many imports of a tenant may wait and run at a time.
AT_WORK_MAX: Final = 5
PREVIEW_ROWS: Final = 20
UPLOAD_TTL_SECONDS: Final = 3_600
# Pages of the report outlive the files a little, and are deleted then.
REPORT_KEPT_DAYS: Final = 30
FILE_NAME_CHARS_MAX: Final = 200
_REPORT_CHARS_MAX: Final = (("message", 200), ("column", 100), ("subject", 100))


def upload_key(*, tenant_id: str, import_id: str) -> str:
    """Return where the uploaded file is kept."""
    return f"imports/{tenant_id}/{import_id}/upload.csv"


def report_key(*, tenant_id: str, import_id: str) -> str:
    """Return where the report of a finished import is kept."""
    return f"imports/{tenant_id}/{import_id}/report.csv"


class NotUploaded(Conflict):
    """The file has not arrived yet."""

    code = "file_not_uploaded"


class FileChanged(Conflict):
    """The file is not the one that was mapped: another was uploaded over it, or it expired."""

    code = "file_changed"


class NotMapped(Conflict):
    """The import has no mapping yet."""

    code = "not_mapped"


class AlreadyStarted(Conflict):
    """The import has begun: its file and mapping no longer change."""

    code = "import_started"


class TooManyImports(Conflict):
    """As many imports as may be are waiting or running already."""

    code = "too_many_imports"


class NotFinished(Conflict):
    """The import is still at work."""

    code = "import_not_finished"


@dataclass(frozen=True, slots=True)
class ImportSource:
    """The uploaded file as it was mapped: ``etag`` tells it from any other upload."""

    etag: str
    size_bytes: int
    format: CsvFormat
    header: tuple[str, ...]
    header_row: int
    header_end: int


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far an import has come; written in the same transaction as the subscribers it counts.

    ``offset`` is the byte and ``row`` the number of the last row that is done with. Every row
    that was read is created, existing, skipped for a reason or failed with a code.
    """

    offset: int
    row: int
    read: int = 0
    created: int = 0
    existing: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    report_pages: int = 0

    @property
    def skipped_total(self) -> int:
        """Rows left out by a rule."""
        return sum(self.skipped.values())

    @property
    def failed_total(self) -> int:
        """Rows that could not be imported."""
        return sum(self.failed.values())

    @property
    def balanced(self) -> bool:
        """Whether every row that was read is accounted for."""
        return self.read == self.created + self.existing + self.skipped_total + self.failed_total


@dataclass(frozen=True, slots=True)
class ImportJob:
    """One import. ``version`` counts every change and guards each."""

    import_id: str
    file_name: str
    size_bytes: int
    state: JobState
    created_by: str
    created_at: datetime
    version: int = 1
    source: ImportSource | None = None
    mapping: ImportMapping | None = None
    progress: ImportProgress | None = None
    started_at: datetime | None = None
    updated_at: datetime | None = None
    finished_at: datetime | None = None
    failure: JobFailure | None = None

    @property
    def begun(self) -> bool:
        """Whether it has been started."""
        return self.state not in {JobState.AWAITING_UPLOAD, JobState.READY}

    @property
    def at_work(self) -> bool:
        """Whether it waits for a worker or has one."""
        return self.begun and not self.finished

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.state in {JobState.SUCCEEDED, JobState.FAILED}


# -- progress ------------------------------------------------------------------------------


def first_progress(*, source: ImportSource) -> ImportProgress:
    """Return the progress of an import that has not read a row."""
    return ImportProgress(offset=source.header_end, row=source.header_row)


class RowFate(StrEnum):
    """What became of a row."""

    CREATED = "created"
    EXISTING = "existing"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RowReport:
    """A row that was not created: ``code`` and ``message`` say why, ``column`` where, ``subject`` whom."""

    row: int
    fate: RowFate
    code: str
    message: str
    column: str = ""
    subject: str = ""

    def __post_init__(self) -> None:
        """Cut texts that come from the file: a page of reports has a bounded size."""
        for name, chars in _REPORT_CHARS_MAX:
            text = getattr(self, name)
            if len(text) > chars:
                object.__setattr__(self, name, f"{text[: chars - 1]}…")

    @property
    def size_bytes(self) -> int:
        """How many bytes the report takes where it is kept, by and large."""
        texts = [self.code, self.message, self.column, self.subject]
        return len(json.dumps(texts, ensure_ascii=False).encode()) + 24


def advance(
    *, progress: ImportProgress, offset: int, row: int, created: int, reports: Iterable[RowReport]
) -> ImportProgress:
    """Return the progress after ``created`` new subscribers and the rows that the reports tell of.

    A row that has several reports counts once, by the first.
    """
    skipped, failed = Counter(progress.skipped), Counter(progress.failed)
    existing, rows, last = 0, 0, 0
    for report in reports:
        if report.row == last:
            continue
        last, rows = report.row, rows + 1
        existing += report.fate is RowFate.EXISTING
        skipped.update([report.message] if report.fate is RowFate.SKIPPED else [])
        failed.update([report.code] if report.fate is RowFate.FAILED else [])
    after = replace(
        progress,
        offset=offset,
        row=row,
        read=progress.read + created + rows,
        created=progress.created + created,
        existing=progress.existing + existing,
        skipped=dict(skipped),
        failed=dict(failed),
        report_pages=progress.report_pages + (1 if rows else 0),
    )
    assert after.balanced, "every row that was read is accounted for"
    return after
