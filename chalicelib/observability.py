"""Logs: one JSON line an event, for machines; never personal data, never tokens."""

from __future__ import annotations

import logging
import sys
from functools import lru_cache
from typing import Any

from aws_lambda_powertools.logging import Logger

SERVICE = "isp-billing"


class _StandardOutput(logging.StreamHandler[Any]):
    """Writes to what standard output is at the time, which a test may have replaced."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout
        super().emit(record)


@lru_cache(maxsize=1)
def logger() -> Logger:
    """Return the process's logger; Powertools itself reads its level from LOG_LEVEL."""
    return Logger(service=SERVICE, use_rfc3339=True, utc=True, logger_handler=_StandardOutput(sys.stdout))
