from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from chalice.app import CloudWatchEvent, Request, SQSEvent

from chalicelib.local.lambda_events import (
    failed_message_ids,
    rest_api_event,
    scheduled_event,
    sqs_event,
)

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


def test_chalice_reads_a_request_as_api_gateway_hands_it_on() -> None:
    event = rest_api_event(
        resource="/{proxy+}",
        parameter="proxy",
        method="POST",
        target="/v1/a%2Fb/c+d/?q=x%20y&q=&r=1%2B1",
        headers={"Content-Type": "text/plain", "X-Forwarded-For": "203.0.113.7"},
        body="لاہور".encode() + b"\xff",
        caller="203.0.113.7",
        request_id="r-1",
    )
    request = Request(event, None)

    assert request.uri_params == {"proxy": "v1/a%2Fb/c+d"}
    assert request.query_params is not None
    assert request.query_params.getlist("q") == ["x y", ""]
    assert request.query_params.getlist("r") == ["1+1"]
    assert request.raw_body == "لاہور\ufffd".encode()
    assert request.headers["content-type"] == "text/plain"
    assert (request.method, request.context["identity"]["sourceIp"]) == ("POST", "203.0.113.7")


def test_a_request_without_query_and_body_has_none() -> None:
    event = rest_api_event(
        resource="/{proxy+}",
        parameter="proxy",
        method="GET",
        target="/v1/health",
        headers={},
        body=b"",
        caller="203.0.113.7",
        request_id="r-1",
    )

    assert (event["multiValueQueryStringParameters"], event["body"]) == (None, None)


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
