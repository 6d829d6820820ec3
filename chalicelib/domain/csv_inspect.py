"""Finding out what a file is before a row of it is imported: encoding, delimiter, header."""

from __future__ import annotations

import codecs
import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

from chalicelib.domain.csv_records import CsvFormat, Record, read_records
from chalicelib.domain.errors import InvalidValue

FILE_BYTES_MAX: Final = 64 * 1024 * 1024
COLUMNS_MAX: Final = 200
HEADER_CHARS_MAX: Final = 100
SAMPLE_BYTES: Final = 64 * 1024
SAMPLE_RECORDS: Final = 50
# The header and the first rows stand within so many rows, blank ones too.
TOP_RECORDS_MAX: Final = 1_000
# What a file is shows in its beginning; whoever asks does not wait for the rest.
INSPECTED_BYTES: Final = 2 * 1024 * 1024
DELIMITERS: Final = ",;\t|"


class NotCsv(InvalidValue):
    """The file is something else: a spreadsheet, an archive, a web page, a picture."""

    code = "not_csv"


# What a text with columns is called by those who save it; whether it is one, its content tells.
FILE_ENDINGS: Final = (".csv", ".tsv", ".txt")


def check_file_name(*, name: str, param: str = "file_name") -> None:
    """Raise NotCsv unless a file is called what a text with columns is called, in any case."""
    if not name.casefold().endswith(FILE_ENDINGS):
        raise NotCsv(f"a file to import ends in {', '.join(FILE_ENDINGS)}: save it as CSV", param=param)


class EmptyFile(InvalidValue):
    """The file has no bytes, or nothing but blanks."""

    code = "empty_file"


class NoRows(InvalidValue):
    """The file has a header and nothing below it."""

    code = "no_rows"


class RecordTooLong(InvalidValue):
    """The first row, or the one below the header, does not end within what is looked at."""

    code = "record_too_long"


class FileTooLarge(InvalidValue):
    """The file has more bytes, rows or columns than one import may."""

    code = "file_too_large"


class BadHeader(InvalidValue):
    """The first row does not name columns."""

    code = "bad_header"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file turned out to be.

    ``first`` is its first rows below the header, which ends at byte ``header_end``.
    """

    format: CsvFormat
    header: tuple[str, ...]
    header_row: int
    header_end: int
    first: tuple[Record, ...]


_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MAGIC: Final = (
    (b"PK\x03\x04", "an Excel workbook or ZIP archive"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"SQLite format 3", "a database"),
    (b"{\\rtf", "a rich-text document"),
)
_MARKUP: Final = (
    ("<!doctype", "a web page"),
    ("<html", "a web page"),
    ("<table", "a web page"),
    ("<?xml", "an XML document"),
    ('{"', "a JSON document"),
    ("[{", "a JSON document"),
    ("[[", "a JSON document"),
)
# Bytes that Windows-1252 leaves undefined: a file that has one is read as Latin-1.
_NOT_IN_CP1252: Final = (0x81, 0x8D, 0x8F, 0x90, 0x9D)
_TEXT_CONTROLS: Final = b"\t\n\r\x0c\x1a"


class _Look:
    """Goes over a file's beginning once, chunk by chunk, and keeps what it takes to choose."""

    def __init__(self) -> None:
        self.size = 0
        self.head = b""
        self.claimed = ("utf-8", 0)
        self.decodes = True
        self.is_cp1252 = True
        self.has_nul = False
        self._decoder: codecs.IncrementalDecoder = codecs.getincrementaldecoder("utf-8")("strict")

    def take(self, chunk: bytes) -> None:
        """Look at the next bytes."""
        if not self.size:
            self._begin(chunk)
        self.size += len(chunk)
        if len(self.head) < SAMPLE_BYTES:
            self.head += chunk[: SAMPLE_BYTES - len(self.head)]
        self.has_nul = self.has_nul or b"\0" in chunk
        self._try(chunk, final=False)
        if self.is_cp1252:
            self.is_cp1252 = not any(byte in chunk for byte in _NOT_IN_CP1252)

    def finish(self) -> None:
        """Close the file: a character may be cut off at its end."""
        self._try(b"", final=True)

    def _begin(self, chunk: bytes) -> None:
        for magic, what in _MAGIC:
            if chunk.startswith(magic):
                _refuse(what)
        for bom, encoding in _BOMS:
            if chunk.startswith(bom):
                self.claimed = (encoding, len(bom))
                self._decoder = codecs.getincrementaldecoder(encoding)("strict")

    def _try(self, chunk: bytes, *, final: bool) -> None:
        if not self.decodes:
            return
        try:
            self._decoder.decode(chunk, final)
        except UnicodeDecodeError:
            self.decodes = False


