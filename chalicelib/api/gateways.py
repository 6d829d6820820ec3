"""Payment gateways of the ISP: set up, changed and forgotten; their secrets are never shown."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import Schema
from chalicelib.domain.gateways import GatewayKind
from chalicelib.domain.staff import Permission
from chalicelib.ports.gateway_collections import GatewaySetUp
from chalicelib.usecases import gateways

PAIRS_MAX = 30
SETTING_CHARS_MAX = 500
SECRET_CHARS_MAX = 5_000

Settings = Annotated[
    dict[str, str],
    Field(max_length=PAIRS_MAX, description="what the vendor gave that is no secret; see docs/gateways.md"),
]


class GatewayIn(Schema):
    """A gateway as it is to be; `live` is where real money is taken."""

    enabled: bool = Field(examples=[True])
    live: bool = Field(default=False, examples=[False])
    settings: Settings = Field(default={})
    secrets: dict[str, str] | None = Field(
        default=None,
        max_length=PAIRS_MAX,
        repr=False,
        description="what the vendor gave that is secret: never shown again; left out, those there are stay",
        examples=[{"signing_secret": "nobody knows it but us"}],
    )

    def asked(self) -> gateways.GatewayAsked:
        """Return the use case's value, or raise InvalidValue."""
        gateways.check_pairs(pairs=self.settings, param="settings", chars_max=SETTING_CHARS_MAX)
        gateways.check_pairs(pairs=self.secrets or {}, param="secrets", chars_max=SECRET_CHARS_MAX)
        return gateways.GatewayAsked(self.enabled, self.live, self.settings, self.secrets)


class GatewayOut(Schema):
    """A gateway without its secrets; `secrets_set` names those that there are.

    `callback_url` is what the vendor is told to call.
    """

    gateway: GatewayKind
    enabled: bool
    live: bool
    settings: dict[str, str]
    secrets_set: list[str]
    callback_url: str

    @classmethod
    def of(cls, request: Request, found: GatewaySetUp) -> GatewayOut:
        """Render a gateway."""
        return cls(
            gateway=found.kind,
            enabled=found.enabled,
            live=found.credentials.live,
            settings=dict(found.credentials.settings),
            secrets_set=sorted(found.credentials.secrets),
            callback_url=request.services.gateways.callback_url(gateway=found),
        )


class GatewayList(Schema):
    """The gateways that are set up."""

    items: list[GatewayOut]


@endpoint("GET", "/v1/gateways", permission=Permission.GATEWAYS_READ, answer=GatewayList)
def list_gateways(request: Request) -> GatewayList:
    """List the payment gateways that are set up."""
    return GatewayList(items=[GatewayOut.of(request, one) for one in request.store.gateways.all()])


@endpoint("GET", "/v1/gateways/{gateway}", permission=Permission.GATEWAYS_READ, answer=GatewayOut)
def get_gateway(request: Request) -> GatewayOut:
    """Show a payment gateway."""
    kind = gateways.kind_of(text=request.path["gateway"])
    return GatewayOut.of(request, gateways.get_gateway(store=request.store, kind=kind))


@endpoint(
    "PUT",
    "/v1/gateways/{gateway}",
    permission=Permission.GATEWAYS_WRITE,
    body=GatewayIn,
    answer=GatewayOut,
)
def put_gateway(request: Request) -> GatewayOut:
    """Set a payment gateway up, or change it; without secrets those there are stay."""
    kind = gateways.kind_of(text=request.path["gateway"])
    made = gateways.put_gateway(
        ports=request.services.gateways,
        store=request.store,
        kind=kind,
        asked=request.body_as(GatewayIn).asked(),
        note=request.note("gateway.put", kind.value),
    )
    return GatewayOut.of(request, made)


@endpoint(
    "POST",
    "/v1/gateways/{gateway}/rotate",
    permission=Permission.GATEWAYS_WRITE,
    answer=GatewayOut,
)
def rotate_gateway_callback(request: Request) -> GatewayOut:
    """Make another callback address: the one before is nobody's at once, so tell the vendor."""
    kind = gateways.kind_of(text=request.path["gateway"])
    made = gateways.rotate_callback(
        ports=request.services.gateways,
        store=request.store,
        kind=kind,
        note=request.note("gateway.callback_rotated", kind.value),
    )
    return GatewayOut.of(request, made)


@endpoint("DELETE", "/v1/gateways/{gateway}", permission=Permission.GATEWAYS_WRITE, status=204)
def forget_gateway(request: Request) -> Answer:
    """Forget a payment gateway with its secrets; what its vendor tells later is not heard any more."""
    kind = gateways.kind_of(text=request.path["gateway"])
    gateways.remove_gateway(
        store=request.store,
        kind=kind,
        at=request.now,
        note=request.note("gateway.forgotten", kind.value),
    )
    return Answer(None)
