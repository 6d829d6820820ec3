"""Keys are shared between processes that each hold them in memory."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import pytest

from chalicelib.crypto.keyring import (
    ABSENT_SECONDS,
    CiphertextRejected,
    KeyDestroyed,
    KeyNotRotated,
    Keyring,
    Rejected,
    TenantKeys,
    WrappedKey,
)

TENANT = "ten_1"


class PlainWrapper:
    """Wraps by not wrapping."""

    key_id = "plain"

    def generate(self, *, context: dict[str, str]) -> tuple[bytes, bytes]:
        key = os.urandom(32)
        return key, key

    def wrap(self, *, plain: bytes, context: dict[str, str]) -> bytes:
        return plain

    def unwrap(self, *, key: WrappedKey, context: dict[str, str]) -> bytes:
        return key.wrapped


@dataclass
class KeyTable:
    """Stored keys; counts how often they are read."""

    items: dict[str, WrappedKey] = field(default_factory=dict)
    loads: int = 0

    def load(self, *, tenant_id: str) -> dict[str, WrappedKey]:
        self.loads += 1
        return dict(self.items)

    def add(self, *, tenant_id: str, name: str, key: WrappedKey) -> WrappedKey:
        return self.items.setdefault(name, key)

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


@dataclass
class Timer:
    """Seconds that a test lets pass."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


def keys_of(table: KeyTable, told: list[Rejected] | None = None, timer: Timer | None = None) -> TenantKeys:
    """The tenant's keys in a process of their own."""
    tell = (lambda _rejected: None) if told is None else told.append
    ring = Keyring(wrapper=PlainWrapper(), store=table, monotonic=timer or Timer(), tell=tell)
    return ring.of(tenant_id=TENANT)


def rotate(table: KeyTable, family: str) -> None:
    """Do what the store does with a new version."""
    name, wrapped = keys_of(table).next_key(family=family)
    assert name not in table.items
    table.items[name] = WrappedKey(wrapped)


def test_a_key_that_is_not_there_is_not_looked_for_at_once_again() -> None:
    table, timer = KeyTable(), Timer()
    keys = keys_of(table, timer=timer)
    sealed = keys_of(KeyTable()).seal(family="bill-2019", place="invoice", plain=b"")
    loads = table.loads
    for seconds, expected in [(0, 1), (1, 1), (2, 1), (ABSENT_SECONDS, 2)]:
        timer.seconds = seconds
        with pytest.raises(CiphertextRejected):
            keys.open(family="bill-2019", place="invoice", sealed=sealed)
        assert table.loads == loads + expected


def test_a_rotated_key_seals_from_then_on_and_the_old_one_opens() -> None:
    table = KeyTable()
    before = keys_of(table).seal(family="op", place="x", plain=b"old")
    rotate(table, "op")
    keys = keys_of(table)
    after = keys.seal(family="op", place="x", plain=b"new")
    assert (before[1:3], after[1:3]) == (b"\x00\x01", b"\x00\x02")
    assert keys.open(family="op", place="x", sealed=before) == b"old"
    assert keys.open(family="op", place="x", sealed=after) == b"new"


def test_a_process_that_knows_the_old_key_only_reads_what_the_new_one_sealed() -> None:
    table = KeyTable()
    warm = keys_of(table)
    warm.seal(family="op", place="x", plain=b"")
    for round_ in (b"first", b"second"):
        rotate(table, "op")
        sealed = keys_of(table).seal(family="op", place="x", plain=round_)
        assert warm.open(family="op", place="x", sealed=sealed) == round_
    assert warm.seal(family="op", place="x", plain=b"")[1:3] == b"\x00\x03"


@pytest.mark.parametrize("family", ["index", "bill-2019"])
def test_blind_indexes_and_families_without_a_key_are_not_rotated(family: str) -> None:
    keys = keys_of(KeyTable())
    keys.blind(kind="email", value="a@b.example")
    with pytest.raises(KeyNotRotated):
        keys.next_key(family=family)


def test_a_version_in_the_header_is_bound_to_the_ciphertext() -> None:
    """Given two versions of the very same key, a ciphertext of one is none of the other."""
    table = KeyTable()
    sealed = keys_of(table).seal(family="op", place="x", plain=b"secret")
    rotate(table, "op")
    keys = keys_of(table)
    keys._ciphers["op", 2] = keys._cipher("op", 1)
    with pytest.raises(CiphertextRejected):
        keys.open(family="op", place="x", sealed=b"\x01\x00\x02" + sealed[3:])


