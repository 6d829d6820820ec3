"""The run ledger, as the use cases see it kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.errors import DomainError

if TYPE_CHECKING:
    from chalicelib.domain.billing_state import BillingState
    from chalicelib.domain.runs import BillingRun, QuarantinedSubscription, ShardProgress
    from chalicelib.ports.store import Page, Write


class RunStarted(DomainError):
    """Another planner started the run first: nothing was written."""

    code = "run_started"


class Runs(Protocol):
    """The run ledger."""

    def start(self, *, run: BillingRun, after: date) -> None:
        """Write a new run with its shards, if runs are completed through ``after``; else RunStarted."""

    def reopen(self, *, run: BillingRun) -> None:
        """Make the newest completed run go on with what was filed since; else RunStarted."""

    def filed_since(self, *, on: date) -> bool:
        """Whether anything was filed for the day after ``on`` because that date's run had started."""

    def complete(self, *, run: BillingRun) -> bool:
        """Mark a run whose shards are all done; return False where it was completed already."""

    def get(self, *, on: date) -> BillingRun:
        """Return the run of a local date, or raise NotFound."""

    def list(self, *, limit: int, after: str | None) -> Page[BillingRun]:
        """Return a page, newest first."""

    def quarantined(self, *, on: date, limit: int, after: str | None) -> Page[QuarantinedSubscription]:
        """Return the subscriptions that a run set aside and that are not resolved yet."""

    def count_quarantined(self, *, on: date, most: int) -> int:
        """Return how many of them there are, ``most`` where there are more."""

    def file_again(
        self, *, on: date, held: Sequence[QuarantinedSubscription], state: BillingState
    ) -> Sequence[Write]:
        """Describe filing what a run set aside under the next date; refused with Busy where it starts."""

    def hold_usage(
        self, *, on: date, progress: ShardProgress, held: QuarantinedSubscription
    ) -> Sequence[Write]:
        """Describe setting aside, before a shard's bills, whose use of data cannot be closed.

        Refused with ProgressMoved where another worker moves the shard.
        """
