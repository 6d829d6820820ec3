"""The sandbox's own page, which stands for a vendor's: what a payer does there is told like a vendor does.

The message is made and signed here as the vendor would, and handed over as bytes: whether it is
believed is decided by nothing but its signature.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final

from chalicelib.adapters.payments import sandbox
from chalicelib.api import pages
from chalicelib.api.raw import form_of, query_of
from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.domain.errors import Conflict, DomainError, NotFound
from chalicelib.domain.gateways import GatewayKind, Received
from chalicelib.domain.money import Money
from chalicelib.domain.staff import Permission
from chalicelib.ports.gateway_collections import GatewaySetUp
from chalicelib.usecases.gateway_callbacks import answer_callback
from chalicelib.usecases.gateway_events import called_gateway

_ACTS: Final = (
    ("pay", "Pay"),
    ("decline", "Decline"),
    ("lose", "Pay, and lose the callback"),
    ("twice", "Pay twice"),
)
_GONE: Final = "The sandbox knows nothing of this payment."


@endpoint(
    "GET",
    "/sandbox-pay/{callback_key}/{reference}",
    permission=Permission.PUBLIC,
    raw={200: pages.HTML, 404: pages.HTML},
    counted="pages",
)
def show_sandbox_page(request: Request) -> Answer:
    """Show what the sandbox is asked to collect: an amount that is sealed in the address."""
    try:
        _, order = _ordered(request)
    except (NotFound, Conflict):
        return _gone()
    amount = Money(int(order.amount), order.currency)
    return pages.html_answer(pages.sandbox_page(what=order.what, amount=amount, acts=_ACTS))


@endpoint(
    "POST",
    "/sandbox-pay/{callback_key}/{reference}",
    permission=Permission.PUBLIC,
    raw={303: "", 404: pages.HTML},
    counted="pages",
)
def press_sandbox_button(request: Request) -> Answer:
    """Do what the payer chose, tell the callback address of it, and lead back."""
    try:
        gateway, order = _ordered(request)
        act = form_of(request.raw).get("act", "")
    except DomainError:
        return _gone()
    if act not in dict(_ACTS):
        return _gone()
    for _ in range(2 if act == "twice" else 1):
        body = _message(order, request.now, paid=act != "decline")
        if act != "lose":
            _deliver(request, gateway, body)
    return Answer(None, {"Location": order.back}, status=303)


def _ordered(request: Request) -> tuple[GatewaySetUp, sandbox.Order]:
    """Return the gateway and the order of the address; NotFound where its seal is not the tenant's."""
    ports = request.services.gateways
    ports.gateway_of(GatewayKind.SANDBOX)
    _, gateway = called_gateway(ports=ports, token=request.path["callback_key"])
    given = query_of(request.raw)
    parts = {name: given.get(name, "") for name in ("amount", "currency", "what", "back")}
    order = sandbox.Order(reference=request.path["reference"], **parts)
    ours = gateway.kind is GatewayKind.SANDBOX
    if not (ours and order.holds(seal=given.get("seal", ""), credentials=gateway.credentials)):
        raise NotFound(_GONE)
    return gateway, order


def _message(order: sandbox.Order, at: datetime, *, paid: bool) -> bytes:
    chance = secrets.token_hex(8)
    body = sandbox.message(
        order=order, paid=paid, event_id=f"sbxe_{chance}", transaction=f"sbxt_{chance}", at=at
    )
    sandbox.MEMORY.keep(reference=order.reference, body=body)
    return body


def _deliver(request: Request, gateway: GatewaySetUp, body: bytes) -> None:
    signed = sandbox.signature(body=body, credentials=gateway.credentials, at=request.now)
    headers = {"content-type": "application/json", sandbox.SIGNATURE_HEADER: signed}
    answer_callback(
        ports=request.services.gateways,
        token=request.path["callback_key"],
        received=Received("POST", headers, "", body),
        at=request.now,
        request_id=request.request_id,
    )


def _gone() -> Answer:
    return pages.html_answer(pages.message_page(title="Not found", message=_GONE), status=404)
