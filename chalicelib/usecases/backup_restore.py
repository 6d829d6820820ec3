"""Restoring a backup into new tables, and comparing what came of it with what the backup says.

How far it is, is noted in the new tables: whoever is ended anywhere is followed by the next pass.
Writing the same part again changes nothing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

from chalicelib.domain.backups import (
    BackupDamaged,
    Change,
    Head,
    Item,
    Manifest,
    Section,
    Stage,
    Table,
    Tally,
    checked_name,
    decode_change,
    decode_item,
    digest_of,
    encode_item,
    listed_tenant,
    owner_of,
    within,
)
from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.ports.backups import BackupFiles, BackupSealing, OwnerUnreadable, RestoredTables
from chalicelib.ports.services import BlobGone
from chalicelib.usecases.backup_parts import BackupPartFiles, Part

# Items of who cannot be read are taken away so many at a time.
LEFT_PER_WRITE: Final = 1_000
Key = tuple[str, str]


class TablesThere(Conflict):
    """The new tables are there already, and hold something else than what is to be restored."""

    code = "tables_there"


@dataclass(frozen=True, slots=True)
class RestoreWork:
    """What restoring works with; ``at`` is now, in UTC."""

    at: datetime
    files: BackupFiles
    sealing: BackupSealing
    tables: RestoredTables
    out_of_time: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Differing:
    """An owner of whom a restored table does not hold what the backup says."""

    table: Table
    owner: str
    expected: int
    found: int


@dataclass(slots=True)
class Restored:
    """What restoring came to; ``begun_at`` is when its first pass began, in UTC.

    ``destroyed`` are owners whose keys were destroyed on purpose: nothing of them was restored.
    Those of ``unreadable`` have no such excuse.
    """

    manifest: Manifest
    begun_at: datetime
    items: int = 0
    destroyed: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    differing: tuple[Differing, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether the tables hold what the backup says, but for owners whose keys were destroyed."""
        return not self.differing and not self.unreadable

    @property
    def recovery_point(self) -> datetime:
        """The instant, in UTC, that every owner's data is of, or is younger than."""
        return min((held.cut for held in self.manifest.owners.values()), default=self.manifest.copied_at)


def restore_backup(*, work: RestoreWork, backup: str) -> Restored | None:
    """Restore a backup and compare; return what came of it, or None where the next pass is to go on.

    Raises BackupDamaged where the backup is not the one that was written, NotFound where there is no
    whole one of this name.
    """
    name = checked_name(name=backup)
    try:
        parts = BackupPartFiles.opened(files=work.files, sealing=work.sealing, backup=name)
        manifest = parts.manifest()
    except BlobGone:
        raise NotFound("there is no whole backup of this name", param="backup") from None
    restoring = _Restoring(work, parts, manifest)
    return restoring.compare() if restoring.write() else None


@dataclass(slots=True)
class _Note:
    """How far restoring is: the last part that was written, who cannot be read, and what differed."""

    backup: str
    begun_at: str
    part: int = 0
    previous: str = ""
    unreadable: dict[str, bool] = field(default_factory=dict)
    compared: dict[str, Any] | None = None
    checks: dict[str, Any] | None = None

    def text(self) -> str:
        return json.dumps(asdict(self))


