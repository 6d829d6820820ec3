"""Liveness and readiness."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import Schema
from chalicelib.domain.staff import Permission


class HealthQuery(Schema):
    """What to find out."""

    ready: bool = Field(default=False, description="Ask the database and the key service too.")


class HealthOut(Schema):
    """The service answers; ``checks`` are there where readiness was asked for."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, Literal["ok", "unavailable"]] | None = None


@endpoint("GET", "/v1/health", permission=Permission.PUBLIC, query=HealthQuery, answer=HealthOut)
def check_health(request: Request) -> Answer:
    """Say that the service answers, and on request whether what it needs does; 503 where not."""
    if not request.query_as(HealthQuery).ready:
        return Answer(HealthOut(status="ok"))
    down = request.services.readiness.down()
    checks = {name: _word(name not in down) for name in request.services.readiness.names}
    return Answer(HealthOut(status=_word(not down), checks=checks), status=503 if down else 200)


def _word(works: bool) -> Literal["ok", "unavailable"]:  # noqa: FBT001 - a word for a fact
    return "ok" if works else "unavailable"
