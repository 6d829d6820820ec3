"""Counting what is used, where that was agreed to, and showing the totals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from chalicelib.domain.activity import (
    ACTIVITY_DAYS,
    Area,
    Page,
    Total,
    Visit,
    counts_of,
    visit_goes_on,
)
from chalicelib.ports.store import TenantStore


def count_activity(
    *, store: TenantStore, area: Area, pages: Sequence[Page], visit: Visit | None, visits: bool, at: datetime
) -> Visit | None:
    """Add to the totals of today (UTC) and return the visit as it goes on.

    ``visits`` says whether visits are told apart at all: programs keep no cookie. Whether counting was
    agreed to is the caller's to know.
    """
    now, lengths = visit_goes_on(visit=visit, at=at) if visits else (None, ())
    on = at.astimezone(UTC).date()
    store.activity.add(area=area, on=on, counts=counts_of(pages=pages, lengths=lengths))
    return now


def activity_totals(*, store: TenantStore, days: int, at: datetime) -> tuple[Total, ...]:
    """Return the totals of the last ``days`` (UTC, today included), at most those that are kept."""
    today = at.astimezone(UTC).date()
    since = today - timedelta(days=min(days, ACTIVITY_DAYS) - 1)
    return store.activity.totals(since=since, until=today)
