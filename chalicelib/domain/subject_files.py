"""The files of a person's copy of their data: rows without other people, their schema, and a page to read.

Rows are JSON objects, one a line. The page repeats them as tables, needs no network, and runs nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Final

from chalicelib.domain.data_map import Personal, Stored, Subject
from chalicelib.domain.processors import REGISTER
from chalicelib.domain.retention import Period

# Rows of one file that the page shows; the files have all of them.
PAGE_ROWS_MAX: Final = 1_000

FILES: Final[Mapping[str, str]] = {
    "person": "who you are, as it is stored",
    "subscriptions": "your packages; amounts in minor units",
    "invoices": "your invoices and debit notes; amounts in minor units",
    "invoice_lines": "what they charge",
    "documents": "your receipts, credit notes, refunds and journals",
    "stored_items": "every item that is filed under your account, as it is stored",
    "sessions": "your sessions: since when, until when, from what kind of device and network",
    "audit_entries": "what was done with your data, and by you",
    "privacy_requests": "your requests about your data",
    "consents": "what you agreed to and took back: when, to which text, how",
    "policies": "which versions of our policies you were told of, saw and accepted",
    "processing": "why each kind of data is processed, on which legal basis, and for how long",
    "recipients": "third parties, and what they may be sent",
}

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Section:
    """One file's rows, as many as the page shows, and how many there are."""

    name: str
    rows: Sequence[Row]
    count: int


_OTHERS: Final[Mapping[str, str]] = {
    "stf": "staff",
    "sbr": "a subscriber",
    "key": "a program of the ISP",
    "spa": "platform support",
}
_PERSON: Final = re.compile(r"(?:stf|sbr|key|spa)_[0-9A-Z]{26}", re.ASCII)


def kind_of(*, identifier: str) -> str:
    """Return what kind of person or thing an identifier is of, and not which."""
    prefix = identifier.partition("_")[0]
    return _OTHERS.get(prefix, "the platform" if identifier == "system" else prefix)


def without_others(*, text: str, subject_id: str) -> str:
    """Return a text in which identifiers of other people are what those are; the person's own stays."""
    return _PERSON.sub(
        lambda found: found[0] if found[0] == subject_id else kind_of(identifier=found[0]), text
    )


def processing_rows(*, items: Iterable[Stored], subject: Subject, periods: Iterable[Period]) -> list[Row]:
    """Return why each kind of data about such a person is processed, and for how long by that tenant."""
    words = {one.rule: one.words for one in periods}
    found = {
        (
            handling.category.value,
            handling.purpose.value,
            handling.basis.value,
            words[handling.rule],
            handling.erasure.value,
            one.controller.value,
        )
        for one in items
        if subject in one.subjects
        for handling in one.attributes.values()
        if handling.personal is not Personal.NONE
    }
    names = ("category", "purpose", "legal_basis", "kept", "then", "controller")
    return [dict(zip(names, row, strict=True)) for row in sorted(found)]


def recipient_rows() -> list[Row]:
    """Return the third parties."""
    return [
        {
            "name": one.name,
            "purpose": one.purpose.value,
            "where": one.where,
            "categories": [category.value for category in one.categories],
            "what": one.words,
        }
        for one in REGISTER
    ]


def schema_text() -> str:
    """Return the JSON Schema (2020-12) of the files: each line of a file is what it says."""
    value = {"type": ["string", "number", "boolean", "null", "array", "object"]}
    text = {"type": "string"}
    known: dict[str, dict[str, object]] = {
        "stored_items": {"kind": text, "key": text, "values": {"type": "object"}},
        "sessions": dict.fromkeys(("session_id", "began_at", "expires_at", "device", "network"), text),
        "processing": dict.fromkeys(
            ("category", "purpose", "legal_basis", "kept", "then", "controller"), text
        ),
    }
    definitions = {
        name: {
            "description": words,
            "type": "object",
            "properties": known.get(name, {}),
            "required": sorted(known.get(name, {})),
            "additionalProperties": value,
        }
        for name, words in FILES.items()
    }
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "description": "Each line of <name>.jsonl is an object of the definition of that name.",
        "$defs": definitions,
    }
    return json.dumps(schema, indent=2)


_PAGE: Final = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Your data</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>body{{font-family:sans-serif;margin:2em}}table{{border-collapse:collapse}}
td,th{{border:1px solid #999;padding:.2em .5em;text-align:left;vertical-align:top}}</style></head><body>
<h1>Your data with {company}</h1>
<p>Made on {on} for your request {request_id}. {company} answers for it. You may have it corrected or
deleted, object to its processing, withdraw a consent, and complain to the authority that protects personal
data where you live. What is about other people is left out. The files beside this page have the same rows,
for programs: <code>schema.json</code> says of what form.</p>
{sections}</body></html>
"""


def page_text(*, company: str, request_id: str, on: date, sections: Sequence[Section]) -> str:
    """Return the page; whatever is written in data is text on it."""
    return _PAGE.format(
        company=escape(company),
        on=on,
        request_id=escape(request_id),
        sections="".join(map(_section, sections)),
    )


def _section(section: Section) -> str:
    head = f"<h2>{escape(FILES[section.name])}</h2>\n"
    if not section.rows:
        return f"{head}<p>Nothing.</p>\n"
    columns = list(dict.fromkeys(name for row in section.rows for name in row))
    title = "".join(f"<th>{escape(name)}</th>" for name in columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(_cell(row.get(name)))}</td>' for name in columns)}</tr>\n"
        for row in section.rows
    )
    more = section.count - len(section.rows)
    rest = f"<p>{more} more are in {section.name}.jsonl.</p>\n" if more else ""
    return f"{head}<table><tr>{title}</tr>\n{rows}</table>\n{rest}"


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
