"""What the platform's operator alone orders about a company's end: legal holds, and more time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from chalicelib.domain.errors import Conflict, InvalidValue, NotFound
from chalicelib.domain.holds import HOLDS_MAX, REASON_CHARS_MAX, Hold, check_hold
from chalicelib.domain.lifecycle import postponed_by_order
from chalicelib.domain.tenants import TenantState
from chalicelib.ports.life import EndingStores
from chalicelib.ports.services import Ids
from chalicelib.ports.store import AuditNote

HOLDS_ACTOR: Final = "platform-operator"
# What is being deleted cannot be held any more; what is kept after a purge can.
_TOO_LATE: Final = frozenset({TenantState.PURGING, TenantState.SHREDDED})


class TooLateToHold(Conflict):
    """The data is being deleted, or is gone."""

    code = "too_late_to_hold"


class TooManyHolds(Conflict):
    """The tenant is held for as many reasons as there may be."""

    code = "too_many_holds"


def set_hold(
    *, stores: EndingStores, ids: Ids, tenant_id: str, category: str, reason: str, at: datetime
) -> Hold:
    """Hold a tenant's data: nothing of it is purged, or shredded, until the hold is lifted.

    The reason is the operator's own: the company's audit log tells that there is a hold, and not why. Raises
    NotFound, InvalidHold, TooManyHolds, TooLateToHold, or StaleVersion where the tenant changes meanwhile.
    """
    held, cleaned = check_hold(category=category, reason=reason)
    store = stores.of(tenant_id=tenant_id)
    tenant = store.profile()
    if tenant.state is TenantState.UNVERIFIED:
        raise NotFound("no such tenant")
    if tenant.state in _TOO_LATE or (tenant.ending is not None and tenant.ending.shredding):
        raise TooLateToHold("its data is being deleted, or is gone")
    if len(store.life.holds.all()) >= HOLDS_MAX:
        raise TooManyHolds(f"there are {HOLDS_MAX} holds already")
    hold = Hold(ids.new(prefix="hld"), held, cleaned, at)
    note = AuditNote(HOLDS_ACTOR, "hold.set", hold.hold_id, at, details={"category": held.value})
    store.commit(
        *store.life.holds.add(hold=hold),
        # A purge that begins meanwhile has read another version: one of the two is refused.
        *store.life.settle(before=tenant, after=replace(tenant)),
        store.note(note=note),
    )
    return hold


def lift_hold(*, stores: EndingStores, tenant_id: str, hold_id: str, at: datetime) -> None:
    """Lift a hold: what was due meanwhile is done by the next pass. Raises NotFound."""
    store = stores.of(tenant_id=tenant_id)
    store.profile()
    note = AuditNote(HOLDS_ACTOR, "hold.lifted", hold_id, at)
    store.commit(*store.life.holds.lift(hold_id=hold_id), store.note(note=note))


def list_holds(*, stores: EndingStores, tenant_id: str) -> Sequence[Hold]:
    """Return the holds on a tenant's data, with their reasons; or raise NotFound."""
    store = stores.of(tenant_id=tenant_id)
    store.profile()
    return store.life.holds.all()


def postpone_purge(*, stores: EndingStores, tenant_id: str, days: int, reason: str, at: datetime) -> datetime:
    """Give a company in recovery so many days from now on; return when it is to be purged, in UTC.

    Its owners are told anew, and may bring it back until then; its audit log has the reason. Raises NotFound,
    NotCancelled, InvalidValue, or StaleVersion where the purge begins at this moment.
    """
    cleaned = reason.strip()
    if not cleaned or len(cleaned) > REASON_CHARS_MAX:
        raise InvalidValue(f"a reason has 1 to {REASON_CHARS_MAX} characters", param="reason")
    store = stores.of(tenant_id=tenant_id)
    before = store.profile()
    after = postponed_by_order(tenant=before, days=days, at=at)
    assert after.ending is not None, "it is in recovery"
    assert after.ending.purge_at is not None, "recovery has an end"
    told = {"days": days, "reason": cleaned}
    note = AuditNote(HOLDS_ACTOR, "tenant.purge_postponed", tenant_id, at, details=told)
    store.commit(*store.life.settle(before=before, after=after), store.note(note=note))
    return after.ending.purge_at
