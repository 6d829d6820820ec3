"""Vouchers on A4: two by five to a page, with marks to cut along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Final

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from chalicelib.adapters.pdf import fonts
from chalicelib.ports.vouchers import VoucherPrint

COLUMNS: Final = 2
ROWS: Final = 5
PER_PAGE: Final = COLUMNS * ROWS
_WIDTH: Final = 90 * mm
_HEIGHT: Final = 54 * mm
_LEFT: Final = (A4[0] - COLUMNS * _WIDTH) / 2
_BOTTOM: Final = (A4[1] - ROWS * _HEIGHT) / 2
_MARK: Final = 4 * mm
_PAD: Final = 5 * mm
_INNER: Final = _WIDTH - 2 * _PAD
_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class _Look:
    """How a line is set: its width and sizes in points."""

    font: str
    size: float
    size_min: float
    width: float = _INNER


_COMPANY: Final = _Look(fonts.BOLD, 12, 7)
_WORTH: Final = _Look(fonts.BOLD, 18, 8)
_CODE: Final = _Look(fonts.BOLD, 15, 8, _INNER - 4 * mm)
_SMALL: Final = _Look(fonts.REGULAR, 7.5, 5)


class A4VoucherSheets:
    """Prints vouchers on A4."""

    def sheets(self, *, print_: VoucherPrint, vouchers: Iterable[tuple[str, str]]) -> Iterator[bytes]:
        """Yield a PDF of vouchers, each a serial number and a code in groups."""
        fonts.register()
        made = BytesIO()
        canvas = Canvas(made, pagesize=A4, pageCompression=1)
        canvas.setTitle(print_.title)
        rest = iter(vouchers)
        while page := list(islice(rest, PER_PAGE)):
            _cut_marks(canvas)
            for place, named in enumerate(page):
                row, column = divmod(place, COLUMNS)
                corner = _LEFT + column * _WIDTH, A4[1] - _BOTTOM - row * _HEIGHT
                _voucher(canvas, print_, corner, named)
            canvas.showPage()
        canvas.save()
        made.seek(0)
        while chunk := made.read(_CHUNK_BYTES):
            yield chunk


def _voucher(
    canvas: Canvas, print_: VoucherPrint, corner: tuple[float, float], named: tuple[str, str]
) -> None:
    """Draw one voucher with its serial number and code; ``corner`` is its upper left one."""
    (left, top), (serial, code) = corner, named
    middle = left + _WIDTH / 2
    _line(canvas, print_.company, (middle, top - 9 * mm), _COMPANY)
    _line(canvas, print_.worth, (middle, top - 18.5 * mm), _WORTH)
    canvas.setLineWidth(0.6)
    canvas.roundRect(left + _PAD, top - 33.5 * mm, _INNER, 10.5 * mm, 2 * mm)
    _line(canvas, code, (middle, top - 30 * mm), _CODE)
    for below, text in enumerate(print_.instructions):
        _line(canvas, text, (middle, top - (37.5 + 3.5 * below) * mm), _SMALL)
    canvas.setLineWidth(0.3)
    canvas.line(left + _PAD, top - 44 * mm, left + _WIDTH - _PAD, top - 44 * mm)
    canvas.setFont(fonts.REGULAR, 8)
    canvas.drawString(left + _PAD, top - 48 * mm, print_.valid_through)
    canvas.drawRightString(left + _WIDTH - _PAD, top - 48 * mm, f"No. {serial}")


def _line(canvas: Canvas, text: str, place: tuple[float, float], look: _Look) -> None:
    """Draw a line around the middle ``place``, no wider than its look allows."""
    drawn, size = fonts.fitted(
        text=text, font=look.font, width=look.width, size=look.size, size_min=look.size_min
    )
    canvas.setFont(look.font, size)
    canvas.drawCentredString(*place, drawn)


def _cut_marks(canvas: Canvas) -> None:
    """Draw short lines outside the vouchers, and small crosses between them, where they are cut."""
    canvas.setLineWidth(0.25)
    right, top = _LEFT + COLUMNS * _WIDTH, _BOTTOM + ROWS * _HEIGHT
    columns = [_LEFT + column * _WIDTH for column in range(COLUMNS + 1)]
    rows = [_BOTTOM + row * _HEIGHT for row in range(ROWS + 1)]
    for x in columns:
        canvas.line(x, top + 1 * mm, x, top + 1 * mm + _MARK)
        canvas.line(x, _BOTTOM - 1 * mm, x, _BOTTOM - 1 * mm - _MARK)
    for y in rows:
        canvas.line(_LEFT - 1 * mm, y, _LEFT - 1 * mm - _MARK, y)
        canvas.line(right + 1 * mm, y, right + 1 * mm + _MARK, y)
    for x in columns[1:-1]:
        for y in rows[1:-1]:
            canvas.line(x - 1 * mm, y, x + 1 * mm, y)
            canvas.line(x, y - 1 * mm, x, y + 1 * mm)
