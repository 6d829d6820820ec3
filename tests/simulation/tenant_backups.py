"""The platform's own backups in a simulation, and what the keys that remain read of a company in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Final
from unittest.mock import patch

from chalicelib.bootstrap import Services
from chalicelib.domain.backups import PLATFORM, WHOLE, Stage, decode_change, decode_item
from chalicelib.jobs import backups as job
from chalicelib.ports.backups import BackupFiles, BackupSealing, OwnerUnreadable
from chalicelib.usecases.backup_parts import BackupPartFiles, Part
from chalicelib.usecases.backups import Pauses
from tests.simulation.everything import CHANGES_IN_BACKUP, IN_BACKUP, PLATFORM_IN_BACKUP, Everything, Text

# On the engine a transaction is told whole and at once: nothing has to be waited for.
AT_ONCE: Final = Pauses(quiet=timedelta(), lag=timedelta(), poll=timedelta())


class ReadOnce:
    """Backups as files, which never change: each is read once."""

    def __init__(self, files: BackupFiles) -> None:
        self.names, self.add, self.read = files.names, files.add, cache(files.read)


def take_backup(services: Services, event: Mapping[str, Any]) -> None:
    """Take the week's backup by the schedule's own handler, where there is none yet."""
    with patch.object(job, "PAUSES", AT_ONCE):
        job.keep_backups(services, event)


@dataclass
class Backups:
    """Every backup that was taken: after thirty days too, for here no life cycle of the bucket ends them."""

    everything: Everything
    _files: ReadOnce | None = None

    def texts(self, *, tenant_id: str) -> Iterator[Text]:
        """Yield what can be read of a company, and of the platform's own rows, in every backup there is."""
        looked = self.everything.looked
        for part in self._all():
            for section in part.head.sections:
                if section.owner not in {tenant_id, PLATFORM}:
                    continue
                try:
                    lines = part.lines(section=section)
                except OwnerUnreadable:
                    looked["sections of backups that nothing opens"] += 1
                    continue
                looked["sections of backups opened"] += 1
                yield from self.everything.items(_kind(part, section.owner), _items(part, lines))

    def _all(self) -> Iterator[Part]:
        services = self.everything.services
        files = self._files = self._files or ReadOnce(job.backup_files(services))
        sealing: BackupSealing = job.backup_sealing(services)
        for key in files.names(prefix=WHOLE):
            yield from _parts_of(files, sealing, key.removeprefix(WHOLE))


def _parts_of(files: BackupFiles, sealing: BackupSealing, backup: str) -> Iterator[Part]:
    """Yield the parts in their order, opened anew: with the keys that there are now."""
    parts, previous = BackupPartFiles.opened(files=files, sealing=sealing, backup=backup), ""
    for number in range(1, parts.manifest().parts + 1):
        part = parts.part(part=number, previous=previous)
        previous = part.digest
        yield part


def _kind(part: Part, owner: str) -> str:
    if owner == PLATFORM:
        return PLATFORM_IN_BACKUP
    return IN_BACKUP if part.head.stage is Stage.COPY else CHANGES_IN_BACKUP


def _items(part: Part, lines: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the items of a section; of a change what it made of its item, if that is there still."""
    for line in lines:
        if part.head.stage is Stage.COPY:
            yield decode_item(line=line)
        else:
            item = decode_change(line=line).item
            if item is not None:
                yield dict(item)
