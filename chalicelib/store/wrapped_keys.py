"""Wrapped keys in their own table: short recovery, in no long backup."""

from __future__ import annotations

from pynamodb.attributes import BinaryAttribute
from pynamodb.exceptions import PutError

from chalicelib.store.acting import ByTenant
from chalicelib.store.base import KeysItem, StoreUnavailable


class WrappedKeyItem(KeysItem):
    """``<tenant>#KEYS`` / family."""

    wrapped = BinaryAttribute(legacy_encoding=False)


class DynamoWrappedKeys(ByTenant):
    """Stores wrapped keys, the first writer of a family wins."""

    def load(self, *, tenant_id: str) -> dict[str, bytes]:
        """Return every wrapped key of the tenant by family."""
        items = WrappedKeyItem.query(f"{tenant_id}#KEYS", consistent_read=True)
        return {item.sk: item.wrapped for item in items}

    def add(self, *, tenant_id: str, family: str, wrapped: bytes) -> bytes:
        """Store a wrapped key unless the family has one; return the stored one."""
        item = WrappedKeyItem(f"{tenant_id}#KEYS", family, wrapped=wrapped)
        try:
            item.save(condition=WrappedKeyItem.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise StoreUnavailable("the key table did not answer") from error
            return WrappedKeyItem.get(f"{tenant_id}#KEYS", family, consistent_read=True).wrapped
        return wrapped

    def remove(self, *, tenant_id: str) -> None:
        """Delete every wrapped key of the tenant."""
        for item in WrappedKeyItem.query(f"{tenant_id}#KEYS", consistent_read=True):
            item.delete()
