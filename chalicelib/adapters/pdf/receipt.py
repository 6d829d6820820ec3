"""Receipts and invoices as PDF: A4, as many pages as the rows need, each with its number."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Final

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from chalicelib.adapters.pdf.fonts import BOLD, REGULAR, fitted, register, right_to_left, width_of
from chalicelib.adapters.pdf.qr import qr_svg
from chalicelib.domain.printed import Printed

WIDTH, HEIGHT = A4
LEFT: Final = 20 * mm
RIGHT: Final = WIDTH - 20 * mm
BOTTOM: Final = 25 * mm
ROW: Final = 6 * mm
AMOUNT_WIDTH: Final = 33 * mm
ADDRESS_LINES_MAX: Final = 8
WORDS_SIZE: Final = 9.5
WORDS_SIZE_MIN: Final = 6.5


class PdfPrinter:
    """Draws documents and codes with reportlab."""

    def draw(self, *, document: Printed) -> bytes:
        """Return the document as a PDF of A4 pages; the same document is the same bytes."""
        register()
        made = BytesIO()
        canvas = Canvas(made, pagesize=A4, invariant=1)
        canvas.setTitle(f"{document.title} {document.number}")
        canvas.setAuthor(document.company)
        _Sheet(canvas, document).draw()
        canvas.save()
        return made.getvalue()

    def qr_code(self, *, text: str, label: str) -> str:
        """Return the QR code of a text as an SVG element, with a label for who cannot see it."""
        return qr_svg(text=text, label=label)


class _Sheet:
    """One document being drawn, from the top of its first page down."""

    def __init__(self, canvas: Canvas, document: Printed) -> None:
        self._canvas = canvas
        self._document = document
        self._y = 0.0
        self._page = 0

    def draw(self) -> None:
        self._begin_page()
        self._draw_parties()
        self._draw_columns()
        for row in self._document.rows:
            self._make_room(ROW)
            self._draw_row(row)
        self._draw_totals()
        for remark in self._document.remarks:
            self._make_room(ROW)
            self._words(LEFT, remark, width=RIGHT - LEFT)
            self._y -= ROW
        self._end_page()

    def _begin_page(self) -> None:
        self._page += 1
        top = HEIGHT - 25 * mm
        company, size = fitted(text=self._document.company, font=BOLD, width=105 * mm, size=16, size_min=9)
        self._canvas.setFont(BOLD, size)
        self._canvas.drawString(LEFT, top, company)
        head = f"{self._document.title} {self._document.number}"
        text, size = fitted(text=head, font=BOLD, width=62 * mm, size=12, size_min=7)
        self._canvas.setFont(BOLD, size)
        self._canvas.drawRightString(RIGHT, top, text)
        self._rule(top - 4 * mm)
        self._y = top - 14 * mm

    def _end_page(self) -> None:
        self._canvas.setFont(REGULAR, 8)
        self._canvas.drawRightString(RIGHT, 15 * mm, f"{self._document.number}, page {self._page}")
        self._canvas.showPage()

    def _make_room(self, height: float) -> None:
        """Go on with another page, and its columns, where there is no room."""
        if self._y - height < BOTTOM:
            self._end_page()
            self._begin_page()
            self._draw_columns()

    def _draw_parties(self) -> None:
        """Draw the addressee on the left and the facts on the right."""
        top = self._y
        lines = [line for text in self._document.addressee for line in _wrapped(text, width=85 * mm)]
        for line in lines[:ADDRESS_LINES_MAX]:
            self._words(LEFT, line, width=85 * mm)
            self._y -= 5 * mm
        lowest, self._y = self._y, top
        for name, value in self._document.facts:
            self._words(115 * mm, name, width=28 * mm)
            self._words(145 * mm, value, width=RIGHT - 145 * mm)
            self._y -= 5 * mm
        self._y = min(lowest, self._y) - 6 * mm

    def _draw_columns(self) -> None:
        self._draw_row(self._document.columns, font=BOLD)
        self._rule(self._y + ROW - 2 * mm)
        self._y -= 1 * mm

    def _draw_row(self, cells: Sequence[str], font: str = REGULAR) -> None:
        words, amounts = cells[0], cells[1:]
        self._words(LEFT, words, width=RIGHT - LEFT - len(amounts) * AMOUNT_WIDTH - 3 * mm, font=font)
        for place, amount in enumerate(reversed(amounts)):
            self._amount(RIGHT - place * AMOUNT_WIDTH, amount, font)
        self._y -= ROW

    def _draw_totals(self) -> None:
        self._make_room(ROW * (len(self._document.totals) + 1))
        self._rule(self._y + ROW - 2 * mm)
        last = len(self._document.totals) - 1
        for place, (name, amount) in enumerate(self._document.totals):
            font = BOLD if place == last else REGULAR
            self._words(RIGHT - 95 * mm, name, width=58 * mm, font=font)
            self._amount(RIGHT, amount, font)
            self._y -= ROW
        self._y -= 2 * mm

    def _words(self, x: float, text: str, *, width: float, font: str = REGULAR) -> None:
        """Draw a line of words from ``x``; what reads from the right ends where the width does."""
        drawn, size = fitted(text=text, font=font, width=width, size=WORDS_SIZE, size_min=WORDS_SIZE_MIN)
        self._canvas.setFont(font, size)
        if right_to_left(text=text):
            self._canvas.drawRightString(x + width, self._y, drawn)
        else:
            self._canvas.drawString(x, self._y, drawn)

    def _amount(self, x: float, text: str, font: str) -> None:
        drawn, size = fitted(
            text=text, font=font, width=AMOUNT_WIDTH - 2 * mm, size=WORDS_SIZE, size_min=WORDS_SIZE_MIN
        )
        self._canvas.setFont(font, size)
        self._canvas.drawRightString(x, self._y, drawn)

    def _rule(self, y: float) -> None:
        self._canvas.setLineWidth(0.5)
        self._canvas.line(LEFT, y, RIGHT, y)


def _wrapped(text: str, *, width: float) -> list[str]:
    """Return a text in lines that are no wider than ``width``, cut between words where that is possible."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and width_of(text=longer, font=REGULAR, size=WORDS_SIZE) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line] if line else lines
