"""Statements of account: what happened to a subscriber's balance in a period, document by document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from chalicelib.domain.errors import Conflict

STATEMENT_ENTRIES_MAX: Final = 1_000


class StatementTooLarge(Conflict):
    """The period has more documents than one statement shows: ask for a shorter one."""

    code = "statement_too_large"


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """A document as a statement shows it; ``amount`` is by how much it moved the balance."""

    on: date
    kind: str
    number: str
    document_id: str
    amount: int
    due_on: date | None = None
    channel: str = ""
    reason: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """An entry, and the balance after it: what the subscriber owes; negative where the ISP does."""

    entry: StatementEntry
    balance: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A subscriber's account in a period, both days inclusive."""

    account_id: str
    account_code: str
    currency: str
    first: date
    last: date
    opening: int
    lines: tuple[StatementLine, ...]

    @property
    def closing(self) -> int:
        """The balance at the end of the last day."""
        return self.lines[-1].balance if self.lines else self.opening


_ORDER: Final = {kind: place for place, kind in enumerate(("INV", "DBN", "CRN", "JRN", "RCP", "RFD"))}


def statement_lines(*, opening: int, entries: Sequence[tuple[StatementEntry, int]]) -> list[StatementLine]:
    """Return (entry, sequence) pairs by date, kind and number, each with the balance after it."""
    lines, balance = [], opening
    for entry, _ in sorted(entries, key=_by_date_and_number):
        balance += entry.amount
        lines.append(StatementLine(entry, balance))
    return lines


def _by_date_and_number(one: tuple[StatementEntry, int]) -> tuple[date, int, int, str]:
    entry, sequence = one
    return entry.on, _ORDER.get(entry.kind, len(_ORDER)), sequence, entry.number
