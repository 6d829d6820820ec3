"""The identity ports in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from threading import Lock

from chalicelib.ports.identity import ListedSession, PersonSessions, Session, SessionsMoved
from tests.fakes.store import MemoryWrite


class InMemorySessions:
    """Sessions in a dictionary; counts the writes that extend one."""

    def __init__(self) -> None:
        self.kept: dict[str, Session] = {}
        self.extended = 0
        self._begun: dict[str, int] = defaultdict(int)

    def get(self, *, token_hash: str, at: datetime) -> Session | None:
        """Return the live session, or None."""
        session = self.kept.get(token_hash)
        return session if session and at < min(session.idle_expires_at, session.expires_at) else None

    def extend(self, *, session: Session, idle_expires_at: datetime, at: datetime) -> None:
        """Move the idle expiry."""
        self.extended += 1
        if session.token_hash in self.kept:
            self.kept[session.token_hash] = replace(session, idle_expires_at=idle_expires_at)

    def last_used(self, *, known: PersonSessions, at: datetime) -> Mapping[str, datetime]:
        """Return when each began."""
        return {one.session_id: one.created_at for one in known.listed}

    def mark(self, *, session: Session) -> str:
        """Return the device in words."""
        return f"{session.device.family}|{session.device.network}"

    def remove(self, *, session: Session) -> None:
        """Forget the session."""
        self.kept.pop(session.token_hash, None)

    def of_person(self, *, tenant_id: str, staff_id: str) -> PersonSessions:
        """Return a person's sessions."""
        theirs = [one for one in self.kept.values() if one.principal.actor_id == staff_id]
        listed = (
            ListedSession(one.session_id, one.token_hash, one.created_at, one.expires_at) for one in theirs
        )
        return PersonSessions(tenant_id, staff_id, self._begun[staff_id], tuple(listed))

    def start(
        self, *, session: Session, known: PersonSessions, ended: Collection[str] = ()
    ) -> Sequence[MemoryWrite]:
        """Describe beginning a session, and ending those named."""

        def begin() -> None:
            self.kept[session.token_hash] = session
            self._begun[known.staff_id] += 1

        return [self._unmoved(known, begin), *self._ending(known, ended)]

    def end(
        self, *, known: PersonSessions, session_ids: Collection[str] | None = None
    ) -> Sequence[MemoryWrite]:
        """Describe ending a person's sessions."""
        return [self.none_begun(known=known), *self._ending(known, session_ids)]

    def hold(
        self, *, listed: Sequence[ListedSession], held: bool = True, read_only: bool = False
    ) -> Sequence[MemoryWrite]:
        """Describe holding sessions."""

        def apply() -> None:
            for one in listed:
                self.kept[one.token_hash] = replace(self.kept[one.token_hash], held=held, read_only=read_only)

        return [MemoryWrite(lambda: True, apply, SessionsMoved("never"))]

    def release(self, *, session: Session) -> MemoryWrite:
        """Describe that a session is held no more."""

        def apply() -> None:
            self.kept[session.token_hash] = replace(self.kept[session.token_hash], held=False)

        return MemoryWrite(lambda: session.token_hash in self.kept, apply, SessionsMoved("ended"))

    def forget(self, *, known: PersonSessions) -> Sequence[MemoryWrite]:
        """Describe ending all sessions of a person."""
        return self.end(known=known)

    def none_begun(self, *, known: PersonSessions) -> MemoryWrite:
        """Describe the condition that no session began since."""
        return self._unmoved(known, lambda: None)

    def _ending(self, known: PersonSessions, session_ids: Collection[str] | None) -> list[MemoryWrite]:
        gone = [one for one in known.listed if session_ids is None or one.session_id in session_ids]

        def forget() -> None:
            for one in gone:
                self.kept.pop(one.token_hash, None)

        return [MemoryWrite(lambda: True, forget, SessionsMoved("never"))]

    def _unmoved(self, known: PersonSessions, apply: Callable[[], None]) -> MemoryWrite:
        holds = lambda: self._begun[known.staff_id] == known.begun  # noqa: E731
        return MemoryWrite(holds, apply, SessionsMoved("moved"))


class InMemoryAttempts:
    """Attempts in a dictionary."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, int, int], int] = defaultdict(int)
        self._lock = Lock()

    def add(self, *, key: str, window_seconds: int, at: datetime, count: int = 1) -> int:
        """Count one more, or ``count``."""
        return self._change((key, window_seconds, int(at.timestamp()) // window_seconds), by=count)

    def take_back(self, *, key: str, window_seconds: int, at: datetime) -> None:
        """Count one less."""
        self._change((key, window_seconds, int(at.timestamp()) // window_seconds), by=-1)

    def _change(self, window: tuple[str, int, int], *, by: int) -> int:
        with self._lock:
            self._windows[window] += by
            return self._windows[window]
