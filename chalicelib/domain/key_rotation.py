"""Which of a tenant's keys are to be replaced: by age, or because an operator asks for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.errors import InvalidValue

# A data key seals for a year at most, a root is wrapped anew each year: KMS changes its own
# material as often (AWS KMS Developer Guide, "Rotate AWS KMS keys").
KEY_AGE_DAYS_MAX: Final = 365
# Keys of a billing year are as old as the year: they are rotated only when asked for.
ROTATED_BY_AGE: Final = frozenset({"op", "audit"})
_ROTATED: Final = re.compile(r"op|audit|bill-\d{4}")


class InvalidKeyFamily(InvalidValue):
    """There is no such family of keys, or it keeps its key for good (blind indexes)."""

    code = "invalid_key_family"


@dataclass(frozen=True, slots=True)
class FamilyKey:
    """The newest key of a family, and when it was made."""

    family: str
    version: int
    made_at: datetime


@dataclass(frozen=True, slots=True)
class KeyStanding:
    """A tenant's newest keys, and how its root is wrapped; no ``root_at`` where there is no root."""

    families: tuple[FamilyKey, ...]
    root_at: datetime | None
    root_by_present_key: bool


@dataclass(frozen=True, slots=True)
class RotationOrder:
    """Replace what was made before an instant, in these families; the root is wrapped anew alike.

    The instant makes it safe to repeat: what was replaced after it is not replaced again.
    """

    made_before: datetime
    families: frozenset[str] = ROTATED_BY_AGE

    def __post_init__(self) -> None:
        for family in self.families:
            if not _ROTATED.fullmatch(family):
                raise InvalidKeyFamily(f"keys {family!r} are not rotated", param="families")


def by_age(*, at: datetime) -> RotationOrder:
    """Return what the schedule asks for: nothing older than a year."""
    return RotationOrder(made_before=at - timedelta(days=KEY_AGE_DAYS_MAX))


def keys_to_rotate(*, standing: KeyStanding, order: RotationOrder) -> Sequence[FamilyKey]:
    """Return the newest keys that another is to take the place of."""
    return [
        key for key in standing.families if key.family in order.families and key.made_at < order.made_before
    ]


def must_rewrap(*, standing: KeyStanding, order: RotationOrder) -> bool:
    """Whether the root is to be wrapped anew: it is old, or another key of the key service wraps it."""
    if standing.root_at is None:
        return False
    return not standing.root_by_present_key or standing.root_at < order.made_before
