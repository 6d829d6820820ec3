"""Wrapped keys in their own table: short recovery, in no long backup."""

from __future__ import annotations

from pynamodb.attributes import BinaryAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError

from chalicelib.crypto.keyring import WrappedKey
from chalicelib.ports.services import Clock
from chalicelib.store import keys
from chalicelib.store.acting import ByTenant
from chalicelib.store.base import CONDITION_FAILED, KeysItem, StoreUnavailable, nullable, to_iso


class WrappedKeyItem(KeysItem):
    """``<tenant>#KEYS`` / ``root``, or ``<family>#<version>``; ``at`` is when it was wrapped.

    Of a destroyed key its SHA-256 stays (``digest``), as evidence, and so that none of its name is made
    again; ``wrapped`` is gone.
    """

    wrapped = BinaryAttribute(null=True, legacy_encoding=False)
    wrapped_by = UnicodeAttribute(null=True)
    at = UnicodeAttribute()
    destroyed_at = UnicodeAttribute(null=True)
    digest = UnicodeAttribute(null=True)


class DynamoWrappedKeys(ByTenant):
    """Stores wrapped keys, the first writer of a name wins."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def load(self, *, tenant_id: str) -> dict[str, WrappedKey]:
        """Return every wrapped key of the tenant by name."""
        items = WrappedKeyItem.query(keys.wrapped_keys(tenant_id), consistent_read=True)
        return {item.sk: _key_of(item) for item in items}

    def add(self, *, tenant_id: str, name: str, key: WrappedKey) -> WrappedKey:
        """Store a wrapped key unless there is one of that name; return the stored one."""
        pk = keys.wrapped_keys(tenant_id)
        at = to_iso(self._clock.now())
        item = WrappedKeyItem(pk, name, wrapped=key.wrapped, wrapped_by=key.wrapped_by, at=at)
        try:
            item.save(condition=WrappedKeyItem.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code != CONDITION_FAILED:
                raise StoreUnavailable("the key table did not answer") from error
            return _key_of(WrappedKeyItem.get(pk, name, consistent_read=True))
        return key

    def remove(self, *, tenant_id: str) -> None:
        """Delete every wrapped key of the tenant."""
        for item in WrappedKeyItem.query(keys.wrapped_keys(tenant_id), consistent_read=True):
            item.delete()


def _key_of(item: WrappedKeyItem) -> WrappedKey:
    wrapped = nullable(item.wrapped) or b""
    destroyed = not wrapped and nullable(item.digest) is not None
    return WrappedKey(wrapped, nullable(item.wrapped_by), destroyed=destroyed)
