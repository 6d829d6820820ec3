"""A client of the API in this process, through the gateway that ``make run`` uses."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.local.gateway import Gateway

PORTAL = "/v1/portal/"
PROBLEM_KEYS = frozenset({"type", "title", "status", "code", "message", "param", "request_id"})


@dataclass(frozen=True)
class Reply:
    """An answer; header names are as sent."""

    status: int
    headers: Mapping[str, Any]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return jsonlib.loads(self.body)

    @property
    def is_problem(self) -> bool:
        """Whether it is a problem, and not a page or what a vendor is told."""
        return bool(self.headers["Content-Type"] == "application/problem+json")

    @property
    def code(self) -> str:
        """The code of a problem, which must have the problem's shape."""
        assert self.headers["Content-Type"] == "application/problem+json", self.text
        told = dict(self.json)
        errors = told.pop("errors", [])
        assert set(told) == PROBLEM_KEYS, self.text
        assert not errors or {**told, **errors[0]} == told, "the problem is the first of them"
        assert len(errors) != 1, "a list is there for more than one"
        assert self.json["status"] == self.status, self.text
        return str(self.json["code"])

    @property
    def problem(self) -> tuple[int, str, str | None]:
        """Status, code and param of a problem."""
        return self.status, self.code, self.json["param"]


@dataclass(frozen=True)
class ApiClient:
    """Sends requests with its headers, and those to the portal as a subscriber where ``portal`` names one.

    ``portal`` returns the token of a subscriber's session.
    """

    gateway: Gateway
    headers: Mapping[str, str] = field(default_factory=dict)
    caller: str = "203.0.113.7"
    portal: Callable[[], str] | None = None

    def bearer(self, token: str) -> ApiClient:
        """Return a client that signs in by this bearer token alone."""
        return replace(self.with_headers(Authorization=f"Bearer {token}"), portal=None)

    def with_headers(self, **headers: str) -> ApiClient:
        """Return a client that sends more headers; ``_`` in a name stands for ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **named})

    def request(
        self,
        method: str,
        target: str,
        *,
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request; ``json`` is sent as such, ``body`` as it is."""
        sent = {**self.headers, **(headers or {})}
        if self.portal is not None and target.startswith(PORTAL):
            sent["Authorization"] = f"Bearer {self.portal()}"
        if json is not None:
            body = jsonlib.dumps(json).encode()
            sent = {"Content-Type": "application/json", **sent}
        answer = self.gateway.handle(
            method=method, target=target, headers=sent, body=body or b"", caller=self.caller
        )
        return Reply(answer.status, answer.headers, answer.body)

    def get(self, target: str, **options: Any) -> Reply:
        """GET."""
        return self.request("GET", target, **options)

    def post(self, target: str, **options: Any) -> Reply:
        """POST."""
        return self.request("POST", target, **options)

    def put(self, target: str, **options: Any) -> Reply:
        """PUT."""
        return self.request("PUT", target, **options)

    def patch(self, target: str, **options: Any) -> Reply:
        """PATCH."""
        return self.request("PATCH", target, **options)

    def delete(self, target: str, **options: Any) -> Reply:
        """DELETE."""
        return self.request("DELETE", target, **options)
