"""Runs what AWS would start: the schedules and the queue workers of ``app.py``, in this process.

Started by the runner as a child, with the functions' environment:
``python -m chalicelib.local.pump``. One thread a queue and one for the schedules. A handler
that fails is one line in the log.

What a handler is at is hidden for VISIBILITY_S and hidden anew while the handler runs, not for
the queue's own quarter of an hour as on AWS: after a pump that was killed, or a failure, the
messages come back as soon.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import logging
import os
import re
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from chalice.app import Chalice, ScheduledEventConfig, SQSEventConfig
from chalice.local import LambdaContext

from chalicelib.local.lambda_events import failed_message_ids, scheduled_event, sqs_event
from chalicelib.local.schedules import Schedule, parse_schedule

POLL_WAIT_S = 2  # also how long a stop waits for an idle queue
STOP_GRACE_S = 6.0
VISIBILITY_S = 20
HEARTBEAT_S = 5.0
SCHEDULE_TICK_S = 0.5
RETRY_FIRST_S = 0.5
RETRY_MAX_S = 15.0
BATCH_MESSAGES_MAX = 10
FUNCTION_TIMEOUT_MS = 900_000
FUNCTION_MEMORY_MB = 1024
QUEUE_VARIABLE = re.compile(r"(\w+)_QUEUE_URL")

logger = logging.getLogger("pump")
Handler = Callable[[Any, Any], Any]


class UnmappedQueueError(Exception):
    """A queue handler of the app has no queue in the environment."""

    code = "queue_unmapped"


@dataclass(frozen=True)
class QueueWorker:
    """A handler and the queue that feeds it."""

    name: str
    handler: Handler
    queue_url: str
    batch_messages: int


@dataclass(frozen=True)
class ScheduledJob:
    """A handler and its schedule."""

    name: str
    handler: Handler
    schedule: Schedule


def scheduled_jobs(app: Chalice) -> list[ScheduledJob]:
    """The app's schedules. Raises BadScheduleError."""
    jobs = []
    for source in app.event_sources:
        if isinstance(source, ScheduledEventConfig):
            expression = source.schedule_expression
            text = expression if isinstance(expression, str) else expression.to_string()
            handler = app.handler_map[source.name]
            jobs.append(ScheduledJob(source.name, handler, parse_schedule(text)))
    return jobs


def queue_workers(app: Chalice, environment: Mapping[str, str]) -> list[QueueWorker]:
    """The app's queue handlers with the queues of this environment. Raises UnmappedQueueError."""
    return [
        QueueWorker(
            name=source.name,
            handler=app.handler_map[source.name],
            queue_url=_queue_url(source, environment),
            batch_messages=min(source.batch_size, BATCH_MESSAGES_MAX),
        )
        for source in app.event_sources
        if isinstance(source, SQSEventConfig)
    ]


def _queue_url(source: SQSEventConfig, environment: Mapping[str, str]) -> str:
    """``BILLING_QUEUE_URL`` feeds what names BillingQueue, or else the handler billing_worker."""
    named = re.sub(r"[^a-z]", "", f"{source.queue or ''} {source.queue_arn or ''}".lower())
    urls = {
        found[1].lower().replace("_", ""): value
        for name, value in environment.items()
        if (found := QUEUE_VARIABLE.fullmatch(name))
    }
    for stem, url in urls.items():
        if f"{stem}queue" in named or source.name.replace("_", "").startswith(stem):
            return url
    raise UnmappedQueueError(f"{source.name}: no variable <NAME>_QUEUE_URL for its queue")


