"""A backup that is taken while others write is each owner's data of one instant, whatever is killed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.crypto.keyring import WrappedKey
from chalicelib.domain.backups import (
    ATTEMPT_LASTS,
    BackupDamaged,
    Table,
    part_key,
)
from chalicelib.domain.errors import NotFound
from chalicelib.jobs.backups import _taken
from chalicelib.ports.backups import ChangesLost, Drained, FileThere
from chalicelib.usecases.backup_restore import RestoreWork, restore_backup
from chalicelib.usecases.backups import newest_backup, take_backup, week_backup
from tests.examples import examples
from tests.fakes.backups import BEGINNING, Ended, Fuse, NewTables
from tests.unit.usecases.backing_up import (
    NAME,
    ONE,
    PAUSES,
    STEP,
    TWO,
    World,
    check,
    instants,
    invoice,
    now_and_then,
    of_owner,
    out_of,
)


def test_what_nobody_writes_to_comes_back_as_it_was() -> None:
    world = World()

    world.take()
    restored, tables = world.restore()

    assert tables.rows == world.source.rows
    assert restored.items == 16  # 10 invoices, 2 counters, 2 sums, 2 rows of the platform
    check(world, restored, tables)


@given(seed=st.integers(0, 1_000_000))
@examples(25)
def test_a_backup_is_each_owners_data_of_one_instant(seed: int) -> None:
    world = World(seed=seed, write=now_and_then)

    world.take()
    restored, tables = world.restore()

    check(world, restored, tables)


def test_without_what_was_changed_meanwhile_it_would_not_be() -> None:
    """Given only the copy, some owner's transactions are cut in two: the test above would see it."""
    torn = 0
    for seed in range(20):
        world = World(seed=seed, write=now_and_then)
        world.source.drain = lambda **_: iter(())  # type: ignore[method-assign]
        world.take()
        _, tables = world.restore()
        of_one = of_owner(ONE, tables.rows)
        torn += of_one not in instants(world.source, ONE, BEGINNING)

    assert torn


def test_who_is_never_quiet_is_cut_all_the_same_and_keeps_nobody_from_a_backup() -> None:
    world = World(write=lambda source: invoice(source, ONE))

    assert take_backup(work=world.work(calls=20), backup=NAME) is None
    assert newest_backup(files=world.files) is None
    with pytest.raises(NotFound):
        world.restore()

    world.take()
    restored, tables = world.restore()
    owners = restored.manifest.owners
    assert {owner for owner, held in owners.items() if held.restless} == {ONE}
    assert owners[ONE].cut - restored.manifest.copied_at >= PAUSES.patience - PAUSES.quiet
    assert of_owner(TWO, tables.rows) == of_owner(TWO, world.source.rows)
    assert restored.differing == ()


def test_a_pass_that_runs_out_of_time_anywhere_is_gone_on_with() -> None:
    for calls in range(0, 60, STEP):
        world = World(seed=calls, write=now_and_then)
        while take_backup(work=world.work(calls=calls + 1), backup=NAME) is None:
            pass  # each pass has as little time

        restored, tables = world.restore()

        check(world, restored, tables)


# -- killed --------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("what", ["source", "files"])
def test_a_backup_that_is_killed_at_any_call_is_gone_on_with(what: str, *, after: bool) -> None:
    at, ended = 1 - STEP, True
    while ended:
        at += STEP
        world = World(seed=at, write=now_and_then)
        fuse = getattr(world, what).fuse
        fuse.at, fuse.after, fuse.calls = at, after, 0
        try:
            world.take()
            ended = False
        except Ended:
            assert newest_backup(files=world.files) is None or after
        fuse.at = 0
        if newest_backup(files=world.files) is None:
            world.take()
        restored, tables = world.restore()
        check(world, restored, tables)
    assert at > 10


def test_a_restore_that_is_killed_at_any_call_is_gone_on_with() -> None:
    world = World(seed=7, write=now_and_then)
    world.take()
    _, wanted = world.restore()
    for after in (False, True):
        at, ended = 1 - STEP, True
        while ended:
            at += STEP
            tables = NewTables(fuse=Fuse(at=at, after=after))
            try:
                world.restore(tables)
                ended = False
            except Ended:
                pass
            tables.fuse.at = 0
            restored, tables = world.restore(tables)
            assert tables.rows == wanted.rows
            check(world, restored, tables)
        assert at > 10


