"""Deadlines that a simulation watches, and how they were met."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass
class Deadlines:
    """What was due when, and done when; all in UTC."""

    met: Counter[str] = field(default_factory=Counter)
    worst: dict[str, timedelta] = field(default_factory=dict)

    def note(self, what: str, *, due: datetime, done: datetime, grace: timedelta = timedelta()) -> None:
        """Note that something was done when it was due, not before, and at most ``grace`` later."""
        late = done - due
        assert timedelta() <= late <= grace, f"{what}: due {due}, done {done}"
        self.met[what] += 1
        self.worst[what] = max(late, self.worst.get(what, late))

    def tell(self, count: Callable[[str, int], None], worst: Callable[[str, int], None]) -> None:
        """Say what was met, and how late at worst, in seconds."""
        for what, number in sorted(self.met.items()):
            count(f"lives, deadlines met: {what}", number)
            worst(f"lives, latest, s: {what}", int(self.worst[what].total_seconds()))
