"""The part of a tenant's store that is about consent, policies and activity."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

# Imported by who first asks, as in the store itself.
if TYPE_CHECKING:
    from chalicelib.store.activity import DynamoActivity
    from chalicelib.store.consents import DynamoConsents
    from chalicelib.store.policy_states import DynamoPolicyStates


class TenantPrivacy:
    """Repositories of choices, notices and totals, of one tenant and no other."""

    _tenant_id: str

    @cached_property
    def consents(self) -> DynamoConsents:
        """What staff and subscribers agreed to."""
        from chalicelib.store.consents import DynamoConsents

        return DynamoConsents(tenant_id=self._tenant_id)

    @cached_property
    def policy_states(self) -> DynamoPolicyStates:
        """Of which versions of policies staff were told."""
        from chalicelib.store.policy_states import DynamoPolicyStates

        return DynamoPolicyStates(tenant_id=self._tenant_id)

    @cached_property
    def activity(self) -> DynamoActivity:
        """How often pages and features were used."""
        from chalicelib.store.activity import DynamoActivity

        return DynamoActivity(tenant_id=self._tenant_id)
