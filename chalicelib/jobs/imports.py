"""Works on imports that were started."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.jobs.deadline import deadline
from chalicelib.jobs.sqs import JsonObject, each_message
from chalicelib.observability import logger
from chalicelib.usecases.import_batches import ImportTaken, ImportWork
from chalicelib.usecases.import_work import give_up, work_on_import
from chalicelib.usecases.imports import import_message

# A worker stops well before its function's limit (900 s) and hands the rest to a new message.
WORK_SECONDS_MAX: Final = 780
# Who finds another worker at the import comes back when that one must have ended, to see that
# it did not die: SQS delays a message by 900 s at most.
LOOK_AGAIN_SECONDS: Final = 900
# So often, and no more: by then the other one is known to get on, and has a message of its own.
LOOKS_MAX: Final = 4


def work_imports(services: Services, event: Mapping[str, Any]) -> dict[str, Any]:
    """Work on the import that each message names."""
    return each_message(
        event,
        lambda message: _import(services, message),
        gave_up=lambda message: give_up(work=_work(services), **_names(message)),
    )


def _import(services: Services, message: JsonObject) -> None:
    names = _names(message)
    try:
        finished = work_on_import(work=_work(services), **names)
    except ImportTaken:
        logger().info("another worker is at this import", extra=names)
        looks = int(message.get("looks", 0)) + 1
        if looks <= LOOKS_MAX:
            again = {**import_message(**names), "looks": looks}
            services.import_queue.send(message=again, delay_seconds=LOOK_AGAIN_SECONDS)
        return
    logger().info("import worked on", extra={**names, "finished": finished})
    if not finished:
        services.import_queue.send(message=import_message(**names))


def _names(message: JsonObject) -> dict[str, str]:
    return {"tenant_id": str(message["tenant_id"]), "import_id": str(message["import_id"])}


def _work(services: Services) -> ImportWork:
    return ImportWork(
        stores=services.stores,
        blobs=services.blobs,
        ids=services.ids,
        now=services.clock.now,
        pause=time.sleep,
        out_of_time=deadline(seconds=WORK_SECONDS_MAX),
    )
