"""Settlements as the store keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Protocol

from chalicelib.ports.store import Page, Write

if TYPE_CHECKING:
    from chalicelib.domain.documents import Document
    from chalicelib.domain.reconciliation import Line, LineResult, Resolution, Settlement


class Settlements(Protocol):
    """Files of gateways and banks, and what comparing them came to."""

    def get(self, *, settlement_id: str) -> Settlement:
        """Return the settlement, or raise NotFound."""

    def list(self, *, limit: int, after: str | None) -> Page[Settlement]:
        """Return a page, newest first."""

    def add(self, *, settlement: Settlement) -> Write:
        """Describe adding a settlement."""

    def change(self, *, before: Settlement, after: Settlement) -> Write:
        """Describe a change; refused with StaleVersion."""

    def compared_before(self, *, channel: str, sha256: str) -> str | None:
        """Return the settlement that compared this very file of a channel, or None."""

    def finish(self, *, before: Settlement, after: Settlement) -> Sequence[Write]:
        """Describe that a file was compared; refused with SettlementRepeated where it was before."""

    def keep_lines(self, *, settlement_id: str, lines: Sequence[Line]) -> Sequence[Write]:
        """Describe keeping the lines, page by page; kept again, they take the place of the same."""

    def lines(
        self, *, settlement_id: str, result: LineResult, first: int, limit: int
    ) -> Sequence[tuple[Line, Resolution | None]]:
        """Return lines of a result from a number on, each with how it was resolved."""

    def resolve(self, *, settlement_id: str, line: Line, resolution: Resolution) -> Write:
        """Describe how a line was resolved; refused with LineResolved."""

    def reopen(self, *, settlement_id: str, line: Line, resolution: Resolution) -> Write:
        """Describe that a line is unresolved again; refused with StaleVersion."""

    def compared_days(self, *, first: date, last: date) -> Mapping[date, frozenset[str]]:
        """Return the channels that were compared, by day."""

    def claim(self, *, settlement_id: str, payment: Document) -> Write:
        """Describe that the file of another day has a payment; said again, it is the same."""

    def unclaim(self, *, payment: Document) -> Write:
        """Describe that no file of another day has a payment any more."""

    def claimed(self, *, channel: str, on: date) -> frozenset[str]:
        """Return the payments of a channel and day that files of other days have, by document id."""

    def first_number(self, *, fiscal_year: int, on: date) -> int:
        """Return the first number of a receipt of a fiscal year that is dated ``on`` or later.

        Found by halves in the register: two reads for each doubling of the year's receipts.
        """
