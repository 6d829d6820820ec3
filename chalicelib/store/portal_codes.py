"""Codes that were sent to subscribers, in the ephemeral table.

Each asking is an item under the hash of its challenge, with the digests of what was sent and how
often it was tried. Each address or number that a code went to has an item that names the newest
challenge; a code is used on the condition that it is that one.

The table's TTL removes items days late, so expiry is compared where a try is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError

from chalicelib.domain.errors import Busy
from chalicelib.domain.portal import CODE_TRIES_MAX, AskedCodes, CodeNotValid, SentCode
from chalicelib.store.acting import OfPlatform
from chalicelib.store.base import (
    CONDITION_FAILED,
    Database,
    EphemeralItem,
    ModelWrite,
    StoreUnavailable,
    check,
    delete,
    nullable,
    put,
    put_new,
    to_iso,
)

ASKED = "PORTAL-CODES"
NEWEST = "PORTAL-NEWEST"


class AskedItem(EphemeralItem):
    """``ONCE#<challenge hash>`` / ``PORTAL-CODES``; ``sent`` is JSON: code digest, sent to, subscribers."""

    tenant_id = UnicodeAttribute()
    sent = UnicodeAttribute(null=True)
    tries = NumberAttribute()
    expires_at = UnicodeAttribute()
    ttl = NumberAttribute()


class NewestItem(EphemeralItem):
    """``ONCE#<digest of where a code went>`` / ``PORTAL-NEWEST``."""

    challenge_hash = UnicodeAttribute()
    ttl = NumberAttribute()


class DynamoPortalCodes(OfPlatform):
    """Codes of every tenant: a challenge is looked up before its tenant is known."""

    def __init__(self, *, database: Database) -> None:
        self._database = database  # binds the tables

    def begin(self, *, challenge_hash: str, tenant_id: str, expires_at: datetime) -> None:
        """Store an asking for which nothing was sent yet: one round trip."""
        item = _item(AskedCodes(tenant_id, challenge_hash, ()), expires_at)
        self._database.commit([put_new(item, refused=Busy("the challenge was taken"))])

    def sent(self, *, asked: AskedCodes, expires_at: datetime) -> Sequence[ModelWrite]:
        """Describe what was sent for an asking; codes sent to the same address before are worthless."""
        ttl = int(expires_at.timestamp())
        newest = [
            NewestItem(_key(one.sent_to), NEWEST, challenge_hash=asked.challenge_hash, ttl=ttl)
            for one in asked.sent
        ]
        never = Busy("never refused")
        return [
            put(_item(asked, expires_at), condition=None, refused=never),
            *(put(one, condition=None, refused=never) for one in newest),
        ]

    def tried(self, *, challenge_hash: str, at: datetime) -> AskedCodes | None:
        """Count a try, atomically, and return what was sent: one round trip.

        None where there is no such asking, or it is over, or was tried too often.
        """
        item = AskedItem(_key(challenge_hash), ASKED)
        # Stored instants are texts of one length, so their order is that of time.
        open_yet = (AskedItem.expires_at > to_iso(at)) & (AskedItem.tries < CODE_TRIES_MAX)
        try:
            item.update(actions=[AskedItem.tries.add(1)], condition=open_yet)
        except UpdateError as error:
            if error.cause_response_code != CONDITION_FAILED:
                raise StoreUnavailable("the table of codes did not answer") from error
            return None
        stored = nullable(item.sent)
        sent = (SentCode(digest, to, tuple(who)) for digest, to, who in orjson.loads(stored or "[]"))
        return AskedCodes(item.tenant_id, challenge_hash, tuple(sent))

    def spend(self, *, asked: AskedCodes, sent: SentCode) -> Sequence[ModelWrite]:
        """Describe using a code up; refused with CodeNotValid where it was used, or is not the newest."""
        item = AskedItem(_key(asked.challenge_hash), ASKED)
        newest = NewestItem.challenge_hash == asked.challenge_hash
        return [
            delete(item, condition=AskedItem.pk.exists(), refused=_not_valid()),
            check(NewestItem, _key(sent.sent_to), NEWEST, condition=newest, refused=_not_valid()),
        ]


def _key(digest: str) -> str:
    return f"ONCE#{digest}"


def _item(asked: AskedCodes, expires_at: datetime) -> AskedItem:
    sent = [(one.digest, one.sent_to, one.subscriber_ids) for one in asked.sent]
    return AskedItem(
        _key(asked.challenge_hash),
        ASKED,
        tenant_id=asked.tenant_id,
        sent=orjson.dumps(sent).decode() if sent else None,
        tries=0,
        expires_at=to_iso(expires_at),
        ttl=int(expires_at.timestamp()),
    )


def _not_valid() -> CodeNotValid:
    return CodeNotValid("the code is not valid, or not any more", param="code")
