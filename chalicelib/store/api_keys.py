"""Keys of programs in DynamoDB: one item for the tenant's list, one that the token's digest finds.

The second is in the platform's table, for the tenant is not known before it is read, and in no
table that expires: what a key may do is to be there after a recovery too. Both change in one
transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, UpdateError
from pynamodb.expressions.condition import Condition

from chalicelib.domain.api_keys import ApiKey
from chalicelib.domain.permissions import Permission
from chalicelib.ports.api_keys import FoundKey, KeysMoved, KnownKeys
from chalicelib.store import keys
from chalicelib.store.acting import OfPlatform, OfTenant
from chalicelib.store.base import (
    CONDITION_FAILED,
    Database,
    ModelWrite,
    PlatformItem,
    StoreUnavailable,
    TenantsItem,
    check,
    delete,
    from_iso,
    nullable,
    put,
    put_new,
    to_iso,
)

# Before the keys in the order of sort keys.
MADE: Final = "MADE"
KEY: Final = "KEY"


class ApiKeyItem(TenantsItem):
    """``<tenant>#KEYS`` / key id, and ``MADE``; ``permissions`` stand between blanks."""

    made = NumberAttribute(null=True)
    name = UnicodeAttribute(null=True)
    prefix = UnicodeAttribute(null=True)
    token_hash = UnicodeAttribute(null=True)
    permissions = UnicodeAttribute(null=True)
    made_by = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute(null=True)
    expires_at = UnicodeAttribute(null=True)
    used_at = UnicodeAttribute(null=True)


class FoundKeyItem(PlatformItem):
    """``KEY#<digest of the token>`` / ``KEY``."""

    key_id = UnicodeAttribute()
    tenant_id = UnicodeAttribute()
    permissions = UnicodeAttribute()
    expires_at = UnicodeAttribute()
    used_at = UnicodeAttribute(null=True)


class DynamoApiKeys(OfTenant):
    """The keys of one tenant."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id
        self._pk = keys.api_keys(tenant_id)

    def all(self) -> KnownKeys:
        """Return every key: one round trip."""
        made, found = 0, []
        for item in ApiKeyItem.query(self._pk, consistent_read=True):
            if item.sk == MADE:
                made = int(item.made)
            else:
                found.append(_key(item))
        return KnownKeys(made, tuple(found))

    def add(self, *, key: ApiKey, known: KnownKeys) -> Sequence[ModelWrite]:
        """Describe adding a key; refused with KeysMoved."""
        permissions = " ".join(sorted(key.permissions))
        listed = ApiKeyItem(
            self._pk,
            key.key_id,
            name=key.name,
            prefix=key.prefix,
            token_hash=key.token_hash,
            permissions=permissions,
            made_by=key.made_by,
            created_at=to_iso(key.created_at),
            expires_at=to_iso(key.expires_at),
        )
        counted = ApiKeyItem(self._pk, MADE, made=known.made + 1)
        return [
            put(counted, condition=_unmoved(known), refused=_moved()),
            put_new(listed, refused=_moved()),
            put_new(self._found(key), refused=_moved()),
        ]

    def remove(self, *, key: ApiKey) -> Sequence[ModelWrite]:
        """Describe revoking a key; absent is fine."""
        return [
            delete(ApiKeyItem(self._pk, key.key_id)),
            delete(FoundKeyItem(_found_pk(key.token_hash), KEY)),
        ]

    def stopped(self, *, key: ApiKey) -> ModelWrite:
        """Describe that a key opens nothing any more, though it stays on the list; absent is fine."""
        return delete(FoundKeyItem(_found_pk(key.token_hash), KEY))

    def started(self, *, key: ApiKey) -> ModelWrite:
        """Describe that a listed key opens again what it did."""
        return put(self._found(key), condition=None, refused=_moved())

    def _found(self, key: ApiKey) -> FoundKeyItem:
        return FoundKeyItem(
            _found_pk(key.token_hash),
            KEY,
            key_id=key.key_id,
            tenant_id=self._tenant_id,
            permissions=" ".join(sorted(key.permissions)),
            expires_at=to_iso(key.expires_at),
        )

    def none_made(self, *, known: KnownKeys) -> ModelWrite:
        """Describe the condition that no key was made since ``known``; refused with KeysMoved."""
        return check(ApiKeyItem, self._pk, MADE, condition=_unmoved(known), refused=_moved())

    def used(self, *, key_id: str, at: datetime) -> None:
        """Note when a key was used; absent is fine."""
        item = ApiKeyItem(self._pk, key_id)
        _update_if(item, [ApiKeyItem.used_at.set(to_iso(at))], ApiKeyItem.pk.exists())


class DynamoKeyFinder(OfPlatform):
    """The keys of every tenant, by the digests of their tokens."""

    def __init__(self, *, database: Database) -> None:
        self._database = database  # binds the tables

    def find(self, *, token_hash: str, at: datetime) -> FoundKey | None:
        """Return the key, unless it has expired or was revoked: one read."""
        try:
            item = FoundKeyItem.get(_found_pk(token_hash), KEY, consistent_read=True)
        except DoesNotExist:
            return None
        if at >= from_iso(item.expires_at):
            return None
        used_at = nullable(item.used_at)
        return FoundKey(
            key_id=item.key_id,
            tenant_id=item.tenant_id,
            token_hash=token_hash,
            permissions=frozenset(map(Permission, item.permissions.split())),
            used_at=None if used_at is None else from_iso(used_at),
        )

    def used(self, *, key: FoundKey, before: datetime, at: datetime) -> bool:
        """Note a use where the last one told was before an instant; of many at once, one is told."""
        item, last = FoundKeyItem(_found_pk(key.token_hash), KEY), FoundKeyItem.used_at
        due = FoundKeyItem.pk.exists() & (last.does_not_exist() | (last <= to_iso(before)))
        return _update_if(item, [last.set(to_iso(at))], due)


def _update_if(item: ApiKeyItem | FoundKeyItem, actions: list[object], condition: Condition) -> bool:
    try:
        item.update(actions=actions, condition=condition)  # type: ignore[arg-type]  # actions of either
    except UpdateError as error:
        if error.cause_response_code != CONDITION_FAILED:
            raise StoreUnavailable("the table of keys did not answer") from error
        return False
    return True


def _found_pk(token_hash: str) -> str:
    return f"KEY#{token_hash}"


def _key(item: ApiKeyItem) -> ApiKey:
    used_at = nullable(item.used_at)
    return ApiKey(
        key_id=str(item.sk),
        name=item.name,
        prefix=item.prefix,
        token_hash=item.token_hash,
        permissions=frozenset(map(Permission, item.permissions.split())),
        made_by=item.made_by,
        created_at=from_iso(item.created_at),
        expires_at=from_iso(item.expires_at),
        used_at=None if used_at is None else from_iso(used_at),
    )


def _unmoved(known: KnownKeys) -> Condition:
    return ApiKeyItem.made == known.made if known.made else ApiKeyItem.pk.does_not_exist()


def _moved() -> KeysMoved:
    return KeysMoved("a key was made meanwhile: try again")
