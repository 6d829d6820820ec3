"""Whatever is altered, missing, moved or foreign in a backup, or in what was restored of it, is found."""

from __future__ import annotations

from itertools import pairwise

import pytest

from chalicelib.domain.backups import BackupDamaged, Table
from chalicelib.domain.errors import NotFound
from chalicelib.usecases.backup_restore import RestoreWork, TablesThere, restore_backup
from tests.fakes.backups import BEGINNING, Files, NewTables, row
from tests.unit.usecases.backing_up import NAME, ONE, STEP, World, now_and_then


def refused(world: World) -> None:
    tables = NewTables()
    with pytest.raises((BackupDamaged, NotFound)):
        world.restore(tables)


@pytest.fixture(scope="module")
def backed_up() -> World:
    world = World(seed=3, write=now_and_then)
    world.take()
    return world


def test_any_altered_byte_is_refused(backed_up: World) -> None:
    whole, tried = dict(backed_up.files.kept), 0
    for key, body in whole.items():
        for at in range(0, len(body), STEP):
            changed = bytearray(body)
            changed[at] ^= 1
            backed_up.files.kept = {**whole, key: bytes(changed)}
            refused(backed_up)
            tried += 1
    backed_up.files.kept = whole
    assert tried > 500


def test_a_part_that_is_missing_cut_moved_or_foreign_is_refused(backed_up: World) -> None:
    whole = dict(backed_up.files.kept)
    parts = [key for key in whole if key.startswith("parts/")]
    other = World(seed=4, write=now_and_then)
    other.service, other.keys = backed_up.service, backed_up.keys
    other.take()
    for first, second in list(pairwise(parts))[::STEP]:
        for files in (
            {key: body for key, body in whole.items() if key != first},
            {**whole, first: whole[first][:-1]},
            {**whole, first: whole[first] + b"x"},
            {**whole, first: b""},
            {**whole, first: whole[second], second: whole[first]},
            {**whole, first: other.files.kept[parts[0]]},
        ):
            backed_up.files.kept = files
            refused(backed_up)
    backed_up.files.kept = {**whole, "whole/2041-W20-1": other.files.kept["whole/2041-W20-1"]}
    refused(backed_up)
    backed_up.files.kept = whole


def test_a_backup_under_another_name_is_refused(backed_up: World) -> None:
    files = {key.replace(NAME, "2041-W21-1"): body for key, body in backed_up.files.kept.items()}
    work = RestoreWork(BEGINNING, Files(kept=files), backed_up.sealing(), NewTables(), lambda: False)

    with pytest.raises(BackupDamaged):
        restore_backup(work=work, backup="2041-W21-1")


def test_tables_that_hold_another_backup_are_not_written_to(backed_up: World) -> None:
    tables = NewTables(text='{"backup": "2041-W19-1", "begun_at": "", "part": 1}')

    with pytest.raises(TablesThere):
        backed_up.restore(tables)

    with pytest.raises(TablesThere):
        backed_up.restore(NewTables(rows={table: {("a", "b"): row("a", "b")} for table in Table}))


def test_what_was_altered_in_the_new_tables_is_told() -> None:
    world = World()
    world.take()
    for change in (
        lambda rows: rows.pop((f"{ONE}#SER", "INV")),
        lambda rows: rows.update({(f"{ONE}#X", "X"): row(f"{ONE}#X", "X")}),
        lambda rows: rows[f"{ONE}#SER", "INV"].update(n={"N": "77"}),
    ):
        tables = NewTables()
        scan = tables.scan

        def altered(*, table: Table, tables=tables, scan=scan, change=change):  # type: ignore[no-untyped-def]
            if table is Table.TENANTS:
                change(tables.rows[table])
            return scan(table=table)

        tables.scan = altered  # type: ignore[method-assign]
        restored, _ = world.restore(tables)

        [found] = restored.differing
        assert (found.table, found.owner) == (Table.TENANTS, ONE)