class Pump:
    """Threads that feed the handlers until it is stopped."""

    def __init__(
        self,
        *,
        jobs: list[ScheduledJob],
        workers: list[QueueWorker],
        sqs: Any,
        region: str,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self._sqs = sqs
        self._region = region
        self._stop = threading.Event()
        self._in_flight: dict[str, list[str]] = {}  # queue URL to receipt handles
        self._heartbeat_s = heartbeat_s
        self._threads = [threading.Thread(target=self._run_queue, args=[w]) for w in workers]
        self._threads += [threading.Thread(target=self._run_schedule, args=[j]) for j in jobs]
        self._threads.append(threading.Thread(target=self._run_heartbeat))
        for thread in self._threads:
            thread.daemon = True  # the stop has a deadline; a long handler does not hold it

    def start(self) -> None:
        """Begin; every schedule fires at once, to catch up with what was missed while away."""
        for thread in self._threads:
            thread.start()

    def stop(self, *, grace_s: float = STOP_GRACE_S) -> bool:
        """Stop taking new work, and wait for what runs. Returns whether all of it ended."""
        self._stop.set()
        deadline = time.monotonic() + grace_s
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))
        # Let the next start have at once what a handler is still at.
        self._hide_in_flight(0)
        return not any(thread.is_alive() for thread in self._threads)

    def _hide_in_flight(self, seconds: int) -> None:
        """Have what is being worked on delivered again in so many seconds, unless it is deleted first."""
        for queue_url, handles in list(self._in_flight.items()):
            entries = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
                for number, handle in enumerate(handles)
            ]
            with contextlib.suppress(BotoCoreError, ClientError):
                self._sqs.change_message_visibility_batch(QueueUrl=queue_url, Entries=entries)

    def _run_heartbeat(self) -> None:
        while not self._stop.wait(self._heartbeat_s):
            self._hide_in_flight(VISIBILITY_S)

    def _run_schedule(self, job: ScheduledJob) -> None:
        due = datetime.now(UTC)
        while not self._stop.is_set():
            now = datetime.now(UTC)
            if now >= due:
                event = scheduled_event(
                    rule=job.name, event_id=str(uuid.uuid4()), at=now, region=self._region
                )
                _call(job.name, job.handler, event)
                # Firings missed meanwhile (a long run, a sleeping machine) become one.
                due = max(job.schedule.next_after(now), datetime.now(UTC))
            self._stop.wait(SCHEDULE_TICK_S)

    def _run_queue(self, worker: QueueWorker) -> None:
        retry_s = RETRY_FIRST_S
        while not self._stop.is_set():
            try:
                self._pump_once(worker)
                retry_s = RETRY_FIRST_S
            except (BotoCoreError, ClientError) as error:
                logger.error("%s: queue not readable: %s", worker.name, _one_line(error))  # noqa: TRY400
                self._stop.wait(retry_s)
                retry_s = min(retry_s * 2, RETRY_MAX_S)

    def _pump_once(self, worker: QueueWorker) -> None:
        answer = self._sqs.receive_message(
            QueueUrl=worker.queue_url,
            MaxNumberOfMessages=worker.batch_messages,
            WaitTimeSeconds=POLL_WAIT_S,
            VisibilityTimeout=VISIBILITY_S,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        messages = answer.get("Messages", [])
        if not messages:
            return
        ids = [message["MessageId"] for message in messages]
        event = sqs_event(messages, queue_url=worker.queue_url, region=self._region)
        self._in_flight[worker.queue_url] = [message["ReceiptHandle"] for message in messages]
        done, result = _call(worker.name, worker.handler, event)
        del self._in_flight[worker.queue_url]
        failed = failed_message_ids(result, all_ids=ids) if done else set(ids)
        if done and failed:
            logger.error("%s: %d of %d messages failed", worker.name, len(failed), len(ids))
        entries = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
            for number, message in enumerate(messages)
            if message["MessageId"] not in failed
        ]
        if entries:
            self._sqs.delete_message_batch(QueueUrl=worker.queue_url, Entries=entries)


def _call(name: str, handler: Handler, event: Any) -> tuple[bool, Any]:
    """Call a handler as Lambda would. An error is logged and ends nothing but this call."""
    context = LambdaContext(name, FUNCTION_MEMORY_MB, FUNCTION_TIMEOUT_MS)
    try:
        return True, handler(event, context)
    except Exception as error:  # the outer boundary: Lambda too survives its handlers
        trace = logger.isEnabledFor(logging.DEBUG)
        logger.error("%s failed: %s", name, _one_line(error), exc_info=trace)  # noqa: TRY400
        return False, None


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _watch_parent(parent_pid: int, stop: threading.Event) -> None:
    while not stop.wait(1.0):
        if os.getppid() != parent_pid:
            stop.set()


def main() -> int:
    """Run until SIGTERM or SIGINT, or until the runner is gone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log-level", default="INFO")
    options = parser.parse_args()
    logging.basicConfig(format="%(name)s: %(message)s", level=logging.WARNING)
    logger.setLevel(options.log_level)
    stopping = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stopping.set())
    session = boto3.session.Session()
    environment = dict(os.environ)
    app = importlib.import_module("app").app
    pump = Pump(
        jobs=scheduled_jobs(app),
        workers=queue_workers(app, environment),
        sqs=session.client("sqs", config=Config(retries={"max_attempts": 0})),
        region=session.region_name or "",
    )
    pump.start()
    threading.Thread(target=_watch_parent, args=[os.getppid(), stopping], daemon=True).start()
    stopping.wait()
    clean = pump.stop()
    if not clean:
        logger.warning("a handler was still running; its messages will be delivered again")
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(0)  # daemon threads may hold a handler that does not end


if __name__ == "__main__":
    sys.exit(main())
