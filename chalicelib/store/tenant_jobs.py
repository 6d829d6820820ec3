"""The part of a tenant's store that is about jobs: imports, exports and rehearsals."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.ports.services import Clock

# Imported by who first asks, as in the store itself.
if TYPE_CHECKING:
    from chalicelib.store.exports import DynamoExports
    from chalicelib.store.imports import DynamoImports
    from chalicelib.store.rehearsals import DynamoRehearsals


class TenantJobs:
    """Repositories of jobs, of one tenant and no other."""

    _tenant_id: str
    _clock: Clock

    @cached_property
    def keys(self) -> TenantKeys:
        """The tenant's keys, unwrapped when first needed."""
        raise NotImplementedError

    @cached_property
    def imports(self) -> DynamoImports:
        """Imports asked for, and how far they are."""
        from chalicelib.store.imports import DynamoImports

        return DynamoImports(tenant_id=self._tenant_id, tenant_keys=lambda: self.keys, clock=self._clock)

    @cached_property
    def exports(self) -> DynamoExports:
        """Exports asked for, and what was made."""
        from chalicelib.store.exports import DynamoExports

        return DynamoExports(tenant_id=self._tenant_id)

    @cached_property
    def rehearsals(self) -> DynamoRehearsals:
        """Rehearsals asked for as jobs."""
        from chalicelib.store.rehearsals import DynamoRehearsals

        return DynamoRehearsals(tenant_id=self._tenant_id)
