"""A lean DynamoDB client for the billing run, the one hot path.

botocore's parser and serializer are most of the CPU of a small request; here requests are
built as DynamoDB JSON, signed by botocore's own SigV4, and read by orjson. Retries, and the
errors that come out, are those of the rest of the store. Measured in docs/adr/0004.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import orjson
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import get_session
from urllib3.exceptions import HTTPError

from chalicelib.config import Patience
from chalicelib.store.base import StoreUnavailable
from chalicelib.usecases.backoff import backoff_seconds

Json = dict[str, Any]

KEYS_ASKED_MAX: Final = 8
BACKOFF_SECONDS: Final = 0.05
BACKOFF_SECONDS_MAX: Final = 5.0
BATCH_GET_KEYS_MAX: Final = 100

_RETRIED: Final = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "InternalServerError",
        "ServiceUnavailable",
        "TransactionInProgressException",
        "LimitExceededException",
    }
)


class TransactionCancelled(Exception):
    """Conditions failed: ``reasons`` holds a code for each action, ``None`` for those at no fault."""

    def __init__(self, reasons: list[str | None]) -> None:
        super().__init__("the transaction was cancelled")
        self.reasons = reasons


class DynamoWire(Protocol):
    """One call of DynamoDB's JSON protocol."""

    def call(self, operation: str, body: Json) -> Json:
        """Return the answer, or raise TransactionCancelled or StoreUnavailable."""


class HttpAnswer(Protocol):
    """What the wire reads of an HTTP answer."""

    @property
    def status(self) -> int:
        """The status code."""

    @property
    def data(self) -> bytes:
        """The whole body."""


class HttpPool(Protocol):
    """What the wire needs of urllib3's pool manager."""

    def request(
        self, method: str, url: str, *, body: bytes, headers: dict[str, str], timeout: urllib3.Timeout
    ) -> HttpAnswer:
        """Send a request on a kept connection."""


class HttpWire:
    """The wire over HTTPS (or the embedded engine's loopback HTTP)."""

    def __init__(
        self,
        *,
        region: str,
        endpoint_url: str | None,
        patience: Patience,
        sleep: Callable[[float], None] = time.sleep,
        pool: HttpPool | None = None,
    ) -> None:
        self._url = endpoint_url or f"https://dynamodb.{region}.amazonaws.com"
        self._region = region
        self._attempts_max = patience.attempts_max
        self._timeout = urllib3.Timeout(connect=patience.connect_seconds, read=patience.read_seconds)
        self._sleep = sleep
        self._host = urlsplit(self._url).netloc
        self._pool: HttpPool = pool or urllib3.PoolManager(maxsize=4, retries=False)
        self._credentials = get_session().get_credentials()

    def call(self, operation: str, body: Json) -> Json:
        """Send the request, again where the service asks for patience, and read the answer."""
        data = orjson.dumps(body)
        failure = "no answer"
        for attempt in range(self._attempts_max):
            if attempt:
                self._sleep(_wait_seconds(attempt))
            try:
                answer = self._send(operation, data)
            except HTTPError as error:
                failure = type(error).__name__
                continue
            if answer.status == 200:
                parsed: Json = orjson.loads(answer.data)
                return parsed
            failure = _refusal(answer.status, answer.data)
        raise StoreUnavailable(f"the database did not do {operation}: {failure}")

    def _send(self, operation: str, data: bytes) -> HttpAnswer:
        headers = {
            "Host": self._host,
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"DynamoDB_20120810.{operation}",
        }
        request = AWSRequest("POST", f"{self._url}/", data=data, headers=headers)
        assert self._credentials is not None, "AWS credentials are configured"
        frozen = self._credentials.get_frozen_credentials()
        SigV4Auth(frozen, "dynamodb", self._region).add_auth(request)
        return self._pool.request(
            "POST",
            f"{self._url}/",
            body=data,
            headers=dict(request.headers),
            timeout=self._timeout,
        )


def _wait_seconds(attempt: int) -> float:
    return backoff_seconds(attempt=attempt, base=BACKOFF_SECONDS, ceiling=BACKOFF_SECONDS_MAX)


def _refusal(status: int, data: bytes) -> str:
    """Return the error's name where the call may be tried again; raise what it means otherwise."""
    try:
        body: Json = orjson.loads(data)
    except orjson.JSONDecodeError:
        body = {}
    name = str(body.get("__type", "")).rpartition("#")[2]
    if name == "TransactionCanceledException":
        raise TransactionCancelled([_code(reason) for reason in body.get("CancellationReasons", [])])
    if name in _RETRIED or status >= 500:
        return name or str(status)
    raise StoreUnavailable(f"the database refused the request: {name or status}")


def _code(reason: Json) -> str | None:
    code = reason.get("Code")
    return None if code in (None, "None") else str(code)


def batch_get(
    wire: DynamoWire, *, table: str, keys: list[Json], sleep: Callable[[float], None] = time.sleep
) -> list[Json]:
    """Return the items there are among ``keys`` (at most 100), strongly consistent.

    The order is the service's own. Keys left unprocessed under throttling are asked for again
    after a pause.
    """
    assert len(keys) <= BATCH_GET_KEYS_MAX, "one call gets at most 100 items"
    found: list[Json] = []
    pending, calls = keys, 0
    while pending:
        answer = wire.call(
            "BatchGetItem", {"RequestItems": {table: {"Keys": pending, "ConsistentRead": True}}}
        )
        calls += 1
        found += answer["Responses"].get(table, [])
        pending = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        if pending:
            if calls >= KEYS_ASKED_MAX:
                raise StoreUnavailable("the database left keys unread")
            sleep(_wait_seconds(calls))
    return found
