"""The part of a tenant's store that is about money besides documents."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.ports.services import Clock, Ids
from chalicelib.store.acting import OfTenant

# Imported by who first asks, as in the store itself.
if TYPE_CHECKING:
    from chalicelib.store.chargebacks import DynamoChargebacks
    from chalicelib.store.gateway_refunds import DynamoGatewayRefunds
    from chalicelib.store.outbox import DynamoOutbox
    from chalicelib.store.receipt_mails import DynamoReceiptMails
    from chalicelib.store.settlements import DynamoSettlements


class DynamoMoney(OfTenant):
    """Repositories of money, of one tenant and no other."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys, clock: Clock, ids: Ids) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys
        self._clock = clock
        self._ids = ids

    @cached_property
    def chargebacks(self) -> DynamoChargebacks:
        """Chargebacks, by case."""
        from chalicelib.store.chargebacks import DynamoChargebacks

        return DynamoChargebacks(tenant_id=self._tenant_id)

    @cached_property
    def gateway_refunds(self) -> DynamoGatewayRefunds:
        """Refunds that a gateway is asked for."""
        from chalicelib.store.gateway_refunds import DynamoGatewayRefunds

        return DynamoGatewayRefunds(tenant_id=self._tenant_id, tenant_keys=self._keys)

    @cached_property
    def outbox(self) -> DynamoOutbox:
        """Events for others."""
        from chalicelib.store.outbox import DynamoOutbox

        return DynamoOutbox(tenant_id=self._tenant_id, clock=self._clock, ids=self._ids)

    @cached_property
    def receipt_mails(self) -> DynamoReceiptMails:
        """Receipts to be mailed."""
        from chalicelib.store.receipt_mails import DynamoReceiptMails

        return DynamoReceiptMails(tenant_id=self._tenant_id)

    @cached_property
    def settlements(self) -> DynamoSettlements:
        """Files of gateways and banks, compared with the payments."""
        from chalicelib.store.settlements import DynamoSettlements

        return DynamoSettlements(tenant_id=self._tenant_id, tenant_keys=self._keys)
