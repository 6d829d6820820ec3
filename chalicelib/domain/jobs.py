"""Imports and exports as jobs: asked for, worked on in the background, looked at meanwhile."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """Where a background job stands."""

    AWAITING_UPLOAD = "awaiting_upload"
    READY = "ready"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
