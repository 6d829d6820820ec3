"""Exports of a tenant's data: what is asked for, and what was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.domain.errors import Conflict
from chalicelib.domain.jobs import FILES_KEPT_DAYS, JobFailure, JobState


class ExportNotReady(Conflict):
    """The export is not made yet, or could not be made."""

    code = "export_not_ready"


@dataclass(frozen=True, slots=True)
class ExportJob:
    """One export. ``version`` counts every change and guards each; ``attempt`` counts its makings.

    ``counts`` are the rows of each file of a finished export, ``sha256`` is the archive's.
    """

    export_id: str
    state: JobState
    created_by: str
    created_at: datetime
    version: int = 1
    attempt: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    size_bytes: int = 0
    sha256: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    failure: JobFailure | None = None

    @property
    def expires_at(self) -> datetime | None:
        """When the archive is deleted; None while there is none."""
        if self.state is not JobState.SUCCEEDED or self.finished_at is None:
            return None
        return self.finished_at + timedelta(days=FILES_KEPT_DAYS)

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.state in {JobState.SUCCEEDED, JobState.FAILED}
