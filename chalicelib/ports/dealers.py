"""Dealers as the use cases see them: their records, prices, and what they earned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.dealers import CommissionTotals, Dealer, DealerPrice

if TYPE_CHECKING:
    from chalicelib.ports.store import Page, Write


class Dealers(Protocol):
    """A tenant's dealers; their wallets are funds."""

    def get(self, *, dealer_id: str, param: str = "dealer_id") -> Dealer:
        """Return a dealer, or raise NotFound."""

    def by_code(self, *, code: str) -> Dealer | None:
        """Return the dealer that subscribers and staff name so; None where there is none."""

    def list(self, *, archived: bool, limit: int, after: str | None) -> Page[Dealer]:
        """Return a page of dealers, oldest first; it may be short and yet go on."""

    def count(self) -> int:
        """Return how many dealers there are, archived ones too."""

    def add(self, *, dealer: Dealer) -> Sequence[Write]:
        """Describe adding a dealer; refused with DealerCodeTaken."""

    def change(self, *, before: Dealer, after: Dealer) -> Sequence[Write]:
        """Describe a change of a dealer; refused with StaleVersion."""

    def prices(self, *, dealer_id: str, limit: int, after: str | None) -> Page[DealerPrice]:
        """Return a page of a dealer's price rows, by package and date."""

    def price_on(self, *, dealer_id: str, package_id: str, on: date) -> DealerPrice | None:
        """Return the row of a package that is in force on a date, or None."""

    def add_price(self, *, dealer_id: str, row: DealerPrice) -> Sequence[Write]:
        """Describe a new row; refused with PriceExists."""

    def sold(self, *, month: date, totals: CommissionTotals) -> Sequence[Write]:
        """Describe adding to what a dealer sold, or had taken back, in a month (named by its first day)."""

    def totals(self, *, month: date, dealer_id: str | None = None) -> tuple[CommissionTotals, ...]:
        """Return what dealers sold in a month, or what one did."""
