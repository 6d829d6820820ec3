"""The boundary of queue workers: one message at a time, failures reported one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.observability import logger

JsonObject = dict[str, Any]


def each_message(event: Mapping[str, Any], handle: Callable[[JsonObject], None]) -> JsonObject:
    """Hand each message's JSON object to ``handle``; return the partial batch response.

    A message that fails is logged and delivered again by the queue, in the end to its dead
    letters; the others are done.
    """
    failures: list[JsonObject] = []
    for record in event["Records"]:
        try:
            message = json.loads(record["body"])
            if not isinstance(message, dict):
                raise TypeError("a message is a JSON object")  # noqa: TRY301 - reported like any failure
            handle(message)
        except Exception:  # noqa: BLE001 - the outer boundary
            logger().exception("message failed", extra={"message_id": record["messageId"]})
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
