"""What a browser asks before a page of another origin may ask anything: CORS preflights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from chalice.app import Request as ChaliceRequest
from chalice.app import Response as ChaliceResponse

from chalicelib.api import answering, cors, reading
from chalicelib.api.metering import Meter
from chalicelib.api.request import Answer
from chalicelib.bootstrap import Services
from chalicelib.domain.errors import DomainError


def preflight(
    raw: ChaliceRequest, services: Callable[[], Services], *, allowed: Iterable[str]
) -> ChaliceResponse:
    """Answer a preflight; ``allowed`` are the methods of the path."""
    started = time.perf_counter()
    request_id = answering.request_id_of(raw)
    failure: Exception | None = None
    meter = Meter()
    try:
        reading.check_headers(raw.headers)
        meter.count_address(services(), raw)
        headers = cors.preflight(raw, services(), allowed=allowed)
        response = answering.rendered(Answer(None, headers), status=204, request_id=request_id)
    except DomainError as error:
        failure, response = error, answering.refused(error, request_id=request_id)
    except Exception as error:  # noqa: BLE001 - the outer boundary
        failure, response = error, answering.failed(error, request_id=request_id)
    answering.log(
        request_id=request_id,
        operation="preflight",
        response=response,
        started=started,
        principal=None,
        error=failure,
    )
    return answering.with_headers(response, meter.headers())
