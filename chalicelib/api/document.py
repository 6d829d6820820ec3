"""Serves the API's own description."""

from __future__ import annotations

from typing import Any

from pydantic import RootModel

from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.domain.staff import Permission


class OpenApiOut(RootModel[dict[str, Any]]):
    """An OpenAPI 3.1 document."""


@endpoint("GET", "/v1/openapi.json", permission=Permission.PUBLIC, answer=OpenApiOut)
def get_openapi(request: Request) -> Answer:  # noqa: ARG001 - every endpoint takes a request
    """Return the OpenAPI document of this API."""
    from chalicelib.api.openapi import document_text

    return Answer(None, text=document_text())
