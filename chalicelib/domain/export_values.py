"""Values as an export writes them: what JSON has, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum


def plain(*, value: object) -> object:
    """Return a value as JSON has it: instants in UTC with a ``Z``, values of several parts by name.

    Raises TypeError for what has no such form, so that nothing is written that nobody thought of.
    """
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return _parts(value)


def _parts(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(plain(value=name)): plain(value=part) for name, part in value.items()}
    if isinstance(value, AbstractSet):
        return sorted(str(plain(value=part)) for part in value)
    if isinstance(value, (tuple, list)):
        return [plain(value=part) for part in value]
    if is_dataclass(value):
        return {one.name: plain(value=getattr(value, one.name)) for one in fields(value)}
    raise TypeError(f"{type(value).__name__} has no place in an export")
