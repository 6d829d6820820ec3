"""The part of a tenant's store that is about collecting online."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

# Imported by who first asks, as in the store itself.
if TYPE_CHECKING:
    from chalicelib.crypto.keyring import TenantKeys
    from chalicelib.store.consumer_numbers import DynamoConsumerNumbers
    from chalicelib.store.gateway_collections import DynamoCollections
    from chalicelib.store.gateways import DynamoGateways
    from chalicelib.store.parked_notices import DynamoParkedNotices


class TenantOnline:
    """Repositories of gateways and what they collect, of one tenant and no other."""

    _tenant_id: str

    @cached_property
    def keys(self) -> TenantKeys:
        """The tenant's keys, unwrapped when first needed."""
        raise NotImplementedError

    @cached_property
    def gateways(self) -> DynamoGateways:
        """Payment gateways."""
        from chalicelib.store.gateways import DynamoGateways

        return DynamoGateways(tenant_id=self._tenant_id, tenant_keys=self.keys)

    @cached_property
    def collections(self) -> DynamoCollections:
        """Collections through them."""
        from chalicelib.store.gateway_collections import DynamoCollections

        return DynamoCollections(tenant_id=self._tenant_id, tenant_keys=self.keys)

    @cached_property
    def consumer_numbers(self) -> DynamoConsumerNumbers:
        """Numbers by which banks pay subscribers' bills."""
        from chalicelib.store.consumer_numbers import DynamoConsumerNumbers

        return DynamoConsumerNumbers(tenant_id=self._tenant_id)

    @cached_property
    def parked_notices(self) -> DynamoParkedNotices:
        """What gateways told of, and a person decides on."""
        from chalicelib.store.parked_notices import DynamoParkedNotices

        return DynamoParkedNotices(tenant_id=self._tenant_id, tenant_keys=self.keys)
