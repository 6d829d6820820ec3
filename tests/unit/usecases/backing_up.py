"""Two companies that are backed up and restored in memory, while others write."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.crypto.backups import KmsBackupSealing
from chalicelib.crypto.keyring import CiphertextRejected, Keyring, WrappedKey
from chalicelib.domain.backups import PLATFORM, Table, owner_of
from chalicelib.usecases.backup_restore import Restored, RestoreWork, restore_backup
from chalicelib.usecases.backups import BackupWork, Pauses, take_backup
from tests.examples import FACTOR
from tests.fakes.backups import BEGINNING, Busy, Files, Key, NewTables, Rows, row

NAME = "2041-W20-1"
ONE, TWO = "ten_1", "ten_2"
# With those of the beginning. A run is killed at one of so many calls, by ``make simulate`` at each.
WRITES = 25
STEP = max(1, 7 // FACTOR)
PAUSES = Pauses(
    quiet=timedelta(seconds=3),
    lag=timedelta(seconds=3),
    poll=timedelta(seconds=1),
    patience=timedelta(seconds=60),
)


@dataclass
class KeyService:
    """Wraps under a context, and knows what it wrapped."""

    key_id: str = "key-1"
    known: dict[bytes, tuple[bytes, dict[str, str]]] = field(default_factory=dict)

    def generate(self, *, context: dict[str, str]) -> tuple[bytes, bytes]:
        plain = os.urandom(32)
        return plain, self.wrap(plain=plain, context=context)

    def wrap(self, *, plain: bytes, context: dict[str, str]) -> bytes:
        wrapped = os.urandom(32)
        self.known[wrapped] = plain, context
        return wrapped

    def unwrap(self, *, key: WrappedKey, context: dict[str, str]) -> bytes:
        plain, bound = self.known.get(key.wrapped, (b"", {}))
        if bound != context or not plain:
            raise CiphertextRejected("not wrapped here")
        return plain


@dataclass
class KeyTable:
    """Wrapped keys of tenants."""

    items: dict[str, dict[str, WrappedKey]] = field(default_factory=dict)

    def load(self, *, tenant_id: str) -> dict[str, WrappedKey]:
        return dict(self.items.get(tenant_id, {}))

    def add(self, *, tenant_id: str, name: str, key: WrappedKey) -> WrappedKey:
        return self.items.setdefault(tenant_id, {}).setdefault(name, key)

    def remove(self, *, tenant_id: str) -> None:
        self.items.pop(tenant_id, None)


class World:
    """Two companies and the platform, a place for backups, and their keys."""

    def __init__(self, *, seed: int = 0, write: Callable[[Busy], None] | None = None) -> None:
        self.source = Busy(seed=seed, write=write)
        self.files = Files()
        self.keys = KeyTable()
        self.service = KeyService()
        for tenant_id in (ONE, TWO):
            self.keyring().of(tenant_id=tenant_id).seal(family="op", place="x", plain=b"x")
            for _ in range(5):
                invoice(self.source, tenant_id)
            self.source.commit(Table.PLATFORM, row("TENANTS#0", tenant_id, n=1, data=b"\x00\xff"))
        self.source.pass_by(60)

    def keyring(self) -> Keyring:
        return Keyring(wrapper=self.service, store=self.keys)

    def sealing(self) -> KmsBackupSealing:
        return KmsBackupSealing(wrapper=self.service, keyring=self.keyring(), store=self.keys)

    def work(self, *, calls: int = 10_000, part_bytes: int = 300) -> BackupWork:
        left = iter(range(calls))
        return BackupWork(
            source=self.source,
            files=self.files,
            sealing=self.sealing(),
            out_of_time=lambda: next(left, None) is None,
            wait=self.source.pass_by,
            pauses=PAUSES,
            part_bytes=part_bytes,
        )

    def take(self) -> None:
        assert take_backup(work=self.work(), backup=NAME) is not None

    def restore(self, tables: NewTables | None = None, *, calls: int = 10_000) -> tuple[Restored, NewTables]:
        tables, left = tables or NewTables(), iter(range(calls))
        work = RestoreWork(BEGINNING, self.files, self.sealing(), tables, lambda: next(left, None) is None)
        restored = restore_backup(work=work, backup=NAME)
        assert restored is not None
        return restored, tables


def out_of(left: Iterator[int]) -> bool:
    return next(left, None) is None


def invoice(source: Busy, tenant_id: str) -> None:
    """One transaction: an invoice in its account, and the counter and the sum that go by it."""
    counter = source.rows[Table.TENANTS].get((f"{tenant_id}#SER", "INV"), {"n": {"N": "0"}})
    number = int(counter["n"]["N"]) + 1
    source.commit(
        Table.TENANTS,
        row(f"{tenant_id}#A#{number % 4}", f"INV#{number:04d}", amount=number * 10, words=b"\x01\x02"),
        row(f"{tenant_id}#SER", "INV", n=number),
        row(f"{tenant_id}#GL", "SUM", n=sum(10 * one for one in range(1, number + 1))),
    )


def credit(source: Busy, tenant_id: str) -> None:
    """One transaction that takes an invoice away with its number."""
    counter = int(source.rows[Table.TENANTS][f"{tenant_id}#SER", "INV"]["n"]["N"])
    if counter > 1:
        gone = (f"{tenant_id}#A#{counter % 4}", f"INV#{counter:04d}")
        left = sum(10 * one for one in range(1, counter))
        source.commit(
            Table.TENANTS,
            gone,
            row(f"{tenant_id}#SER", "INV", n=counter - 1),
            row(f"{tenant_id}#GL", "SUM", n=left),
        )


def now_and_then(source: Busy) -> None:
    """Others at work, until they have done what they had to."""
    if len(source.past) > WRITES:
        return
    if source.chance.random() < 0.5:
        tenant_id = source.chance.choice((ONE, TWO))
        source.chance.choice((invoice, invoice, credit))(source, tenant_id)
    if source.chance.random() < 0.2:
        source.commit(Table.PLATFORM, row("TENANTS#0", ONE, n=source.chance.randrange(99)))


def of_owner(owner: str, tables: dict[Table, Rows]) -> dict[tuple[Table, Key], object]:
    return {
        (table, key): item
        for table, rows in tables.items()
        for key, item in rows.items()
        if owner_of(table=table, pk=key[0]) == owner
    }


def instants(source: Busy, owner: str, since: datetime) -> list[object]:
    """What an owner's data was from an instant on: at its beginning, and after each transaction."""
    before = [copy for at, copy in source.past if at <= since][-1]
    return [of_owner(owner, copy) for copy in (before, *(copy for at, copy in source.past if at > since))]


def check(world: World, restored: Restored, tables: NewTables) -> None:
    """Assert that everybody's data is that of one instant, no older than the copy."""
    assert (restored.differing, restored.unreadable, restored.destroyed) == ((), (), ())
    assert restored.recovery_point >= restored.manifest.copied_at
    for owner in (ONE, TWO, PLATFORM):
        # A change of the copy's last second is in it or not.
        since = restored.manifest.copied_at - timedelta(seconds=2)
        assert of_owner(owner, tables.rows) in instants(world.source, owner, since), owner
    assert sum(len(rows) for rows in tables.rows.values()) == restored.items
