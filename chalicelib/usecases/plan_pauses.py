"""What an ISP buys of the operator, when its account has ended: charged, paused, resumed, ended for good.

What is to be paused is written down with the ISP first. So whoever is killed in between leaves a list
by which the rest is paused, or resumed.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from chalicelib.domain.accounts import Account, SubscriptionState, subscription_id
from chalicelib.domain.errors import Conflict, InvalidValue, NotFound
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.plans import charge_usage, isp_account_id
from chalicelib.usecases.stopping import LIFE_ACTOR
from chalicelib.usecases.subscriptions import SubscriptionChange, change_subscription


def settle_plan(*, operator: TenantStore, store: TenantStore, tenant: Tenant, ended_at: datetime) -> None:
    """Charge the months of use that were over when the account ended: nobody else does while it has.

    Doing it twice changes nothing. Raises StaleVersion or Busy where the ISP's account keeps changing.
    """
    # What cannot be charged is lost, and keeps nobody's data.
    with suppress(Conflict, InvalidValue, NotFound):
        charge_usage(operator=operator, store=store, tenant=tenant, at=ended_at)


def pause_plan(*, operator: TenantStore, store: TenantStore, at: datetime) -> None:
    """Pause what the ISP buys, so that days without service cost nothing; doing it twice changes nothing."""
    enrolment = store.plans.standing().enrolment
    if enrolment is None:
        return
    if not enrolment.paused:
        active = _in_state(_account(operator, enrolment.account_id), SubscriptionState.ACTIVE)
        if not active:
            return
        after = replace(enrolment, paused=active)
        store.commit(*store.plans.enrol(before=enrolment, after=after))
        enrolment = after
    for one in enrolment.paused:
        # What cannot be paused is billed on, which is for the operator to see; it keeps nobody's data.
        with suppress(Conflict, InvalidValue, NotFound):
            _move(operator, one, SubscriptionState.PAUSED, at)


def resume_plan(*, operator: TenantStore, store: TenantStore, at: datetime) -> None:
    """Resume what was paused, for an ISP that is back; what was not stays as it is.

    Raises BillingBehind where the days before the pause are not billed yet: then the next pass does it.
    """
    enrolment = store.plans.standing().enrolment
    if enrolment is None or not enrolment.paused:
        return
    paused = _in_state(_account(operator, enrolment.account_id), SubscriptionState.PAUSED)
    for one in enrolment.paused:
        if one in paused:
            _move(operator, one, SubscriptionState.ACTIVE, at)
    store.commit(*store.plans.enrol(before=enrolment, after=replace(enrolment, paused=())))


def end_plan(*, operator: TenantStore, tenant: Tenant, at: datetime) -> None:
    """End all that a purged ISP bought; its invoices and what it owes stay with the operator.

    What cannot be ended stays paused, which costs nothing.
    """
    account = _account(operator, isp_account_id(tenant=tenant))
    live = (SubscriptionState.ACTIVE, SubscriptionState.PAUSED, SubscriptionState.SUSPENDED)
    for one in _in_state(account, *live):
        with suppress(Conflict, InvalidValue):
            _move(operator, one, SubscriptionState.TERMINATED, at)


def _account(operator: TenantStore, account_id: str) -> Account | None:
    try:
        return operator.subscribers.get(subscriber_id=account_id).account
    except NotFound:
        return None


def _in_state(account: Account | None, *states: SubscriptionState) -> tuple[str, ...]:
    if account is None:
        return ()
    return tuple(
        subscription_id(account_id=account.account_id, slot=sub.slot)
        for sub in account.subscriptions
        if sub.state in states and sub.parent is None
    )


def _move(operator: TenantStore, named: str, to: SubscriptionState, at: datetime) -> None:
    note = AuditNote(LIFE_ACTOR, "subscription.changed", named, at)
    change = SubscriptionChange(state=to)
    change_subscription(store=operator, subscription_id=named, change=change, if_match=None, at=at, note=note)
