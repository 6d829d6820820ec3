"""Which tenants allow which origins: one item an origin, for a preflight knows no tenant."""

from __future__ import annotations

from collections.abc import Sequence

from pynamodb.attributes import UnicodeSetAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import Busy
from chalicelib.domain.tenants import Tenant
from chalicelib.store.acting import OfPlatform
from chalicelib.store.base import Database, ModelWrite, PlatformItem, nullable, update

ORIGIN = "ORIGIN"


class OriginItem(PlatformItem):
    """``ORIGIN#<origin>`` / ``ORIGIN``; without ``tenants`` where the last one took it back."""

    tenants = UnicodeSetAttribute(null=True)


class DynamoOrigins(OfPlatform):
    """Origins that tenants allow."""

    def __init__(self, *, database: Database) -> None:
        self._database = database  # binds the tables

    def tenants(self, *, origin: str) -> frozenset[str]:
        """Return the tenants that allow an origin: one round trip."""
        try:
            item = OriginItem.get(_key(origin), ORIGIN, consistent_read=True)
        except DoesNotExist:
            return frozenset()
        return frozenset(nullable(item.tenants) or ())


def change_origins(*, before: Tenant, after: Tenant) -> Sequence[ModelWrite]:
    """Describe what a change of a tenant's settings does to its origins."""
    ours, busy = {after.tenant_id}, Busy("the settings changed meanwhile: try again")
    old, new = set(before.allowed_origins), set(after.allowed_origins)
    added = [(one, OriginItem.tenants.add(ours)) for one in sorted(new - old)]
    removed = [(one, OriginItem.tenants.delete(ours)) for one in sorted(old - new)]
    return [
        update(OriginItem(_key(origin), ORIGIN), actions=[action], condition=None, refused=busy)
        for origin, action in [*added, *removed]
    ]


def _key(origin: str) -> str:
    return f"ORIGIN#{origin}"
