"""What Lambda hands to a handler: events in the shape of the AWS developer guides. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

JsonObject = dict[str, Any]
STAGE = "local"


def rest_api_event(
    *,
    resource: str,
    parameter: str,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    caller: str,
    request_id: str,
) -> JsonObject:
    """The event of a REST API's proxy integration at a greedy ``resource``, whose path is the ``parameter``.

    ``target`` is the path with its query as sent, ``caller`` an IP address. As API Gateway does:
    the path stays percent-encoded and loses a slash at its end, the query is decoded, and the body
    is text, in which replacement characters stand for what is no UTF-8.
    """
    path, _, query = target.partition("?")
    sent = {name.lower(): value for name, value in headers.items()}
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "multiValueQueryStringParameters": parse_qs(query, keep_blank_values=True) or None,
        "pathParameters": {parameter: path.removeprefix("/").removesuffix("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": STAGE,
            "stage": STAGE,
            "protocol": "HTTP/1.1",
            "requestId": request_id,
            "resourcePath": resource,
            "httpMethod": method,
            "path": f"/{STAGE}{path}",
            "identity": {"sourceIp": caller, "userAgent": sent.get("user-agent")},
        },
        "body": body.decode("utf-8", errors="replace") or None,
        "isBase64Encoded": False,
    }


def scheduled_event(*, rule: str, event_id: str, at: datetime, region: str) -> JsonObject:
    """The event of an EventBridge schedule; ``at`` in UTC."""
    return {
        "version": "0",
        "id": event_id,
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [f"arn:aws:events:{region}:000000000000:rule/{rule}"],
        "detail": {},
    }


def sqs_event(messages: Iterable[Mapping[str, Any]], *, queue_url: str, region: str) -> JsonObject:
    """The event of an SQS event source, from the messages of a ReceiveMessage answer."""
    account, name = urlsplit(queue_url).path.strip("/").split("/")
    arn = f"arn:aws:sqs:{region}:{account}:{name}"
    return {"Records": [_sqs_record(message, arn, region) for message in messages]}


def _sqs_record(message: Mapping[str, Any], arn: str, region: str) -> JsonObject:
    attributes = message.get("MessageAttributes", {})
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {
            name: {key[0].lower() + key[1:]: item for key, item in value.items()}
            for name, value in attributes.items()
        },
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": region,
    }


def failed_message_ids(answer: object, *, all_ids: Iterable[str]) -> set[str]:
    """The messages to deliver again, from the handler's answer (partial batch responses).

    As Lambda does: an empty or missing list means that all succeeded, and an answer that
    cannot be understood, or names a message that was not in the batch, means all failed.
    """
    every = set(all_ids)
    if answer is None:
        return set()
    if not isinstance(answer, dict):
        return every
    failures = answer.get("batchItemFailures")
    if not failures:
        return set()
    try:
        named = {failure["itemIdentifier"] for failure in failures}
    except (TypeError, KeyError):
        return every
    if not named <= every:
        return every
    return named
