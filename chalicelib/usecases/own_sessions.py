"""A person's own sessions: seen and ended by themselves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.errors import Busy, NotFound
from chalicelib.ports.identity import ListedSession, PersonSessions, Session, Sessions, SessionsMoved
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.sessions import COMMIT_ATTEMPTS_MAX


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A live session, and when it was used last, to five minutes."""

    listed: ListedSession
    used_at: datetime


def own_sessions(*, sessions: Sessions, session: Session, at: datetime) -> tuple[OwnSession, ...]:
    """Return the sessions of who is signed in that have not ended, newest first."""
    known = _known(sessions, session)
    used = sessions.last_used(known=known, at=at)
    return tuple(
        OwnSession(one, used[one.session_id])
        for one in reversed(known.listed)
        if at < one.expires_at and one.session_id in used
    )


def end_own_session(
    *, sessions: Sessions, store: TenantStore, session: Session, session_id: str, note: AuditNote
) -> None:
    """End one of one's own sessions; raise NotFound where it is none."""

    def named(known: PersonSessions) -> set[str]:
        if all(one.session_id != session_id for one in known.listed):
            raise NotFound("no such session", param="session_id")
        return {session_id}

    _end(sessions, store, session, named, note)


def end_other_sessions(*, sessions: Sessions, store: TenantStore, session: Session, note: AuditNote) -> None:
    """End all of one's own sessions but the one that asks."""

    def others(known: PersonSessions) -> set[str]:
        return {one.session_id for one in known.listed} - {session.session_id}

    _end(sessions, store, session, others, note)


def _end(
    sessions: Sessions,
    store: TenantStore,
    session: Session,
    chosen: Callable[[PersonSessions], set[str]],
    note: AuditNote,
) -> None:
    for _ in range(COMMIT_ATTEMPTS_MAX):
        known = _known(sessions, session)
        writes = sessions.end(known=known, session_ids=chosen(known))
        with suppress(SessionsMoved):
            store.commit(*writes, store.note(note=note))
            return
    raise Busy("others kept signing in to this account: try again")


def _known(sessions: Sessions, session: Session) -> PersonSessions:
    who = session.principal
    return sessions.of_person(tenant_id=who.tenant_id, staff_id=who.actor_id)
