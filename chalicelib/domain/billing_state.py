"""How far the billing of a tenant has come; asked for by most requests, so it draws in no other rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class BillingState:
    """Runs have started for every local date to ``started_through`` and completed to ``completed_through``.

    ``looked_at`` is how many subscriptions the last run looked at: the next one's size. Nothing is
    posted up to ``closed_through``, the last day of a closed month.
    """

    started_through: date
    completed_through: date
    looked_at: int = 0
    closed_through: date | None = None
