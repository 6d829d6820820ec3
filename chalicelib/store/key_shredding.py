"""Destroying a tenant's wrapped keys: what they sealed is lost for good, in every backup too."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from pynamodb.exceptions import UpdateError

from chalicelib.crypto.keyring import Keyring
from chalicelib.domain.purging import DestroyedKey
from chalicelib.ports.services import Clock
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import StoreUnavailable, from_iso, nullable, to_iso
from chalicelib.store.wrapped_keys import WrappedKeyItem


class DynamoKeyShredding(OfTenant):
    """One tenant's keys, to be destroyed."""

    def __init__(self, *, tenant_id: str, keyring: Keyring, clock: Clock) -> None:
        self._tenant_id = tenant_id
        self._keyring = keyring
        self._clock = clock
        self._pk = keys.wrapped_keys(tenant_id)

    def names(self) -> tuple[str, ...]:
        """Return the names of the keys that are there, in the order of names."""
        items = WrappedKeyItem.query(self._pk, consistent_read=True)
        return tuple(str(item.sk) for item in items if nullable(item.destroyed_at) is None)

    def destroy(self, *, wanted: Callable[[str], bool]) -> tuple[DestroyedKey, ...]:
        """Destroy the keys whose names are wanted, and return them with those that were gone before.

        Each is one write: whoever is killed between two leaves the rest to the next.
        """
        self._keyring.forget(tenant_id=self._tenant_id)
        found = []
        for item in WrappedKeyItem.query(self._pk, consistent_read=True):
            if not wanted(str(item.sk)):
                continue
            if nullable(item.destroyed_at) is None:
                self._destroy(item)
            found.append(DestroyedKey(str(item.sk), item.digest, from_iso(item.destroyed_at)))
        self._keyring.forget(tenant_id=self._tenant_id)
        return tuple(found)

    def _destroy(self, item: WrappedKeyItem) -> None:
        digest, at = sha256(item.wrapped).hexdigest(), to_iso(self._clock.now())
        try:
            item.update(
                actions=[
                    WrappedKeyItem.wrapped.remove(),
                    WrappedKeyItem.wrapped_by.remove(),
                    WrappedKeyItem.digest.set(digest),
                    WrappedKeyItem.destroyed_at.set(at),
                ],
                # One that was wrapped anew meanwhile is another: the next pass destroys that.
                condition=WrappedKeyItem.wrapped == item.wrapped,
            )
        except UpdateError as error:
            raise StoreUnavailable("a key could not be destroyed; the next pass does it") from error
