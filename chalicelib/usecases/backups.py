"""Taking a backup: the tables are copied while others write, then what was changed meanwhile is added.

Every step is a part that is written once, and what is written tells where to go on: whoever is
ended anywhere is followed by the next pass. The manifest comes last, and without it there is no
backup.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from chalicelib.domain.backups import (
    ATTEMPT_LASTS,
    BEGUN,
    PLATFORM,
    WHOLE,
    Change,
    Head,
    Held,
    Manifest,
    Stage,
    Standing,
    Table,
    attempt_of,
    checked_name,
    encode_change,
    encode_item,
    following,
    named,
    owner_of,
    standing_after,
    week_of,
)
from chalicelib.ports.backups import BackupFiles, BackupSealing, BackupSource, Scanned
from chalicelib.usecases.backup_parts import BackupPartFiles

# A part is written when it holds so much, before it is compressed: this bounds memory.
PART_BYTES: Final = 4 * 1024 * 1024
# Clocks of the database tell seconds: what is a little older than the beginning is kept too.
MARGIN: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Pauses:
    """How a backup finds the instant that an owner's data is of.

    Nothing of the owner's is changed for ``quiet``; changes are told within ``lag``; it is looked
    again after ``poll``. Who makes no such pause for ``patience`` is cut all the same, or one who
    writes without end would keep everybody from having a backup.
    """

    quiet: timedelta = timedelta(seconds=5)
    lag: timedelta = timedelta(seconds=10)
    poll: timedelta = timedelta(seconds=2)
    patience: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class BackupWork:
    """What taking a backup works with; ``wait`` is called with seconds."""

    source: BackupSource
    files: BackupFiles
    sealing: BackupSealing
    out_of_time: Callable[[], bool]
    wait: Callable[[float], None]
    pauses: Pauses = field(default_factory=Pauses)
    part_bytes: int = PART_BYTES


@dataclass(slots=True)
class _Progress:
    """What the parts that there are come to."""

    part: int = 0
    previous: str = ""
    begun_at: datetime | None = None
    copied_at: datetime | None = None
    after: dict[Table, Mapping[str, str]] = field(default_factory=dict)
    copied: set[Table] = field(default_factory=set)
    positions: dict[Table, dict[str, str]] = field(default_factory=lambda: {table: {} for table in Table})
    standings: dict[str, Standing] = field(default_factory=dict)
    restless: set[str] = field(default_factory=set)
    records: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)

    def take(self, head: Head) -> None:
        """Take a part into account."""
        self.part = head.part
        at = datetime.fromisoformat(head.at)
        match head.stage:
            case Stage.BEGIN:
                self.begun_at = at
            case Stage.COPY:
                self._copied(Table(head.table), head.position, at)
                self.records.update({one.owner: one.records for one in head.sections})
            case Stage.CHANGES:
                self.positions[Table(head.table)] |= head.position
                self.changes.update({one.owner: one.records for one in head.sections})
        for one in head.sections:
            known = self.standings.get(one.owner, Standing())
            seen = [datetime.fromisoformat(one.last)] if one.last else []
            last = max([*seen, *([known.last] if known.last else [])], default=None)
            self.standings[one.owner] = Standing(last, known.cut)

    def _copied(self, table: Table, position: Mapping[str, str], at: datetime) -> None:
        self.copied_at = at
        if position:
            self.after[table] = position
        else:
            self.copied.add(table)


def week_backup(*, work: BackupWork, at: datetime) -> str | None:
    """Return the name of the backup of this week that is to be made, or None where there is a whole one.

    An attempt that is too old to be finished is followed by another.
    """
    week = week_of(at=at)
    if any(work.files.names(prefix=f"{WHOLE}{week}-")):
        return None
    begun = [key.removeprefix(BEGUN) for key in work.files.names(prefix=f"{BEGUN}{week}-")]
    attempt = max((attempt_of(name=name)[1] for name in begun), default=1)
    latest = named(week=week, attempt=attempt)
    if latest not in begun or not _overdue(work, latest):
        return latest
    return following(name=latest)


def _overdue(work: BackupWork, backup: str) -> bool:
    parts = BackupPartFiles.opened(files=work.files, sealing=work.sealing, backup=backup)
    first = next(parts.heads(), None)
    return first is not None and work.source.now() - datetime.fromisoformat(first.at) > ATTEMPT_LASTS


def newest_backup(*, files: BackupFiles) -> str | None:
    """Return the newest backup that is a whole one, or None where there is none."""
    whole = [key.removeprefix(WHOLE) for key in files.names(prefix=WHOLE)]
    return max(whole, key=lambda name: attempt_of(name=name), default=None)


def take_backup(*, work: BackupWork, backup: str) -> Manifest | None:
    """Take a backup, or go on with one; return it, or None where time ran out: the next pass goes on.

    Raises FileThere where another pass writes the same backup, ChangesLost where it took too long and
    is to be begun anew, StoreUnavailable and FilesUnavailable.
    """
    parts = BackupPartFiles.begun(files=work.files, sealing=work.sealing, backup=checked_name(name=backup))
    taking = _Taking(work, parts, backup)
    return taking.go_on()


class _Taking:
    """A backup that is being taken."""

    def __init__(self, work: BackupWork, parts: BackupPartFiles, backup: str) -> None:
        self._work = work
        self._parts = parts
        self._backup = backup
        self._progress = _Progress()
        for head in parts.heads():
            self._progress.take(head)
        if self._progress.part:
            self._progress.previous = parts.digest(part=self._progress.part)

    def go_on(self) -> Manifest | None:
        if self._progress.begun_at is None:
            self._add(Stage.BEGIN, at=self._work.source.now())
        for table in Table:
            if not self._copy(table):
                return None
        while not self._work.out_of_time():
            if not self._follow():
                return None
            if self._settled():
                return self._end()
            self._work.wait(self._work.pauses.poll.total_seconds())
        return None

    def _copy(self, table: Table) -> bool:
        """Copy a table to its end; return whether there was time for it."""
        while table not in self._progress.copied:
            if self._work.out_of_time():
                return False
            self._copy_piece(table)
        return True

    def _copy_piece(self, table: Table) -> None:
        """Write the next pages of a table as one part."""
        lines: dict[str, list[str]] = defaultdict(list)
        size = 0
        page = Scanned((), self._work.source.now(), self._progress.after.get(table))
        while size < self._work.part_bytes:
            page = self._work.source.scan(table=table, after=page.after)
            for item in page.items:
                line = encode_item(item=item)
                lines[owner_of(table=table, pk=item["pk"]["S"])].append(line)
                size += len(line)
            if page.after is None:
                break
        self._add(Stage.COPY, at=page.at, table=table, position=page.after or {}, lines=lines)

    def _follow(self) -> bool:
        """Add what was changed since, and see which owners can be cut; return whether time sufficed."""
        seen_until = self._work.source.now() - self._work.pauses.lag
        known = dict(self._progress.standings)
        made: dict[str, set[datetime]] = defaultdict(set)
        if not all(self._follow_table(table, made) for table in Table):
            return False
        assert self._progress.copied_at is not None, "the tables were copied"
        for owner in {*self._progress.records, *self._progress.changes}:
            self._progress.standings[owner] = standing_after(
                known=known.get(owner, Standing()),
                made=made[owner],
                copied_at=self._progress.copied_at,
                seen_until=seen_until,
                quiet=self._work.pauses.quiet,
            )
        if seen_until - self._progress.copied_at > self._work.pauses.patience:
            self._cut_restless(seen_until - self._work.pauses.quiet)
        return True

    def _cut_restless(self, at: datetime) -> None:
        """Cut who makes no pause between two seconds: most likely, but not for sure, between transactions."""
        for owner, standing in self._progress.standings.items():
            if standing.cut is None or (owner == PLATFORM and not self._settled()):
                self._progress.standings[owner] = Standing(standing.last, at)
                self._progress.restless.add(owner)

    def _follow_table(self, table: Table, made: dict[str, set[datetime]]) -> bool:
        """Write what was changed in a table, and note in ``made`` when; return whether there was time for it.

        A stream is read from its beginning, a day ago: what lies before the backup is passed over.
        """
        assert self._progress.begun_at is not None, "it was begun"
        since = self._progress.begun_at - MARGIN
        held = _Held(table)
        for drained in self._work.source.drain(table=table, positions=dict(self._progress.positions[table])):
            for change in drained.changes:
                if change.made_at >= since:
                    made[held.add(change)].add(change.made_at)
            held.positions[drained.shard] = drained.position
            out_of_time = self._work.out_of_time()
            if out_of_time or held.size >= self._work.part_bytes:
                self._write(held)
                held = _Held(table)
            if out_of_time:
                return False
        if held.lines:
            self._write(held)
        return True

    def _write(self, held: _Held) -> None:
        self._add(
            Stage.CHANGES,
            at=self._work.source.now(),
            table=held.table,
            position=held.positions,
            lines=held.lines,
            last={owner: at.isoformat() for owner, at in held.last.items()},
        )

    def _settled(self) -> bool:
        """Whether every owner's data is known as of one instant, and the platform's of the latest of them.

        So no company is in the backup of which the registry does not know.
        """
        cuts = {owner: self._cut(owner) for owner in {*self._progress.records, *self._progress.changes}}
        known = [cut for cut in cuts.values() if cut is not None]
        if len(known) < len(cuts):
            return False
        return PLATFORM not in cuts or cuts[PLATFORM] == max(known)

    def _cut(self, owner: str) -> datetime | None:
        return self._progress.standings.get(owner, Standing()).cut

    def _end(self) -> Manifest:
        progress = self._progress
        assert progress.begun_at is not None, "it was begun"
        assert progress.copied_at is not None, "the tables were copied"
        owners = {
            owner: Held(cut, progress.records[owner], progress.changes[owner], owner in progress.restless)
            for owner in sorted({*progress.records, *progress.changes})
            if (cut := self._cut(owner)) is not None
        }
        manifest = Manifest(
            self._backup, progress.part, progress.previous, progress.begun_at, progress.copied_at, owners
        )
        self._parts.end(manifest=manifest)
        return manifest

    def _add(
        self,
        stage: Stage,
        *,
        at: datetime,
        table: Table | None = None,
        position: Mapping[str, Any] | None = None,
        lines: Mapping[str, Sequence[str]] | None = None,
        last: Mapping[str, str] | None = None,
    ) -> None:
        progress = self._progress
        head = Head(
            backup=self._backup,
            part=progress.part + 1,
            previous=progress.previous,
            stage=stage,
            at=at.isoformat(),
            table=table.value if table else "",
            position=position or {},
        )
        written, digest = self._parts.add(head=head, lines=lines or {}, last=last or {})
        progress.take(written)
        progress.previous = digest


class _Held:
    """Changes of a table that wait to be written, and the positions behind them."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.lines: dict[str, list[str]] = defaultdict(list)
        self.last: dict[str, datetime] = {}
        self.positions: dict[str, str] = {}
        self.size = 0

    def add(self, change: Change) -> str:
        """Hold a change, and return whose it is."""
        owner = owner_of(table=self.table, pk=change.pk)
        line = encode_change(change=change)
        self.lines[owner].append(line)
        self.last[owner] = max(change.made_at, self.last.get(owner, change.made_at))
        self.size += len(line)
        return owner
