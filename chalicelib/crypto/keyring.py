"""Per-tenant keys in families, so that destroying a key is deleting what it protects.

One KMS key (the *field key*) wraps one root key a tenant; the root wraps the family keys, in
this process and without KMS. So a tenant costs one KMS call per container and cache time,
and a family (operational, one billing year, audit, index) is shredded by deleting its items.

Families: ``op`` operational data, ``index`` blind indexes and cursors, ``audit`` audit
entries, ``bill-<year>`` billing records of the fiscal year that ends in that year, ``notice`` whom to
tell when a purge is done.

A family has versions, from 1 on: the newest one this process knows of seals, every one that is
stored opens. A ciphertext says which it needs in its header, and the header is authenticated
with the place. ``index`` has one version only, for what it made is looked up by equality.
"""

from __future__ import annotations

import hmac
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chalicelib.domain.errors import DomainError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
# The format of the ciphertext in one byte, and the version of its key in two.
HEADER_BYTES: Final = 3
FORMAT: Final = b"\x01"
CACHE_SECONDS: Final = 300
CACHED_TENANTS_MAX: Final = 200
# A key that was not there is looked for again after so long: it may have been made meanwhile.
ABSENT_SECONDS: Final = 5
KEY_VERSIONS_MAX: Final = 9_999
ROOT: Final = "root"
INDEX: Final = "index"
_NAME: Final = re.compile(r"(?P<family>[a-z][a-z0-9-]*)#(?P<version>\d{4})")


class CiphertextRejected(DomainError):
    """A stored ciphertext is not the one that was written there: altered, moved, or shredded."""

    code = "data_unreadable"


class KeyDestroyed(CiphertextRejected):
    """The key that sealed it is destroyed: nobody reads it any more, and that is as it should be."""


class KeyNotRotated(DomainError):
    """The family has no key that another could take the place of, or is one that keeps its key."""

    code = "key_not_rotated"


@dataclass(frozen=True, slots=True)
class Rejected:
    """What could not be read: the tenant, the family of keys, and the place as it was sealed for."""

    tenant_id: str
    family: str
    place: str


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A key as it is stored; a root says which key of the key service wraps it.

    Of one that is ``destroyed`` nothing is left but evidence: ``wrapped`` is empty, and its name is never
    given again. One that is empty and was not destroyed was altered.
    """

    wrapped: bytes
    wrapped_by: str | None = None
    destroyed: bool = False


class KeyWrapper(Protocol):
    """The key service: wraps a tenant's root key under a context that must match to unwrap."""

    @property
    def key_id(self) -> str:
        """The key of the service that wraps from now on."""

    def generate(self, *, context: dict[str, str]) -> tuple[bytes, bytes]:
        """Return (plain key, wrapped key)."""

    def wrap(self, *, plain: bytes, context: dict[str, str]) -> bytes:
        """Return the wrapped key."""

    def unwrap(self, *, key: WrappedKey, context: dict[str, str]) -> bytes:
        """Return the plain key, or raise CiphertextRejected where key, wrapper or context differ."""


class WrappedKeys(Protocol):
    """Where wrapped keys are stored: one small item each."""

    def load(self, *, tenant_id: str) -> dict[str, WrappedKey]:
        """Return every wrapped key of the tenant by name: ``root``, or see ``key_name``."""

    def add(self, *, tenant_id: str, name: str, key: WrappedKey) -> WrappedKey:
        """Store a wrapped key unless there is one of that name; return the stored one."""

    def remove(self, *, tenant_id: str) -> None:
        """Delete every wrapped key of the tenant."""


def key_name(*, family: str, version: int) -> str:
    """Return the name under which a version of a family's key is stored."""
    return f"{family}#{version:04d}"


def named_key(*, name: str) -> tuple[str, int] | None:
    """Return family and version of a stored key; None for what is not a family's key."""
    found = _NAME.fullmatch(name)
    return (found["family"], int(found["version"])) if found else None


