"""Whether what the service needs is there, asked at most every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

ASKED_EVERY_SECONDS: Final = 10


class Readiness:
    """Runs checks, and keeps what they found for a while: the route is open to anybody."""

    def __init__(
        self, *, checks: Mapping[str, Callable[[], object]], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._checks = checks
        self._monotonic = monotonic
        self._found: tuple[float, frozenset[str]] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What is checked."""
        return tuple(self._checks)

    def down(self) -> frozenset[str]:
        """Return the names of the checks that fail."""
        now = self._monotonic()
        if self._found is None or now - self._found[0] >= ASKED_EVERY_SECONDS:
            self._found = (now, frozenset(name for name in self._checks if not self._works(name)))
        return self._found[1]

    def _works(self, name: str) -> bool:
        try:
            self._checks[name]()
        except Exception:  # noqa: BLE001 - whatever it raises, it does not work
            return False
        return True