def test_a_wrapped_key_in_the_place_of_another_version_is_refused() -> None:
    table = KeyTable()
    sealed = keys_of(table).seal(family="op", place="x", plain=b"secret")
    rotate(table, "op")
    table.items["op#0001"] = table.items["op#0002"]
    told: list[Rejected] = []
    with pytest.raises(CiphertextRejected):
        keys_of(table, told).open(family="op", place="x", sealed=sealed)
    assert told == [Rejected(TENANT, "op", "keys|op#0001|wrapped")]


def test_keys_without_their_root_get_no_other() -> None:
    table = KeyTable()
    keys_of(table).seal(family="op", place="x", plain=b"")
    del table.items["root"]
    with pytest.raises(CiphertextRejected):
        keys_of(table)
    assert "root" not in table.items


def test_what_cannot_be_read_is_told_but_not_a_client_s_cursor() -> None:
    told: list[Rejected] = []
    keys = keys_of(KeyTable(), told)
    for family in ("index", "op"):
        sealed = keys.seal(family=family, place="a", plain=b"secret")
        with pytest.raises(CiphertextRejected):
            keys.open(family=family, place="b", sealed=sealed)
    assert told == [Rejected(TENANT, "op", "b")]


def test_a_forged_cursor_makes_nothing_read() -> None:
    table = KeyTable()
    keys = keys_of(table)
    sealed = keys.seal(family="index", place="a", plain=b"")
    loads = table.loads
    for version in range(2, 50):
        with pytest.raises(CiphertextRejected):
            keys.open(family="index", place="a", sealed=b"\x01" + version.to_bytes(2, "big") + sealed[3:])
    assert table.loads == loads


def test_a_ciphertext_moved_to_another_place_is_refused() -> None:
    keys = Keyring(wrapper=PlainWrapper(), store=KeyTable()).of(tenant_id=TENANT)
    sealed = keys.seal(family="op", place="a", plain=b"secret")
    with pytest.raises(CiphertextRejected):
        keys.open(family="op", place="b", sealed=sealed)


def test_a_destroyed_key_opens_and_seals_nothing_is_not_made_anew_and_raises_no_alarm() -> None:
    table, told = KeyTable(), list[Rejected]()
    keys = Keyring(wrapper=PlainWrapper(), store=table).of(tenant_id=TENANT)
    sealed = keys.seal(family="op", place="here", plain=b"Ayesha")
    kept = keys.seal(family="audit", place="here", plain=b"done")
    table.items["op#0001"] = WrappedKey(b"", destroyed=True)

    after = Keyring(wrapper=PlainWrapper(), store=table, tell=told.append).of(tenant_id=TENANT)

    with pytest.raises(KeyDestroyed):
        after.open(family="op", place="here", sealed=sealed)
    with pytest.raises(KeyDestroyed):
        after.seal(family="op", place="here", plain=b"Bilal")
    with pytest.raises(KeyDestroyed):
        after.next_key(family="op")
    assert after.open_kept(family="op", place="here", sealed=sealed) is None
    assert after.open_kept(family="audit", place="here", sealed=kept) == b"done"
    assert after.open_kept(family="audit", place="here", sealed=None) is None
    assert (table.items["op#0001"].destroyed, told) == (True, [])
    with pytest.raises(CiphertextRejected):
        after.open_kept(family="audit", place="there", sealed=kept)
    assert len(told) == 1  # what is altered, and not destroyed, is told of


@pytest.mark.parametrize("name", ["op#0001", "root"])
def test_a_key_that_is_empty_without_having_been_destroyed_was_altered(name: str) -> None:
    table, told = KeyTable(), list[Rejected]()
    sealed = keys_of(table).seal(family="op", place="here", plain=b"Ayesha")
    table.items[name] = WrappedKey(b"")

    with pytest.raises(CiphertextRejected):
        keys_of(table, told=told).open_kept(family="op", place="here", sealed=sealed)
    assert len(told) >= 1


def test_where_the_root_is_destroyed_nothing_is_made_anew() -> None:
    table = KeyTable()
    Keyring(wrapper=PlainWrapper(), store=table).of(tenant_id=TENANT).blind(kind="email", value="a")
    table.items = dict.fromkeys(table.items, WrappedKey(b"", destroyed=True))
    keyring = Keyring(wrapper=PlainWrapper(), store=table)

    for use in (keyring.of, keyring.rewrapped):
        with pytest.raises(KeyDestroyed):
            use(tenant_id=TENANT)
    assert all(key.destroyed for key in table.items.values())


def test_a_message_is_authenticated_under_a_familys_key() -> None:
    keys = Keyring(wrapper=PlainWrapper(), store=KeyTable()).of(tenant_id=TENANT)

    mac = keys.authenticate(family="audit", message=b"deleted")

    assert mac == keys.authenticate(family="audit", message=b"deleted")
    assert mac not in {
        keys.authenticate(family="audit", message=b"delated"),
        keys.authenticate(family="op", message=b"deleted"),
    }
