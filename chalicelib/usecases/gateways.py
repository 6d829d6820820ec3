"""Payment gateways of a tenant: set up, changed, forgotten; their secrets are never read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.errors import Conflict, InvalidValue, NotFound
from chalicelib.domain.gateways import Credentials, GatewayKind
from chalicelib.ports.gateway_collections import CallbackFinder, GatewaySetUp
from chalicelib.ports.gateways import PaymentGateway
from chalicelib.ports.identity import Attempts, OneTimeTokens, Tokens
from chalicelib.ports.services import Ids, JobQueue
from chalicelib.ports.store import AuditNote, Stores, TenantStore
from chalicelib.usecases.watching import Watch

CALLBACK_PATH: Final = "/v1/gateway-callbacks"
_PREFIX: Final = "gcb"


class GatewayNotOffered(NotFound):
    """The platform has no such gateway."""

    code = "not_found"


class SandboxRefused(Conflict):
    """The sandbox takes no real money, and the operator does not allow it here."""

    code = "sandbox_refused"


class GatewayOff(Conflict):
    """The gateway is not set up, or is switched off."""

    code = "gateway_off"


class GatewayInUse(Conflict):
    """Collections through the gateway are under way: what its vendor tells of them would be lost."""

    code = "gateway_in_use"


@dataclass(frozen=True, slots=True)
class GatewayPorts:
    """What collecting online works with: ``base_url`` is where the API answers, for vendors and payers.

    ``gateway_of`` raises GatewayNotOffered or SandboxRefused.
    """

    stores: Stores
    callbacks: CallbackFinder
    gateway_of: Callable[[GatewayKind], PaymentGateway]
    tokens: Tokens
    one_time_tokens: OneTimeTokens
    attempts: Attempts
    ids: Ids
    watch: Watch
    mail_queue: JobQueue
    base_url: str

    def callback_url(self, *, gateway: GatewaySetUp) -> str:
        """Return the address that the vendor calls."""
        return f"{self.base_url}{CALLBACK_PATH}/{gateway.callback_token}"

    def hashed(self, *, token: str) -> str:
        """Return the stored form of a token."""
        return self.tokens.hash(token=token)


@dataclass(frozen=True, slots=True)
class GatewayAsked:
    """A gateway as it is to be; without ``secrets`` those that are stored stay."""

    enabled: bool
    live: bool
    settings: Mapping[str, str]
    secrets: Mapping[str, str] | None


def kind_of(*, text: str) -> GatewayKind:
    """Return the kind that a path names, or raise GatewayNotOffered."""
    try:
        return GatewayKind(text)
    except ValueError:
        raise GatewayNotOffered("there is no such gateway", param="gateway") from None


def get_gateway(*, store: TenantStore, kind: GatewayKind) -> GatewaySetUp:
    """Return a gateway that is set up, or raise NotFound."""
    found = store.gateways.find(kind=kind)
    if found is None:
        raise NotFound("this gateway is not set up", param="gateway")
    return found


def enabled_gateway(
    *, ports: GatewayPorts, store: TenantStore, kind: GatewayKind
) -> tuple[GatewaySetUp, PaymentGateway]:
    """Return a gateway that takes payments, and its adapter; or raise GatewayOff."""
    found = store.gateways.find(kind=kind)
    if found is None or not found.enabled:
        raise GatewayOff("this gateway takes no payments here", param="gateway")
    return found, ports.gateway_of(kind)


def put_gateway(
    *, ports: GatewayPorts, store: TenantStore, kind: GatewayKind, asked: GatewayAsked, note: AuditNote
) -> GatewaySetUp:
    """Set a gateway up, or change it.

    Raises GatewayNotOffered, SandboxRefused, InvalidCredentials or StaleVersion.
    """
    adapter = ports.gateway_of(kind)
    before = store.gateways.find(kind=kind)
    kept = before.credentials.secrets if before else {}
    secrets = kept if asked.secrets is None else asked.secrets
    credentials = Credentials(secrets=secrets, settings=asked.settings, live=asked.live)
    adapter.check_credentials(credentials=credentials)
    token = before.callback_token if before else ports.tokens.new(prefix=_PREFIX)
    after = GatewaySetUp(kind, asked.enabled, credentials, token, before.version if before else 0)
    details = {
        "enabled": asked.enabled,
        "live": asked.live,
        "settings": sorted(_changed(before.credentials.settings if before else {}, asked.settings)),
        "secrets_changed": secrets != kept,
    }
    store.commit(
        *store.gateways.save(before=before, after=after),
        store.note(note=replace(note, details=details)),
    )
    return replace(after, version=after.version + 1)


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def rotate_callback(
    *, ports: GatewayPorts, store: TenantStore, kind: GatewayKind, note: AuditNote
) -> GatewaySetUp:
    """Give a gateway another callback address; the one before is nobody's at once."""
    before = get_gateway(store=store, kind=kind)
    after = replace(before, callback_token=ports.tokens.new(prefix=_PREFIX))
    store.commit(*store.gateways.save(before=before, after=after), store.note(note=note))
    return replace(after, version=before.version + 1)


def remove_gateway(*, store: TenantStore, kind: GatewayKind, at: datetime, note: AuditNote) -> None:
    """Forget a gateway; what its vendor tells later is not heard any more.

    Raises NotFound, GatewayInUse while a collection is under way, or StaleVersion.
    """
    gateway = get_gateway(store=store, kind=kind)
    if store.collections.any_under_way(kind=kind, at=at):
        raise GatewayInUse("payments are under way: switch it off, and forget it when they are over")
    store.commit(*store.gateways.remove(gateway=gateway), store.note(note=note))


def check_pairs(*, pairs: Mapping[str, str], param: str, chars_max: int) -> None:
    """Raise InvalidValue for a name that is none, or a value that is too long or of several lines."""
    for name, value in pairs.items():
        if not (name.isascii() and name.isidentifier() and len(name) <= 60):
            raise InvalidValue("a name is letters, digits and underscores", param=param)
        if len(value) > chars_max or not value.isprintable():
            raise InvalidValue(f"at most {chars_max} characters, in one line", param=f"{param}.{name}")
