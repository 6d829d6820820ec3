"""Identifiers of audit entries: ULIDs, which tell when and in which month an entry was written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

PREFIX: Final = "aud_"
ID_CHARS: Final = 30
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TIME_CHARS: Final = 10
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def written_at(*, entry_id: str) -> datetime:
    """Return when an entry's identifier was made (UTC, to the millisecond)."""
    number = 0
    for char in entry_id[len(PREFIX) : len(PREFIX) + _TIME_CHARS]:
        number = number * 32 + _ALPHABET.index(char)
    return _EPOCH + timedelta(milliseconds=number)


def floor_id(*, at: datetime) -> str:
    """Return the identifier below all that were made at or after an instant."""
    milliseconds = (at - _EPOCH) // timedelta(milliseconds=1)
    time = "".join(_ALPHABET[milliseconds >> shift & 31] for shift in range(45, -1, -5))
    return f"{PREFIX}{time}{'0' * (ID_CHARS - len(PREFIX) - _TIME_CHARS)}"


def month_of(*, entry_id: str) -> str:
    """Return the UTC month, as yyyy-mm, under which an entry is kept."""
    return f"{written_at(entry_id=entry_id):%Y-%m}"


def months_between(*, since: str, until: str) -> Iterator[tuple[str, str, str]]:
    """Yield each month that holds identifiers between two, with the bounds of its own (exclusive)."""
    first, last = written_at(entry_id=since), written_at(entry_id=until)
    month = first.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while month <= last:
        following = (month + timedelta(days=32)).replace(day=1)
        low, high = floor_id(at=month), floor_id(at=following)
        yield f"{month:%Y-%m}", max(since, low), min(until, high)
        month = following
