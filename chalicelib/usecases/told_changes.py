"""What an audit entry tells of a changed record: each changed field, before and after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Final

SHOWN_CHARS: Final = 4


def changed_fields(*, before: Any, after: Any, names: Iterable[str] | None = None) -> dict[str, object]:
    """Return ``{name: [before, after]}`` for the fields that differ; of all but ``version``, or of some."""
    chosen = [one.name for one in fields(before) if one.name != "version"] if names is None else names
    return {
        name: [getattr(before, name), getattr(after, name)]
        for name in chosen
        if getattr(before, name) != getattr(after, name)
    }


def masked(*, text: str) -> str:
    """Return the last characters of a number that identifies a person, the others hidden."""
    return text and f"{'*' * max(len(text) - SHOWN_CHARS, SHOWN_CHARS)}{text[-SHOWN_CHARS:]}"
