"""The catalogue, as the store keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.domain.billing_state import BillingState
    from chalicelib.domain.packages import Package
    from chalicelib.ports.store import Page, Write


class Packages(Protocol):
    """The catalogue."""

    def get(self, *, package_id: str) -> Package:
        """Return the package, or raise NotFound."""

    def list(self, *, limit: int, after: str | None) -> Page[Package]:
        """Return a page, oldest first."""

    def all(self) -> tuple[Package, ...]:
        """Return the whole catalogue (at most PACKAGES_MAX)."""

    def editions(self, *, package_id: str | None = None) -> tuple[Package, ...]:
        """Return the editions that later ones took the place of, oldest first: of one package or of all."""

    def add(self, *, package: Package) -> Sequence[Write]:
        """Describe adding a package; refused with PackageNameTaken."""

    def change(
        self, *, before: Package, after: Package, unless_run_starts: BillingState | None = None
    ) -> Sequence[Write]:
        """Describe a change, keeping ``before`` where ``after`` is another edition.

        Refused with StaleVersion or PackageNameTaken, or with Busy where a run starts after the
        state given.
        """
