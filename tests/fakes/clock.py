"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FakeClock:
    """The time that a test sets; always aware and in UTC."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        """Return the time that was set."""
        return self._at

    def set(self, at: datetime) -> None:
        """Go to a time."""
        assert at.tzinfo is not None, "a clock's time is aware"
        self._at = at.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self._at += by