def inspect_csv(*, chunks: Iterable[bytes], first_rows: int) -> Inspection:
    """Find out what a file is, from its first ``INSPECTED_BYTES``, and read its header and first rows.

    Raises NotCsv, EmptyFile, NoRows, RecordTooLong, FileTooLarge or BadHeader.
    """
    look = _Look()
    for chunk in chunks:
        look.take(chunk[: INSPECTED_BYTES - look.size])
        if look.size == INSPECTED_BYTES:
            break
    else:
        look.finish()
    encoding, bom_bytes = _encoding(look)
    sample = look.head[bom_bytes:].decode(encoding, "ignore")
    _refuse_markup(sample)
    line_end = "\n" if "\n" in sample or "\r" not in sample else "\r"
    declared = _declared_delimiter(sample)
    complete = look.size <= SAMPLE_BYTES

    def records(delimiter: str) -> Iterable[Record]:
        body = look.head[bom_bytes:]
        way = CsvFormat(encoding, bom_bytes, delimiter, line_end)
        return read_records(chunks=[body], csv_format=way, offset=bom_bytes, row=0, complete=complete)

    try:
        delimiter = declared or max(DELIMITERS, key=lambda one: _fitness(records(one)))
        top = itertools.islice(records(delimiter), TOP_RECORDS_MAX)
        header, first = _top(top, skip=1 if declared else 0, first_rows=first_rows, complete=complete)
    except UnicodeDecodeError:
        raise NotCsv("the text cannot be read: save the file as CSV UTF-8 anew") from None
    return Inspection(
        format=CsvFormat(encoding, bom_bytes, delimiter, line_end),
        header=_column_names(header),
        header_row=header.row,
        header_end=header.end,
        first=first,
    )


def encoding_of_all(*, chunks: Iterable[bytes], found: CsvFormat) -> str:
    """Return the encoding that holds to the end of the file, where its beginning seemed ``found``.

    ``chunks`` begin below the header. A file without a byte order mark may be plain ASCII for
    long, and turn out to be from an old Windows program by a single letter.
    """
    if found.bom_bytes or found.encoding not in {"utf-8", "cp1252"}:
        return found.encoding
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    is_utf8, is_cp1252 = found.encoding == "utf-8", True
    for chunk in chunks:
        if is_utf8:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                is_utf8 = False
        is_cp1252 = is_cp1252 and not any(byte in chunk for byte in _NOT_IN_CP1252)
    if is_utf8 and not decoder.getstate()[0]:
        return found.encoding
    return "cp1252" if is_cp1252 else "latin-1"


def _refuse_markup(sample: str) -> None:
    start = "".join(sample[:1000].split()).lower()
    if not start and not sample.strip():
        raise EmptyFile("the file is empty")
    for mark, what in _MARKUP:
        if start.startswith(mark):
            _refuse(what)


def _refuse(what: str) -> NoReturn:
    raise NotCsv(f"this is {what}, not a CSV file: save or export it as CSV (comma separated values)")


def _encoding(look: _Look) -> tuple[str, int]:
    encoding, bom_bytes = look.claimed
    if bom_bytes:
        if not look.decodes:
            raise NotCsv(f"the file says that it is {encoding.upper()} and is not: save it as CSV UTF-8 anew")
        return look.claimed
    if look.has_nul:
        return _utf16_without_bom(look.head), 0
    controls = sum(1 for byte in look.head if byte < 32 and byte not in _TEXT_CONTROLS)
    if controls > len(look.head) // 100:
        _refuse("a binary file")
    if look.decodes:
        return look.claimed
    return ("cp1252" if look.is_cp1252 else "latin-1"), 0


def _utf16_without_bom(head: bytes) -> str:
    """Tell the byte order by where the zero halves of Latin characters stand, or raise NotCsv."""
    pairs = max(1, len(head) // 2)
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if 10 * odd > 6 * pairs and 10 * even < pairs:
        return "utf-16-le"
    if 10 * even > 6 * pairs and 10 * odd < pairs:
        return "utf-16-be"
    _refuse("a binary file")


def _declared_delimiter(sample: str) -> str | None:
    """Return the delimiter that Excel's first line ``sep=;`` declares."""
    first = sample[:10].splitlines()[0].strip().strip('"') if sample.strip() else ""
    declares = len(first) == 5 and first[:4].lower() == "sep=" and first[4] in DELIMITERS
    return first[4] if declares else None


def _fitness(records: Iterable[Record]) -> tuple[int, int]:
    """Return how well a delimiter fits: the share of rows as wide as the header, and that width."""
    widths: list[int] = []
    for record in itertools.islice(records, TOP_RECORDS_MAX):
        if not record.blank:
            widths.append(len(record.cells))
        if len(widths) == SAMPLE_RECORDS:
            break
    if not widths or widths[0] < 2:
        return 0, 0
    return Counter(widths)[widths[0]] * 100 // len(widths), widths[0]


def _top(
    records: Iterable[Record], *, skip: int, first_rows: int, complete: bool
) -> tuple[Record, tuple[Record, ...]]:
    header: Record | None = None
    rows: list[Record] = []
    last = 0
    for record in records:
        last = record.row
        if record.row <= skip or record.blank:
            continue
        if header is None:
            header = record
        else:
            rows.append(record)
        if len(rows) == first_rows:
            break
    if not rows and not complete and last < TOP_RECORDS_MAX and not (header and header.problem):
        raise RecordTooLong(
            f"a row at the top of the file does not end within {SAMPLE_BYTES >> 10} KB: "
            "is a quotation mark left open?"
        )
    if header is None or header.problem:
        raise BadHeader("the first row cannot be read as column names")
    if not rows:
        raise NoRows("the file has a header and no rows below it")
    return header, tuple(rows)


def _column_names(header: Record) -> tuple[str, ...]:
    names = tuple(name.strip() for name in header.cells)
    if len(names) > COLUMNS_MAX:
        raise FileTooLarge(f"an import file has at most {COLUMNS_MAX} columns")
    if any(len(name) > HEADER_CHARS_MAX for name in names):
        raise BadHeader(
            f"a column name has at most {HEADER_CHARS_MAX} characters: is the first row a header?"
        )
    return names
