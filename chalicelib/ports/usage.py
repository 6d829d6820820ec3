"""Data used by subscriptions, as the use cases see it kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.errors import Busy, DomainError
from chalicelib.domain.usage import PeriodUse, Standing, UsageRecord

if TYPE_CHECKING:
    from chalicelib.ports.store import Write


class RecordKept(DomainError):
    """A record of this identifier is kept already: nothing was counted."""

    code = "record_kept"


class UsageMoved(Busy):
    """More was recorded of a period while it was closed: nothing was written."""

    code = "usage_moved"


class Usage(Protocol):
    """What is recorded, an item for each subscription and period, and one for each record."""

    def periods(self, *, account_id: str, slot: int, through: date, limit: int) -> Mapping[date, PeriodUse]:
        """Return the newest recorded periods that start on or before a date, by their start."""

    def recorded(self, *, account_id: str, slot: int, record_id: str) -> UsageRecord | None:
        """Return a record that is kept, or None."""

    def record(
        self, *, account_id: str, slot: int, start: date, record: UsageRecord, actor_id: str
    ) -> Sequence[Write]:
        """Describe counting a record in the period that starts on a date.

        Refused with RecordKept or UsagePeriodClosed.
        """

    def top_up(self, *, account_id: str, slot: int, start: date, mib: int) -> Sequence[Write]:
        """Describe adding to a period's data; refused with UsagePeriodClosed."""

    def close(self, *, account_id: str, slot: int, standing: Standing) -> Sequence[Write]:
        """Describe closing a period as it stands; refused with UsageMoved where it is not so any more."""