def untold(rejected: Rejected) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class TenantKeys:
    """The unwrapped keys of one tenant, held in memory only."""

    tenant_id: str
    _root: AESGCM
    _store: WrappedKeys
    _wrapped: dict[str, WrappedKey]
    _monotonic: Callable[[], float] = time.monotonic
    _tell: Callable[[Rejected], None] = untold
    _ciphers: dict[tuple[str, int], AESGCM] = field(default_factory=dict)
    _newest: dict[str, int] = field(default_factory=dict)
    _absent: dict[str, float] = field(default_factory=dict)
    _index_key: bytes | None = None

    def __post_init__(self) -> None:
        self._take(self._wrapped)

    def seal(self, *, family: str, place: str, plain: bytes) -> bytes:
        """Encrypt under the family's newest key, bound to ``place`` (table, key and attribute).

        Returns header, nonce, ciphertext and tag: 31 bytes more than the plain text.
        """
        version = self._newest.get(family, 1)
        header = FORMAT + version.to_bytes(2, "big")
        nonce = os.urandom(NONCE_BYTES)
        cipher = self._cipher(family, version)
        return header + nonce + cipher.encrypt(nonce, plain, header + self._bound(family, place))

    def open(self, *, family: str, place: str, sealed: bytes) -> bytes:
        """Decrypt what was sealed for this very place, or raise CiphertextRejected."""
        header, nonce, rest = sealed[:HEADER_BYTES], sealed[HEADER_BYTES:_BODY], sealed[_BODY:]
        version = int.from_bytes(header[1:], "big")
        if header[:1] != FORMAT or not self._knows(family, version):
            raise self._rejected(family, place, "the record's key is not there")
        try:
            return self._cipher(family, version).decrypt(nonce, rest, header + self._bound(family, place))
        except (InvalidTag, ValueError):
            raise self._rejected(family, place, "the record cannot be read") from None

    def open_kept(self, *, family: str, place: str, sealed: bytes | None) -> bytes | None:
        """Decrypt what is there for as long as its key: None where either is gone, each in its time."""
        if sealed is None:
            return None
        try:
            return self.open(family=family, place=place, sealed=sealed)
        except KeyDestroyed:
            return None

    def blind(self, *, kind: str, value: str) -> str:
        """Return the blind index of a value: equal values of a tenant and kind are equal."""
        if self._index_key is None:
            self._index_key = self._key(INDEX, 1)
        return hmac.new(self._index_key, f"{kind}\x00{value}".encode(), sha256).digest()[:16].hex()

    def authenticate(self, *, family: str, message: bytes) -> str:
        """Return the HMAC-SHA-256 of a message, in hex, under a family's newest key."""
        key = self._key(family, self._newest.get(family, 1))
        return hmac.new(key, b"authenticate\x00" + message, sha256).hexdigest()

    def next_key(self, *, family: str) -> tuple[str, bytes]:
        """Return name and wrapped form of a new version of a family's key, which is not stored yet.

        Raises KeyNotRotated, or CiphertextRejected where the newest one cannot be unwrapped.
        """
        version = self._newest.get(family)
        if version is None or family == INDEX or version >= KEY_VERSIONS_MAX:
            raise KeyNotRotated(f"the keys {family!r} cannot be rotated")
        self._key(family, version)
        return key_name(family=family, version=version + 1), self._fresh(family, version + 1)

    def _knows(self, family: str, version: int) -> bool:
        """Whether there is this key; another process may have made it since ours were loaded."""
        name = key_name(family=family, version=version)
        if name in self._wrapped:
            return True
        if family == INDEX and version != 1:
            return False  # a cursor comes from a client, who is not to make us read
        now, absent_at = self._monotonic(), self._absent.get(name)
        if absent_at is not None and now - absent_at < ABSENT_SECONDS:
            return False
        self._take(self._store.load(tenant_id=self.tenant_id))
        if name not in self._wrapped:
            self._absent[name] = now
        return name in self._wrapped

    def _take(self, wrapped: Mapping[str, WrappedKey]) -> None:
        """Keep what was loaded, and note the newest version of each family."""
        self._wrapped |= wrapped
        for family, version in filter(None, (named_key(name=name) for name in wrapped)):
            self._newest[family] = max(version, self._newest.get(family, 1))

    def _rejected(self, family: str, place: str, why: str) -> CiphertextRejected:
        """Tell of what cannot be read. A cursor is a client's to send, altered or not: no alarm."""
        if family != INDEX:
            self._tell(Rejected(self.tenant_id, family, place))
        return CiphertextRejected(why)

    def _bound(self, family: str, place: str) -> bytes:
        return f"{self.tenant_id}|{family}|{place}".encode()

    def _cipher(self, family: str, version: int) -> AESGCM:
        cipher = self._ciphers.get((family, version))
        if cipher is None:
            cipher = self._ciphers[family, version] = AESGCM(self._key(family, version))
        return cipher

    def _fresh(self, family: str, version: int) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        bound = self._bound(family, f"family-key|{version}")
        return nonce + self._root.encrypt(nonce, os.urandom(KEY_BYTES), bound)

    def _key(self, family: str, version: int) -> bytes:
        name = key_name(family=family, version=version)
        key = self._wrapped.get(name)
        if key is None:
            fresh = WrappedKey(self._fresh(family, version))
            key = self._store.add(tenant_id=self.tenant_id, name=name, key=fresh)
            self._take({name: key})
        if key.destroyed:
            raise KeyDestroyed("the record's key is destroyed")
        bound = self._bound(family, f"family-key|{version}")
        try:
            return self._root.decrypt(key.wrapped[:NONCE_BYTES], key.wrapped[NONCE_BYTES:], bound)
        except (InvalidTag, ValueError):
            self._tell(Rejected(self.tenant_id, family, f"keys|{name}|wrapped"))
            raise CiphertextRejected("a wrapped key was altered") from None


