"""The tables of an export beside subscribers and documents: one for each kind of thing that a tenant has.

Their rows are made of the values that the product works with, by the names of their fields; what lies
within one (the terms of a package, the history of a request) is JSON by the names of its fields too.
Which stored items a table has is said beside it, and a test asks of every item of the data map where it
is, or why it is nowhere. Who may not see a thing by the API does not get its table (``permission``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from chalicelib.domain.export_tables import Kind, Row, Table
from chalicelib.domain.export_values import plain
from chalicelib.domain.permissions import Permission


@dataclass(frozen=True, slots=True)
class Records:
    """A table, who may see it, and the stored items (by their names in the data map) that it has."""

    table: Table
    permission: Permission
    items: tuple[str, ...]
    words: str

    @property
    def name(self) -> str:
        """The table's name."""
        return self.table.name


def record_row(*, records: Records, one: object, more: Mapping[str, object] | None = None) -> Row:
    """Return the row of a value: of each column what ``more`` has under its name, else the value's own."""
    given = more or {}
    return {
        name: plain(value=given[name] if name in given else getattr(one, name))
        for name in records.table.columns
    }


class ControlTotals:
    """What the amounts of tables come to: minor units by table, currency and column."""

    def __init__(self) -> None:
        self.found: Final[dict[str, dict[str, dict[str, int]]]] = {}

    def add(self, *, table: Table, row: Row) -> None:
        """Count the amounts of a row."""
        for name, kind in table.columns.items():
            amount = row[name]
            if kind is Kind.AMOUNT and amount is not None:
                sums = self.found.setdefault(table.name, {}).setdefault(str(row["currency"]), {})
                sums[name] = sums.get(name, 0) + cast(int, amount)
