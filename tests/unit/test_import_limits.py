"""What an import takes from a file is bounded, however the file is made."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import pytest
from pydantic import ValidationError

from chalicelib.api.import_bodies import MappingBody
from chalicelib.domain import csv_records
from chalicelib.domain.cards import holds_card_number
from chalicelib.domain.contacts import Contact, check_area, check_contact
from chalicelib.domain.csv_inspect import INSPECTED_BYTES, encoding_of_all, inspect_csv
from chalicelib.domain.csv_records import CsvFormat, TooManyBadQuotes, read_records
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.import_mapping import (
    ImportField,
    ImportMapping,
    MappingTooLarge,
    SkipRule,
    UnknownColumn,
    check_mapping,
)
from chalicelib.domain.imports import RowFate, RowReport
from chalicelib.domain.money import InvalidAmount, parse_decimal
from chalicelib.usecases import import_batches
from chalicelib.usecases.import_batches import REPORT_BYTES_PER_BATCH_MAX, Row, Run, commit_full
from chalicelib.usecases.import_report import report_chunks

CODE = {ImportField.CODE: "code"}


@pytest.mark.parametrize(
    "body",
    [
        {"columns": {"code": "code", "name": " "}},
        {"columns": {"code": "\t"}},
        {"columns": {"code": "code"}, "skip_when": [{"column": " ", "values": ["x"], "reason": "r"}]},
    ],
)
def test_a_blank_column_name_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MappingBody.model_validate(body)


@pytest.mark.parametrize(
    "mapping",
    [
        ImportMapping(columns={**CODE, ImportField.NAME: " "}),
        ImportMapping(columns={**CODE, ImportField.NAME: ""}),
        ImportMapping(columns=CODE, skip_when=(SkipRule("", ("x",), "r"),)),
    ],
)
def test_a_column_without_a_name_cannot_be_mapped(mapping: ImportMapping) -> None:
    with pytest.raises(UnknownColumn):
        check_mapping(mapping=mapping, header=("code", "", " "))
    assert '"columns"' in MappingBody.of(mapping).model_dump_json()


def test_a_mapping_has_a_size() -> None:
    rules = tuple(SkipRule("code", tuple(f"{n:0100}" for n in range(50)), "reason") for _ in range(10))

    check_mapping(mapping=ImportMapping(columns=CODE, skip_when=rules[:3]), header=("code",))
    with pytest.raises(MappingTooLarge):
        check_mapping(mapping=ImportMapping(columns=CODE, skip_when=rules), header=("code",))


@pytest.mark.parametrize("text", ["9" * 60_000, "1." + "1" * 60_000, "9" * 31, "1.123", "x" * 60_000])
def test_a_message_quotes_the_beginning_of_a_long_amount(text: str) -> None:
    with pytest.raises(InvalidAmount) as refused:
        parse_decimal(text=text, currency="PKR")
    assert len(refused.value.message) < 100


def test_a_report_is_cut() -> None:
    report = RowReport(1, RowFate.FAILED, "bad", "m" * 60_000, "c" * 60_000, "s" * 60_000)

    assert (len(report.message), len(report.column), len(report.subject)) == (200, 100, 100)
    assert replace(report, message="short").message == "short"


def test_a_batch_closes_before_its_reports_outgrow_an_item(monkeypatch: pytest.MonkeyPatch) -> None:
    report = RowReport(1, RowFate.FAILED, "bad", "\x01" * 200, "\x01" * 100, "\x01" * 100)
    rows = [Row(row, row, reports=[replace(report, row=row)] * 5) for row in range(1, 301)]
    batches: list[Sequence[Row]] = []
    monkeypatch.setattr(import_batches, "_commit", lambda _run, batch: batches.append(batch))

    assert commit_full(run=cast(Run, None), rows=rows, rest=True) == []

    assert [row for batch in batches for row in batch] == rows
    assert max(sum(row.report_bytes for row in batch) for batch in batches) <= REPORT_BYTES_PER_BATCH_MAX
    assert len(batches) > 2


def test_every_cell_of_the_report_is_quoted() -> None:
    report = RowReport(3, RowFate.FAILED, "bad", "one;two", "c", 'a"b')

    text = b"".join(report_chunks(reports=[report])).decode("utf-8-sig")

    assert text.splitlines()[1] == '"3","failed","c","bad","one;two","a""b"'


def test_the_search_for_card_numbers_takes_time_by_the_length_alone() -> None:
    started = time.process_time()

    assert not holds_card_number(text="1 " * 30_000)
    assert not holds_card_number(text="1" * 60_000)
    assert not holds_card_number(text="1 " * 5_000 + "9" * 50_000)
    assert time.process_time() - started < 2
    assert holds_card_number(text="1 " * 300 + "4111 1111 1111 1111")


def test_marks_upon_marks_are_refused_by_their_number() -> None:
    text = "a" + "\u0315\u0300" * 30_000

    def look() -> None:
        with pytest.raises(InvalidValue):
            check_contact(contact=Contact(name=text))
        with pytest.raises(InvalidValue):
            check_area(area=text)

    assert seconds_to(look) < 1
    assert check_contact(contact=Contact(name="e\u0301" * 50)).name == "é" * 50


# -- looking at a file ---------------------------------------------------------------------


def seconds_to(look: Callable[[], object]) -> float:
    started = time.process_time()
    look()
    return time.process_time() - started


@pytest.mark.parametrize("line", [b"\n", b'",a","\n', b'a,"\n', b" \n", b",,,,\n"])
def test_no_file_takes_long_to_look_at(line: bytes) -> None:
    data = b"code,name\nC1,x\n" + line * (64 * 1024 * 1024 // len(line))

    def look() -> None:
        with suppress(InvalidValue):
            inspect_csv(chunks=[data], first_rows=20)

    assert seconds_to(look) < 2


def test_a_letter_cut_in_two_at_the_end_of_the_beginning_is_no_other_encoding() -> None:
    head = b"code,name\nC1,x\n"
    data = head + b"y" * (INSPECTED_BYTES - len(head) - 1) + "é\n".encode()

    assert inspect_csv(chunks=[data], first_rows=20).format.encoding == "utf-8"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"C1,x\n" * 9, "utf-8"),
        ("C1,é\n".encode() * 9, "utf-8"),
        (b"C1,x\n" * 9 + b"C2,Jos\xe9\n", "cp1252"),
        (b"C1,x\n" * 9 + b"C2,Jos\xe9", "cp1252"),
        (b"C1,x\n" * 9 + b"C2,Jos\xe9\x81\n", "latin-1"),
    ],
)
def test_a_late_letter_tells_the_encoding(data: bytes, encoding: str) -> None:
    pieces = [data[place : place + 7] for place in range(0, len(data), 7)]

    assert encoding_of_all(chunks=pieces, found=CsvFormat("utf-8", 0, ",", "\n")) == encoding


@pytest.mark.parametrize(
    "data",
    [
        b"code,name\nC1," + b"x" * 70_000 + b"\nC2,y\n",
        b"x" * 70_000 + b"\nC1,x\n",
    ],
)
def test_a_first_row_that_does_not_end_is_refused_as_such(data: bytes) -> None:
    with pytest.raises(InvalidValue) as refused:
        inspect_csv(chunks=[data], first_rows=20)
    assert refused.value.code == "record_too_long"


def test_quotation_marks_that_do_not_match_end_the_reading_at_some_point(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(csv_records, "LINES_REREAD_MAX", 1_000)
    way = CsvFormat("utf-8", 0, ",", "\n")
    found = read_records(chunks=[b'",a","\n' * 10_000], csv_format=way, offset=0, row=0)

    with pytest.raises(TooManyBadQuotes):
        deque(found, maxlen=0)
