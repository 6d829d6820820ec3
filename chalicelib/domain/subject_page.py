"""The page of a person's copy of their data: the same rows as its files, to read and to print.

It needs no network and runs nothing, fits a narrow screen, and leaves out what is empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Final

from chalicelib.domain.export_tables import Kind
from chalicelib.domain.money import format_minor
from chalicelib.domain.subject_tables import FILES, Column, columns_of

# Rows of one file that the page shows; the files have all of them.
PAGE_ROWS_MAX: Final = 1_000

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Section:
    """One file's rows, as many as the page shows, and how many there are."""

    name: str
    rows: Sequence[Row]
    count: int


_PAGE: Final = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Your data</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>:root{{color-scheme:light dark}}
body{{font-family:sans-serif;line-height:1.5;max-width:60rem;margin:0 auto;padding:1rem}}
section>dl{{border:1px solid #888;border-radius:.3rem;padding:.5rem .8rem;margin:0 0 .8rem}}
dl{{display:grid;grid-template-columns:minmax(7rem,13rem) 1fr;gap:.1rem 1rem;margin:0}}
dt{{font-weight:bold}}dd{{margin:0}}dt,dd,p{{overflow-wrap:anywhere}}ul{{margin:0;padding-left:1.2rem}}
@media(max-width:40rem){{dl{{grid-template-columns:1fr}}dd{{margin-bottom:.4rem}}}}</style></head><body>
<h1>Your data with {company}</h1>
<p>Made on {on} for your request {request_id}. {company} answers for it. You may have it corrected or
deleted, object to its processing, withdraw a consent, and complain to the authority that protects personal
data where you live. What is about other people is left out. Amounts that name no currency are in its smallest
unit. The files beside this page have the same rows, for programs: <code>schema.json</code> says what each
holds.</p>
<nav aria-label="What there is"><ul>{contents}</ul></nav>
{sections}</body></html>
"""


def page_text(
    *, company: str, request_id: str, on: date, of_subscriber: bool, sections: Sequence[Section]
) -> str:
    """Return the page; whatever is written in data is text on it."""
    return _PAGE.format(
        company=escape(company),
        on=on,
        request_id=escape(request_id),
        contents="".join(
            f'<li><a href="#{one.name}">{_title(FILES[one.name])}</a> ({one.count})</li>' for one in sections
        ),
        sections="".join(
            _section(one, columns_of(file=one.name, of_subscriber=of_subscriber)) for one in sections
        ),
    )


def _section(section: Section, columns: Mapping[str, Column]) -> str:
    rows = "".join(_list(_readable(row, columns)) for row in section.rows) or "<p>Nothing.</p>"
    more = section.count - len(section.rows)
    rest = f"<p>{more} more are in {section.name}.jsonl.</p>\n" if more else ""
    return f'<section id="{section.name}"><h2>{_title(FILES[section.name])}</h2>\n{rows}\n{rest}</section>\n'


def _readable(row: Row, columns: Mapping[str, Column]) -> Row:
    """Return a row with its amounts in the currency that it names."""
    currency, found = row.get("currency"), dict(row)
    for name, value in row.items():
        column = columns.get(name)
        if column and column.kind is Kind.AMOUNT and isinstance(value, int) and isinstance(currency, str):
            found[name] = f"{format_minor(amount=value, currency=currency)} {currency}"
    return found


def _list(values: Mapping[str, object]) -> str:
    pairs = "".join(
        f"<dt>{_title(name.replace('_', ' '))}</dt><dd>{_shown(value)}</dd>"
        for name, value in values.items()
        if value not in (None, "", [], {})
    )
    return f"<dl>{pairs}</dl>\n"


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return _list(value)
    if isinstance(value, list):
        return f"<ul>{''.join(f'<li>{_shown(one)}</li>' for one in value)}</ul>"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else escape(str(value))


def _title(text: str) -> str:
    return escape(text[:1].upper() + text[1:])
