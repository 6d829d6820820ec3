"""``docs/data-map.md``: the record of processing activities, made of the data map."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from chalicelib.domain.data_map import RULES, Basis, Category, Handling, Personal, Purpose, Stored, Subject
from chalicelib.domain.data_map_items import ITEMS
from chalicelib.domain.data_map_objects import OBJECTS
from chalicelib.domain.objections import decided

CATEGORY_HEAD: Final = ("category", "of whom", "purposes", "legal basis", "kept")
OBJECTION_HEAD: Final = ("purpose", "if you object", "legal basis", "the ground")

_HEAD: Final = """\
# What is stored, why, and for how long

Made by `make data-map` of `chalicelib/domain/data_map*.py`: do not edit. It is the record of processing
activities (article 30 GDPR) as far as the code can say it; a test fails where an attribute of a stored item
is not in it, or where what is personal is not encrypted.

*direct*: the value is about a person. *linked*: it is filed under one. **sealed**: encrypted by the platform
under the ISP's own keys, besides the encryption of the tables.

The rules say for how long a value may be kept, and what keeps to it. What `RetentionKeeper` took away is in
`GET /v1/retention/reports` (ADR 34); how an account ends is in ADR 31. Nothing goes by its rule while a legal
hold is on everything of the ISP, but for `session`, `window` and `visitor_choice` (credentials, counts, and
choices of visitors who are nobody's), files for which there is a copy (`held`), and `backups`, of which there
are newer ones. What would expire is moved on.
"""


def data_map_page(*, items: Sequence[Stored]) -> str:
    """Return the page."""
    rules = [
        [f"`{rule.code}`", rule.words, rule.keeper.value, "yes" if rule.shortened else ""] for rule in RULES
    ]
    parts = [
        _HEAD,
        "## For how long\n",
        _table(["rule", "kept", "kept to by", "an ISP may shorten it"], rules),
        "## By category\n",
        _table(CATEGORY_HEAD, category_rows(items=(*items, *OBJECTS))),
        "## Objections\n",
        _table(OBJECTION_HEAD, objection_rows()),
        "## By item\n",
        *(_item(one) for one in items),
        "## Files\n",
        *(_item(one) for one in OBJECTS),
    ]
    return "\n".join(parts)


def category_rows(*, items: Sequence[Stored]) -> list[list[str]]:
    """Return a row of CATEGORY_HEAD for each category that has something personal."""
    return [_category(one) for one in _used(items)]


def objection_rows() -> list[list[str]]:
    """Return a row of OBJECTION_HEAD for each purpose."""
    return [
        [one.purpose.value, "goes on", one.ground.basis.value, one.ground.words]
        if one.ground
        else [one.purpose.value, "stops at once", Basis.CONSENT.value, ""]
        for one in decided(purposes=tuple(Purpose))
    ]


def _used(items: Sequence[Stored]) -> list[tuple[Category, list[tuple[Stored, Handling]]]]:
    """Return each category with the personal values that are of it."""
    found = []
    for category in Category:
        of_it = [
            (one, handling)
            for one in items
            for handling in one.attributes.values()
            if handling.category is category and handling.personal is not Personal.NONE
        ]
        if of_it:
            found.append((category, of_it))
    return found


def _category(used: tuple[Category, list[tuple[Stored, Handling]]]) -> list[str]:
    category, of_it = used
    columns = (
        {who.value for one, _ in of_it for who in one.subjects if who is not Subject.NOBODY},
        {handling.purpose.value for _, handling in of_it},
        {handling.basis.value for _, handling in of_it},
        {handling.rule.words for _, handling in of_it},
    )
    return [category.value, *("; ".join(sorted(values)) for values in columns)]


def _item(item: Stored) -> str:
    grouped: dict[Handling, list[str]] = {}
    for name, handling in item.attributes.items():
        grouped.setdefault(handling, []).append(name)
    rows = [
        [
            " ".join(f"`{name}`" for name in names),
            handling.category.value,
            handling.personal.value + (", sealed" if handling.sealed else ""),
            handling.purpose.value,
            handling.basis.value,
            f"`{handling.rule.code}`",
            handling.erasure.value,
        ]
        for handling, names in grouped.items()
    ]
    head = ["attributes", "category", "personal", "purpose", "basis", "rule", "then"]
    inside = "".join(f"\n`{name}` holds {words}.\n" for name, words in item.inside.items())
    of_whom = "; ".join(one.value for one in item.subjects)
    who = f"Of {of_whom}; controller: {item.controller.value}."
    return f"### {item.model}: {item.words}\n\n{who}\n{inside}\n{_table(head, rows)}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(data_map_page(items=ITEMS))
