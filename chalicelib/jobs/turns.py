"""Work that one worker at a time does, each piece named by a message: imports and exports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.domain.jobs import JobTaken
from chalicelib.jobs.sqs import JsonObject, each_message
from chalicelib.observability import logger
from chalicelib.ports.services import JobQueue

# Who finds another worker at a job comes back when that one must have ended, to see that it did
# not die: SQS delays a message by 900 s at most.
LOOK_AGAIN_SECONDS: Final = 900
# So often, and no more: by then the other one is known to get on, and has a message of its own.
LOOKS_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class JobKind:
    """One kind of job: what its messages call it, the queue they are in, and what is done.

    ``work`` and ``give_up`` are called with ``tenant_id`` and ``<name>_id``; ``work`` returns
    whether the job is finished, and raises JobTaken where another worker is at it.
    """

    name: str
    queue: JobQueue
    work: Callable[..., bool]
    give_up: Callable[..., None]


def each_job(event: Mapping[str, Any], *kinds: JobKind) -> JsonObject:
    """Work on the job that each message names, of one of the kinds; return the partial batch response."""

    def kind_of(message: JsonObject) -> JobKind:
        return next((kind for kind in kinds if f"{kind.name}_id" in message), kinds[0])

    def give_up(message: JsonObject) -> None:
        kind = kind_of(message)
        kind.give_up(**_names(kind, message))

    return each_message(event, lambda message: _work(kind_of(message), message), gave_up=give_up)


def _work(kind: JobKind, message: JsonObject) -> None:
    names = _names(kind, message)
    try:
        finished = kind.work(**names)
    except JobTaken:
        logger().info(f"another worker is at this {kind.name}", extra=names)
        looks = int(message.get("looks", 0)) + 1
        if looks <= LOOKS_MAX:
            kind.queue.send(message={**names, "looks": looks}, delay_seconds=LOOK_AGAIN_SECONDS)
        return
    logger().info(f"{kind.name} worked on", extra={**names, "finished": finished})
    if not finished:
        kind.queue.send(message=names)


def _names(kind: JobKind, message: JsonObject) -> dict[str, str]:
    return {name: str(message[name]) for name in ("tenant_id", f"{kind.name}_id")}
