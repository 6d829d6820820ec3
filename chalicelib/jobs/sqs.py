"""The boundary of queue workers: one message at a time, failures reported one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from chalicelib.observability import logger

JsonObject = dict[str, Any]

# As every queue of the merge template has it: a message that fails so often is a dead letter.
RECEIVES_MAX: Final = 5


def each_message(
    event: Mapping[str, Any],
    handle: Callable[[JsonObject], None],
    *,
    gave_up: Callable[[JsonObject], None] | None = None,
) -> JsonObject:
    """Hand each message's JSON object to ``handle``; return the partial batch response.

    A message that fails is logged and delivered again by the queue, in the end to its dead
    letters; the others are done. ``gave_up`` is told of a message that failed for the last
    time, so that whoever waits for it can be shown.
    """
    failures: list[JsonObject] = []
    for record in event["Records"]:
        message: object = None
        try:
            message = json.loads(record["body"])
            if not isinstance(message, dict):
                raise TypeError("a message is a JSON object")  # noqa: TRY301 - reported like any failure
            handle(message)
        except Exception:  # noqa: BLE001 - the outer boundary
            logger().exception("message failed", extra=_named(record, message))
            failures.append({"itemIdentifier": record["messageId"]})
            if gave_up is not None and isinstance(message, dict) and _is_last(record):
                _tell(gave_up, message, record)
    return {"batchItemFailures": failures}


def _named(record: Mapping[str, Any], message: object) -> JsonObject:
    """Return what finds the work in the log: the message, its deliveries, and the ids in it."""
    body = message if isinstance(message, dict) else {}
    received = record.get("attributes", {}).get("ApproximateReceiveCount")
    ids = {name: value for name, value in body.items() if name.endswith("_id") or name == "on"}
    return {"message_id": record["messageId"], "received": received, **ids}


def _is_last(record: Mapping[str, Any]) -> bool:
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1)) >= RECEIVES_MAX


def _tell(gave_up: Callable[[JsonObject], None], message: JsonObject, record: Mapping[str, Any]) -> None:
    try:
        gave_up(message)
    except Exception:  # noqa: BLE001 - the outer boundary: the message is a dead letter in any case
        logger().exception("a failed message could not be shown", extra=_named(record, message))
