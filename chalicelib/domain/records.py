"""Values that a billing run makes by the hundred thousand.

They are frozen like all others, but only for the type checker, which refuses an assignment to
a field. ``frozen=True`` checks at run time too, and pays for it in ``__init__`` with a call a
field: an eighth of the CPU of an invoice (docs/adr/0010).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """Make a dataclass with slots, equal and hashable by its fields, that nobody may assign to."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
