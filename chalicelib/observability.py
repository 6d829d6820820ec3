"""Logs: one JSON line an event, for machines; never personal data, never tokens."""

from __future__ import annotations

from functools import lru_cache

from aws_lambda_powertools.logging import Logger

SERVICE = "isp-billing"


@lru_cache(maxsize=1)
def logger() -> Logger:
    """Return the process's logger; its level is LOG_LEVEL's, read by Powertools itself."""
    return Logger(service=SERVICE, use_rfc3339=True, utc=True)
