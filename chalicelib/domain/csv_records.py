"""Reading a CSV file record by record, from the byte where any record ends.

Nothing here holds more than one chunk and one record, whatever the size of the file, and a
record that cannot be read costs its own first line only: reading goes on with the next.
"""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from chalicelib.domain.errors import InvalidValue

LINE_CHARS_MAX: Final = 64 * 1024
RECORD_CHARS_MAX: Final = 64 * 1024
RECORD_LINES_MAX: Final = 100
# Lines that unmatched quotation marks swallowed are read again, so many in all.
LINES_REREAD_MAX: Final = 500_000


class TooManyBadQuotes(InvalidValue):
    """So many quotation marks do not match that the file is not read to its end."""

    code = "malformed_quotes"


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """How to read a file. ``bom_bytes`` come before the text; ``line_end`` is LF or, on old Macs, CR."""

    encoding: str
    bom_bytes: int
    delimiter: str
    line_end: str


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the file.

    ``row`` counts as a spreadsheet shows it: blank rows count, and a quoted line break starts
    no new row. ``end`` is the byte after the record. ``problem`` is the code of why it cannot
    be read, and then there are no cells.
    """

    row: int
    cells: tuple[str, ...]
    end: int
    problem: str | None = None

    @property
    def blank(self) -> bool:
        """Whether there is nothing in it."""
        return self.problem is None and not any(cell.strip() for cell in self.cells)


class _Unreadable(Exception):
    """The record at hand is none; ``problem`` is the code to report."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Line:
    """A line with its end, and the byte after it; ``text`` is None where it was too long to keep."""

    text: str | None
    end: int


def read_records(
    *, chunks: Iterable[bytes], csv_format: CsvFormat, offset: int, row: int, complete: bool = True
) -> Iterator[Record]:
    """Yield the records after byte ``offset``, where ``chunks`` begin and ``row`` ended.

    With ``complete`` false the chunks are the file's beginning only, and a record that they cut
    off is left out. Raises UnicodeDecodeError where the bytes are not in the format's encoding,
    and TooManyBadQuotes.
    """
    reader = _Reader(_lines(chunks, csv_format, offset, complete=complete), csv_format.delimiter)
    while True:
        record = reader.next_record(row + 1, complete=complete)
        if record is None:
            return
        row = record.row
        yield record


def _lines(chunks: Iterable[bytes], csv_format: CsvFormat, offset: int, *, complete: bool) -> Iterator[_Line]:
    """Yield the lines; positions are counted in the bytes that each line's text encodes to."""
    decoder = codecs.getincrementaldecoder(csv_format.encoding)("strict")
    width = 2 if csv_format.encoding.startswith("utf-16") else 1
    rest, end, dropping = "", offset, False
    for chunk in chunks:
        pieces = (rest + decoder.decode(chunk)).split(csv_format.line_end)
        rest = pieces.pop()
        for piece in pieces:
            text = piece + csv_format.line_end
            end += _size(text, csv_format.encoding, width)
            yield _Line(None if dropping or len(text) > LINE_CHARS_MAX else text, end)
            dropping = False
        if len(rest) > LINE_CHARS_MAX:
            end += _size(rest, csv_format.encoding, width)
            rest, dropping = "", True
    if not complete:
        return
    rest += decoder.decode(b"", final=True)
    if rest or dropping:
        end += _size(rest, csv_format.encoding, width)
        yield _Line(None if dropping else rest, end)


def _size(text: str, encoding: str, width: int) -> int:
    return len(text) * width if text.isascii() else len(text.encode(encoding))


class _Reader:
    """Feeds lines to ``csv.reader``, and takes back those that it swallowed in vain."""

    def __init__(self, lines: Iterator[_Line], delimiter: str) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._returned: deque[_Line] = deque()
        self._taken: list[_Line] = []
        self._reread = 0
        self._csv = self._new_reader()

    def next_record(self, row: int, *, complete: bool) -> Record | None:
        """Return the next record, numbered ``row``, or None at the end."""
        self._taken.clear()
        try:
            cells = next(self._csv)
        except StopIteration:
            return None
        except (_Unreadable, csv.Error) as error:
            if not complete and not self._more():
                return None
            first = self._taken[0]
            self._reread += len(self._taken) - 1
            if self._reread > LINES_REREAD_MAX:
                raise TooManyBadQuotes("quotation marks do not match in too many rows") from None
            self._returned.extendleft(reversed(self._taken[1:]))
            self._csv = self._new_reader()
            problem = error.problem if isinstance(error, _Unreadable) else "malformed_quotes"
            return Record(row, (), first.end, problem)
        return Record(row, tuple(cells), self._taken[-1].end)

    def _new_reader(self) -> Iterator[list[str]]:
        return csv.reader(self._feed(), delimiter=self._delimiter, strict=True)

    def _more(self) -> bool:
        """Whether lines are left beyond those taken."""
        line = self._returned.popleft() if self._returned else next(self._lines, None)
        if line is not None:
            self._returned.appendleft(line)
        return line is not None

    def _feed(self) -> Iterator[str]:
        """Yield lines of one record after another; ``_taken`` holds those of the present one."""
        chars = 0
        while True:
            line = self._returned.popleft() if self._returned else next(self._lines, None)
            if line is None:
                return
            chars = len(line.text or "") + (chars if self._taken else 0)
            self._taken.append(line)
            if line.text is None:
                raise _Unreadable("line_too_long" if len(self._taken) == 1 else "malformed_quotes")
            if len(self._taken) > RECORD_LINES_MAX or chars > RECORD_CHARS_MAX:
                raise _Unreadable("malformed_quotes")
            # A lone CR inside is the file's own line break within quotes, or csv.reader says so.
            yield line.text