_BODY: Final = HEADER_BYTES + NONCE_BYTES


class Keyring:
    """Loads, caches and creates tenants' keys; ``tell`` is called for whatever cannot be read."""

    def __init__(
        self,
        *,
        wrapper: KeyWrapper,
        store: WrappedKeys,
        monotonic: Callable[[], float] = time.monotonic,
        tell: Callable[[Rejected], None] = untold,
    ) -> None:
        self._wrapper = wrapper
        self._store = store
        self._monotonic = monotonic
        self._tell = tell
        self._cache: dict[str, tuple[float, TenantKeys]] = {}

    @property
    def key_id(self) -> str:
        """The key of the key service that wraps roots from now on."""
        return self._wrapper.key_id

    def of(self, *, tenant_id: str) -> TenantKeys:
        """Return the tenant's keys, creating the root key at first use."""
        cached = self._cache.get(tenant_id)
        now = self._monotonic()
        if cached is not None and now - cached[0] < CACHE_SECONDS:
            return cached[1]
        keys = self._load(tenant_id)
        if len(self._cache) >= CACHED_TENANTS_MAX:
            oldest = min(list(self._cache.items()), key=lambda entry: entry[1][0])
            self._cache.pop(oldest[0], None)
        self._cache[tenant_id] = (now, keys)
        return keys

    def forget(self, *, tenant_id: str) -> None:
        """Drop a tenant's keys from memory."""
        self._cache.pop(tenant_id, None)

    def destroy(self, *, tenant_id: str) -> None:
        """Destroy every key of a tenant: what they sealed is lost for good."""
        self.forget(tenant_id=tenant_id)
        self._store.remove(tenant_id=tenant_id)

    def rewrapped(self, *, tenant_id: str) -> tuple[WrappedKey, WrappedKey]:
        """Return the tenant's stored root key, and the same one wrapped anew, which is not stored yet.

        The new one was unwrapped and compared before it is returned. Raises CiphertextRejected
        where the stored one is not there or cannot be unwrapped.
        """
        stored = self._store.load(tenant_id=tenant_id).get(ROOT)
        if stored is None:
            raise self._rejected(tenant_id, "the root key is not there")
        if stored.destroyed:
            raise KeyDestroyed("the tenant's keys are destroyed")
        plain = self._unwrap(tenant_id, stored)
        context = _context(tenant_id)
        fresh = WrappedKey(self._wrapper.wrap(plain=plain, context=context), self._wrapper.key_id)
        if not hmac.compare_digest(self._unwrap(tenant_id, fresh), plain):
            raise self._rejected(tenant_id, "the key service gave back another key")
        return stored, fresh

    def _load(self, tenant_id: str) -> TenantKeys:
        wrapped = self._store.load(tenant_id=tenant_id)
        root = wrapped.pop(ROOT, None)
        plain: bytes | None = None
        if root is not None and root.destroyed:
            raise KeyDestroyed("the tenant's keys are destroyed")
        if root is None:
            if wrapped:
                raise self._rejected(tenant_id, "there are keys without the root that wraps them")
            plain, mine = self._wrapper.generate(context=_context(tenant_id))
            made = WrappedKey(mine, self._wrapper.key_id)
            root = self._store.add(tenant_id=tenant_id, name=ROOT, key=made)
            plain = plain if root.wrapped == mine else None
        if plain is None:
            plain = self._unwrap(tenant_id, root)
        try:
            cipher = AESGCM(plain)
        except ValueError:
            raise self._rejected(tenant_id, "the root key was altered") from None
        return TenantKeys(tenant_id, cipher, self._store, wrapped, self._monotonic, self._tell)

    def _unwrap(self, tenant_id: str, key: WrappedKey) -> bytes:
        try:
            return self._wrapper.unwrap(key=key, context=_context(tenant_id))
        except CiphertextRejected:
            raise self._rejected(tenant_id, "the root key was altered") from None

    def _rejected(self, tenant_id: str, why: str) -> CiphertextRejected:
        self._tell(Rejected(tenant_id, ROOT, f"keys|{ROOT}|wrapped"))
        return CiphertextRejected(why)


def _context(tenant_id: str) -> dict[str, str]:
    return {"tenant": tenant_id, "purpose": "tenant-root"}
