"""Imports, exports and rehearsals as the store keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from chalicelib.ports.store import Page, Write

if TYPE_CHECKING:
    from chalicelib.domain.exports import ExportJob
    from chalicelib.domain.imports import ImportJob, RowReport
    from chalicelib.domain.rehearsals import Rehearsal, RehearsalJob


class Imports(Protocol):
    """A tenant's imports."""

    def get(self, *, import_id: str) -> ImportJob:
        """Return the import, or raise NotFound."""

    def list(self, *, limit: int, after: str | None) -> Page[ImportJob]:
        """Return a page, newest first."""

    def count_at_work(self) -> int:
        """Return how many imports wait for a worker or have one."""

    def add(self, *, job: ImportJob) -> Sequence[Write]:
        """Describe adding an import."""

    def change(self, *, before: ImportJob, after: ImportJob) -> Sequence[Write]:
        """Describe a change; refused with StaleVersion."""

    def remove(self, *, job: ImportJob) -> Sequence[Write]:
        """Describe forgetting an import as it was read; refused with StaleVersion."""

    def report(self, *, job: ImportJob, reports: Sequence[RowReport]) -> Sequence[Write]:
        """Describe keeping the next page of rows that were not created."""

    def reports(self, *, import_id: str) -> Iterator[RowReport]:
        """Yield every kept row report, in the order of the file."""


class Exports(Protocol):
    """A tenant's exports."""

    def get(self, *, export_id: str) -> ExportJob:
        """Return the export, or raise NotFound."""

    def list(self, *, limit: int, after: str | None) -> Page[ExportJob]:
        """Return a page, newest first."""

    def add(self, *, job: ExportJob) -> Sequence[Write]:
        """Describe adding an export."""

    def change(self, *, before: ExportJob, after: ExportJob) -> Sequence[Write]:
        """Describe a change; refused with StaleVersion."""


class Rehearsals(Protocol):
    """A tenant's rehearsals that were asked for as jobs, and what they came to."""

    def get(self, *, rehearsal_id: str) -> RehearsalJob:
        """Return the job, or raise NotFound."""

    def list(self, *, limit: int, after: str | None) -> Page[RehearsalJob]:
        """Return a page, newest first."""

    def result(self, *, rehearsal_id: str) -> Rehearsal:
        """Return what a succeeded one came to, or raise NotFound."""

    def add(self, *, job: RehearsalJob) -> Sequence[Write]:
        """Describe adding a job."""

    def change(
        self, *, before: RehearsalJob, after: RehearsalJob, result: Rehearsal | None = None
    ) -> Sequence[Write]:
        """Describe a change, and keeping the result; refused with StaleVersion."""
