"""The ledger as the use cases see it: day totals, closed months, statements, and audits of the books."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.domain.billing_state import BillingState
    from chalicelib.domain.books_audit import AccountMoney, BookedDocument
    from chalicelib.domain.ledger import Closing, DayTotals
    from chalicelib.domain.statements import StatementEntry
    from chalicelib.ports.store import Page, Write


class Ledger(Protocol):
    """A tenant's general ledger."""

    def month(self, *, month: date) -> Sequence[DayTotals]:
        """Return what was posted in a month, by day; of a run what stood when it was last complete."""

    def closing(self, *, month: date) -> Closing:
        """Return a month that was closed, or raise NotFound."""

    def closings(self, *, limit: int, after: str | None) -> Page[Closing]:
        """Return the months that were ever closed, the newest first."""

    def close(self, *, closing: Closing, before: Closing | None, state: BillingState) -> Sequence[Write]:
        """Describe closing a month.

        Refused with Busy where billing or another closing moved since ``state`` was read.
        """

    def open(self, *, closing: Closing, through: date | None, state: BillingState) -> Sequence[Write]:
        """Describe opening the newest closed month; ``through`` is the last day that stays closed."""


class BooksReader(Protocol):
    """A tenant's books as an audit reads them: by key, and page by page."""

    def series(self) -> Mapping[str, int]:
        """Return each number series with the number that it gives next."""

    def register(self, *, series: str, start: int) -> Iterator[tuple[int, str]]:
        """Yield (number, document id) of a register from a number on."""

    def numbers(self, *, series: str, document_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the numbers that documents have themselves; those that do not exist are left out."""

    def money(self, *, account_id: str) -> AccountMoney:
        """Return what an account says it comes to, or raise NotFound."""

    def documents(self, *, account_id: str) -> Iterator[BookedDocument]:
        """Yield an account's documents, invoices among them."""

    def oldest_due(self, *, account_id: str, receivable: int) -> date | None:
        """Return by when an account's oldest open invoice is to be paid; they come to ``receivable``."""

    def statement_entries(
        self, *, account_id: str, since: date, most: int
    ) -> Sequence[tuple[StatementEntry, int]]:
        """Return (entry, sequence) of the account's documents dated ``since`` or later, ``most`` at most."""
