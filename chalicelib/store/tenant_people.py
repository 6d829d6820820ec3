"""The part of a tenant's store that is about who may come in, and how."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.store.staff import DynamoStaff

# Imported by who first asks, as in the store itself.
if TYPE_CHECKING:
    from chalicelib.store.api_keys import DynamoApiKeys
    from chalicelib.store.invitations import DynamoInvitations
    from chalicelib.store.portal import DynamoPortalUsers
    from chalicelib.store.roles import DynamoRoles
    from chalicelib.store.second_factors import DynamoSecondFactors
    from chalicelib.store.support import DynamoSupport


class TenantPeople:
    """Repositories of people and programs, of one tenant and no other."""

    _tenant_id: str

    @cached_property
    def keys(self) -> TenantKeys:
        """The tenant's keys, unwrapped when first needed."""
        raise NotImplementedError

    @cached_property
    def staff(self) -> DynamoStaff:
        """People who work for the tenant."""
        return DynamoStaff(tenant_id=self._tenant_id, tenant_keys=self.keys)

    @cached_property
    def roles(self) -> DynamoRoles:
        """Roles of the tenant's own."""
        from chalicelib.store.roles import DynamoRoles

        return DynamoRoles(tenant_id=self._tenant_id)

    @cached_property
    def api_keys(self) -> DynamoApiKeys:
        """Keys of programs."""
        from chalicelib.store.api_keys import DynamoApiKeys

        return DynamoApiKeys(tenant_id=self._tenant_id)

    @cached_property
    def second_factors(self) -> DynamoSecondFactors:
        """Second factors of staff."""
        from chalicelib.store.second_factors import DynamoSecondFactors

        return DynamoSecondFactors(tenant_id=self._tenant_id, tenant_keys=self.keys)

    @cached_property
    def support(self) -> DynamoSupport:
        """Accesses of platform support."""
        from chalicelib.store.support import DynamoSupport

        return DynamoSupport(tenant_id=self._tenant_id, tenant_keys=self.keys)

    @cached_property
    def invitations(self) -> DynamoInvitations:
        """Invitations that nobody has taken up yet."""
        from chalicelib.store.invitations import DynamoInvitations

        return DynamoInvitations(tenant_id=self._tenant_id, tenant_keys=self.keys)

    @cached_property
    def portal(self) -> DynamoPortalUsers:
        """How subscribers sign in to the portal."""
        from chalicelib.store.portal import DynamoPortalUsers

        return DynamoPortalUsers(tenant_id=self._tenant_id, tenant_keys=self.keys)
