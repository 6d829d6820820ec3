"""Legal holds: what is held is neither purged nor shredded until the hold is lifted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from chalicelib.domain.errors import InvalidValue

HOLDS_MAX: Final = 50
REASON_CHARS_MAX: Final = 500


class InvalidHold(InvalidValue):
    """A hold names no reason, too long a one, or something that is not held."""

    code = "invalid_hold"


class HeldCategory(StrEnum):
    """What a hold keeps: all that there is of a tenant, or its billing records."""

    EVERYTHING = "everything"
    BILLING = "billing"


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold on a tenant's data, for a reason that only the operator reads; ``set_at`` in UTC."""

    hold_id: str
    category: HeldCategory
    reason: str
    set_at: datetime


def held(*, holds: Collection[HeldCategory], category: HeldCategory) -> bool:
    """Whether a category is held: by a hold on it, or on everything."""
    return category in holds or HeldCategory.EVERYTHING in holds


def check_hold(*, category: str, reason: str) -> tuple[HeldCategory, str]:
    """Return category and reason as they are stored, or raise InvalidHold."""
    cleaned = reason.strip()
    if not cleaned or len(cleaned) > REASON_CHARS_MAX:
        raise InvalidHold(f"a hold has a reason of 1 to {REASON_CHARS_MAX} characters", param="reason")
    try:
        return HeldCategory(category), cleaned
    except ValueError:
        names = ", ".join(one.value for one in HeldCategory)
        raise InvalidHold(f"a hold is on one of: {names}", param="category") from None
