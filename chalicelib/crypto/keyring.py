"""Per-tenant keys in families, so that destroying a key is deleting what it protects.

One KMS key (the *field key*) wraps one root key a tenant; the root wraps the family keys, in
this process and without KMS. So a tenant costs one KMS call per container and cache time,
and a family (operational, one billing year, audit, index) is shredded by deleting its item.

Families: ``op`` operational data, ``index`` blind indexes and cursors, ``audit`` audit
entries, ``bill-<year>`` billing records of the fiscal year that ends in that year.
"""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chalicelib.domain.errors import DomainError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
CACHE_SECONDS: Final = 300
CACHED_TENANTS_MAX: Final = 200
ROOT: Final = "root"


class CiphertextRejected(DomainError):
    """A stored ciphertext is not the one that was written there: altered, moved, or shredded."""

    code = "record_unreadable"


class KeyWrapper(Protocol):
    """The key service: wraps a tenant's root key under a context that must match to unwrap."""

    def generate(self, *, context: dict[str, str]) -> tuple[bytes, bytes]:
        """Return (plain key, wrapped key)."""

    def unwrap(self, *, wrapped: bytes, context: dict[str, str]) -> bytes:
        """Return the plain key, or raise where the context differs."""


class WrappedKeys(Protocol):
    """Where wrapped keys are stored: one small item each."""

    def load(self, *, tenant_id: str) -> dict[str, bytes]:
        """Return every wrapped key of the tenant by family."""

    def add(self, *, tenant_id: str, family: str, wrapped: bytes) -> bytes:
        """Store a wrapped key unless the family has one; return the stored one."""

    def remove(self, *, tenant_id: str) -> None:
        """Delete every wrapped key of the tenant."""


@dataclass(slots=True)
class TenantKeys:
    """The unwrapped keys of one tenant, held in memory only."""

    tenant_id: str
    _root: AESGCM
    _store: WrappedKeys
    _families: dict[str, bytes]
    _ciphers: dict[str, AESGCM] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)
    _index_key: bytes | None = None

    def seal(self, *, family: str, place: str, plain: bytes) -> bytes:
        """Encrypt under the family's key, bound to ``place`` (table, key and attribute).

        Returns nonce, ciphertext and tag: 28 bytes more than the plain text.
        """
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher(family).encrypt(nonce, plain, self._bound(family, place))

    def open(self, *, family: str, place: str, sealed: bytes) -> bytes:
        """Decrypt what was sealed for this very place, or raise CiphertextRejected."""
        if not self._knows(family):
            raise CiphertextRejected("the record's key is not there")
        try:
            return self._cipher(family).decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._bound(family, place)
            )
        except (InvalidTag, ValueError):
            raise CiphertextRejected("the record cannot be read") from None

    def blind(self, *, kind: str, value: str) -> str:
        """Return the blind index of a value: equal values of a tenant and kind are equal."""
        if self._index_key is None:
            self._index_key = self._key("index")
        return hmac.new(self._index_key, f"{kind}\x00{value}".encode(), sha256).digest()[:16].hex()

    def _knows(self, family: str) -> bool:
        """Whether the family has a key; another process may have made it since ours were loaded."""
        if family not in self._families and family not in self._gone:
            self._families.update(self._store.load(tenant_id=self.tenant_id))
            if family not in self._families:
                self._gone.add(family)
        return family in self._families

    def _bound(self, family: str, place: str) -> bytes:
        return f"{self.tenant_id}|{family}|{place}".encode()

    def _cipher(self, family: str) -> AESGCM:
        cipher = self._ciphers.get(family)
        if cipher is None:
            cipher = self._ciphers[family] = AESGCM(self._key(family))
        return cipher

    def _key(self, family: str) -> bytes:
        wrapped = self._families.get(family)
        if wrapped is None:
            fresh = os.urandom(KEY_BYTES)
            nonce = os.urandom(NONCE_BYTES)
            wrapped = nonce + self._root.encrypt(nonce, fresh, self._bound(family, "family-key"))
            wrapped = self._store.add(tenant_id=self.tenant_id, family=family, wrapped=wrapped)
            self._families[family] = wrapped
        try:
            return self._root.decrypt(
                wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], self._bound(family, "family-key")
            )
        except InvalidTag:
            raise CiphertextRejected("a wrapped key was altered") from None


class Keyring:
    """Loads, caches and creates tenants' keys."""

    def __init__(
        self, *, wrapper: KeyWrapper, store: WrappedKeys, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._wrapper = wrapper
        self._store = store
        self._monotonic = monotonic
        self._cache: dict[str, tuple[float, TenantKeys]] = {}

    def of(self, *, tenant_id: str) -> TenantKeys:
        """Return the tenant's keys, creating the root key at first use."""
        cached = self._cache.get(tenant_id)
        now = self._monotonic()
        if cached is not None and now - cached[0] < CACHE_SECONDS:
            return cached[1]
        keys = self._load(tenant_id)
        if len(self._cache) >= CACHED_TENANTS_MAX:
            self._cache.pop(min(self._cache, key=lambda key: self._cache[key][0]))
        self._cache[tenant_id] = (now, keys)
        return keys

    def forget(self, *, tenant_id: str) -> None:
        """Drop a tenant's keys from memory."""
        self._cache.pop(tenant_id, None)

    def destroy(self, *, tenant_id: str) -> None:
        """Destroy every key of a tenant: what they sealed is lost for good."""
        self.forget(tenant_id=tenant_id)
        self._store.remove(tenant_id=tenant_id)

    def _load(self, tenant_id: str) -> TenantKeys:
        context = {"tenant": tenant_id, "purpose": "tenant-root"}
        wrapped = self._store.load(tenant_id=tenant_id)
        root = wrapped.pop(ROOT, None)
        plain: bytes | None = None
        if root is None:
            plain, mine = self._wrapper.generate(context=context)
            root = self._store.add(tenant_id=tenant_id, family=ROOT, wrapped=mine)
            plain = plain if root == mine else None
        if plain is None:
            plain = self._wrapper.unwrap(wrapped=root, context=context)
        return TenantKeys(tenant_id, AESGCM(plain), self._store, wrapped)
