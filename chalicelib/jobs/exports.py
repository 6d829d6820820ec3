"""Works on exports that were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.bootstrap import Services
from chalicelib.jobs.sqs import each_message


def work_exports(services: Services, event: Mapping[str, Any]) -> dict[str, Any]:
    """Work on the export that each message names."""
    return each_message(event, lambda message: _export(services, message))


def _export(services: Services, message: Mapping[str, Any]) -> None:
    raise NotImplementedError
