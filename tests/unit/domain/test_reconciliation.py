"""Reading a vendor's file, and comparing it with the payments of a day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from chalicelib.domain.csv_records import Record
from chalicelib.domain.documents import Document, DocumentKind
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.reconciliation import (
    Line,
    LineResult,
    NothingToResolve,
    ResolutionKind,
    check_channel,
    check_resolvable,
    compare,
    totals_of,
)
from chalicelib.domain.settlement_files import (
    BadRow,
    Column,
    FileProfile,
    FileRow,
    MissingColumns,
    OtherCurrency,
    OtherMerchant,
    RowsOfFile,
    places,
)

DAY = date(2026, 11, 20)
HEADER = ("Transaction ID", "Order Id", "Amount", "Fee", "Status", "Currency", "Merchant ID")


def reader(**profile: object) -> RowsOfFile:
    return RowsOfFile(profile=FileProfile(**profile), header=HEADER, currency="PKR")  # type: ignore[arg-type]


def record(*cells: str, row: int = 2) -> Record:
    return Record(row, cells, 100)


def test_columns_are_found_by_usual_names_or_by_the_names_given() -> None:
    assert places(profile=FileProfile(), header=HEADER)[Column.VENDOR_ID] == 0
    named = FileProfile({Column.AMOUNT: "Brutto", Column.REFERENCE: "nr."})
    assert places(profile=named, header=("NR", " brutto ")) == {Column.REFERENCE: 0, Column.AMOUNT: 1}


@pytest.mark.parametrize(
    ("columns", "header", "told"),
    [
        ({}, ("Name", "City"), "amount, reference or vendor_id"),
        ({}, ("Amount", "City"), "reference or vendor_id"),
        ({Column.FEE: "Provision"}, HEADER, "fee (Provision)"),
    ],
)
def test_a_file_of_another_bank_is_refused_with_what_is_missing(
    columns: dict[Column, str], header: tuple[str, ...], told: str
) -> None:
    with pytest.raises(MissingColumns, match=told.replace("(", r"\(").replace(")", r"\)")):
        places(profile=FileProfile(columns), header=header)


def test_rows_are_read_with_thousands_fees_and_signs() -> None:
    rows = reader()
    assert rows.read(record=record("T1", "O1", "1,649.00", "-24.50", "Success")) == FileRow(
        2, "O1", "T1", 164_900, 2_450
    )
    assert rows.read(record=record("T1", "", "PKR 5", "", "00")) == FileRow(2, "", "T1", 500)
    assert reader(minor_units=True).read(record=record("T1", "", "+0000000250000")) == FileRow(
        2, "", "T1", 250_000
    )


@pytest.mark.parametrize(
    "cells", [("T1", "O1", "5", "", "FAILED"), ("T1", "O1", "-5", "", "Success"), ("T", "", "0")]
)
def test_rows_that_took_no_money_in_are_left_out(cells: tuple[str, ...]) -> None:
    assert reader().read(record=record(*cells)) is None


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        (("T1", "", "many"), "invalid_amount"),
        (("T1", "", "1.234"), "invalid_amount"),
        (("T1", "", "1e9"), "invalid_amount"),
        (("T1", "", ""), "invalid_amount"),
        (("", " ", "5"), "no_identifier"),
        (("T" * 81, "", "5"), "invalid_value"),
        (("4111 1111 1111 1111", "", "5"), "card_number_refused"),
    ],
)
def test_a_row_that_cannot_be_read_is_told_and_stops_nothing(cells: tuple[str, ...], problem: str) -> None:
    assert reader().read(record=record(*cells)) == BadRow(2, problem)


def test_another_currency_or_merchant_refuses_the_whole_file() -> None:
    with pytest.raises(OtherCurrency):
        reader().read(record=record("T1", "", "5", "", "", "usd"))
    with pytest.raises(OtherMerchant):
        reader(merchant="M1").read(record=record("T1", "", "5", "", "", "PKR", "M2"))
    assert reader(merchant="M1").read(record=record("T1", "", "5", "", "", "PKR", "M1"))


# -- comparing ------------------------------------------------------------------------------------


def paid(number: int, reference: str, amount: int, on: date = DAY) -> Document:
    return Document(
        f"rcp_{number}",
        "sbr_1",
        "C-1",
        DocumentKind.RECEIPT,
        f"RCP-{number}",
        number,
        "RCP#2027",
        "PKR",
        on,
        amount,
        (),
        (),
        channel="jazzcash",
        reference=reference,
    )


def results(lines: list[Line]) -> dict[str, list[tuple[int, str]]]:
    found: dict[str, list[tuple[int, str]]] = {}
    for one in lines:
        found.setdefault(one.result.value, []).append((one.row, one.document_id))
    return found


def test_every_row_and_every_payment_of_the_day_comes_to_one_line() -> None:
    tomorrow = DAY + timedelta(days=1)
    payments = [
        paid(1, "T1", 500),
        paid(2, "t 2", 700),
        paid(3, "T3", 900),
        paid(4, "T4", 100, tomorrow),
        paid(5, "T5", 100, tomorrow),
        paid(6, "", 50),
    ]
    rows: list[FileRow | BadRow] = [
        FileRow(2, "", "T1", 500, 5),
        FileRow(3, "T2", "X", 701, 7),
        FileRow(4, "", "T1", 500, 5),
        FileRow(5, "", "T9", 300),
        BadRow(6, "invalid_amount"),
        FileRow(7, "", "T4", 100),
        FileRow(8, "OUR-1", "", 50),
    ]

    lines = compare(rows=rows, payments=payments, references={"rcp_6": ["OUR-1"]}, on=DAY)

    assert results(lines) == {
        "matched": [(2, "rcp_1"), (7, "rcp_4"), (8, "rcp_6")],
        "amount_differs": [(3, "rcp_2")],
        "duplicate": [(4, "")],
        "missing_here": [(5, "")],
        "unreadable": [(6, "")],
        "missing_there": [(0, "rcp_3")],
    }
    assert [one.line_id for one in lines if one.result is LineResult.MATCHED] == [
        "matched-1",
        "matched-2",
        "matched-3",
    ]
    totals = totals_of(lines=lines, rows=9, left_out=2, payments=payments, on=DAY)
    assert (totals.there, totals.fees, totals.here, totals.rows, totals.left_out) == (1651, 12, 2150, 9, 2)
    assert totals.counts["missing_here"] == 1


def test_only_differences_are_resolved_and_only_in_ways_that_make_sense() -> None:
    check_resolvable(line=Line(LineResult.MISSING_HERE, 1), kind=ResolutionKind.RECORDED)
    check_resolvable(line=Line(LineResult.DUPLICATE, 1), kind=ResolutionKind.EXPLAINED)
    for result, kind in (
        (LineResult.MATCHED, ResolutionKind.EXPLAINED),
        (LineResult.AMOUNT_DIFFERS, ResolutionKind.RECORDED),
        (LineResult.MISSING_THERE, ResolutionKind.LINKED),
    ):
        with pytest.raises(NothingToResolve):
            check_resolvable(line=Line(result, 1), kind=kind)
    with pytest.raises(InvalidValue):
        check_channel(channel="cash")