def test_a_restore_goes_on_where_time_ran_out() -> None:
    world = World()
    world.take()
    tables, passes = NewTables(), 0
    while True:
        left = iter(range(2))
        work = RestoreWork(BEGINNING, world.files, world.sealing(), tables, partial(out_of, left))
        passes += 1
        if restore_backup(work=work, backup=NAME) is not None:
            break

    assert passes > 2
    assert tables.rows == world.source.rows


def test_two_passes_at_once_write_one_backup() -> None:
    world = World()
    half = world.work(calls=2)
    assert take_backup(work=half, backup=NAME) is None
    kept = dict(world.files.kept)
    other = World.work(world)
    names = iter([part_key(backup=NAME, part=part) for part in range(1, 100)])
    missing = next(name for name in names if name not in kept)

    world.files.kept[missing] = b"another pass was first"
    with pytest.raises((FileThere, BackupDamaged)):
        take_backup(work=other, backup=NAME)

    assert newest_backup(files=world.files) is None


# -- keys ----------------------------------------------------------------------------------------


def test_who_has_no_keys_any_more_does_not_come_back() -> None:
    world = World()
    world.take()
    world.keys.remove(tenant_id=ONE)

    restored, tables = world.restore()

    assert restored.unreadable == (ONE,)
    assert of_owner(ONE, tables.rows) == {}
    assert [key for key in tables.rows[Table.PLATFORM] if ONE in key] == []
    assert of_owner(TWO, tables.rows) == of_owner(TWO, world.source.rows)
    assert restored.differing == ()
    assert ONE not in world.keys.items  # and was given no new ones


def destroyed(world: World, tenant_id: str, family: str) -> None:
    world.keys.items[tenant_id][f"{family}#0001"] = WrappedKey(b"", destroyed=True)


def test_who_was_purged_since_does_not_come_back_and_that_is_as_it_should_be() -> None:
    world = World()
    world.take()
    destroyed(world, ONE, "op")

    restored, tables = world.restore()

    assert (restored.destroyed, restored.unreadable, restored.sound) == ((ONE,), (), True)
    assert of_owner(ONE, tables.rows) == {}


def test_what_a_purge_left_is_backed_up_under_the_key_that_is_left() -> None:
    world = World()
    world.keyring().of(tenant_id=ONE).seal(family="audit", place="x", plain=b"x")
    destroyed(world, ONE, "op")
    world.take()
    restored, tables = world.restore()
    check(world, restored, tables)

    destroyed(world, ONE, "audit")
    restored, tables = world.restore()

    assert restored.destroyed == (ONE,)
    assert of_owner(ONE, tables.rows) == {}


def test_no_plain_text_lies_in_a_backup() -> None:
    world = World()
    world.take()

    assert not any(b"INV#" in body or ONE.encode() in body for body in world.files.kept.values())


# -- weeks ---------------------------------------------------------------------------------------


def test_a_week_has_one_backup_and_what_takes_too_long_is_begun_anew() -> None:
    world = World()
    at = BEGINNING
    assert week_backup(work=world.work(), at=at) == NAME
    assert take_backup(work=world.work(calls=1), backup=NAME) is None
    assert week_backup(work=world.work(), at=at) == NAME

    world.source.pass_by((ATTEMPT_LASTS + timedelta(hours=1)).total_seconds())
    assert week_backup(work=world.work(), at=at) == "2041-W20-2"
    assert take_backup(work=world.work(), backup="2041-W20-2") is not None

    assert week_backup(work=world.work(), at=at) is None
    assert newest_backup(files=world.files) == "2041-W20-2"
    assert week_backup(work=world.work(), at=at + timedelta(days=7)) == "2041-W21-1"


def test_an_attempt_whose_changes_are_lost_is_followed_by_another() -> None:
    world = World()
    drain, lost = world.source.drain, iter([True])

    def drained(*, table: Table, positions: Mapping[str, str]) -> Iterator[Drained]:
        if next(lost, False):
            raise ChangesLost("a day is over")
        return drain(table=table, positions=positions)

    world.source.drain = drained  # type: ignore[method-assign]

    manifest = _taken(world.work(), NAME)

    assert manifest is not None
    assert manifest.backup == newest_backup(files=world.files) == "2041-W20-2"
