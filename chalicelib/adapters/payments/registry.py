"""Which adapter is which vendor's; each is imported by who first needs it.

A module has ``make(*, local: bool) -> PaymentGateway``: where ``local``, stand-ins on this machine may
be asked too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Final

from chalicelib.domain.gateways import GatewayKind
from chalicelib.ports.gateways import PaymentGateway
from chalicelib.usecases.gateways import GatewayNotOffered, SandboxRefused

# Kind to module.
ADAPTERS: Final[Mapping[GatewayKind, str]] = {
    GatewayKind.SANDBOX: "sandbox",
    GatewayKind.STRIPE: "stripe",
    GatewayKind.JAZZCASH: "jazzcash",
    GatewayKind.EASYPAISA: "easypaisa",
    GatewayKind.PAYFAST: "payfast",
    GatewayKind.ONEBILL: "onebill",
    GatewayKind.RAAST: "raast",
}


def gateway_finder(*, sandbox: bool, local: bool) -> Callable[[GatewayKind], PaymentGateway]:
    """Return what finds the adapter of a kind.

    It raises GatewayNotOffered for a kind without one, and SandboxRefused for the sandbox, which takes
    no real money, where that is not allowed.
    """

    def gateway_of(kind: GatewayKind) -> PaymentGateway:
        if kind is GatewayKind.SANDBOX and not sandbox:
            raise SandboxRefused("the sandbox takes no real money: it is not allowed here", param="gateway")
        return _made(kind, local)

    return gateway_of


@cache
def _made(kind: GatewayKind, local: bool) -> PaymentGateway:  # noqa: FBT001 - both are the key
    if kind not in ADAPTERS:
        raise GatewayNotOffered("the platform has no such gateway", param="gateway")
    module = import_module(f"chalicelib.adapters.payments.{ADAPTERS[kind]}")
    adapter: PaymentGateway = module.make(local=local)
    return adapter
