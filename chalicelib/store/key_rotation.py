"""Replacing a tenant's wrapped keys."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.crypto.keyring import ROOT, Keyring, key_name, named_key
from chalicelib.domain.key_rotation import FamilyKey, KeyStanding
from chalicelib.ports.keys import KeyReplaced
from chalicelib.ports.services import Clock
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, from_iso, nullable, put_new, to_iso, update
from chalicelib.store.wrapped_keys import WrappedKeyItem


class DynamoKeyRotation(OfTenant):
    """One tenant's keys, as they are stored."""

    def __init__(self, *, tenant_id: str, keyring: Keyring, clock: Clock) -> None:
        self._tenant_id = tenant_id
        self._keyring = keyring
        self._clock = clock
        self._pk = keys.wrapped_keys(tenant_id)

    def standing(self) -> KeyStanding:
        """Return the keys as they are stored, without asking the key service."""
        newest: dict[str, FamilyKey] = {}
        root: WrappedKeyItem | None = None
        # In the order of names: of each family the newest version comes last.
        for item in WrappedKeyItem.query(self._pk, consistent_read=True):
            named = named_key(name=item.sk)
            if nullable(item.destroyed_at) is not None:
                continue
            if item.sk == ROOT:
                root = item
            elif named is not None:
                newest[named[0]] = FamilyKey(*named, from_iso(item.at))
        return KeyStanding(
            families=tuple(newest.values()),
            root_at=from_iso(root.at) if root else None,
            root_by_present_key=root is not None and nullable(root.wrapped_by) == self._keyring.key_id,
        )

    def rotate(self, *, key: FamilyKey) -> Sequence[ModelWrite]:
        """Describe adding the next version of a family's key. Refused with KeyReplaced."""
        name, wrapped = self._keyring.of(tenant_id=self._tenant_id).next_key(family=key.family)
        if name != key_name(family=key.family, version=key.version + 1):
            raise _replaced()
        item = WrappedKeyItem(self._pk, name, wrapped=wrapped, at=to_iso(self._clock.now()))
        return [put_new(item, refused=_replaced())]

    def rewrap(self) -> Sequence[ModelWrite]:
        """Describe wrapping the root anew. Refused with KeyReplaced."""
        stored, fresh = self._keyring.rewrapped(tenant_id=self._tenant_id)
        actions = [
            WrappedKeyItem.wrapped.set(fresh.wrapped),
            WrappedKeyItem.wrapped_by.set(self._keyring.key_id),
            WrappedKeyItem.at.set(to_iso(self._clock.now())),
        ]
        unmoved = WrappedKeyItem.wrapped == stored.wrapped
        root = WrappedKeyItem(self._pk, ROOT)
        return [update(root, actions=actions, condition=unmoved, refused=_replaced())]

    def forget(self) -> None:
        """Drop the tenant's keys from this process's memory, so that the newest are read."""
        self._keyring.forget(tenant_id=self._tenant_id)


def _replaced() -> KeyReplaced:
    return KeyReplaced("another process replaced this key")
