"""The one Chalice route, behind which every path finds its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from chalice.app import Chalice
from chalice.app import Request as ChaliceRequest
from chalice.app import Response as ChaliceResponse

from chalicelib.api import answering
from chalicelib.api.matching import Matcher
from chalicelib.api.preflights import preflight
from chalicelib.api.routing import METHODS, NO_OPERATION, Endpoint, serve
from chalicelib.bootstrap import Services
from chalicelib.domain.errors import NotFound

# All that API Gateway is told of the API: whatever path and method is wrong is our 404 or 405.
EVERY_PATH: Final = "/{proxy+}"
PATH_PARAMETER: Final = "proxy"
PREFLIGHT_METHOD: Final = "OPTIONS"  # browsers ask with it whether a page may ask at all


def mount(
    app: Chalice,
    services: Callable[[], Services],
    routes: Mapping[str, Mapping[str, str]],
    find: Callable[[str, str], Endpoint | None],
) -> None:
    """Have the app answer the paths of ``routes``, which name the operation of each method.

    ``find`` returns the operation of a method and path when a request comes, and only then need
    its module be there. ``services`` too is called by requests.
    """
    matcher = Matcher(routes)

    def answer_request() -> ChaliceResponse:
        raw = app.current_request
        assert raw is not None
        assert raw.uri_params is not None
        # As it was sent but for a slash at its end, without stage and base path of the domain.
        match = matcher.match(f"/{raw.uri_params[PATH_PARAMETER]}")
        if match is None:
            return _not_found(raw)
        raw.uri_params = dict(match.parameters)
        operations = routes[match.route]
        if raw.method == PREFLIGHT_METHOD:
            return preflight(raw, services, allowed=operations)
        method = "GET" if raw.method == "HEAD" else raw.method
        spec = find(method, match.route) if method in operations else None
        return serve(raw, services, spec, allowed=operations)

    # Content types are checked in reading.py: Chalice's own 415 has another shape.
    app.route(EVERY_PATH, methods=[*METHODS, PREFLIGHT_METHOD], content_types=["*/*"])(answer_request)


def _not_found(raw: ChaliceRequest) -> ChaliceResponse:
    """Refuse a path that is no route's. Nothing is read for it: strangers' guesses cost next to nothing."""
    started = time.perf_counter()
    request_id = answering.request_id_of(raw)
    error = NotFound("There is nothing at this address.")
    response = answering.refused(error, request_id=request_id)
    answering.log(
        request_id=request_id,
        operation=NO_OPERATION,
        response=response,
        started=started,
        principal=None,
        error=error,
    )
    return answering.without_body(response) if raw.method == "HEAD" else response
