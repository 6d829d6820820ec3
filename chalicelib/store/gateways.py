"""Payment gateways of a tenant: one item each, sealed whole, and one that a callback's digest finds.

The second is in the platform's table, for whoever calls says by the address alone whose gateway is
meant. Both change in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.crypto.tokens import token_hash
from chalicelib.domain.errors import Busy, StaleVersion
from chalicelib.domain.gateways import Credentials, GatewayKind
from chalicelib.ports.gateway_collections import FoundCallback, GatewaySetUp
from chalicelib.store import keys
from chalicelib.store.accounts import OPERATIONAL
from chalicelib.store.acting import OfPlatform, OfTenant
from chalicelib.store.base import (
    Database,
    ModelWrite,
    PlatformItem,
    TenantsItem,
    delete,
    put,
    put_new,
)

CALLBACK = "CALLBACK"


class GatewayItem(TenantsItem):
    """``<tenant>#GATEWAYS`` / kind; ``sealed`` is JSON: callback token, settings, secrets."""

    enabled = BooleanAttribute()
    live = BooleanAttribute()
    sealed = BinaryAttribute(legacy_encoding=False)
    version = NumberAttribute()


class CallbackItem(PlatformItem):
    """``CALLBACK#<digest of the token>`` / ``CALLBACK``."""

    tenant_id = UnicodeAttribute()
    kind = UnicodeAttribute()


class DynamoGateways(OfTenant):
    """The gateways of one tenant."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys
        self._pk = keys.gateways(tenant_id)

    def all(self) -> tuple[GatewaySetUp, ...]:
        """Return every gateway that is set up: one round trip, for there is one of a kind at most."""
        return tuple(map(self._gateway, GatewayItem.query(self._pk, consistent_read=True)))

    def find(self, *, kind: GatewayKind) -> GatewaySetUp | None:
        """Return the gateway, or None."""
        try:
            return self._gateway(GatewayItem.get(self._pk, kind.value, consistent_read=True))
        except DoesNotExist:
            return None

    def save(self, *, before: GatewaySetUp | None, after: GatewaySetUp) -> Sequence[ModelWrite]:
        """Describe setting one up or changing it, with its callback address."""
        credentials = after.credentials
        plain = orjson.dumps(
            [after.callback_token, dict(credentials.settings), dict(credentials.secrets)],
        )
        item = GatewayItem(
            self._pk,
            after.kind.value,
            enabled=after.enabled,
            live=credentials.live,
            sealed=self._keys.seal(family=OPERATIONAL, place=self._place(after.kind.value), plain=plain),
            version=(before.version if before else 0) + 1,
        )
        as_read = GatewayItem.version == before.version if before else GatewayItem.pk.does_not_exist()
        writes = [put(item, condition=as_read, refused=_stale())]
        if before is None or before.callback_token != after.callback_token:
            found = CallbackItem(
                _callback_pk(token_hash(after.callback_token)),
                CALLBACK,
                tenant_id=self._tenant_id,
                kind=after.kind.value,
            )
            writes.append(put_new(found, refused=Busy("the callback's address was taken")))
            if before is not None:
                writes.append(delete(CallbackItem(_callback_pk(token_hash(before.callback_token)), CALLBACK)))
        return writes

    def remove(self, *, gateway: GatewaySetUp) -> Sequence[ModelWrite]:
        """Describe forgetting it, its secrets and callback address."""
        same = GatewayItem.version == gateway.version
        return [
            delete(GatewayItem(self._pk, gateway.kind.value), condition=same, refused=_stale()),
            delete(CallbackItem(_callback_pk(token_hash(gateway.callback_token)), CALLBACK)),
        ]

    def _gateway(self, item: GatewayItem) -> GatewaySetUp:
        kind = str(item.sk)
        plain = self._keys.open(family=OPERATIONAL, place=self._place(kind), sealed=item.sealed)
        token, settings, secrets = orjson.loads(plain)
        return GatewaySetUp(
            kind=GatewayKind(kind),
            enabled=bool(item.enabled),
            credentials=Credentials(secrets=secrets, settings=settings, live=bool(item.live)),
            callback_token=token,
            version=int(item.version),
        )

    def _place(self, kind: str) -> str:
        return f"tenants|{self._pk}|{kind}|sealed"


class DynamoCallbackFinder(OfPlatform):
    """The callback addresses of every tenant, by the digests of their tokens."""

    def __init__(self, *, database: Database) -> None:
        self._database = database  # binds the tables

    def find(self, *, token_hash: str) -> FoundCallback | None:
        """Return whose it is: one read."""
        try:
            item = CallbackItem.get(_callback_pk(token_hash), CALLBACK, consistent_read=True)
        except DoesNotExist:
            return None
        return FoundCallback(item.tenant_id, GatewayKind(item.kind))


def _callback_pk(token_hash: str) -> str:
    return f"CALLBACK#{token_hash}"


def _stale() -> StaleVersion:
    return StaleVersion("the gateway was changed meanwhile: read it again")
