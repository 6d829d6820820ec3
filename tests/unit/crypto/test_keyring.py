"""Keys are shared between processes that each hold them in memory."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import pytest

from chalicelib.crypto.keyring import CiphertextRejected, Keyring

TENANT = "ten_1"


class PlainWrapper:
    """Wraps by not wrapping."""

    def generate(self, *, context: dict[str, str]) -> tuple[bytes, bytes]:
        key = os.urandom(32)
        return key, key

    def unwrap(self, *, wrapped: bytes, context: dict[str, str]) -> bytes:
        return wrapped


@dataclass
class KeyTable:
    """Stored keys; counts how often they are read."""

    items: dict[str, bytes] = field(default_factory=dict)
    loads: int = 0

    def load(self, *, tenant_id: str) -> dict[str, bytes]:
        self.loads += 1
        return dict(self.items)

    def add(self, *, tenant_id: str, family: str, wrapped: bytes) -> bytes:
        return self.items.setdefault(family, wrapped)

    def remove(self, *, tenant_id: str) -> None:
        self.items.clear()


def test_what_one_process_seals_with_a_new_key_another_opens() -> None:
    table = KeyTable()
    reader = Keyring(wrapper=PlainWrapper(), store=table)
    known_before = reader.of(tenant_id=TENANT)
    known_before.seal(family="op", place="x", plain=b"")
    writer = Keyring(wrapper=PlainWrapper(), store=table)
    sealed = writer.of(tenant_id=TENANT).seal(family="bill-2027", place="invoice", plain=b"Ali")
    assert reader.of(tenant_id=TENANT).open(family="bill-2027", place="invoice", sealed=sealed) == b"Ali"


def test_a_shredded_key_is_looked_for_once() -> None:
    table = KeyTable()
    keys = Keyring(wrapper=PlainWrapper(), store=table).of(tenant_id=TENANT)
    loads = table.loads
    for _ in range(3):
        with pytest.raises(CiphertextRejected):
            keys.open(family="bill-2019", place="invoice", sealed=bytes(40))
    assert table.loads == loads + 1


def test_a_ciphertext_moved_to_another_place_is_refused() -> None:
    keys = Keyring(wrapper=PlainWrapper(), store=KeyTable()).of(tenant_id=TENANT)
    sealed = keys.seal(family="op", place="a", plain=b"secret")
    with pytest.raises(CiphertextRejected):
        keys.open(family="op", place="b", sealed=sealed)
