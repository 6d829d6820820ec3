"""CSV files in every shape that people send them, and things that are no CSV files."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.csv_inspect import (
    INSPECTED_BYTES,
    BadHeader,
    EmptyFile,
    FileTooLarge,
    Inspection,
    NoRows,
    NotCsv,
    encoding_of_all,
    inspect_csv,
)
from chalicelib.domain.csv_records import CsvFormat, Record, read_records
from chalicelib.domain.errors import DomainError
from tests.examples import examples

COMMAS = CsvFormat("utf-8", 0, ",", "\n")


def pieces(data: bytes, size: int = 1 << 16) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def inspect(data: bytes, size: int = 1 << 16) -> Inspection:
    return inspect_csv(chunks=pieces(data, size), first_rows=20)


def records(data: bytes, csv_format: CsvFormat = COMMAS, size: int = 1 << 16) -> list[Record]:
    body = data[csv_format.bom_bytes :]
    return list(
        read_records(chunks=pieces(body, size), csv_format=csv_format, offset=csv_format.bom_bytes, row=0)
    )


@pytest.mark.parametrize(
    ("data", "encoding", "delimiter", "cells"),
    [
        (b"code,name\nA1,Ali\n", "utf-8", ",", ("A1", "Ali")),
        (b"code,name\r\nA1,Ali\r\n", "utf-8", ",", ("A1", "Ali")),
        (b"code,name\rA1,Ali\r", "utf-8", ",", ("A1", "Ali")),
        (b"code,name\nA1,Ali", "utf-8", ",", ("A1", "Ali")),
        (b"\xef\xbb\xbfcode,name\nA1,Ali\n", "utf-8", ",", ("A1", "Ali")),
        (b"code;name;price\nA1;Ali;1,50\n", "utf-8", ";", ("A1", "Ali", "1,50")),
        (b"code\tname\nA1\tAli, the second\n", "utf-8", "\t", ("A1", "Ali, the second")),
        (b"sep=|\r\ncode|name\r\nA1|Ali\r\n", "utf-8", "|", ("A1", "Ali")),
        (b"\r\n\r\ncode,name\r\nA1,Ali\r\n", "utf-8", ",", ("A1", "Ali")),
        (b'code,name\n"A1","Ali ""the"" first\nand last, really"\n', "utf-8", ",", None),
        ("code,name\nA1,José\n".encode("cp1252"), "cp1252", ",", ("A1", "José")),
        ("code,name\nA1,“Ali”\n".encode("cp1252"), "cp1252", ",", ("A1", "“Ali”")),
        (b"code,name\nA1,\x81\xe9\n", "latin-1", ",", ("A1", "\x81é")),
        ("code,name\nA1,علی\n".encode(), "utf-8", ",", ("A1", "علی")),
        (b"\xff\xfe" + "code,name\nA1,علی\n".encode("utf-16-le"), "utf-16-le", ",", ("A1", "علی")),
        (b"\xfe\xff" + "code,name\r\nA1,Ali\r\n".encode("utf-16-be"), "utf-16-be", ",", ("A1", "Ali")),
        ("code,name\nA1,Ali\n".encode("utf-16-le"), "utf-16-le", ",", ("A1", "Ali")),
        (b"code\nA1\n", "utf-8", ",", ("A1",)),
    ],
)
def test_a_file_is_read_however_it_was_saved(
    data: bytes, encoding: str, delimiter: str, cells: tuple[str, ...] | None
) -> None:
    found = inspect(data)

    assert (found.format.encoding, found.format.delimiter) == (encoding, delimiter)
    assert found.header[0] == "code"
    assert found.first[0].cells == (cells or ("A1", 'Ali "the" first\nand last, really'))


def test_a_file_is_cp1252_though_its_first_megabytes_are_ascii() -> None:
    data = b"code,name\n" + b"".join(b"A%d,Ali\n" % n for n in range(300_000)) + b"Z,Jos\xe9\n"

    found = inspect(data)

    assert found.format.encoding == "utf-8"
    assert encoding_of_all(chunks=pieces(data, 1 << 20), found=found.format) == "cp1252"


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        (b"", EmptyFile),
        (b" \r\n \n", EmptyFile),
        (b"\xef\xbb\xbf", EmptyFile),
        (b"code,name\n", NoRows),
        (b"code,name\n,\n\n", NoRows),
        (b'"code,name\nA1,Ali\n', BadHeader),
        (b"x" * 101 + b",name\nA1,Ali\n", BadHeader),
        (b",".join(b"c%d" % n for n in range(201)) + b"\n" + b"," * 200 + b"1\n", FileTooLarge),
        (b"PK\x03\x04\x14\x00", NotCsv),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", NotCsv),
        (b"%PDF-1.7", NotCsv),
        (b"\x1f\x8b\x08\x00", NotCsv),
        (b"<!DOCTYPE html><html></html>", NotCsv),
        (b"\n  <html><body>", NotCsv),
        (b"\xef\xbb\xbf<?xml version='1.0'?>", NotCsv),
        (b'[{"code": "A1"}]', NotCsv),
        (b'{ "code": "A1" }', NotCsv),
        (bytes(range(256)) * 20, NotCsv),
        (b"\x00" * 5000, NotCsv),
        (b"\xff\xfe" + b"a\x00\x00\xd8\n\x00b", NotCsv),
        (b"\xef\xbb\xbfcode,name\nA1,Jos\xe9\n", NotCsv),
    ],
)
def test_what_is_no_csv_file_is_refused_by_name(data: bytes, refused: type[DomainError]) -> None:
    with pytest.raises(refused):
        inspect(data)


def test_the_beginning_of_a_file_is_looked_at_and_no_more() -> None:
    taken = []

    def endless() -> Iterator[bytes]:
        while True:
            taken.append(1)
            yield b"code,name\n" * 100_000

    assert inspect_csv(chunks=endless(), first_rows=20).header == ("code", "name")
    assert len(taken) == INSPECTED_BYTES // 1_000_000 + 1


def test_rows_are_numbered_as_a_spreadsheet_shows_them() -> None:
    data = b'code,name\nA1,"two\nlines"\n\nA2,x\n'

    assert [(record.row, record.cells) for record in records(data)] == [
        (1, ("code", "name")),
        (2, ("A1", "two\nlines")),
        (3, ()),
        (4, ("A2", "x")),
    ]


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (b'A1,"never closed', "malformed_quotes"),
        (b'A1,"closed" then more', "malformed_quotes"),
        (b"A1," + b"x" * 70_000, "line_too_long"),
        (b"A1,mid\rline", "malformed_quotes"),
    ],
)
def test_a_row_that_cannot_be_read_costs_no_other(bad: bytes, problem: str) -> None:
    good = [b"B%d,fine" % n for n in range(300)]
    data = b"\n".join([b"code,name", good[0], bad, *good[1:]]) + b"\n"

    found = records(data, size=1000)

    assert [record.row for record in found if record.problem] == [3]
    assert found[2].problem == problem
    assert [",".join(record.cells).encode() for record in found[1:] if not record.problem] == good


CELL = st.text(
    alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12
) | st.sampled_from(['"', '""', "a\nb", "a\r\nb", ",", "=cmd", "é", "علی", "😀", ""])


@examples(150)
@given(
    rows=st.lists(st.lists(CELL, min_size=2, max_size=4), min_size=1, max_size=12),
    encoding=st.sampled_from(["utf-8", "utf-16-le", "utf-16-be"]),
    delimiter=st.sampled_from(",;\t|"),
    size=st.integers(min_value=1, max_value=50),
)
def test_a_reader_may_begin_wherever_a_record_ends(
    rows: list[list[str]], encoding: str, delimiter: str, size: int
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    data = out.getvalue().encode(encoding)
    way = CsvFormat(encoding, 0, delimiter, "\n")

    whole = records(data, way, size)

    assert [list(record.cells) for record in whole] == rows
    assert whole[-1].end == len(data)
    for record in whole:
        rest = read_records(
            chunks=pieces(data[record.end :], size), csv_format=way, offset=record.end, row=record.row
        )
        assert list(rest) == whole[record.row :]


@examples(300)
@given(data=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_and_never_break_anything(data: bytes) -> None:
    try:
        found = inspect(data, 7)
    except DomainError:
        return
    for record in records(data, found.format, 5):
        assert record.problem or record.cells is not None


def test_200_000_rows_are_read_in_flat_memory() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"code,name,address\n"
        for start in range(0, 200_000, 1_000):
            yield b"".join(b"C%d,Name of it,House 1 Street 2\n" % n for n in range(start, start + 1_000))

    tracemalloc.start()
    found = inspect_csv(chunks=chunks(), first_rows=20)
    count = sum(1 for _ in read_records(chunks=chunks(), csv_format=found.format, offset=0, row=0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 200_001
    assert peak < 2 * 1024 * 1024
