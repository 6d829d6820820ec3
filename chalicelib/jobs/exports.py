"""Makes exports that were asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.jobs.deadline import deadline
from chalicelib.jobs.sqs import JsonObject, each_message
from chalicelib.observability import logger
from chalicelib.usecases.export_work import ExportTaken, ExportWork, give_up, make_export
from chalicelib.usecases.exports import export_message

# An export that is not read in this time says so, well before its function's limit (900 s).
READ_SECONDS_MAX: Final = 600
# Who finds another worker at the export comes back when that one must have ended.
LOOK_AGAIN_SECONDS: Final = 900


def work_exports(services: Services, event: Mapping[str, Any]) -> dict[str, Any]:
    """Make the export that each message names."""
    return each_message(
        event,
        lambda message: _export(services, message),
        gave_up=lambda message: give_up(work=_work(services), **_names(message)),
    )


def _export(services: Services, message: JsonObject) -> None:
    names = _names(message)
    try:
        make_export(work=_work(services), **names)
    except ExportTaken:
        logger().info("another worker makes this export", extra=names)
        services.export_queue.send(message=export_message(**names), delay_seconds=LOOK_AGAIN_SECONDS)
        return
    logger().info("export worked on", extra=names)


def _names(message: JsonObject) -> dict[str, str]:
    return {"tenant_id": str(message["tenant_id"]), "export_id": str(message["export_id"])}


def _work(services: Services) -> ExportWork:
    return ExportWork(
        stores=services.stores,
        blobs=services.blobs,
        now=services.clock.now,
        scratch=tempfile.TemporaryFile,
        out_of_time=deadline(seconds=READ_SECONDS_MAX),
    )
