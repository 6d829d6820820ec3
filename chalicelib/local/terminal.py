"""What the platform's parts say: all of it in a file, what matters on the terminal.

The parts log JSON lines and requests on standard output, by the hundred. A person who has just
started the platform wants the lines that ask for something, and to see that billing goes on.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final, TextIO

from chalicelib.domain.money import Money

LOG_NAME: Final = "platform.log"
LOG_BYTES_MAX: Final = 5 * 1024 * 1024
LOGS_KEPT_MAX: Final = 2  # besides the one that is written
SHOWN_CHARS_MAX: Final = 300
# Runs that follow each other within this time are one line.
RUNS_REST_S: Final = 2.0
END_S: Final = 2.0
_ASKING: Final = frozenset({"WARNING", "ERROR", "CRITICAL"})
_RUN_COMPLETED: Final = "billing run completed"
# What every line has, and what takes more than one; the file has them.
_NOT_SHOWN: Final = frozenset(
    "level location message timestamp service exception exception_name stack_trace _aws".split()
)

JsonObject = Mapping[str, Any]


class _File(RotatingFileHandler):
    """A bounded log; a disk that is full must stop nothing, and is told elsewhere."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Go on without the line."""


@dataclass
class _Runs:
    """Completed runs in one currency that nobody has been told of yet."""

    first: str
    last: str
    invoices: int = 0
    total: int = 0
    currency: str = ""
    quarantined: int = 0

    def add(self, facts: JsonObject) -> None:
        """Count a run in."""
        self.first, self.last = min(self.first, facts["on"]), max(self.last, facts["on"])
        self.invoices += facts["invoices"]
        self.total += facts["total"]
        self.currency = facts["currency"]
        self.quarantined += facts["quarantined"]

    def line(self) -> str | None:
        """What to tell of them; None where nothing was due."""
        if not self.invoices and not self.quarantined:
            return None
        days = self.first if self.first == self.last else f"{self.first} to {self.last}"
        invoices = "1 invoice" if self.invoices == 1 else f"{self.invoices:,} invoices"
        told = f"Billed {days}: {invoices} over {Money(self.total, self.currency)}"
        if not self.quarantined:
            return told
        return f"{told}; {self.quarantined:,} set aside, see ./ispbilling runs show {self.last}"


@dataclass
class Terminal:
    """Takes the lines of the parts; ``everything`` shows them as they come."""

    log: Path
    everything: bool = False
    clock: Callable[[], float] = time.monotonic
    _runs: dict[str, _Runs] = field(default_factory=dict)
    _told_at: float = 0.0
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._file = _File(
            self.log, maxBytes=LOG_BYTES_MAX, backupCount=LOGS_KEPT_MAX, encoding="utf-8", delay=True
        )

    def follow(self, output: Iterable[bytes], errors: Iterable[bytes]) -> None:
        """Take a part's standard output and standard error, until it closes them."""
        for stream, take in ((output, self.said), (errors, self.complained)):
            thread = threading.Thread(target=_each, args=[stream, take], daemon=True)
            thread.start()
            self._threads.append(thread)

    def end(self) -> None:
        """Wait for the last lines of parts that have ended, and tell what is left to tell."""
        for thread in self._threads:
            thread.join(END_S)
        self.tell_runs(at_once=True)
        self._file.close()

    def said(self, line: str) -> None:
        """Take a line of standard output: kept, and shown where it asks for something."""
        self._keep(line)
        facts = _facts(line)
        if self.everything:
            _show(line, sys.stdout)
        elif facts.get("message") == _RUN_COMPLETED:
            self._note_run(facts)
        elif facts.get("level") in _ASKING:
            _show(_human(facts), sys.stderr)

    def complained(self, line: str) -> None:
        """Take a line of standard error: kept and shown."""
        self._keep(line)
        _show(line, sys.stderr)

    def tell_runs(self, *, at_once: bool = False) -> None:
        """Tell of completed runs, once no more have followed for a while."""
        with self._lock:
            if not at_once and self.clock() - self._told_at < RUNS_REST_S:
                return
            told, self._runs = self._runs, {}
        for runs in told.values():
            if line := runs.line():
                _show(line, sys.stdout)

    def _note_run(self, facts: JsonObject) -> None:
        with self._lock:
            runs = self._runs.setdefault(facts["currency"], _Runs(facts["on"], facts["on"]))
            runs.add(facts)
            self._told_at = self.clock()

    def _keep(self, line: str) -> None:
        self._file.handle(logging.makeLogRecord({"msg": line}))


def _each(stream: Iterable[bytes], take: Callable[[str], None]) -> None:
    for line in stream:
        take(line.decode("utf-8", "replace").rstrip("\n"))


def _show(line: str, where: TextIO) -> None:
    print(line, file=where, flush=True)


def _facts(line: str) -> JsonObject:
    """Return a JSON line's object; empty for any other."""
    if not line.startswith("{"):
        return {}
    try:
        facts: JsonObject = json.loads(line)
    except ValueError:
        return {}
    return facts


def _human(facts: JsonObject) -> str:
    """Return a logged warning or error as one short line."""
    own = {
        name: value
        for name, value in facts.items()
        if name not in _NOT_SHOWN and value not in (None, "", [], {})
    }
    if named := facts.get("exception_name"):
        own["error"] = named
    told = ", ".join(f"{name} {value}" for name, value in own.items())
    line = f"{str(facts['level']).lower()}: {facts.get('message')}" + (f" ({told})" if told else "")
    return line if len(line) <= SHOWN_CHARS_MAX else f"{line[: SHOWN_CHARS_MAX - 1]}…"
