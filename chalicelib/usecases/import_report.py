"""The report of an import: a CSV of the rows that were not created, and why."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final

from chalicelib.domain.imports import RowReport
from chalicelib.domain.spreadsheets import text_cell

COLUMNS: Final = ("row", "outcome", "column", "code", "message", "subscriber_code")
CHUNK_ROWS: Final = 1_000
# Spreadsheet programs take a file for UTF-8 when it begins with this.
BOM: Final = "\ufeff"


def report_chunks(*, reports: Iterable[RowReport]) -> Iterator[bytes]:
    """Yield the report as UTF-8 with a byte order mark, a thousand rows at a time.

    Texts that a spreadsheet would run get an apostrophe before them (``domain.spreadsheets``):
    column names and codes come from the file. Every cell is quoted, so that a comma or semicolon
    inside starts no cell wherever the report is opened.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    out.write(BOM)
    writer.writerow(COLUMNS)
    for count, report in enumerate(reports, start=1):
        texts = (report.column, report.code, report.message, report.subject)
        writer.writerow([report.row, report.fate.value, *(text_cell(text=text) for text in texts)])
        if count % CHUNK_ROWS == 0:
            yield _taken(out)
    yield _taken(out)


def _taken(out: io.StringIO) -> bytes:
    data = out.getvalue().encode()
    out.seek(0)
    out.truncate()
    return data
