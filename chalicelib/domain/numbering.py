"""The numbers that documents show: a format for each kind and fiscal year.

A document keeps its place in the series (kind, fiscal year, sequence from 1, without gaps);
the number is rendered from it. So a format is fixed with the first document of a kind in a fiscal
year: a number that was issued never changes. Formats are kept with the first fiscal year that
they are for; a fiscal year has the name of the calendar year in which it ends.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chalicelib.domain.errors import InvalidValue

LITERAL_CHARS_MIN: Final = 1
LITERAL_CHARS_MAX: Final = 20
SEQUENCE_DIGITS_MAX: Final = 9
# The longest pattern that the other limits allow has fewer characters.
PATTERN_CHARS_MAX: Final = 60

_PART: Final = re.compile(r"\{([^{}]*)\}|([^{}]+)", re.ASCII)
_SEQUENCE: Final = re.compile(r"seq(?::0([1-9]))?\Z", re.ASCII)
_LITERAL: Final = re.compile(r"[A-Za-z0-9/._-]+\Z", re.ASCII)
_DIGITS: Final = re.compile(r"(?:\{[^{}]*\}|[0-9])+", re.ASCII)


class InvalidNumberFormat(InvalidValue):
    """The format lacks a placeholder, has an unknown one, or could give another kind's numbers."""

    code = "invalid_number_format"


class DocumentKind(StrEnum):
    """A number series each: a debit note is owed like an invoice, a journal moves no money in or out.

    A company journal is of the company's own funds, and of no subscriber.
    """

    INVOICE = "INV"
    CREDIT_NOTE = "CRN"
    DEBIT_NOTE = "DBN"
    RECEIPT = "RCP"
    REFUND = "RFD"
    JOURNAL = "JRN"
    COMPANY_JOURNAL = "CJN"


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """The format of a kind's numbers from a fiscal year on, such as ``INV-{fy}-{seq:06}``."""

    kind: DocumentKind
    from_year: int
    pattern: str


def default_pattern(*, kind: str) -> str:
    """Return the format of a kind for which the tenant has set none."""
    return f"{kind}-{{fy}}-{{seq:06}}"


def pattern_for(*, formats: Sequence[NumberFormat], kind: str, fiscal_year: int) -> str:
    """Return the format of a kind in a fiscal year."""
    fitting = [one for one in formats if one.kind == kind and one.from_year <= fiscal_year]
    if not fitting:
        return default_pattern(kind=kind)
    return max(fitting, key=lambda one: one.from_year).pattern


def render_number(*, pattern: str, fiscal_year: int, sequence: int) -> str:
    """Return a document's number.

    ``{fy}`` is the fiscal year in four digits, ``{fy_short}`` in two, ``{seq}`` the sequence and
    ``{seq:06}`` the same with leading zeros to six digits; one that needs more has more.
    """
    values = {"fy": f"{fiscal_year:04d}", "fy_short": f"{fiscal_year % 100:02d}", "seq": str(sequence)}

    def filled(part: re.Match[str]) -> str:
        name, literal = part.groups()
        if literal is not None:
            return str(literal)
        padded = _SEQUENCE.match(name)
        if padded is not None and padded[1]:
            return f"{sequence:0{padded[1]}d}"
        return values[name]

    return _PART.sub(filled, pattern)


def with_format(
    *, formats: Sequence[NumberFormat], kind: DocumentKind, pattern: str, from_year: int
) -> tuple[NumberFormat, ...]:
    """Return the formats with a kind's set from a fiscal year on, or raise InvalidNumberFormat.

    The same format as before changes nothing.
    """
    param = f"number_formats.{kind}"
    check_pattern(pattern=pattern, param=param)
    if pattern_for(formats=formats, kind=kind, fiscal_year=from_year) == pattern:
        return tuple(formats)
    kept = [one for one in formats if one.kind != kind or one.from_year < from_year]
    return tuple(
        sorted((*kept, NumberFormat(kind, from_year, pattern)), key=lambda one: (one.kind, one.from_year))
    )


def check_distinct(*, formats: Sequence[NumberFormat]) -> None:
    """Raise InvalidNumberFormat where two kinds could ever have the same number.

    Numbers whose texts differ when each run of digits counts as one are never equal, whatever the
    fiscal years and sequences; what was a kind's format in any year counts.
    """
    taken: dict[str, DocumentKind] = {}
    for kind in DocumentKind:
        own = {default_pattern(kind=kind)} | {one.pattern for one in formats if one.kind == kind}
        for pattern in sorted(own):
            other = taken.setdefault(_shape(pattern), kind)
            if other is not kind:
                message = f"{pattern} could give the same numbers as the format of {other}: use other letters"
                raise InvalidNumberFormat(message, param=f"number_formats.{kind}")


def _shape(pattern: str) -> str:
    return _DIGITS.sub("#", pattern)


def check_pattern(*, pattern: str, param: str) -> None:
    """Raise InvalidNumberFormat unless the format has a sequence, a fiscal year and 1 to 20 characters."""
    names, literal = _parts(pattern, param)
    sequences = [name for name in names if _SEQUENCE.match(name)]
    years = [name for name in names if name in {"fy", "fy_short"}]
    unknown = [name for name in names if name not in {*sequences, *years}]
    if unknown:
        known = f"{{fy}}, {{fy_short}}, {{seq}} and {{seq:01}} to {{seq:0{SEQUENCE_DIGITS_MAX}}}"
        raise InvalidNumberFormat(f"{{{unknown[0]}}} is no placeholder; there are {known}", param=param)
    if len(sequences) != 1:
        raise InvalidNumberFormat("a number has the sequence once: {seq} or such as {seq:06}", param=param)
    if len(years) != 1:
        message = (
            "a number has the fiscal year once, {fy} or {fy_short}: the sequence begins anew with each year"
        )
        raise InvalidNumberFormat(message, param=param)
    if not LITERAL_CHARS_MIN <= len(literal) <= LITERAL_CHARS_MAX:
        message = f"besides them a number has {LITERAL_CHARS_MIN} to {LITERAL_CHARS_MAX} characters"
        raise InvalidNumberFormat(message, param=param)
    if not _LITERAL.match(literal) or not (pattern[0].isalnum() or pattern[0] == "{"):
        message = "a number has letters, digits, / . _ and -, and begins with a letter or digit"
        raise InvalidNumberFormat(message, param=param)


def _parts(pattern: str, param: str) -> tuple[list[str], str]:
    """Return the names of the placeholders, and the rest joined."""
    parts = list(_PART.finditer(pattern))
    if len(pattern) > PATTERN_CHARS_MAX or "".join(part[0] for part in parts) != pattern:
        message = f"a format has at most {PATTERN_CHARS_MAX} characters, and }} for every {{"
        raise InvalidNumberFormat(message, param=param)
    return [part[1] for part in parts if part[1] is not None], "".join(part[2] or "" for part in parts)
