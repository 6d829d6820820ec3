"""The checkout's lock: who runs the platform, and what a killed run has left behind for a moment."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = "run.lock"
CHILDREN_NAME = "children.lock"
LEFTOVERS_DEADLINE_S = 10.0
POLL_S = 0.1


class RunError(Exception):
    """The platform cannot run; the message is one line that says what to do."""

    code = "run_failed"


@dataclass(frozen=True)
class Lock:
    """What this process holds.

    ``inherited`` is the descriptor of a second lock that every child is handed. The kernel frees
    that one with the last of them, so it tells whether a killed run has left children behind.
    """

    inherited: int

    def await_leftovers(self, *, stopped: Callable[[], bool]) -> None:
        """Wait for the children of a killed run: they end by themselves, and hold ports until then.

        Raises RunError where they take too long, or ``stopped`` says so.
        """
        deadline = time.monotonic() + LEFTOVERS_DEADLINE_S
        told = False
        while not _take(self.inherited, fcntl.LOCK_EX):
            if not told:
                print("Parts of the last run, which was killed, are still ending: waiting", flush=True)
                told = True
            if stopped() or time.monotonic() > deadline:
                raise RunError("parts of the last run, which was killed, have not ended yet: try again")
            time.sleep(POLL_S)


@contextlib.contextmanager
def exclusive(directory: Path, *, url: str) -> Iterator[Lock]:
    """Hold the lock in a directory. The kernel frees it with the process, so it is never stale.

    Raises RunError while another process holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / NAME).open("a+") as file, (directory / CHILDREN_NAME).open("a") as children:
        if not _take(file.fileno(), fcntl.LOCK_EX):
            raise RunError(_already_running(directory))
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "url": url}))
        file.flush()
        try:
            yield Lock(children.fileno())
        finally:
            file.truncate(0)


def _take(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _already_running(directory: Path) -> str:
    holder = running(directory)
    if holder is None:
        return "another start or reset is under way: wait a moment, then try again"
    return (
        f"the platform is already running at {holder['url']} (process {holder['pid']}): "
        f"use it, or stop it with Ctrl-C there or `kill {holder['pid']}`"
    )


def running(directory: Path) -> dict[str, Any] | None:
    """Who holds the lock (``pid``, ``url``); None where nobody does."""
    path = directory / NAME
    if not path.exists():
        return None
    with path.open() as file:
        if not _take(file.fileno(), fcntl.LOCK_SH):
            with contextlib.suppress(ValueError):
                facts: dict[str, Any] = json.loads(file.read())
                return facts
    return None
