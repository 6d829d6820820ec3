"""Sessions in the ephemeral table, found by the hash of their token.

The table's TTL removes items days late, so expiry is checked on read.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, UpdateError

from chalicelib.domain.staff import Principal, Role
from chalicelib.ports.identity import Session
from chalicelib.store.base import Database, EphemeralItem, StoreUnavailable, from_iso, to_iso

CONDITION_FAILED: Final = "ConditionalCheckFailedException"


class SessionItem(EphemeralItem):
    """``SESSION#<token hash>`` / ``SESSION``; ``ttl`` is the absolute expiry in epoch seconds."""

    tenant_id = UnicodeAttribute()
    actor_id = UnicodeAttribute()
    role = UnicodeAttribute()
    csrf_hash = UnicodeAttribute()
    created_at = UnicodeAttribute()
    idle_expires_at = UnicodeAttribute()
    expires_at = UnicodeAttribute()
    ttl = NumberAttribute()


def _session_key(token_hash: str) -> str:
    return f"SESSION#{token_hash}"


class DynamoSessions:
    """The sessions of every tenant: a token is looked up before its tenant is known."""

    def __init__(self, *, database: Database) -> None:
        self._database = database  # binds the tables

    def add(self, *, session: Session) -> None:
        """Store a new session."""
        SessionItem(
            _session_key(session.token_hash),
            "SESSION",
            tenant_id=session.principal.tenant_id,
            actor_id=session.principal.actor_id,
            role=session.principal.role.value,
            csrf_hash=session.csrf_hash,
            created_at=to_iso(session.created_at),
            idle_expires_at=to_iso(session.idle_expires_at),
            expires_at=to_iso(session.expires_at),
            ttl=int(session.expires_at.timestamp()),
        ).save()

    def get(self, *, token_hash: str, at: datetime) -> Session | None:
        """Return the live session, or None."""
        try:
            item = SessionItem.get(_session_key(token_hash), "SESSION", consistent_read=True)
        except DoesNotExist:
            return None
        session = _session(item, token_hash)
        return session if at < min(session.idle_expires_at, session.expires_at) else None

    def extend(self, *, session: Session, idle_expires_at: datetime) -> None:
        """Move the idle expiry of a session that still exists."""
        item = SessionItem(_session_key(session.token_hash), "SESSION")
        try:
            item.update(
                actions=[SessionItem.idle_expires_at.set(to_iso(idle_expires_at))],
                condition=SessionItem.pk.exists(),
            )
        except UpdateError as error:
            if error.cause_response_code != CONDITION_FAILED:
                raise StoreUnavailable("the session table did not answer") from error

    def remove(self, *, token_hash: str) -> None:
        """End a session; absent is fine."""
        SessionItem(_session_key(token_hash), "SESSION").delete()


def _session(item: SessionItem, token_hash: str) -> Session:
    return Session(
        token_hash=token_hash,
        principal=Principal(tenant_id=item.tenant_id, actor_id=item.actor_id, role=Role(item.role)),
        csrf_hash=item.csrf_hash,
        created_at=from_iso(item.created_at),
        idle_expires_at=from_iso(item.idle_expires_at),
        expires_at=from_iso(item.expires_at),
    )
