"""Statements: any documents in date and number order, each with the balance after it."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.statements import Statement, StatementEntry, statement_lines

FIRST = date(2026, 11, 1)


@st.composite
def documents(draw: st.DrawFn) -> tuple[StatementEntry, int]:
    """A document with its number."""
    day, sequence = draw(st.integers(0, 40)), draw(st.integers(1, 2_000_000))
    kind = draw(st.sampled_from(["INV", "DBN", "CRN", "JRN", "RCP", "RFD"]))
    amount = draw(st.integers(-(10**9), 10**9))
    entry = StatementEntry(FIRST + timedelta(days=day), kind, f"{kind}-2027-{sequence:06}", "x", amount)
    return entry, sequence


@given(st.integers(-(10**9), 10**9), st.lists(documents(), max_size=30))
def test_the_balance_runs_from_the_opening_to_the_closing_one(
    opening: int, entries: list[tuple[StatementEntry, int]]
) -> None:
    lines = tuple(statement_lines(opening=opening, entries=entries))
    found = Statement("sbr_1", "C-1", "PKR", FIRST, FIRST, opening, lines)

    balance = opening
    for line in lines:
        balance += line.entry.amount
        assert line.balance == balance
    assert found.closing == opening + sum(entry.amount for entry, _ in entries)
    assert [line.entry.on for line in lines] == sorted(line.entry.on for line in lines)
    for kind in ("INV", "RCP"):
        same = [(line.entry.on, int(line.entry.number[9:])) for line in lines if line.entry.kind == kind]
        assert same == sorted(same)


def test_a_day_goes_from_what_is_owed_to_what_is_paid() -> None:
    kinds = ["RFD", "RCP", "JRN", "CRN", "DBN", "INV"]
    entries = [(StatementEntry(FIRST, kind, f"{kind}-1", "x", 0), 1) for kind in kinds]
    assert [one.entry.kind for one in statement_lines(opening=0, entries=entries)] == list(reversed(kinds))
