"""What the command line shows: results on stdout, progress on stderr."""

from __future__ import annotations

import json
import math
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TextIO

from chalicelib.cli.client import Interrupted, Unreachable
from chalicelib.domain.money import format_minor

CELL_CHARS_MAX: Final = 48
# What overrides the direction of a text (Unicode Standard Annex 9).
_TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
POLL_SECONDS: Final = 1.0
STALLED_SECONDS: Final = 60
OFTEN_SECONDS: Final = 10


@dataclass
class Output:
    """Where things are shown; with ``as_json`` results are JSON for programs."""

    as_json: bool = False
    quiet: bool = False
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    now: Callable[[], float] = time.monotonic
    _told_at: float = -math.inf

    def table(self, rows: Iterable[Any], columns: Sequence[tuple[str, Callable[[Any], object]]]) -> None:
        """Show a list."""
        found = list(rows)
        if self.as_json:
            self._json(found)
            return
        cells = [[shown(read(row)) for _, read in columns] for row in found]
        names = [name for name, _ in columns]
        widths = [max(map(_width, column)) for column in zip(names, *cells, strict=True)]
        for line in [names, *cells]:
            padded = (cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True))
            print("  ".join(padded).rstrip(), file=self.out)
        if not found:
            self.note("(none)")

    def record(self, value: Any, fields: Sequence[tuple[str, object]]) -> None:
        """Show one thing: ``value`` as JSON, or the fields one a line."""
        if self.as_json:
            self._json(value)
            return
        width = max((len(name) for name, _ in fields), default=0)
        for name, content in fields:
            print(f"{name:<{width}}  {shown(content, cut=False)}", file=self.out)

    def note(self, text: str) -> None:
        """Say something to the person at the terminal."""
        if not self.quiet:
            print(harmless(text), file=self.err)

    def progress(self, text: str, *, often: bool = False) -> None:
        """Show how far something is: in place on a terminal, line by line elsewhere.

        What is told ``often`` is a line now and then there.
        """
        if self.quiet:
            return
        if self.err.isatty():
            print(f"\r\x1b[K{text}", end="", file=self.err, flush=True)
        elif not often or self.now() - self._told_at >= OFTEN_SECONDS:
            self._told_at = self.now()
            print(text, file=self.err, flush=True)

    def done(self) -> None:
        """End the line of a progress."""
        if not self.quiet and self.err.isatty():
            print(file=self.err)

    def _json(self, value: Any) -> None:
        print(json.dumps(value, ensure_ascii=False, indent=2), file=self.out)


def watch(
    output: Output,
    *,
    look: Callable[[], Mapping[str, Any]],
    tell: Callable[[Mapping[str, Any]], str],
    ended: Callable[[Mapping[str, Any]], bool],
    again: str,
    stalled: str = "",
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> Mapping[str, Any]:
    """Look on until something has ended; return it as it then is.

    ``again`` is the command that looks on later, and ``stalled`` what can be done where there is
    no progress. Raises Interrupted at Ctrl-C, and Unreachable where the platform goes away.
    """
    last, since, patient = "", now(), True
    try:
        while True:
            state = look()
            text = tell(state)
            if text != last:
                output.progress(text)
                last, since, patient = text, now(), True
            if ended(state):
                output.done()
                return state
            if patient and now() - since >= STALLED_SECONDS:
                output.done()
                output.note(f"no progress for {STALLED_SECONDS} seconds{stalled and f': {stalled}'}")
                patient = False
            sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; what was started goes on. Look at it with: {again}") from None
    except Unreachable as error:
        later = f"What was started goes on when it is back. Look at it with: {again}"
        raise Unreachable(f"{error} {later}") from None


def money(value: Mapping[str, Any]) -> str:
    """Render an amount of the API."""
    return f"{format_minor(amount=value['amount'], currency=value['currency'])} {value['currency']}"


def shown(value: object, *, cut: bool = True) -> str:
    """Render a value for a terminal: one line, nothing that could move the cursor."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        value = ", ".join(f"{name}: {number}" for name, number in value.items())
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    text = harmless(str(value)) or "-"
    return f"{text[: CELL_CHARS_MAX - 1]}…" if cut and len(text) > CELL_CHARS_MAX else text


def harmless(text: str) -> str:
    """Return the text without what could move a terminal's cursor, or turn its order round.

    It may come from a file, or from a stranger.
    """
    return "".join(
        " " if unicodedata.category(char) in {"Cc", "Cs"} or char in _TURNING else char for char in text
    )


def _width(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))
