"""Writes what a client gets: body, headers, request id; and the log line of the request."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from chalice.app import Request as ChaliceRequest
from chalice.app import Response as ChaliceResponse
from pydantic import BaseModel

from chalicelib.api.errors import internal_problem, problem_headers, problem_of
from chalicelib.api.request import Answer
from chalicelib.domain.errors import DomainError
from chalicelib.domain.staff import Principal
from chalicelib.observability import causes_of, logger
from chalicelib.store.base import outage_of

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"
SECURITY_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "Vary": "Origin",
    "X-Content-Type-Options": "nosniff",
}
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]*")
_REQUEST_ID: Final = re.compile(r"[\w-]{1,64}", re.ASCII)


def request_id_of(raw: ChaliceRequest) -> str:
    """Return the gateway's id of the request; never one that a client chose."""
    given = str(raw.context.get("requestId", ""))
    return given if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())


def rendered(result: BaseModel | Answer | None, *, status: int, request_id: str) -> ChaliceResponse:
    """Render what an endpoint returned; a versioned answer carries its ETag."""
    answer = result if isinstance(result, Answer) else Answer(result)
    headers = dict(answer.headers)
    if answer.text is not None:
        headers = {"Content-Type": JSON, **headers}
        return _response(answer.text, status=answer.status or status, headers=headers, request_id=request_id)
    if answer.model is None:
        return _response("", status=answer.status or status, headers=headers, request_id=request_id)
    version = getattr(answer.model, "version", None)
    if isinstance(version, int):
        headers["ETag"] = f'"{version}"'
    text = answer.model.model_dump_json()
    headers = {"Content-Type": JSON, **headers}
    return _response(text, status=answer.status or status, headers=headers, request_id=request_id)


def replayed(kept: str, *, status: int, request_id: str) -> ChaliceResponse:
    """Render an answer kept for an idempotency key."""
    headers = {"Content-Type": JSON, "Idempotent-Replayed": "true"}
    version = json.loads(kept).get("version")
    if isinstance(version, int):
        headers["ETag"] = f'"{version}"'
    return _response(kept, status=status, headers=headers, request_id=request_id)


def refused(error: DomainError, *, request_id: str) -> ChaliceResponse:
    """Render a refusal as problem details."""
    body = problem_of(error, request_id=request_id)
    if body["status"] == 500:
        logger().exception("unreadable record", extra={"request_id": request_id})
    return _problem(body, headers=problem_headers(error), request_id=request_id)


def failed(error: Exception, *, request_id: str) -> ChaliceResponse:
    """Render an outage as such; log any other failure of ours and render it without its particulars."""
    outage = outage_of(error)
    if outage is not None:
        return refused(outage, request_id=request_id)
    logger().exception("request failed", exc_info=error, extra={"request_id": request_id})
    return _problem(internal_problem(request_id=request_id), headers={}, request_id=request_id)


def with_headers(response: ChaliceResponse, headers: Mapping[str, str]) -> ChaliceResponse:
    """Return the answer with headers of the edge besides its own."""
    for value in headers.values():
        assert _HEADER_VALUE.fullmatch(value), "a header is one line of ASCII"
    every = {**response.headers, **headers}
    return ChaliceResponse(body=response.body, headers=every, status_code=response.status_code)


def without_body(response: ChaliceResponse) -> ChaliceResponse:
    """Return the answer to HEAD."""
    return ChaliceResponse(body="", headers=response.headers, status_code=response.status_code)


def _problem(body: Mapping[str, object], *, headers: Mapping[str, str], request_id: str) -> ChaliceResponse:
    headers = {"Content-Type": PROBLEM_JSON, **headers}
    return _response(
        json.dumps(body), status=int(str(body["status"])), headers=headers, request_id=request_id
    )


def _response(
    text: str, *, status: int, headers: Mapping[str, str | list[str]], request_id: str
) -> ChaliceResponse:
    every: dict[str, str | list[str]] = {**SECURITY_HEADERS, "X-Request-Id": request_id, **headers}
    for name, value in every.items():
        # Chalice lets CR through, and LF in lists: a header is one line of ASCII, or a bug.
        assert _HEADER_NAME.fullmatch(name), "a header's name is not a token"
        for one in value if isinstance(value, list) else [value]:
            assert _HEADER_VALUE.fullmatch(one), f"header {name} is not one line of ASCII"
    return ChaliceResponse(body=text, status_code=status, headers=every)


def log(
    *,
    request_id: str,
    operation: str,
    response: ChaliceResponse,
    started: float,
    principal: Principal | None,
    error: Exception | None = None,
) -> None:
    """Write the request's line: no address, no body, no query, no token, and of an error its names only."""
    facts: dict[str, Any] = {
        "request_id": request_id,
        "operation": operation,
        "status": response.status_code,
        "duration_ms": round((time.perf_counter() - started) * 1000, 1),
        "tenant_id": principal.tenant_id if principal else None,
        "actor_id": principal.actor_id if principal else None,
    }
    if error is not None:
        facts["code"] = json.loads(response.body)["code"]
        facts["cause"] = causes_of(error)
    ours = response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    (logger().error if ours else logger().info)("request", extra=facts)
