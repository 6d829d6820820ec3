"""The part of a tenant's store that is about the company's own money."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.errors import NotFound
from chalicelib.domain.identifiers import is_id
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.services import Clock
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import Database
from chalicelib.store.billing_state import BillingStates
from chalicelib.store.tenants import TenantItem, decode_tenant

# Imported by who first asks, as in the store itself.
if TYPE_CHECKING:
    from chalicelib.ports.funds import CompanyStanding
    from chalicelib.store.dealers import DynamoDealers
    from chalicelib.store.expenses import DynamoExpenses
    from chalicelib.store.field_receipts import DynamoFieldReceipts
    from chalicelib.store.funds import DynamoFunds
    from chalicelib.store.hand_overs import DynamoHandOvers
    from chalicelib.store.till_closings import DynamoTillClosings


class TenantMoney(OfTenant):
    """Repositories of funds and what moves them, of one tenant and no other."""

    _tenant_id: str
    _database: Database
    _clock: Clock
    _known: Tenant | None

    @cached_property
    def keys(self) -> TenantKeys:
        """The tenant's keys, unwrapped when first needed."""
        raise NotImplementedError

    @cached_property
    def billing_states(self) -> BillingStates:
        """How far billing has come."""
        raise NotImplementedError

    @property
    def known_profile(self) -> Tenant:
        """The tenant's own record as this store last read it."""
        raise NotImplementedError

    @cached_property
    def funds(self) -> DynamoFunds:
        """Funds, and the entries of the company's own."""
        from chalicelib.store.funds import DynamoFunds

        return DynamoFunds(
            tenant_id=self._tenant_id,
            tenant_keys=self.keys,
            clock=self._clock,
            tenant=lambda: self.known_profile,
        )

    @cached_property
    def dealers(self) -> DynamoDealers:
        """Dealers; their wallets are funds."""
        from chalicelib.store.dealers import DynamoDealers

        return DynamoDealers(tenant_id=self._tenant_id, tenant_keys=self.keys)

    @cached_property
    def field_receipts(self) -> DynamoFieldReceipts:
        """Receipts of the field."""
        from chalicelib.store.field_receipts import DynamoFieldReceipts

        return DynamoFieldReceipts(tenant_id=self._tenant_id)

    @cached_property
    def hand_overs(self) -> DynamoHandOvers:
        """Hand-overs of cash to the office."""
        from chalicelib.store.hand_overs import DynamoHandOvers

        return DynamoHandOvers(tenant_id=self._tenant_id, tenant_keys=self.keys)

    @cached_property
    def till_closings(self) -> DynamoTillClosings:
        """Closings of the days of office funds."""
        from chalicelib.store.till_closings import DynamoTillClosings

        return DynamoTillClosings(tenant_id=self._tenant_id, tenant_keys=self.keys)

    @cached_property
    def expenses(self) -> DynamoExpenses:
        """What the company spends."""
        from chalicelib.store.expenses import DynamoExpenses

        return DynamoExpenses(tenant_id=self._tenant_id, tenant_keys=self.keys)

    def company_standing(self, *, fund_ids: Sequence[str]) -> CompanyStanding:
        """Return the tenant, how far its books are closed, and those of the funds that are kept."""
        from chalicelib.ports.funds import CompanyStanding
        from chalicelib.store.funds import fund_of

        record, state, *items = self._database.read_together(
            (TenantItem, keys.tenant(self._tenant_id), keys.PROFILE),
            self.billing_states.read,
            *(self.funds.read(fund_id=one) for one in fund_ids if is_id(value=one, prefix="fnd")),
        )
        if record is None:
            raise NotFound("no such tenant")
        self.billing_states.take(state)
        self._known = decode_tenant(record.data)
        found = [fund_of(item) for item in items if item is not None]
        closed_through = self.billing_states.get().closed_through
        return CompanyStanding(self._known, closed_through, {one.fund_id: one for one in found})
