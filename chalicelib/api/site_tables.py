"""The tables of the public pages: what is kept, made of the data map, and which cookies there are."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from chalicelib.domain.consent_texts import ConsentText
from chalicelib.domain.data_map import Stored
from chalicelib.domain.data_map_page import CATEGORY_HEAD, OBJECTION_HEAD, category_rows, objection_rows
from chalicelib.domain.processors import Processor


def kept_table(*, items: Sequence[Stored]) -> str:
    """Return what is kept of people: by category, with the purposes, the legal bases and for how long."""
    rows = [[_sentence(cell) for cell in row] for row in category_rows(items=items)]
    return table(head=CATEGORY_HEAD, rows=rows)


def objection_table() -> str:
    """Return what becomes of an objection to each purpose, and why."""
    rows = [[_sentence(cell) for cell in row] for row in objection_rows()]
    return table(head=OBJECTION_HEAD, rows=rows)


def cookie_table(*, text: ConsentText) -> str:
    """Return every cookie, by category."""
    rows = [
        [cookie.name, purpose.title, cookie.holds, cookie.life]
        for purpose in text.purposes
        for cookie in purpose.cookies
    ]
    return table(head=("cookie", "kind", "what it holds", "for how long"), rows=rows)


def recipients_table(*, register: Sequence[Processor]) -> str:
    """Return the third parties: what each is for, what it gets, and where it is."""
    rows = [[one.name, _sentence(one.purpose.value), one.words, _sentence(one.where)] for one in register]
    return table(head=("who", "what for", "what it gets", "where"), rows=rows)


def table(*, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of texts; where a screen is narrow each row is a list of labelled values."""
    names = "".join(f'<th scope="col">{_shown(_sentence(name))}</th>' for name in head)
    lines = "".join(_row(head, row) for row in rows)
    parts = f"<thead><tr>{names}</tr></thead><tbody>{lines}</tbody>"
    return f'<div class="scroll"><table class="stack">{parts}</table></div>'


def _row(head: Sequence[str], row: Sequence[str]) -> str:
    first, *others = row
    cells = "".join(
        f'<td data-label="{escape(_sentence(name))}">{_shown(cell)}</td>'
        for name, cell in zip(head[1:], others, strict=True)
    )
    return f'<tr><th scope="row">{_shown(first)}</th>{cells}</tr>'


def _shown(text: str) -> str:
    return escape(text, quote=False)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
