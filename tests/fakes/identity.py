"""The identity ports in memory."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from threading import Lock

from chalicelib.ports.identity import Session


class InMemorySessions:
    """Sessions in a dictionary; counts the writes that extend one."""

    def __init__(self) -> None:
        self.kept: dict[str, Session] = {}
        self.extended = 0

    def add(self, *, session: Session) -> None:
        """Keep the session."""
        self.kept[session.token_hash] = session

    def get(self, *, token_hash: str, at: datetime) -> Session | None:
        """Return the live session, or None."""
        session = self.kept.get(token_hash)
        return session if session and at < min(session.idle_expires_at, session.expires_at) else None

    def extend(self, *, session: Session, idle_expires_at: datetime) -> None:
        """Move the idle expiry."""
        self.extended += 1
        if session.token_hash in self.kept:
            self.kept[session.token_hash] = replace(session, idle_expires_at=idle_expires_at)

    def remove(self, *, token_hash: str) -> None:
        """Forget the session."""
        self.kept.pop(token_hash, None)


class InMemoryAttempts:
    """Attempts in a dictionary."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, int, int], int] = defaultdict(int)
        self._lock = Lock()

    def add(self, *, key: str, window_seconds: int, at: datetime) -> int:
        """Count one more."""
        return self._change((key, window_seconds, int(at.timestamp()) // window_seconds), by=1)

    def take_back(self, *, key: str, window_seconds: int, at: datetime) -> None:
        """Count one less."""
        self._change((key, window_seconds, int(at.timestamp()) // window_seconds), by=-1)

    def _change(self, window: tuple[str, int, int], *, by: int) -> int:
        with self._lock:
            self._windows[window] += by
            return self._windows[window]
