"""The life cycle of one tenant: its passage from state to state, holds, and what ends it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property

from chalicelib.crypto.keyring import Keyring, TenantKeys
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.services import Clock
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import Database, ModelWrite
from chalicelib.store.erasure import DynamoErasure
from chalicelib.store.holds import DynamoHolds
from chalicelib.store.kept_erasure import DynamoKeptErasure
from chalicelib.store.key_shredding import DynamoKeyShredding
from chalicelib.store.tenants import TenantProfiles, moved_subdomain


class DynamoLife(OfTenant):
    """One tenant's life cycle."""

    def __init__(
        self,
        *,
        tenant_id: str,
        database: Database,
        keyring: Keyring,
        clock: Clock,
        erasure: DynamoErasure,
    ) -> None:
        self._tenant_id = tenant_id
        self._database = database
        self._keyring = keyring
        self._clock = clock
        # The tenant's items, to be deleted.
        self.erasure = erasure

    def move(
        self, *, before: Tenant, after: Tenant, held_until: datetime | None = None
    ) -> Sequence[ModelWrite]:
        """Describe a change of state, in which the subdomain takes part; refused with StaleVersion.

        With ``held_until`` the subdomain is anybody's from then on.
        """
        changes = TenantProfiles(tenant_id=self._tenant_id).change(before=before, after=after)
        return [moved_subdomain(before=before, state=after.state, held_until=held_until), *changes]

    def settle(self, *, before: Tenant, after: Tenant) -> Sequence[ModelWrite]:
        """Describe a change in which the subdomain, which may be another's by now, takes no part."""
        return TenantProfiles(tenant_id=self._tenant_id).change(before=before, after=after)

    @cached_property
    def holds(self) -> DynamoHolds:
        """Legal holds."""
        return DynamoHolds(tenant_id=self._tenant_id, tenant_keys=self._tenant_keys)

    @cached_property
    def shredding(self) -> DynamoKeyShredding:
        """The tenant's wrapped keys, to be destroyed."""
        return DynamoKeyShredding(tenant_id=self._tenant_id, keyring=self._keyring, clock=self._clock)

    @cached_property
    def kept_erasure(self) -> DynamoKeptErasure:
        """What the purge left, to be deleted too."""
        return DynamoKeptErasure(tenant_id=self._tenant_id, database=self._database, clock=self._clock)

    def _tenant_keys(self) -> TenantKeys:
        return self._keyring.of(tenant_id=self._tenant_id)
