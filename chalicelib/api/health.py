"""Liveness and readiness."""

from __future__ import annotations

from typing import Literal

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Schema
from chalicelib.domain.staff import Permission


class HealthOut(Schema):
    """The service answers."""

    status: Literal["ok"] = "ok"


@endpoint("GET", "/v1/health", permission=Permission.PUBLIC, answer=HealthOut)
def check_health(request: Request) -> HealthOut:  # noqa: ARG001 - every endpoint takes a request
    """Say that the service answers."""
    return HealthOut()
