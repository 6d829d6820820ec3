"""Where payment gateways tell what became of payments: their messages, and answers in their shape."""

from __future__ import annotations

from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.domain.staff import Permission
from chalicelib.usecases.gateway_callbacks import answer_callback

# Vendors' own shapes: the kinds of text that they take, and some lead the payer on, to what was signed.
_ANSWERS = {200: "*/*", 303: "", 400: "*/*", 401: "*/*", 503: "*/*"}


def _heard(request: Request) -> Answer:
    made = answer_callback(
        ports=request.services.gateways,
        token=request.path["callback_key"],
        received=request.raw,
        at=request.now,
        request_id=request.request_id,
    )
    headers = {**made.headers, "Content-Type": made.content_type}
    return Answer(None, headers, status=made.status, text=made.body)


@endpoint(
    "POST",
    "/v1/gateway-callbacks/{callback_key}",
    permission=Permission.PUBLIC,
    raw=_ANSWERS,
    counted="callbacks",
)
def hear_gateway(request: Request) -> Answer:
    """Hear a payment gateway; its signature is checked before anything is read.

    Body and answer have the vendor's own shape. The same event any number of times has one effect.
    """
    return _heard(request)


@endpoint(
    "GET",
    "/v1/gateway-callbacks/{callback_key}",
    permission=Permission.PUBLIC,
    raw=_ANSWERS,
    counted="callbacks",
)
def hear_gateway_by_query(request: Request) -> Answer:
    """Hear a payment gateway that tells by its query; see `hear_gateway`."""
    return _heard(request)


@endpoint(
    "POST",
    "/v1/gateway-callbacks/{callback_key}/{tail}",
    permission=Permission.PUBLIC,
    raw=_ANSWERS,
    counted="callbacks",
)
def hear_biller(request: Request) -> Answer:
    """Hear a payment gateway that puts what it asks for at the end of the address; see `hear_gateway`."""
    return _heard(request)
