"""The lean database client retries what may pass, names what is final, and signs what it sends."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson
import pytest
import urllib3
from urllib3.exceptions import ProtocolError

from chalicelib.config import Patience
from chalicelib.store.base import StoreUnavailable
from chalicelib.store.wire import HttpWire, TransactionCancelled, batch_get

PATIENCE = Patience(connect_seconds=2, read_seconds=7, attempts_max=4)


@dataclass
class Reply:
    status: int
    data: bytes


@dataclass
class FakePool:
    """Answers with the replies in turn; an exception is raised."""

    replies: list[Reply | Exception]
    sent: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)
    timeouts: list[urllib3.Timeout] = field(default_factory=list)

    def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes,
        headers: dict[str, str],
        timeout: urllib3.Timeout,
    ) -> Reply:
        self.sent.append((body, headers))
        self.timeouts.append(timeout)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


def answer(status: int = 200, **body: object) -> Reply:
    return Reply(status, orjson.dumps(body))


def refusal(name: str, status: int = 400, **body: object) -> Reply:
    return answer(status, __type=f"com.amazonaws.dynamodb.v20120810#{name}", **body)


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def wire_of(slept: list[float], monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    def make(*replies: Reply | Exception) -> tuple[HttpWire, FakePool]:
        pool = FakePool(list(replies))
        wire = HttpWire(
            region="ap-south-1", endpoint_url=None, patience=PATIENCE, sleep=slept.append, pool=pool
        )
        return wire, pool

    return make


def test_a_request_is_signed_for_dynamodb_in_its_region(wire_of) -> None:  # type: ignore[no-untyped-def]
    wire, pool = wire_of(answer(Item={"pk": {"S": "a"}}))

    assert wire.call("GetItem", {"TableName": "t"}) == {"Item": {"pk": {"S": "a"}}}

    body, headers = pool.sent[0]
    assert body == b'{"TableName":"t"}'
    assert headers["X-Amz-Target"] == "DynamoDB_20120810.GetItem"
    assert "/ap-south-1/dynamodb/aws4_request" in headers["Authorization"]


@pytest.mark.parametrize(
    "passing",
    [
        refusal("ProvisionedThroughputExceededException"),
        refusal("ThrottlingException"),
        refusal("TransactionInProgressException"),
        refusal("InternalServerError", 500),
        Reply(503, b"<html>not json</html>"),
        ProtocolError("connection reset"),
    ],
)
def test_what_may_pass_is_tried_again_after_a_pause(  # type: ignore[no-untyped-def]
    wire_of, slept: list[float], passing: Reply | Exception
) -> None:
    wire, pool = wire_of(passing, passing, answer(done=True))

    assert wire.call("PutItem", {}) == {"done": True}

    assert len(pool.sent) == 3
    assert len(slept) == 2


def test_patience_ends_and_says_why(wire_of, slept: list[float]) -> None:  # type: ignore[no-untyped-def]
    wire, pool = wire_of(*[refusal("ThrottlingException")] * PATIENCE.attempts_max)

    with pytest.raises(StoreUnavailable, match="ThrottlingException"):
        wire.call("PutItem", {})

    assert len(slept) == PATIENCE.attempts_max - 1
    assert {(one.connect_timeout, one.read_timeout) for one in pool.timeouts} == {(2, 7)}


def test_a_final_refusal_is_not_tried_again(wire_of) -> None:  # type: ignore[no-untyped-def]
    wire, pool = wire_of(refusal("AccessDeniedException"))

    with pytest.raises(StoreUnavailable, match="AccessDeniedException"):
        wire.call("PutItem", {})

    assert len(pool.sent) == 1


def test_a_cancelled_transaction_gives_a_reason_for_each_action(wire_of) -> None:  # type: ignore[no-untyped-def]
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed"}, {"Code": "TransactionConflict"}]
    wire, _ = wire_of(refusal("TransactionCanceledException", CancellationReasons=reasons))

    with pytest.raises(TransactionCancelled) as cancelled:
        wire.call("TransactWriteItems", {})

    assert cancelled.value.reasons == [None, "ConditionalCheckFailed", "TransactionConflict"]


def test_keys_left_unread_under_throttling_are_asked_for_again(wire_of) -> None:  # type: ignore[no-untyped-def]
    first, second = {"pk": {"S": "1"}}, {"pk": {"S": "2"}}
    wire, pool = wire_of(
        answer(Responses={"t": [first]}, UnprocessedKeys={"t": {"Keys": [second]}}),
        answer(Responses={"t": [second]}, UnprocessedKeys={}),
    )

    paused: list[float] = []
    assert batch_get(wire, table="t", keys=[first, second], sleep=paused.append) == [first, second]

    assert len(paused) == 1
    assert b'"ConsistentRead":true' in pool.sent[1][0]
