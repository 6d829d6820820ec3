"""Limits on requests: counted in memory, and with others now and then.

A count of every request in the database would cost a round trip each. So a process counts by
itself, adds what it counted to the shared count after every thirtieth part of the limit, and
learns what all have counted. No more than that part for each other process is let through above
the limit, and whoever asks little costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Final

from chalicelib.domain.errors import DomainError
from chalicelib.domain.rates import Policy, Standing
from chalicelib.ports.identity import Attempts, Tokens

REPORTS_PER_WINDOW: Final = 30
KEYS_MAX: Final = 10_000


class RateLimited(DomainError):
    """Too many requests; ``standing`` says of what limit and until when."""

    code = "rate_limited"

    def __init__(self, *, standing: Standing) -> None:
        super().__init__("too many requests: wait, then try again")
        self.standing = standing
        self.retry_after = standing.left_seconds


@dataclass(slots=True)
class _Count:
    window: int
    shared: int = 0
    pending: int = 0


class RateLimiter:
    """Counts requests by key; safe for many threads."""

    def __init__(
        self, *, attempts: Attempts, tokens: Tokens, reports_per_window: int = REPORTS_PER_WINDOW
    ) -> None:
        self._reports = reports_per_window
        self._attempts = attempts
        self._tokens = tokens
        self._counts: dict[tuple[str, str], _Count] = {}
        self._lock = Lock()

    def take(self, *, policy: Policy, key: str, at: datetime) -> Standing:
        """Count a request and return what is left, or raise RateLimited: then it is not counted."""
        left = policy.left_seconds(at=at)
        with self._lock:
            count = self._count(policy, key, at)
            remaining = policy.most - count.shared - count.pending
            if remaining <= 0:
                raise RateLimited(standing=Standing(policy, 0, left))
            count.pending += 1
            reported = count.pending if count.pending >= max(1, policy.most // self._reports) else 0
            count.pending -= reported
            count.shared += reported
        if reported:
            self._report(policy, key, at, count, reported)
        return Standing(policy, remaining - 1, left)

    def _count(self, policy: Policy, key: str, at: datetime) -> _Count:
        window = policy.window(at=at)
        count = self._counts.get((policy.name, key))
        if count is None or count.window != window:
            if len(self._counts) >= KEYS_MAX:
                self._forget(at, policy)
            count = self._counts[policy.name, key] = _Count(window)
        return count

    def _forget(self, at: datetime, policy: Policy) -> None:
        """Forget windows that are over, or where that is not enough all: memory has a limit too."""
        window = policy.window(at=at)
        live = {
            key: one for key, one in self._counts.items() if key[0] != policy.name or one.window == window
        }
        self._counts = live if len(live) < KEYS_MAX // 2 else {}

    def _report(self, policy: Policy, key: str, at: datetime, count: _Count, reported: int) -> None:
        hashed = self._tokens.hash(token=f"rate-{policy.name}|{key}")
        total = self._attempts.add(key=hashed, window_seconds=policy.window_seconds, at=at, count=reported)
        with self._lock:
            count.shared = max(count.shared, total)
