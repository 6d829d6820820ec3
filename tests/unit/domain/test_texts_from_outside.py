"""Texts from outside: card numbers are found, formulas are seen, defused and had back."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.cards import CardNumberRefused, holds_card_number, refuse_card_number
from chalicelib.domain.imports import RowFate, RowReport
from chalicelib.domain.spreadsheets import cell_text, is_formula, text_cell
from chalicelib.usecases.import_report import report_chunks


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "card 4111 1111 1111 1111 exp 12 27",
        "12 4111 1111 1111 1111",
        "5500 0000 0000 0004",
        "2223003122003222",
        "378282246310005",
        "30569309025904",
        "6011111111111117",
        "3530111333300000",
        "(4111111111111111)",
    ],
)
def test_card_numbers_are_found_however_they_are_written(text: str) -> None:
    assert holds_card_number(text=text)
    with pytest.raises(CardNumberRefused):
        refuse_card_number(text=text, param="note")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4111111111111112",
        "42301-1234567-1",
        "4230112345671",
        "+92 300 1234567",
        "0092 300 1234567, 0321 7654321",
        "House 12, Street 7, 54000 Lahore",
        "1111111111111111",
        "41111111111111110000000",
        "4111 1111 / 1111 1111",
    ],
)
def test_other_numbers_are_left_alone(text: str) -> None:
    refuse_card_number(text=text)


def test_a_long_text_of_digits_is_looked_through_in_no_time() -> None:
    assert not holds_card_number(text="1 " * 50_000)


@given(st.text())
def test_a_cell_gives_its_text_back_and_is_no_formula(text: str) -> None:
    cell = text_cell(text=text)

    assert cell_text(cell=cell) == text
    assert not is_formula(text=cell)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "'=1"])
def test_what_a_spreadsheet_could_run_is_marked(text: str) -> None:
    assert text_cell(text=text) == f"'{text}"


def test_the_report_of_an_import_runs_nothing() -> None:
    evil = RowReport(
        2, RowFate.FAILED, "invalid_email", '=1,"x"\nrow', column="=cmd|' /C calc'!A0", subject="C-1"
    )

    data = b"".join(report_chunks(reports=[evil] * 1_500))

    assert data.startswith(b'\xef\xbb\xbf"row","outcome","column","code","message","subscriber_code"\r\n')
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert len(rows) == 1_501
    assert set(map(tuple, rows[1:])) == {
        ("2", "failed", "'=cmd|' /C calc'!A0", "invalid_email", '\'=1,"x"\nrow', "C-1")
    }
