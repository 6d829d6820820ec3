"""In memory: tables that others write to while they are backed up, files written once, new tables."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

from chalicelib.domain.backups import Change, Item, Table
from chalicelib.ports.backups import Drained, FileThere, Scanned
from chalicelib.ports.services import BlobGone

BEGINNING = datetime(2041, 5, 15, tzinfo=UTC)
Key = tuple[str, str]
Rows = dict[Key, dict[str, Any]]


class Ended(BaseException):
    """The process is gone."""


@dataclass
class Fuse:
    """Where a process ends: at which call, before or after it is answered."""

    at: int = 0
    after: bool = False
    calls: int = 0

    def burn(self, call: Callable[[], Any]) -> Any:
        """Answer a call, unless the process ends."""
        self.calls += 1
        if self.calls == self.at and not self.after:
            raise Ended
        answer = call()
        if self.calls == self.at:
            raise Ended
        return answer


def _same(drained: Drained) -> Drained:
    return drained


def row(pk: str, sk: str, **values: object) -> dict[str, Any]:
    """An item as the database has it."""
    typed: dict[str, Any] = {"pk": {"S": pk}, "sk": {"S": sk}}
    for name, value in values.items():
        typed[name] = {"B": value} if isinstance(value, bytes) else {"N": str(value)}
    return typed


class Busy:
    """Two tables in which each call meets other writers at work: ``write`` is called before each.

    The changes of one transaction are told up to two seconds apart, a second or two late, and by two shards.
    """

    def __init__(self, *, seed: int = 0, page: int = 3, write: Callable[[Busy], None] | None = None) -> None:
        self.rows: dict[Table, Rows] = {table: {} for table in Table}
        self.told: list[tuple[datetime, Table, str, Change]] = []
        self.past: list[tuple[datetime, dict[Table, Rows]]] = []
        self.clock = BEGINNING
        self.chance = random.Random(seed)
        self.page = page
        self.writing = write or (lambda _: None)
        self.fuse = Fuse()

    # -- writers -----------------------------------------------------------------------------

    def commit(self, table: Table, *items: Mapping[str, Any] | Key) -> None:
        """Put items, or delete those of keys, in one transaction."""
        for one in items:
            deleted = isinstance(one, tuple)
            key: Key = one if isinstance(one, tuple) else (one["pk"]["S"], one["sk"]["S"])
            if isinstance(one, tuple):
                self.rows[table].pop(key, None)
            else:
                self.rows[table][key] = dict(one)
            made_at = self.clock + timedelta(seconds=self.chance.choice((0, 0, 1)))
            shard = f"shard-{sha256(key[0].encode()).digest()[0] % 2}"
            item = None if deleted else self.rows[table][key]
            self.told.append((self.clock, table, shard, Change(*key, made_at, item)))
        self.past.append((self.clock, self.copy()))

    def copy(self) -> dict[Table, Rows]:
        """The tables as they are."""
        return {table: dict(rows) for table, rows in self.rows.items()}

    def pass_by(self, seconds: float) -> None:
        """Let time go on."""
        self.clock += timedelta(seconds=seconds)

    # -- what a backup reads -------------------------------------------------------------------

    def now(self) -> datetime:
        """The time."""
        return datetime.fromisoformat(str(self.fuse.burn(self.clock.isoformat)))

    def scan(self, *, table: Table, after: Mapping[str, str] | None) -> Scanned:
        """A page, between the writers' transactions."""
        self.writing(self)
        found: Scanned = self.fuse.burn(lambda: self._scan(table, after))
        self.pass_by(1)
        return found

    def _scan(self, table: Table, after: Mapping[str, str] | None) -> Scanned:
        keys = sorted(self.rows[table])
        left = [key for key in keys if after is None or key > (after["pk"], after["sk"])]
        page = left[: self.page]
        ended = None if len(left) <= self.page else {"pk": page[-1][0], "sk": page[-1][1]}
        return Scanned([self.rows[table][key] for key in page], self.clock, ended)

    def drain(self, *, table: Table, positions: Mapping[str, str]) -> Iterator[Drained]:
        """What was told, shard by shard; the newest second's is not told yet."""
        for shard in ("shard-0", "shard-1"):
            self.writing(self)
            start = int(positions.get(shard, "0"))
            mine = [(number, one) for number, one in enumerate(self.told, 1) if one[1:3] == (table, shard)]
            told = [
                (number, one[3])
                for number, one in mine
                if number > start and self.clock - one[0] >= timedelta(seconds=2)
            ]
            for number, change in told:
                drained = Drained(shard, str(number), [change])
                yield self.fuse.burn(partial(_same, drained))


@dataclass
class Files:
    """Files that are written once."""

    kept: dict[str, bytes] = field(default_factory=dict)
    fuse: Fuse = field(default_factory=Fuse)

    def add(self, *, key: str, body: bytes) -> None:
        """Keep a file."""
        self.fuse.burn(lambda: self._add(key, body))

    def _add(self, key: str, body: bytes) -> None:
        if key in self.kept:
            raise FileThere("another pass writes this backup")
        self.kept[key] = body

    def read(self, *, key: str, size: int | None = None) -> bytes:
        """A file, or its beginning."""
        if key not in self.kept:
            raise BlobGone("there is no such file")
        return self.kept[key][:size]

    def names(self, *, prefix: str) -> Iterator[str]:
        """Keys in order."""
        return iter(sorted(key for key in self.kept if key.startswith(prefix)))


@dataclass
class NewTables:
    """Tables to restore into."""

    rows: dict[Table, Rows] = field(default_factory=lambda: {table: {} for table in Table})
    text: str = ""
    fuse: Fuse = field(default_factory=Fuse)
    made: int = 0

    def make(self) -> None:
        """Count how often."""
        self.made += 1

    def empty(self) -> bool:
        """Whether nothing is there."""
        return not any(self.rows.values())

    def note(self, *, text: str) -> None:
        """Remember."""
        self.fuse.burn(lambda: self._note(text))

    def _note(self, text: str) -> None:
        self.text = text

    def noted(self) -> str:
        """What was remembered."""
        return self.text

    def forget(self) -> None:
        """Remember nothing."""
        self.text = ""

    def write(self, *, table: Table, puts: Iterable[Item], deletes: Iterable[Key]) -> None:
        """Put and delete, one item after another."""
        for item in puts:
            self.fuse.burn(partial(self._put, table, item))
        for key in deletes:
            self.fuse.burn(partial(self.rows[table].pop, key, None))

    def _put(self, table: Table, item: Item) -> None:
        self.rows[table][item["pk"]["S"], item["sk"]["S"]] = dict(item)

    def scan(self, *, table: Table) -> Iterator[Item]:
        """Every item."""
        return iter(list(self.rows[table].values()))

    def furnish(self) -> Sequence[str]:
        """Nothing beside items."""
        return ()

    def remove(self) -> None:
        """Forget everything."""
        self.rows = {table: {} for table in Table}
