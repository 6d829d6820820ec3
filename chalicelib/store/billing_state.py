"""How far a tenant's billing has come: the dates that runs started and completed for."""

from __future__ import annotations

from datetime import date

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.billing_state import BillingState
from chalicelib.domain.errors import NotFound
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, nullable, put_new


class BillingStateItem(TenantsItem):
    """``<tenant>#BILLING`` / ``STATE``."""

    started_through = UnicodeAttribute()
    completed_through = UnicodeAttribute()
    looked_at = NumberAttribute(default=0)
    closed_through = UnicodeAttribute(null=True)


class BillingStates(OfTenant):
    """Reads and creates one tenant's state; what was read is kept for this object's life."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id
        self._state: BillingState | None = None

    def get(self, *, fresh: bool = False) -> BillingState:
        """Return the state, read once unless ``fresh``."""
        if self._state is None or fresh:
            try:
                item = BillingStateItem.get(keys.billing(self._tenant_id), keys.STATE, consistent_read=True)
            except DoesNotExist:
                item = None
            self.take(item)
        assert self._state is not None
        return self._state

    @property
    def read(self) -> tuple[type[BillingStateItem], str, str]:
        """Where the state stands, to be read together with other items."""
        return BillingStateItem, keys.billing(self._tenant_id), keys.STATE

    def take(self, item: BillingStateItem | None) -> None:
        """Keep a state that was read together with other items, or raise NotFound."""
        if item is None:
            raise NotFound("the tenant has no billing state")
        closed_through = nullable(item.closed_through)
        self._state = BillingState(
            started_through=date.fromisoformat(item.started_through),
            completed_through=date.fromisoformat(item.completed_through),
            looked_at=int(item.looked_at),
            closed_through=date.fromisoformat(closed_through) if closed_through else None,
        )

    def create(self, *, completed_through: date) -> ModelWrite:
        """Describe the first state: runs begin with the day after ``completed_through``."""
        item = BillingStateItem(
            keys.billing(self._tenant_id),
            keys.STATE,
            started_through=completed_through.isoformat(),
            completed_through=completed_through.isoformat(),
            looked_at=0,
        )
        return put_new(item, refused=NotFound("the tenant has a billing state already"))
