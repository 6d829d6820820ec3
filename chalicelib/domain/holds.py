"""Legal holds: what is held is neither purged nor shredded, and ends by itself only after the lift."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.domain.errors import InvalidValue

HOLDS_MAX: Final = 50
REASON_CHARS_MAX: Final = 500
# What would end so soon is moved on, to so long from then: by itself it goes within that after the lift.
ENDS_SOON: Final = timedelta(days=14)
MOVED_ON: Final = timedelta(days=30)
# Half of how long the copy of a file lives that is not renewed, by the life cycle of ``held/``.
COPY_RENEWED: Final = timedelta(days=15)


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


def moved_on(*, ends_at: datetime, at: datetime) -> datetime | None:
    """Return until when what ends by itself is kept while it is held; None where it stays as it is.

    That is where it does not end soon, and where it has ended: nobody sees that any more.
    """
    return at + MOVED_ON if at < ends_at < at + ENDS_SOON else None


def copy_due(*, made_at: datetime, at: datetime) -> bool:
    """Whether the copy of a file that is held is to be made anew: half of its life is over."""
    return at - made_at >= COPY_RENEWED
