"""Giving numbers to the documents of one entry: series, and pages of their registers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.invoices import format_number
from chalicelib.domain.numbering import DocumentKind, NumberFormat
from chalicelib.ports.store import NumbersTaken
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, put_new, update
from chalicelib.store.register import RegisterItem, SeriesItem, register_entry


@dataclass(frozen=True, slots=True)
class Dated:
    """When and by whom an entry is made: the tenant's date, its fiscal year, and the stored instant."""

    on: date
    fiscal_year: int
    actor_id: str
    at: str


class Numbers(OfTenant):
    """Gives the next numbers of each kind, and describes taking them."""

    def __init__(self, *, tenant_id: str, dated: Dated, formats: Sequence[NumberFormat]) -> None:
        self._tenant_id = tenant_id
        self._dated = dated
        self._formats = formats
        self._given: dict[DocumentKind, tuple[int, list[bytes]]] = {}

    def give(self, *, kind: DocumentKind, holder_id: str, day: date, slot: int) -> int:
        """Return the number of a document that is kept in an account's or fund's collection."""
        if kind not in self._given:
            self._given[kind] = (self._next(kind), [])
        first, entries = self._given[kind]
        entries.append(register_entry(account_id=holder_id, day=day, slot=slot))
        return first + len(entries) - 1

    def shown(self, *, kind: DocumentKind, number: int) -> str:
        """Return the number as documents show it."""
        year = self._dated.fiscal_year
        return format_number(kind=kind.value, fiscal_year_end=year, sequence=number, formats=self._formats)

    def begins_series(self) -> bool:
        """Whether the first document of a kind in its fiscal year is among them."""
        return any(first == 1 for first, _ in self._given.values())

    def writes(self, *, due_on: Callable[[DocumentKind], str | None] = lambda _: None) -> list[ModelWrite]:
        """Describe taking the numbers that were given, and their pages of the registers.

        ``due_on`` says by when a page's invoices are to be paid; None where they differ.
        """
        found: list[ModelWrite] = []
        taken = NumbersTaken("other documents took the next numbers")
        for kind, (first, entries) in self._given.items():
            series = series_of(kind, self._dated.fiscal_year)
            item = SeriesItem(keys.series(self._tenant_id), series)
            following = SeriesItem.following
            condition = following == first if first > 1 else following.does_not_exist()
            found.append(
                update(
                    item, actions=[following.set(first + len(entries))], condition=condition, refused=taken
                )
            )
            page = RegisterItem(
                keys.register(self._tenant_id, series),
                f"{first:09d}",
                entries=b"".join(entries),
                run_id=self._dated.actor_id,
                at=self._dated.at,
                due_on=due_on(kind),
            )
            found.append(put_new(page, refused=taken))
        return found

    def _next(self, kind: DocumentKind) -> int:
        series = series_of(kind, self._dated.fiscal_year)
        try:
            item = SeriesItem.get(keys.series(self._tenant_id), series, consistent_read=True)
        except DoesNotExist:
            return 1
        return int(item.following)


def series_of(kind: DocumentKind, fiscal_year: int) -> str:
    """Return the key of a kind's number series in a fiscal year."""
    return f"{kind.value}#{fiscal_year}"
