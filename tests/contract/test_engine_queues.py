"""What we rely on of the engine's SQS."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.fixtures_engine import EngineHandle


@pytest.fixture
def sqs(engine: EngineHandle) -> Any:
    return engine.client("sqs")


@pytest.fixture
def make_queue(sqs: Any) -> Iterator[Callable[..., str]]:
    made: list[str] = []

    def make(**attributes: str) -> str:
        name = f"contract-{uuid.uuid4().hex}"
        url: str = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        made.append(url)
        return url

    yield make
    for url in made:
        sqs.delete_queue(QueueUrl=url)


def arn_of(sqs: Any, url: str) -> str:
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn: str = answer["Attributes"]["QueueArn"]
    return arn


def receive(sqs: Any, url: str, wait_s: int = 0, most: int = 10) -> list[dict[str, Any]]:
    answer = sqs.receive_message(
        QueueUrl=url,
        WaitTimeSeconds=wait_s,
        MaxNumberOfMessages=most,
        MessageSystemAttributeNames=["All"],
    )
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


def test_a_message_not_deleted_comes_back_after_the_visibility_timeout(
    sqs: Any, make_queue: Callable[..., str]
) -> None:
    queue = make_queue(VisibilityTimeout="1")
    sqs.send_message(QueueUrl=queue, MessageBody="work")

    first = receive(sqs, queue)
    at_once = receive(sqs, queue)
    later = receive(sqs, queue, wait_s=3)

    assert [m["Body"] for m in first] == ["work"]
    assert at_once == []
    assert [m["MessageId"] for m in later] == [first[0]["MessageId"]]
    assert later[0]["Attributes"]["ApproximateReceiveCount"] == "2"


def test_a_deleted_message_does_not_come_back(sqs: Any, make_queue: Callable[..., str]) -> None:
    queue = make_queue(VisibilityTimeout="1")
    sqs.send_message(QueueUrl=queue, MessageBody="work")

    for message in receive(sqs, queue):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    assert receive(sqs, queue, wait_s=2) == []


def test_a_message_received_too_often_goes_to_the_dead_letters(
    sqs: Any, make_queue: Callable[..., str]
) -> None:
    dead_letters = make_queue()
    redrive = {"deadLetterTargetArn": arn_of(sqs, dead_letters), "maxReceiveCount": 2}
    queue = make_queue(VisibilityTimeout="0", RedrivePolicy=json.dumps(redrive))
    sqs.send_message(QueueUrl=queue, MessageBody="poison")

    received = [len(receive(sqs, queue)) for _ in range(3)]

    assert received == [1, 1, 0]
    assert [m["Body"] for m in receive(sqs, dead_letters, wait_s=2)] == ["poison"]


def test_a_batch_is_sent_received_and_deleted_whole(sqs: Any, make_queue: Callable[..., str]) -> None:
    queue = make_queue()
    entries = [{"Id": str(n), "MessageBody": f"m{n}"} for n in range(10)]

    sent = sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    received = receive(sqs, queue)
    handles = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(received)]
    deleted = sqs.delete_message_batch(QueueUrl=queue, Entries=handles)

    assert len(sent["Successful"]) == 10
    assert {m["Body"] for m in received} == {f"m{n}" for n in range(10)}
    assert len(deleted["Successful"]) == 10


def test_a_delayed_message_is_not_seen_before_its_time(sqs: Any, make_queue: Callable[..., str]) -> None:
    queue = make_queue()
    sqs.send_message(QueueUrl=queue, MessageBody="later", DelaySeconds=1)

    assert receive(sqs, queue) == []
    assert [m["Body"] for m in receive(sqs, queue, wait_s=3)] == ["later"]


def test_a_long_poll_ends_when_a_message_arrives(sqs: Any, make_queue: Callable[..., str]) -> None:
    queue = make_queue()
    sqs.send_message(QueueUrl=queue, MessageBody="now")

    started = time.monotonic()
    messages = receive(sqs, queue, wait_s=10)

    assert messages
    assert time.monotonic() - started < 2
