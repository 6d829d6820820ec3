from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from chalice.app import CloudWatchEvent, SQSEvent

from chalicelib.local.lambda_events import failed_message_ids, scheduled_event, sqs_event

MESSAGE: dict[str, Any] = {
    "MessageId": "m-1",
    "ReceiptHandle": "r-1",
    "Body": '{"run": 1}',
    "MD5OfBody": "abc",
    "Attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "1"},
    "MessageAttributes": {"kind": {"StringValue": "shard", "DataType": "String"}},
}


def test_an_sqs_event_has_the_shape_that_lambda_gives() -> None:
    event = sqs_event([MESSAGE], queue_url="http://127.0.0.1:4566/000000000000/billing", region="us-east-1")

    record = event["Records"][0]
    assert record["messageId"] == "m-1"
    assert record["body"] == '{"run": 1}'
    assert record["attributes"]["ApproximateReceiveCount"] == "2"
    assert record["messageAttributes"] == {"kind": {"stringValue": "shard", "dataType": "String"}}
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == "arn:aws:sqs:us-east-1:000000000000:billing"


def test_chalice_reads_the_events() -> None:
    sqs = sqs_event([MESSAGE], queue_url="http://h/000000000000/q", region="us-east-1")
    tick = scheduled_event(
        rule="planner", event_id="e-1", at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), region="us-east-1"
    )

    assert [record.body for record in SQSEvent(sqs, None)] == ['{"run": 1}']
    scheduled = CloudWatchEvent(tick, None)
    assert scheduled.time == "2026-01-02T03:04:05Z"
    assert scheduled.detail_type == "Scheduled Event"
    assert scheduled.resources == ["arn:aws:events:us-east-1:000000000000:rule/planner"]


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": None}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "b"}]}, {"b"}),
        ({"batchItemFailures": [{"itemIdentifier": "unknown"}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, {"a", "b"}),
        ({"batchItemFailures": [{"wrong": "b"}]}, {"a", "b"}),
        ({"batchItemFailures": "b"}, {"a", "b"}),
        ("done", {"a", "b"}),
    ],
)
def test_failures_are_read_as_lambda_reads_them(answer: object, failed: set[str]) -> None:
    assert failed_message_ids(answer, all_ids=["a", "b"]) == failed