class _Restoring:
    """A backup that is being restored."""

    def __init__(self, work: RestoreWork, parts: BackupPartFiles, manifest: Manifest) -> None:
        self._tables = work.tables
        self._out_of_time = work.out_of_time
        self._parts = parts
        self._manifest = manifest
        self._note = _Note(manifest.backup, work.at.isoformat())

    def write(self) -> bool:
        """Write what is not written yet; return whether there was time for it, and for comparing."""
        noted = self._tables.noted()
        if noted:
            self._note = _Note(**json.loads(noted))
        if self._note.backup != self._manifest.backup:
            raise TablesThere("another backup is being restored into these tables")
        self._tables.make()
        if not noted:
            if not self._tables.empty():
                raise TablesThere("there are such tables already, with something in them")
            self._tables.note(text=self._note.text())
        while self._note.part < self._manifest.parts:
            if self._out_of_time():
                return False
            part = self._parts.part(part=self._note.part + 1, previous=self._note.previous)
            self._write(part)
            self._note.part, self._note.previous = part.head.part, part.digest
            self._tables.note(text=self._note.text())
        if self._note.previous != self._manifest.last:
            raise BackupDamaged("the last part is not the one that the manifest names")
        return not self._out_of_time()

    def _write(self, part: Part) -> None:
        for section in part.head.sections:
            lines = self._lines(part, section)
            if part.head.stage is Stage.COPY:
                self._tables.write(table=_table(part.head), puts=list(map(_item, lines)), deletes=())
            elif part.head.stage is Stage.CHANGES:
                last = {(one.pk, one.sk): one.item for one in self._changes(section.owner, lines)}
                self._tables.write(
                    table=_table(part.head),
                    puts=[item for item in last.values() if item is not None],
                    deletes=[key for key, item in last.items() if item is None],
                )

    def _lines(self, part: Part, section: Section) -> list[str]:
        try:
            return part.lines(section=section)
        except OwnerUnreadable as error:
            self._note.unreadable[section.owner] = error.destroyed
            return []

    def _changes(self, owner: str, lines: Iterable[str]) -> Iterable[Change]:
        held = self._manifest.owners.get(owner)
        if held is None:
            raise BackupDamaged("the manifest does not know of an owner in this backup")
        return within(changes=(decode_change(line=line) for line in lines), cut=held.cut)

    # -- comparing -------------------------------------------------------------------------

    def compare(self) -> Restored:
        """Take away who cannot be read, and compare each item's hash with what the backup says."""
        if self._note.compared is None:
            self._note.compared = self._compared()
            self._tables.note(text=self._note.text())
        told = self._note.compared
        unreadable = self._note.unreadable
        return Restored(
            manifest=self._manifest,
            begun_at=datetime.fromisoformat(self._note.begun_at),
            items=told["items"],
            destroyed=tuple(sorted(one for one, destroyed in unreadable.items() if destroyed)),
            unreadable=tuple(sorted(one for one, destroyed in unreadable.items() if not destroyed)),
            differing=tuple(Differing(Table(table), *rest) for table, *rest in told["differing"]),
        )

    def _compared(self) -> dict[str, Any]:
        expected = self._expected()
        found: dict[tuple[Table, str], Tally] = defaultdict(Tally)
        for table in Table:
            leave: list[Key] = []
            for item in self._tables.scan(table=table):
                if self._left_out(table, item):
                    leave.append((item["pk"]["S"], item["sk"]["S"]))
                else:
                    owner = owner_of(table=table, pk=item["pk"]["S"])
                    found[table, owner].add(digest=digest_of(line=encode_item(item=item)))
                if len(leave) >= LEFT_PER_WRITE:
                    self._tables.write(table=table, puts=(), deletes=leave)
                    leave = []
            self._tables.write(table=table, puts=(), deletes=leave)
        differing = [
            (table.value, owner, expected[table, owner].items, found[table, owner].items)
            for table, owner in sorted({*expected, *found})
            if expected[table, owner] != found[table, owner]
        ]
        return {"items": sum(tally.items for tally in found.values()), "differing": differing}

    def _left_out(self, table: Table, item: Item) -> bool:
        """Whether an item is of somebody who cannot be read, or leads to them."""
        if owner_of(table=table, pk=item["pk"]["S"]) in self._note.unreadable:
            return True
        return table is Table.PLATFORM and listed_tenant(item=item) in self._note.unreadable

    def _expected(self) -> dict[tuple[Table, str], Tally]:
        """Return what the tables are to hold, read out of the backup once more."""
        heads = list(self._parts.heads())[: self._manifest.parts]
        changed = self._changed(heads)
        expected: dict[tuple[Table, str], Tally] = defaultdict(Tally)
        for (table, _), found in changed.items():
            if found is not None:
                expected[table, found[0]].add(digest=found[1])
        for head in (one for one in heads if one.stage is Stage.COPY):
            part, table = self._parts.part(part=head.part, previous=head.previous), Table(head.table)
            for section in part.head.sections:
                for item in map(_item, self._lines(part, section)):
                    key = item["pk"]["S"], item["sk"]["S"]
                    if (table, key) not in changed and not self._left_out(table, item):
                        expected[table, section.owner].add(digest=digest_of(line=encode_item(item=item)))
        return expected

    def _changed(self, heads: Sequence[Head]) -> dict[tuple[Table, Key], tuple[str, int] | None]:
        """Return whose each changed item is, with its hash; None where it is not there at the end."""
        changed: dict[tuple[Table, Key], tuple[str, int] | None] = {}
        for head in (one for one in heads if one.stage is Stage.CHANGES):
            part, table = self._parts.part(part=head.part, previous=head.previous), Table(head.table)
            for section in part.head.sections:
                for one in self._changes(section.owner, self._lines(part, section)):
                    there = one.item is not None and not self._left_out(table, one.item)
                    line = encode_item(item=one.item) if there and one.item is not None else ""
                    changed[table, (one.pk, one.sk)] = (section.owner, digest_of(line=line)) if line else None
        return changed


def _table(head: Head) -> Table:
    return Table(head.table)


def _item(line: str) -> Item:
    return decode_item(line=line)
