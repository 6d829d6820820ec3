"""One-time tokens and counted attempts in the ephemeral table.

The table's TTL removes items days late, so expiry is checked on read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import orjson
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import Busy
from chalicelib.ports.identity import TokenNotValid
from chalicelib.store.acting import OfPlatform
from chalicelib.store.base import Database, EphemeralItem, ModelWrite, delete, from_iso, put_new, to_iso


class OneTimeItem(EphemeralItem):
    """``ONCE#<token hash>`` / purpose."""

    subject = UnicodeAttribute()
    expires_at = UnicodeAttribute()
    ttl = NumberAttribute()


class AttemptsItem(EphemeralItem):
    """``ATTEMPTS#<key>`` / number of the window."""

    attempts = NumberAttribute()
    ttl = NumberAttribute()


class DynamoOneTimeTokens(OfPlatform):
    """Tokens that are good for one use."""

    def __init__(self, *, database: Database) -> None:
        self._database = database  # binds the tables

    def issue(
        self, *, token_hash: str, purpose: str, subject: Mapping[str, str], expires_at: datetime
    ) -> ModelWrite:
        """Describe storing a token."""
        item = OneTimeItem(
            f"ONCE#{token_hash}",
            purpose,
            subject=orjson.dumps(dict(subject)).decode(),
            expires_at=to_iso(expires_at),
            ttl=int(expires_at.timestamp()),
        )
        return put_new(item, refused=Busy("the token was taken"))

    def find(self, *, token_hash: str, purpose: str, at: datetime) -> Mapping[str, str] | None:
        """Return the subject of a token that is still good, or None."""
        try:
            item = OneTimeItem.get(f"ONCE#{token_hash}", purpose, consistent_read=True)
        except DoesNotExist:
            return None
        if at >= from_iso(item.expires_at):
            return None
        subject: dict[str, str] = orjson.loads(item.subject)
        return subject

    def spend(self, *, token_hash: str, purpose: str) -> ModelWrite:
        """Describe using a token up."""
        return delete(
            OneTimeItem(f"ONCE#{token_hash}", purpose),
            condition=OneTimeItem.pk.exists(),
            refused=TokenNotValid("the token is not valid, or not any more", param="token"),
        )

    def cancel(self, *, token_hash: str, purpose: str) -> ModelWrite:
        """Describe making a token worthless; absent is fine."""
        return delete(OneTimeItem(f"ONCE#{token_hash}", purpose))


class DynamoAttempts(OfPlatform):
    """Counts attempts in fixed windows of time."""

    def __init__(self, *, database: Database) -> None:
        self._database = database  # binds the tables

    def add(self, *, key: str, window_seconds: int, at: datetime, count: int = 1) -> int:
        """Count one more, or ``count``, in the window of ``at``, atomically; return the attempts in it."""
        return _change(key, window_seconds, at, by=count)

    def take_back(self, *, key: str, window_seconds: int, at: datetime) -> None:
        """Count one less in the window of ``at``."""
        _change(key, window_seconds, at, by=-1)


def _change(key: str, window_seconds: int, at: datetime, *, by: int) -> int:
    item = AttemptsItem(*_window(key, window_seconds, at))
    ends = int(at.timestamp()) // window_seconds * window_seconds + window_seconds
    item.update(actions=[AttemptsItem.attempts.add(by), AttemptsItem.ttl.set(ends)])
    return int(item.attempts)


def _window(key: str, window_seconds: int, at: datetime) -> tuple[str, str]:
    return f"ATTEMPTS#{key}", f"{window_seconds}#{int(at.timestamp()) // window_seconds}"
