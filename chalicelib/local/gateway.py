"""Stands where API Gateway stands: hands HTTP requests to the app as the events that Lambda would get."""

from __future__ import annotations

import http
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalice.app import Chalice
from chalice.local import CustomLocalChalice, LocalChalice

from chalicelib.api.answering import SECURITY_HEADERS
from chalicelib.api.mounting import EVERY_PATH, PATH_PARAMETER
from chalicelib.local.lambda_events import rest_api_event

BODY_BYTES_MAX = 10 * 1024 * 1024  # API Gateway's own limit, not adjustable
TITLES = {413: "Content Too Large"}  # as in RFC 9110; Python before 3.13 has the older words


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: header values may be lists, for headers that are sent more than once."""

    status: int
    headers: Mapping[str, str | list[str]]
    body: bytes


def problem(*, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """A problem answer of the gateway itself, in the shape of the API's own."""
    request_id = str(uuid.uuid4())
    body = {
        "type": "about:blank",
        "title": TITLES.get(status) or http.HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "message": message,
        "param": None,
        "request_id": request_id,
    }
    fixed = {
        **SECURITY_HEADERS,
        "Content-Type": "application/problem+json",
        "x-amzn-RequestId": request_id,
        "X-Request-Id": request_id,
    }
    return Answer(status, {**fixed, **(headers or {})}, json.dumps(body).encode())


class Gateway:
    """Hands HTTP requests to a Chalice app as API Gateway would; safe for many threads."""

    def __init__(self, app: Chalice) -> None:
        # What chalice.local.create_local_server does: the current request per thread.
        CustomLocalChalice.__bases__ = (LocalChalice, app.__class__)
        app.__class__ = CustomLocalChalice
        self._app = app

    def handle(
        self, *, method: str, target: str, headers: Mapping[str, str], body: bytes, caller: str
    ) -> Answer:
        """``target`` is the path with its query as sent; ``caller`` an IP address."""
        event = rest_api_event(
            resource=EVERY_PATH,
            parameter=PATH_PARAMETER,
            method=method,
            target=target,
            headers={**headers, "X-Forwarded-For": caller},
            body=body,
            caller=caller,
            request_id=str(uuid.uuid4()),
        )
        if not event["pathParameters"][PATH_PARAMETER] or method not in self._app.routes[EVERY_PATH]:
            return problem(status=404, code="not_found", message="There is nothing at this address.")
        return _answer(self._app(event, None))


def _answer(answer: Mapping[str, Any]) -> Answer:
    headers: dict[str, str | list[str]] = {
        **answer.get("headers", {}),
        **answer.get("multiValueHeaders", {}),
    }
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"  # API Gateway's default
    body = answer.get("body")
    if body is None:
        body = b""
    elif isinstance(body, str):
        body = body.encode("utf-8")
    return Answer(int(answer["statusCode"]), headers, body)
