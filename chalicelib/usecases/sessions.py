"""Sessions: signing in and out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from chalicelib.ports.store import Session, Sessions

SESSION_IDLE: Final = timedelta(hours=12)
SESSION_LIFE: Final = timedelta(days=7)
EXTEND_AFTER: Final = timedelta(minutes=5)


def resume(*, sessions: Sessions, token_hash: str, at: datetime) -> Session | None:
    """Return the live session of a token, or None; its idle time starts anew."""
    session = sessions.get(token_hash=token_hash, at=at)
    if session is None:
        return None
    idle_until = min(at + SESSION_IDLE, session.expires_at)
    if idle_until - session.idle_expires_at >= EXTEND_AFTER:
        sessions.extend(session=session, idle_expires_at=idle_until)
    return session
