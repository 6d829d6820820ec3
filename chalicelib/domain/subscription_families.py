"""A service and its add-ons: what happens to the one happens to the others.

An add-on goes where its service goes: it ends, pauses and is suspended with it, and comes
back with it where it went with it. An add-on that was paused or ended by itself stays so, but
that one which is paused ends at once where the end of its service is announced.
"""

from __future__ import annotations

from datetime import date

from chalicelib.domain.accounts import Account, Subscription, SubscriptionState
from chalicelib.domain.errors import Conflict
from chalicelib.domain.subscriptions import EndOutOfRange, halt, move, resume, terminate

_HALTED = frozenset({SubscriptionState.PAUSED, SubscriptionState.SUSPENDED})


class ServiceNotActive(Conflict):
    """The service that the add-on belongs to is not active."""

    code = "service_not_active"


def addons_of(*, account: Account, slot: int) -> tuple[Subscription, ...]:
    """Return the add-ons of a service, those that have ended too."""
    return tuple(sub for sub in account.subscriptions if sub.parent == slot)


def move_family(
    *, account: Account, slot: int, to: SubscriptionState, today: date, ends_on: date | None = None
) -> tuple[Subscription, ...]:
    """Return the subscription of a slot in another state from ``today``, and the add-ons that follow it.

    The first is the subscription itself; add-ons that stay as they are, are left out. Raises as
    ``move`` does, for add-ons too, and ServiceNotActive or EndOutOfRange where an add-on would
    be in service without its service.
    """
    before = account.subscription(slot=slot)
    assert before is not None, "a subscription of the account is moved"
    after = move(subscription=before, to=to, today=today, ends_on=ends_on)
    if before.parent is not None:
        _require_service(account, after)
    addons = addons_of(account=account, slot=slot)
    followed = [(addon, _followed(addon, before, after, today)) for addon in addons]
    return (after, *(now for was, now in followed if now != was))


def _require_service(account: Account, addon: Subscription) -> None:
    service = None if addon.parent is None else account.subscription(slot=addon.parent)
    if addon.state is SubscriptionState.ACTIVE:
        if service is None or service.state is not SubscriptionState.ACTIVE:
            raise ServiceNotActive("the service that this add-on belongs to is not active", param="state")
    elif addon.state is SubscriptionState.TERMINATED and service is not None:
        end = service.ends_on
        if end is not None and addon.ends_on is not None and addon.ends_on > max(end, addon.starts_on):
            raise EndOutOfRange(f"the service ends on {end}, and its add-ons with it", param="ends_on")


def _followed(addon: Subscription, before: Subscription, after: Subscription, today: date) -> Subscription:
    """Return the add-on as it stands after its service went from ``before`` to ``after``."""
    if after.state is SubscriptionState.TERMINATED:
        return _ended(addon, before, after, today)
    if after.state in _HALTED:
        if addon.state is SubscriptionState.ACTIVE:
            return halt(subscription=addon, to=after.state, on=today)
        if addon.state is SubscriptionState.TERMINATED and _ends_after(addon, today):
            # It was to end anyway; without its service it ends now.
            return terminate(subscription=addon, ends_on=max(today, addon.starts_on), today=today)
        return addon
    with_it = addon.state is before.state and (
        addon.paused_on == before.paused_on
        if before.state in _HALTED
        else before.state is SubscriptionState.TERMINATED and _ended_with(addon, before)
    )
    return resume(subscription=addon, on=today) if with_it else addon


def _ended(addon: Subscription, before: Subscription, after: Subscription, today: date) -> Subscription:
    assert after.ends_on is not None, "what is terminated has an end"
    end = max(after.ends_on, addon.starts_on)
    if addon.state is SubscriptionState.PAUSED:  # what is not in service does not wait for the end
        end = max(min(after.ends_on, today), addon.starts_on)
    if addon.state is SubscriptionState.TERMINATED:
        if not _ends_after(addon, today):
            return addon
        with_it = before.state is SubscriptionState.TERMINATED and _ended_with(addon, before)
        if not with_it and addon.ends_on is not None and addon.ends_on <= end:
            return addon
    return terminate(subscription=addon, ends_on=end, today=today)


def _ended_with(addon: Subscription, service: Subscription) -> bool:
    """Whether the end of an add-on is that of its service; one that never began ends at its start."""
    return service.ends_on is not None and addon.ends_on == max(service.ends_on, addon.starts_on)


def _ends_after(addon: Subscription, today: date) -> bool:
    return addon.ends_on is not None and addon.ends_on > today
