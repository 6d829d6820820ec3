"""Rows of a person's copy of their data: without other people, and what is the same in everybody's copy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from chalicelib.domain.data_map import Personal, Stored, Subject
from chalicelib.domain.processors import REGISTER
from chalicelib.domain.retention import Period
from chalicelib.domain.subject_page import Row

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
