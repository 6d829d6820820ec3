"""Subscriptions that are over: they leave the account, which is written with every invoice.

The newest few stay for those who look at the account; the others are kept by themselves.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

from chalicelib.domain.accounts import Account

FINISHED_KEPT_MAX: Final = 2


def without_past(*, account: Account, today: date) -> Account:
    """Return the account without its oldest finished subscriptions, but for FINISHED_KEPT_MAX.

    An end that has not come may be withdrawn, and a service that add-ons in use belong to is
    looked at with them: both stay.
    """
    needed = {sub.parent for sub in account.subscriptions if not sub.finished}
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
