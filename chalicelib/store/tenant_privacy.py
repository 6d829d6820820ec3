"""The part of a tenant's store that is about people's rights, and what they agreed to and were told."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.crypto.keyring import TenantKeys

# Imported by who first asks, as in the store itself.
if TYPE_CHECKING:
    from chalicelib.store.activity import DynamoActivity
    from chalicelib.store.audit_log import DynamoAuditLog
    from chalicelib.store.breaches import DynamoBreaches
    from chalicelib.store.consents import DynamoConsents
    from chalicelib.store.policy_states import DynamoPolicyStates
    from chalicelib.store.privacy import DynamoPrivacy
    from chalicelib.store.subject_data import DynamoSubjectData


class TenantPrivacy:
    """Repositories of requests, breaches, choices, notices and totals, of one tenant and no other."""

    _tenant_id: str

    @cached_property
    def keys(self) -> TenantKeys:
        """The tenant's keys, unwrapped when first needed."""
        raise NotImplementedError

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

    @cached_property
    def privacy(self) -> DynamoPrivacy:
        """Requests about people's data."""
        from chalicelib.store.privacy import DynamoPrivacy

        return DynamoPrivacy(tenant_id=self._tenant_id, tenant_keys=self.keys)

    @cached_property
    def breaches(self) -> DynamoBreaches:
        """The register of breaches."""
        from chalicelib.store.breaches import DynamoBreaches

        return DynamoBreaches(tenant_id=self._tenant_id, tenant_keys=self.keys)

    @cached_property
    def subject_data(self) -> DynamoSubjectData:
        """Everything that is filed under a person."""
        from chalicelib.store.subject_data import DynamoSubjectData

        return DynamoSubjectData(tenant_id=self._tenant_id, tenant_keys=self.keys, audit=lambda: self.audit)

    @cached_property
    def audit(self) -> DynamoAuditLog:
        """Audit entries, and the chain that seals them."""
        raise NotImplementedError
