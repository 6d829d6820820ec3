"""What an import takes from a file is bounded, however the file is made."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, cast

import pytest
from pydantic import ValidationError

from chalicelib.api.import_bodies import MappingBody
from chalicelib.domain.cards import holds_card_number
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
    batches: list[list[Row]] = []
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
