"""Files that leave the platform by presigned URL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Download:
    """Where a file is to be got, under which name, until when."""

    url: str
    file_name: str
    expires_at: datetime
