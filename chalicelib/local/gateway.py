"""Chalice's local gateway, nearer to what API Gateway hands to the function.

Differences that matter and are closed here: the body is text, the request has an id, a
stage and the caller's address, headers are also given with all their values, a path that
does not exist is 404 in the API's problem shape, and a method that does not exist is 405.
"""

from __future__ import annotations

import http
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import (
    CustomLocalChalice,
    LocalChalice,
    LocalGateway,
    LocalGatewayException,
    RouteMatcher,
)

from chalicelib.api.answering import SECURITY_HEADERS
from chalicelib.api.routing import PREFLIGHT_METHOD, WRONG_METHOD

BODY_BYTES_MAX = 10 * 1024 * 1024  # API Gateway's own limit, not adjustable
STAGE = "local"
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
        self._matcher = RouteMatcher(list(app.routes))
        self._gateway = _EventGateway(app, Config.create(lambda_timeout=29))

    def routes(self) -> list[tuple[str, str]]:
        """Methods (joined by a comma) and path of every route, by path."""
        return [(", ".join(self._methods(p)), p) for p in sorted(self._app.routes)]

    def _methods(self, path: str) -> list[str]:
        # The app answers the methods that a path does not have itself.
        return sorted(m for m, route in self._app.routes[path].items() if route.view_name != WRONG_METHOD)

    def handle(
        self, *, method: str, target: str, headers: Mapping[str, str], body: bytes, caller: str
    ) -> Answer:
        """``target`` is the path with its query as sent; ``caller`` an IP address."""
        allowed = self._methods_of(target)
        if allowed is None:
            return problem(status=404, code="not_found", message="There is nothing at this address.")
        if method not in allowed and method != "OPTIONS":
            return problem(
                status=405,
                code="method_not_allowed",
                message=f"{method} is not possible here.",
                headers={"Allow": ", ".join(sorted(allowed - {PREFLIGHT_METHOD}))},
            )
        sent = {**headers, "X-Forwarded-For": caller}
        try:
            answer = self._gateway.handle_request(method, target, sent, body)
        except LocalGatewayException as error:
            return problem(status=error.CODE, code="refused", message="The request was refused.")
        return _answer(answer)

    def _methods_of(self, target: str) -> set[str] | None:
        try:
            match = self._matcher.match_route(target)
        except ValueError:
            return None
        return set(self._app.routes[match.route])


class _EventGateway(LocalGateway):
    """Completes the event that Chalice's local mode leaves thin."""

    def _generate_lambda_event(
        self, method: str, path: str, headers: dict[str, Any], body: bytes | None
    ) -> dict[str, Any]:
        event: dict[str, Any] = super()._generate_lambda_event(method, path, headers, body)
        if not event.get("isBase64Encoded"):
            # API Gateway passes text; what is not UTF-8 arrives as replacement characters.
            event["body"] = (body or b"").decode("utf-8", errors="replace")
        event["multiValueHeaders"] = {k: [v] for k, v in event["headers"].items()}
        event["requestContext"].update(
            requestId=str(uuid.uuid4()),
            stage=STAGE,
            accountId="000000000000",
            apiId=STAGE,
            protocol="HTTP/1.1",
        )
        event["requestContext"]["identity"] = {
            "sourceIp": headers.get("X-Forwarded-For", "127.0.0.1"),
            "userAgent": event["headers"].get("user-agent"),
        }
        return event


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
