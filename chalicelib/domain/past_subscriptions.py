"""Subscriptions that are over: they leave the account, which is written with every invoice.

The newest few stay for those who look at the account; the others are kept by themselves.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from chalicelib.domain.accounts import Account, Subscription
from chalicelib.domain.periods import full_period_days, next_boundary

FINISHED_KEPT_MAX: Final = 2


def without_past(*, account: Account, today: date) -> Account:
    """Return the account without its oldest finished subscriptions, but for FINISHED_KEPT_MAX.

    An end that has not come may be withdrawn, a service that add-ons in use belong to is looked at
    with them, and one that was replaced may have paid for days of the period that is billed: they stay.
    """
    needed = {sub.parent for sub in account.subscriptions if not sub.finished}
    needed |= _paying(account)
    over = [
        sub
        for sub in account.subscriptions
        if sub.finished and sub.slot not in needed and sub.ends_on is not None and sub.ends_on <= today
    ]
    gone = {sub.slot for sub in over[: max(0, len(over) - FINISHED_KEPT_MAX)]}
    if not gone:
        return account
    used = max(account.slots_used, *(sub.slot for sub in account.subscriptions))
    kept = tuple(sub for sub in account.subscriptions if sub.slot not in gone)
    return replace(account, subscriptions=kept, slots_used=used)


def _paying(account: Account) -> set[int]:
    """Return the slots replaced in the last billed period of those in use: they may have paid it."""
    by_slot = {sub.slot: sub for sub in account.subscriptions}
    found: set[int] = set()
    for sub in account.subscriptions:
        if sub.finished:
            continue
        begins, before = _billed_period_start(sub), sub.replaces
        while before is not None and (old := by_slot.get(before)) is not None:
            if old.ends_on is None or old.ends_on <= begins:
                break
            found.add(old.slot)
            before = old.replaces
    return found


def _billed_period_start(sub: Subscription) -> date:
    """Return the first day of the cycle that the last billed day is of."""
    cycle, anchor_day = sub.cycle, sub.anchor_day
    last = sub.billed_to - timedelta(days=1)
    end = next_boundary(cycle=cycle, anchor_day=anchor_day, origin=sub.cycle_origin, after=last)
    return end - timedelta(days=full_period_days(cycle=cycle, anchor_day=anchor_day, boundary=end))
