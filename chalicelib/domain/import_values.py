"""Reading the cells of an import: text, codes, amounts, dates.

Each function takes a trimmed, non-empty cell and returns its value, or raises BadCell or
another InvalidValue whose ``code`` and message go into the import's report.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from chalicelib.domain.cards import refuse_card_number
from chalicelib.domain.contacts import CODE_CHARS_MAX, check_code
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.import_mapping import DateFormat, DecimalFormat
from chalicelib.domain.money import Money, parse_decimal
from chalicelib.domain.packages import check_price
from chalicelib.domain.spreadsheets import is_formula

# What alone may begin with a plus: an international phone number.
_PHONE: Final = re.compile(r"\+[0-9(][0-9 ()./-]*\Z", re.ASCII)
_GROUPED: Final[dict[DecimalFormat, re.Pattern[str]]] = {
    DecimalFormat.POINT: re.compile(r"[+-]?\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?\Z", re.ASCII),
    DecimalFormat.COMMA: re.compile(r"[+-]?\d{1,3}(?:\.\d{2,3})*\.\d{3}(?:,\d+)?\Z", re.ASCII),
}
_PLAIN: Final[dict[DecimalFormat, re.Pattern[str]]] = {
    DecimalFormat.POINT: re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)\Z", re.ASCII),
    DecimalFormat.COMMA: re.compile(r"[+-]?(?:\d+(?:,\d*)?|,\d+)\Z", re.ASCII),
}
_DATES: Final[dict[DateFormat, tuple[re.Pattern[str], str]]] = {
    DateFormat.YMD: (re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})\Z", re.ASCII), "ymd"),
    DateFormat.YMD_SLASH: (re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})\Z", re.ASCII), "ymd"),
    DateFormat.DMY_DASH: (re.compile(r"(\d{1,2})-(\d{1,2})-(\d{4})\Z", re.ASCII), "dmy"),
    DateFormat.DMY_SLASH: (re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})\Z", re.ASCII), "dmy"),
    DateFormat.DMY_DOT: (re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})\Z", re.ASCII), "dmy"),
    DateFormat.MDY_SLASH: (re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})\Z", re.ASCII), "mdy"),
}


class BadCell(InvalidValue):
    """A cell that is not what its column should hold; each instance has a code of its own."""

    def __init__(self, cell_code: str, message: str) -> None:
        super().__init__(message)
        self.cell_code = cell_code


def cell_code(*, error: InvalidValue) -> str:
    """Return the code under which a refusal is reported."""
    return error.cell_code if isinstance(error, BadCell) else error.code


def read_line(*, text: str) -> str:
    """Return text as one line; refuse what a spreadsheet would run."""
    if is_formula(text=text) and not _PHONE.match(text):
        raise BadCell("formula_cell", "the cell begins like a spreadsheet formula (= + - @)")
    return " ".join(text.split())


def read_code(*, text: str) -> str:
    """Return a subscriber's code."""
    line = read_line(text=text)
    if len(line) <= CODE_CHARS_MAX:  # a longer one is refused below, without a search
        refuse_card_number(text=line)
    return check_code(code=line)


def read_price(*, text: str, decimal_format: DecimalFormat, currency: str) -> Money:
    """Return a price, or raise BadCell, InvalidAmount or InvalidPrice."""
    comma = decimal_format is DecimalFormat.COMMA
    if _GROUPED[decimal_format].match(text):
        text = text.replace("." if comma else ",", "")
    elif not _PLAIN[decimal_format].match(text):
        raise BadCell("invalid_amount", f"not an amount such as {decimal_format.value}")
    price = parse_decimal(text=text.replace(",", ".") if comma else text, currency=currency)
    if price.amount < 0:
        raise BadCell("negative_price", "a price is not negative")
    check_price(price=price)
    return price


def read_date(*, text: str, date_format: DateFormat) -> date:
    """Return a date, or raise BadCell."""
    pattern, order = _DATES[date_format]
    found = pattern.match(text)
    if found is None:
        raise BadCell("invalid_date", f"not a date such as {date_format.value}")
    parts = dict(zip(order, map(int, found.groups()), strict=True))
    try:
        return date(parts["y"], parts["m"], parts["d"])
    except ValueError:
        raise BadCell("invalid_date", "there is no such day") from None


def read_anchor(*, text: str) -> int:
    """Return the day of the month or week on which a cycle begins."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 2):
        raise BadCell("invalid_anchor", "an anchor day is a whole number")
    return int(text)
