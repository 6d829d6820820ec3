"""When a job stops by itself, before its function's limit ends it."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """``ends`` is an instant of the machine's monotonic clock, in seconds."""

    ends: float

    def __call__(self) -> bool:
        """Return whether it has come."""
        return time.monotonic() >= self.ends

    def share(self, *, among: int) -> Deadline:
        """Return the deadline of the first of so many who share what is left."""
        now = time.monotonic()
        return Deadline(now + max(0.0, self.ends - now) / among)


def deadline(*, seconds: float) -> Deadline:
    """Return what says whether ``seconds`` have passed since now."""
    return Deadline(time.monotonic() + seconds)
