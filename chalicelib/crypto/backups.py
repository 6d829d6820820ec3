"""What backups are sealed with: a tenant's part under that tenant's keys, the rest under the backup's own.

So whoever destroys a tenant's keys makes the backups of its data unreadable with them, and a
backup's own key opens no tenant's part.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from collections import defaultdict
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chalicelib.crypto.keyring import (
    NONCE_BYTES,
    ROOT,
    CiphertextRejected,
    KeyDestroyed,
    Keyring,
    KeyWrapper,
    WrappedKey,
    WrappedKeys,
    named_key,
)
from chalicelib.domain.backups import PLATFORM, BackupDamaged
from chalicelib.ports.backups import KeysState, OwnerUnreadable

# A tenant's part is sealed under the first of these that it has: after a purge only the last is left.
FAMILIES: Final = ("op", "audit")
_FIRST: Final = FAMILIES[0]


class KmsBackupSealing:
    """Opens the keys of backups; ``store`` is where tenants' wrapped keys are."""

    def __init__(self, *, wrapper: KeyWrapper, keyring: Keyring, store: WrappedKeys) -> None:
        self._wrapper = wrapper
        self._keyring = keyring
        self._store = store

    def fresh(self, *, backup: str) -> bytes:
        """Return a new data key for a backup, wrapped by the key service."""
        _, wrapped = self._wrapper.generate(context=_context(backup))
        told = {"backup": backup, "wrapped": b64encode(wrapped).decode(), "by": self._wrapper.key_id}
        return json.dumps(told).encode()

    def seals(self, *, backup: str, key: bytes) -> BackupKeys:
        """Return what seals and opens a backup; raise BackupDamaged where this is not its key."""
        try:
            told = json.loads(key)
            wrapped = WrappedKey(b64decode(told["wrapped"]), told["by"])
            plain = self._wrapper.unwrap(key=wrapped, context=_context(backup))
            cipher = AESGCM(plain)
        except (ValueError, KeyError, TypeError, CiphertextRejected):
            raise BackupDamaged("the key of this backup is not the one that was written") from None
        return BackupKeys(f"{backup}|{sha256(key).hexdigest()}", cipher, self._keyring, self._store)


class BackupKeys:
    """The keys of one backup; ``bound`` names it, and the very bytes that its own key came of."""

    def __init__(self, bound: str, cipher: AESGCM, keyring: Keyring, store: WrappedKeys) -> None:
        self._bound_to = bound
        self._cipher = cipher
        self._keyring = keyring
        self._store = store
        self._destroyed: dict[str, dict[str, bool]] = {}

    def seal(self, *, owner: str, place: str, plain: bytes) -> tuple[str, bytes]:
        """Return the family of keys and the ciphertext, bound to owner and place."""
        family = self._family(owner)
        if family == PLATFORM:
            nonce = os.urandom(NONCE_BYTES)
            return PLATFORM, nonce + self._cipher.encrypt(nonce, plain, self._bound(owner, place))
        try:
            keys = self._keyring.of(tenant_id=owner)
            return family, keys.seal(family=family, place=self._place(place), plain=plain)
        except KeyDestroyed:  # since they were looked at: under which of them, is decided anew
            del self._destroyed[owner]
            if self._family(owner) == family:
                raise
            return self.seal(owner=owner, place=place, plain=plain)

    def open(self, *, owner: str, family: str, place: str, sealed: bytes) -> bytes:
        """Return what was sealed for this owner and place, or raise BackupDamaged or OwnerUnreadable."""
        if family == PLATFORM:
            nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
            try:
                return self._cipher.decrypt(nonce, rest, self._bound(owner, place))
            except (InvalidTag, ValueError):
                raise BackupDamaged("a part of this backup is not the one that was written") from None
        if ROOT not in self._keys(owner):
            raise OwnerUnreadable("the tenant has no keys")  # and is to be given none by asking for them
        try:
            keys = self._keyring.of(tenant_id=owner)
            return keys.open(family=family, place=self._place(place), sealed=sealed)
        except KeyDestroyed:
            raise OwnerUnreadable("the tenant's keys are destroyed", destroyed=True) from None
        except CiphertextRejected:
            raise OwnerUnreadable("the tenant's keys do not open this") from None

    def _family(self, owner: str) -> str:
        """Return what an owner's part is sealed under: none of its keys is made for the purpose."""
        if owner == PLATFORM:
            return PLATFORM
        there = {name for name, destroyed in self._keys(owner).items() if not destroyed}
        named = {found[0] for name in there if (found := named_key(name=name))}
        return next((one for one in FAMILIES if ROOT in there and one in named), PLATFORM)

    def _keys(self, owner: str) -> dict[str, bool]:
        """Return the names of a tenant's keys, and of each whether it is destroyed.

        They are read once, and what this process holds from before is forgotten: it may be destroyed since.
        """
        if owner not in self._destroyed:
            self._keyring.forget(tenant_id=owner)
            stored = self._store.load(tenant_id=owner)
            self._destroyed[owner] = {name: key.destroyed for name, key in stored.items()}
        return self._destroyed[owner]

    def _place(self, place: str) -> str:
        return f"backup|{self._bound_to}|{place}"

    def _bound(self, owner: str, place: str) -> bytes:
        return f"{owner}|{self._place(place)}".encode()


class StoredKeyStates:
    """How tenants' keys are, by their names alone: a key that is destroyed on purpose keeps its name.

    That the newest version of a family is lost is not seen by this, but by what it sealed.
    """

    def __init__(self, *, store: WrappedKeys) -> None:
        self._store = store

    def of(self, *, tenant_id: str) -> KeysState:
        """Return how the keys of a tenant are."""
        stored = self._store.load(tenant_id=tenant_id)
        versions: dict[str, set[int]] = defaultdict(set)
        for name in stored:
            if found := named_key(name=name):
                versions[found[0]].add(found[1])
        gap = any(held != set(range(1, max(held) + 1)) for held in versions.values())
        if gap or ROOT not in stored or _FIRST not in versions:
            return KeysState.LOST
        of_data = [key for name, key in stored.items() if (named_key(name=name) or ("",))[0] == _FIRST]
        if stored[ROOT].destroyed or all(key.destroyed for key in of_data):
            return KeysState.DESTROYED
        return KeysState.THERE


def _context(backup: str) -> dict[str, str]:
    return {"tenant": PLATFORM, "purpose": "backup", "backup": backup}
