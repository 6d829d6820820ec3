"""``schema.json`` of an export: what each table is, and what its columns hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from chalicelib.domain.export_records import Records
from chalicelib.domain.export_tables import SCHEMA_VERSION, Table
from chalicelib.domain.export_words import words_of

_TABLES: Final = {
    "subscribers": "subscribers, archived ones too",
    "subscriptions": "their subscriptions, those that are over too",
    "invoices": "invoices, then debit notes",
    "invoice_lines": "the lines of invoices and debit notes",
    "documents": "credit notes, receipts, refunds and journals of subscribers",
}


def schema_text(*, tables: Sequence[Table], records: Sequence[Records]) -> str:
    """Return the description of tables; ``records`` are those of them that say in words what they are."""
    words = {**_TABLES, **{one.name: one.words for one in records}}
    described = {table.name: _described(table, words[table.name]) for table in tables}
    schema = {"schema_version": SCHEMA_VERSION, "tables": described}
    return json.dumps(schema, ensure_ascii=False, indent=1) + "\n"


def _described(table: Table, words: str) -> dict[str, object]:
    columns = [
        {"name": name, "kind": kind.value, "words": words_of(table=table.name, column=name)}
        for name, kind in table.columns.items()
    ]
    return {"words": words, "columns": columns}
