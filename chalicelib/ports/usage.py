"""Data used by subscriptions, as the use cases see it kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.errors import Busy, DomainError
from chalicelib.domain.runs import RunShard
from chalicelib.domain.usage import PeriodUse, Standing, UsageRecord

if TYPE_CHECKING:
    from chalicelib.ports.store import Write


class RecordKept(DomainError):
    """A record of this identifier is kept already: nothing was counted."""

    code = "record_kept"


class UsageMoved(Busy):
    """More was recorded of a period while it was closed: nothing was written."""

    code = "usage_moved"


class ClosingTaken(DomainError):
    """Another worker was done with it first: nothing was written."""

    code = "closing_taken"


@dataclass(frozen=True, slots=True)
class ClosingDue:
    """A subscription of which periods may be over from a date on."""

    on: date
    account_id: str
    slot: int


class Usage(Protocol):
    """What is recorded, an item for each subscription and period, and one for each record."""

    def periods(self, *, account_id: str, slot: int, through: date, limit: int) -> Mapping[date, PeriodUse]:
        """Return the newest recorded periods that start on or before a date, by their start."""

    def accounts(self) -> Iterator[str]:
        """Yield the accounts of which data used was ever recorded."""

    def of_account(self, *, account_id: str) -> Iterator[tuple[int, PeriodUse]]:
        """Yield every recorded period of an account with its subscription's slot, by slot and start."""

    def recorded(self, *, account_id: str, slot: int, record_id: str) -> UsageRecord | None:
        """Return a record that is kept, or None."""

    def record(
        self,
        *,
        account_id: str,
        slot: int,
        start: date,
        record: UsageRecord,
        actor_id: str,
        file_on: date | None,
        first: bool,
    ) -> Sequence[Write]:
        """Describe counting a record in the period that starts on a date.

        ``file_on`` is when a run is to close the period, where none was told yet; ``first`` says that
        nothing is recorded of the period yet. Refused with
        RecordKept or UsagePeriodClosed.
        """

    def top_up(
        self, *, account_id: str, slot: int, start: date, mib: int, file_on: date | None
    ) -> Sequence[Write]:
        """Describe adding to a period's data, as ``record`` does; refused with UsagePeriodClosed."""

    def close(self, *, account_id: str, slot: int, standing: Standing) -> Sequence[Write]:
        """Describe closing a period as it stands; refused with UsageMoved where it is not so any more."""

    def due(self, *, through: date, shard: RunShard) -> Iterator[ClosingDue]:
        """Yield what is filed for a date and those before it in a shard, oldest first."""

    def file(self, *, account_id: str, slot: int, on: date) -> Write:
        """Describe telling the run of a date to close what is over of a subscription."""

    def done(self, *, due: ClosingDue, once: bool = False) -> Write:
        """Describe taking something from the file; with ``once`` refused with ClosingTaken."""
