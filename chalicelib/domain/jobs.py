"""Imports and exports as jobs: asked for, worked on in the background, looked at meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chalicelib.domain.errors import Busy, DomainError

# What the bucket's lifecycle keeps of uploads, reports and exports.
FILES_KEPT_DAYS: Final = 7
DOWNLOAD_TTL_SECONDS: Final = 900


class FileNotYours(DomainError):
    """The file has what the person may not see: who asked for it may see more."""

    code = "file_not_yours"


class FileExpired(DomainError):
    """The file was there, and is deleted by now."""

    code = "file_expired"


class JobTaken(Busy):
    """Another worker is at this job; what it does is as good as ours."""

    code = "job_taken"


class JobState(StrEnum):
    """Where a background job stands."""

    AWAITING_UPLOAD = "awaiting_upload"
    READY = "ready"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class JobFailure:
    """Why a job as a whole came to an end."""

    code: str
    message: str
