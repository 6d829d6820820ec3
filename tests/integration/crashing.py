"""A process that ends at a commit, before or after the database makes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from chalicelib.store.base import Database
from tests.integration.conftest import EngineServices


@dataclass
class Crash:
    """Where a process ends: at which commit, before or after the database makes it."""

    at: int
    after: bool
    commits: int = 0


class Crashed(BaseException):
    """The process is gone."""


class CrashingDatabase(Database):
    """A connection whose process ends at a commit."""

    crash: Crash

    def commit(self, writes):  # type: ignore[no-untyped-def]
        """Commit, unless the process ends before; then end it where it does after."""
        self.crash.commits += 1
        dies = self.crash.commits == self.crash.at
        if dies and not self.crash.after:
            raise Crashed
        super().commit(writes)
        if dies:
            raise Crashed


@dataclass(frozen=True)
class CrashingServices(EngineServices):
    """Services of a process that ends."""

    crash: Crash = field(default_factory=lambda: Crash(0, after=False))

    @cached_property
    def database(self) -> Database:
        """The connection."""
        made = CrashingDatabase(settings=self.settings, credentials=self.acting_credentials)
        made.crash = self.crash
        return made


def crashes() -> Iterator[Crash]:
    yield from (Crash(at, after=after) for at in (1, 2) for after in (False, True))
