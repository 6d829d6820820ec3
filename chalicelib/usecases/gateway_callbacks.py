"""Whoever calls a callback address: a vendor that tells of payments, or a bank that asks for bills."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from chalicelib.domain.gateways import Received, VendorAnswer
from chalicelib.ports.gateways import BillerGateway
from chalicelib.usecases.billers import Called, hear_bank
from chalicelib.usecases.gateway_events import called_gateway, receive_callback
from chalicelib.usecases.gateways import GatewayPorts


def answer_callback(
    *, ports: GatewayPorts, token: str, received: Received, at: datetime, request_id: str = ""
) -> VendorAnswer:
    """Do what was told, or say what was asked, in the vendor's own shape.

    Raises NotFound where it is nobody's address.
    """
    store, gateway = called_gateway(ports=ports, token=token)
    adapter = ports.gateway_of(gateway.kind)
    if hasattr(adapter, "parse_inquiry"):
        called = Called(store, gateway, cast(BillerGateway, adapter), received, at, request_id)
        return hear_bank(ports=ports, called=called)
    return receive_callback(
        ports=ports, store=store, gateway=gateway, received=received, at=at, request_id=request_id
    )
