"""Answers that are kept for idempotency keys, and what of them is personal.

A kept answer must stay, or a repeated request would be done twice; what it says of people need
not. Nothing tells whose an answer is but its content, so an erasure looks through all of them.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from chalicelib.domain.contacts import Contact, Recipient

# Fields of answers that hold what is about a person, or what staff wrote about one.
PERSONAL_FIELDS: Final = frozenset(
    {
        *(one.name for one in fields(Contact)),
        *(f"recipient_{one.name}" for one in fields(Recipient)),
        *("reference", "reason", "words"),
    }
)


def without_person(*, answer: object) -> object:
    """Return a JSON value whose personal texts are empty, at every level."""
    if isinstance(answer, list):
        return [without_person(answer=one) for one in answer]
    if isinstance(answer, dict):
        return {
            name: "" if name in PERSONAL_FIELDS and isinstance(value, str) else without_person(answer=value)
            for name, value in answer.items()
        }
    return answer
