"""Renders policies as HTML: a subset of Markdown that has what our own texts need, and nothing else.

Paragraphs, ``## headings``, ``- lists``, ``**strong**`` and ``[words](/address)``; a paragraph ``{{name}}``
is a table that the page brings along. Everything else is text and is escaped, tags too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape
from typing import Final

_TABLE: Final = re.compile(r"\{\{([a-z-]+)\}\}", re.ASCII)
_STRONG: Final = re.compile(r"\*\*([^*]+)\*\*")
# Of this site, of mail, or of the web over TLS: no other scheme is a link.
_LINK: Final = re.compile(r"\[([^\]]+)\]\(((?:/|https://|mailto:)[^\s()&;]*)\)")
_NO_ANCHOR: Final = re.compile(r"[^a-z0-9]+")


def render_markup(*, text: str, tables: Mapping[str, Callable[[], str]] | None = None) -> str:
    """Return the HTML of a text; ``tables`` make HTML by name, KeyError says that one is not given."""
    blocks = (block.strip() for block in text.split("\n\n"))
    return "\n".join(_block(block, tables or {}) for block in blocks if block)


def _block(block: str, tables: Mapping[str, Callable[[], str]]) -> str:
    if found := _TABLE.fullmatch(block):
        return tables[found[1]]()
    if block.startswith("## "):
        heading = block.removeprefix("## ")
        return f'<h2 id="{anchor_of(heading=heading)}">{_inline(heading)}</h2>'
    if block.startswith("- "):
        items = "".join(f"<li>{_inline(item)}</li>" for item in block.removeprefix("- ").split("\n- "))
        return f"<ul>{items}</ul>"
    return f"<p>{_inline(block)}</p>"


def anchor_of(*, heading: str) -> str:
    """Return the name by which a heading is linked to."""
    return _NO_ANCHOR.sub("-", heading.lower()).strip("-")


def _inline(text: str) -> str:
    strong = _STRONG.sub(r"<strong>\1</strong>", escape(" ".join(text.split()), quote=False))
    return _LINK.sub(r'<a href="\2">\1</a>', strong)
