"""Values as an export writes them, and the sums that it is checked by."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from chalicelib.domain.dealers import Commission
from chalicelib.domain.export_money import FUND_MOVEMENTS, QUARANTINED
from chalicelib.domain.export_records import ControlTotals, record_row
from chalicelib.domain.export_values import plain
from chalicelib.domain.funds import FundKind, Movement
from chalicelib.domain.money import Money
from chalicelib.domain.runs import QuarantinedSubscription


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, None),
        (True, True),
        (-5, -5),
        ("=1", "=1"),
        (FundKind.OFFICE, "office"),
        (date(2041, 5, 15), "2041-05-15"),
        (datetime(2041, 5, 15, 9, 30, tzinfo=UTC), "2041-05-15T09:30:00Z"),
        (Money(5, "PKR"), {"amount": 5, "currency": "PKR"}),
        (frozenset({"b", "a"}), ["a", "b"]),
        ((Commission(share=1),), [{"share": 1, "amount": 0}]),
        ({FundKind.OFFICE: (1, 2)}, {"office": [1, 2]}),
    ],
)
def test_values_are_written_as_json_has_them(value: object, written: object) -> None:
    assert plain(value=value) == written
    assert type(plain(value=value)) is type(written)


@pytest.mark.parametrize("value", [b"sealed", 1.5, object()])
def test_what_nobody_thought_of_is_not_written(value: object) -> None:
    with pytest.raises(TypeError, match="has no place in an export"):
        plain(value=[value])


def test_what_was_set_aside_is_a_row() -> None:
    at = datetime(2041, 5, 15, tzinfo=UTC)
    aside = QuarantinedSubscription(f"sbr_{'0' * 26}", 1, "record_unreadable", "cannot be read", at)
    more = {"run_id": "run_2041-05-15", "on": at.date()}

    row = record_row(records=QUARANTINED, one=aside, more=more)

    assert (row["subscription_id"], row["code"], row["on"]) == (
        f"sbn_{'0' * 26}-1",
        "record_unreadable",
        "2041-05-15",
    )


def test_amounts_are_added_up_by_table_currency_and_column() -> None:
    totals = ControlTotals()

    for number, (amount, balance) in enumerate([(100, 100), (-30, 70)], start=1):
        moved = Movement("fnd_1", number, amount, balance, date(2041, 5, 15), "receipt", "rcp_1", "stf_1", "")
        row = record_row(records=FUND_MOVEMENTS, one=moved, more={"currency": "PKR"})
        totals.add(table=FUND_MOVEMENTS.table, row=row)

    assert totals.found == {"fund_movements": {"PKR": {"amount": 70, "balance": 170}}}
