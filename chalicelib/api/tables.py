"""Lists as tables: CSV that a spreadsheet shows and never runs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.domain.spreadsheets import text_cell


def table_csv(*, names: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as a table with a heading; what is nested is JSON, and nothing is run by a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow(text_cell(text=_cell(value)) for value in row.values())
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)
