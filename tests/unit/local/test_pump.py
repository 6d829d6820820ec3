from __future__ import annotations

import threading
from typing import Any

import pytest
from chalice.app import Chalice, Rate

from chalicelib.local.pump import Pump, UnmappedQueueError, queue_workers, scheduled_jobs

URLS = {
    "BILLING_QUEUE_URL": "http://h/000000000000/b",
    "IMPORT_QUEUE_URL": "http://h/000000000000/i",
    "OTHER": "x",
}


class FakeQueue:
    """One batch of messages, then nothing; remembers what was deleted."""

    def __init__(self, *bodies: str) -> None:
        self.messages = [{"MessageId": body, "ReceiptHandle": f"r-{body}", "Body": body} for body in bodies]
        self.deleted: list[str] = []
        self.released: list[tuple[str, int]] = []
        self.idle, self.hidden_again = threading.Event(), threading.Event()
        self.hidden_s = 0

    def receive_message(self, *, VisibilityTimeout: int, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.hidden_s = VisibilityTimeout
        messages, self.messages = self.messages, []
        if not messages:
            self.idle.set()
            return {}
        return {"Messages": messages}

    def delete_message_batch(self, *, Entries: list[dict[str, str]], **_: Any) -> None:  # noqa: N803
        self.deleted += [entry["ReceiptHandle"] for entry in Entries]

    def change_message_visibility_batch(self, *, Entries: list[dict[str, Any]], **_: Any) -> None:  # noqa: N803
        self.released += [(entry["ReceiptHandle"], entry["VisibilityTimeout"]) for entry in Entries]
        self.hidden_again.set()


def app_with(handler: Any, *, queue: str = "BillingQueue") -> Chalice:
    app = Chalice(app_name="t")

    @app.on_sqs_message(queue=queue, batch_size=10, name="billing_worker")
    def billing_worker(event: Any) -> Any:
        return handler(event)

    return app


def pump_once(handler: Any, *bodies: str) -> FakeQueue:
    queue = FakeQueue(*bodies)
    workers = queue_workers(app_with(handler), URLS)
    pump = Pump(jobs=[], workers=workers, sqs=queue, region="us-east-1")
    pump.start()
    assert queue.idle.wait(5)
    assert pump.stop()
    return queue


def test_messages_that_were_worked_on_are_deleted() -> None:
    assert pump_once(lambda _: None, "a", "b").deleted == ["r-a", "r-b"]


def test_messages_named_as_failed_stay_and_the_rest_is_deleted() -> None:
    queue = pump_once(lambda _: {"batchItemFailures": [{"itemIdentifier": "b"}]}, "a", "b", "c")

    assert queue.deleted == ["r-a", "r-c"]


def test_a_handler_that_raises_keeps_its_messages_and_stops_nothing(caplog: Any) -> None:
    def fail(_: Any) -> None:
        raise ValueError("two\nlines")

    queue = pump_once(fail, "a", "b")

    assert queue.deleted == []
    assert queue.released == []  # they come back when the time is up for which they were hidden
    assert [record.getMessage() for record in caplog.records] == [
        "billing_worker failed: ValueError: two lines"
    ]


def test_what_a_long_handler_is_still_at_is_given_back_at_the_stop() -> None:
    queue, begun, end = FakeQueue("a", "b"), threading.Event(), threading.Event()

    def endless(_: Any) -> None:
        begun.set()
        end.wait(5)

    pump = Pump(jobs=[], workers=queue_workers(app_with(endless), URLS), sqs=queue, region="us-east-1")
    pump.start()
    assert begun.wait(5)

    assert not pump.stop(grace_s=0.1)

    assert queue.released == [("r-a", 0), ("r-b", 0)]
    end.set()


def test_what_is_being_worked_on_is_hidden_for_seconds_and_hidden_anew() -> None:
    """So what a killed pump was at comes back soon, and to nobody else while it is at it."""
    queue, end = FakeQueue("a", "b"), threading.Event()
    workers = queue_workers(app_with(lambda _: end.wait(5) and None), URLS)
    pump = Pump(jobs=[], workers=workers, sqs=queue, region="us-east-1", heartbeat_s=0.01)
    pump.start()

    assert queue.hidden_again.wait(5)
    end.set()
    assert queue.idle.wait(5)
    assert pump.stop()

    assert 0 < queue.hidden_s <= 30
    assert queue.released[:2] == [("r-a", queue.hidden_s), ("r-b", queue.hidden_s)]
    assert queue.deleted == ["r-a", "r-b"]


def test_every_schedule_fires_at_the_start() -> None:
    fired = threading.Event()
    app = Chalice(app_name="t")

    @app.schedule(Rate(15, unit=Rate.MINUTES), name="billing_planner")
    def billing_planner(event: Any) -> None:
        assert event.detail_type == "Scheduled Event"
        fired.set()

    pump = Pump(jobs=scheduled_jobs(app), workers=[], sqs=None, region="us-east-1")
    pump.start()

    assert fired.wait(5)
    assert pump.stop()


@pytest.mark.parametrize("queue", ["BillingQueue", "isp-BillingQueue-1", "anything"])
def test_a_worker_is_fed_by_the_queue_it_names_or_is_named_after(queue: str) -> None:
    worker = queue_workers(app_with(None, queue=queue), URLS)[0]

    assert worker.queue_url == URLS["BILLING_QUEUE_URL"]
    assert worker.batch_messages == 10


def test_a_worker_without_a_queue_is_refused() -> None:
    with pytest.raises(UnmappedQueueError, match="billing_worker"):
        queue_workers(app_with(None), {})
