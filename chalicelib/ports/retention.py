"""What the retention engine asks of the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.retention import Deleted, Progress, Shortened

if TYPE_CHECKING:
    from chalicelib.ports.sign_ups import PendingSignUp
    from chalicelib.ports.store import Page, Write


class Retention(Protocol):
    """One tenant's rules, what is past its time, and what was taken away.

    Whatever is taken away is counted in the report of the day in the same transaction.
    """

    def shortened(self) -> Shortened:
        """Return what the tenant has shortened."""

    def shorten(self, *, before: Shortened, after: Shortened) -> Sequence[Write]:
        """Describe a change of it; refused with StaleVersion."""

    def reports(self, *, limit: int, after: str | None) -> Page[Deleted]:
        """Return what was taken away, the newest day first."""

    def progress(self) -> Progress:
        """Return how far passes are."""

    def note_progress(self, *, before: Progress, after: Progress) -> None:
        """Keep how far; where another pass did meanwhile, leave it."""

    def strip_access(self, *, since: str, before: str, on: date) -> str | None:
        """Take the addresses out of some audit entries between two identifiers.

        Returns the identifier through which none is left, or None where that is all of them.
        """

    def delete_jobs(self, *, ended_before: datetime, on: date) -> bool:
        """Delete some jobs that ended before an instant; return whether there may be more."""

    def strip_requests(self, *, closed_before: datetime, on: date) -> bool:
        """Take what is personal out of some privacy requests that were closed before an instant.

        Not out of erasures that were done: they name nobody, and list what stays. Returns whether there
        may be more.
        """

    def count_sign_up(self, *, sign_up: PendingSignUp, on: date) -> None:
        """Take a sign-up that lapsed off the list, and count it; raises Busy where another pass was first."""

    def delete_traffic(self, *, after: str, through: date, on: date) -> str | None:
        """Delete what some accounts used in periods that ended by a day; return where to go on, or None."""
