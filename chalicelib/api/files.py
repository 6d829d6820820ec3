"""What answers of imports and exports have in common."""

from __future__ import annotations

from datetime import datetime

from chalicelib.api.schemas import Schema
from chalicelib.domain.jobs import JobFailure
from chalicelib.usecases.downloads import Download


class FailureOut(Schema):
    """Why a job as a whole came to an end."""

    code: str
    message: str

    @classmethod
    def of(cls, failure: JobFailure) -> FailureOut:
        """Render a failure."""
        return cls(code=failure.code, message=failure.message)


class FileOut(Schema):
    """Where to GET a file, and until when."""

    url: str
    file_name: str
    expires_at: datetime

    @classmethod
    def of(cls, download: Download) -> FileOut:
        """Render a download."""
        return cls(url=download.url, file_name=download.file_name, expires_at=download.expires_at)
