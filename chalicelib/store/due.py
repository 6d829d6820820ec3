"""Where due subscriptions are found: one small item each, filed once under its anchor bucket.

These are items of the base table and no index, so that a run reads them strongly consistent
and issuing an invoice rewrites nothing here. The sort key begins with the shard (two hex
digits of the account's CRC-32), so that a worker takes a range of it.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from chalicelib.domain.accounts import CHARGES_SLOT, Account, Subscription
from chalicelib.domain.billing_state import BillingState
from chalicelib.domain.errors import Busy
from chalicelib.domain.periods import date_bucket
from chalicelib.domain.subscriptions import besides_on, bill_dates, bucket_of
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, check, delete, put
from chalicelib.store.billing_state import BillingStateItem, BillingStates

# Runs of the next so many dates might start between reading the state and the commit: where
# scheduling was down they catch up one after another.
GUARDED_DAYS: Final = 7


class DueItem(TenantsItem):
    """``<tenant>#DUE#<bucket>`` / ``<shard>#<account ULID>-<slot>``; its key says it all."""


def due_sort_key(*, account_id: str, slot: int) -> str:
    """Return the sort key under which a subscription is filed."""
    ulid = account_id.removeprefix("sbr_")
    return f"{crc32(ulid.encode()) & 0xFF:02x}#{ulid}-{slot}"


class DueFiling(OfTenant):
    """Files a tenant's subscriptions."""

    def __init__(self, *, tenant_id: str, states: BillingStates) -> None:
        self._tenant_id = tenant_id
        self._states = states

    def file(self, *, before: Account | None, after: Account) -> Sequence[ModelWrite]:
        """Describe what a change of subscriptions or pending charges files and takes from the files.

        A subscription with a bill on a date on which its anchor is not looked at (a first
        period before the anchor, a resumption, an end of service), or on one that runs have
        already started for, is filed besides under that date or the next that none has.
        Refused with Busy where a run starts meanwhile.
        """
        writes: list[ModelWrite] = []
        old = {sub.slot: sub for sub in before.subscriptions} if before else {}
        changed = [sub for sub in after.subscriptions if old.get(sub.slot) != sub]
        for sub in changed:
            writes += self._refile(after.account_id, old.get(sub.slot), sub)
            writes += self._besides(after.account_id, sub)
        kept = {sub.slot for sub in after.subscriptions}
        writes += [self._unfile(after.account_id, sub) for slot, sub in old.items() if slot not in kept]
        charges = self._new_charges(before, after)
        writes += [
            _file_on(tenant_id=self._tenant_id, on=on, account_id=after.account_id, slot=CHARGES_SLOT)
            for on in charges
        ]
        if any(map(self._near, charges)) or any(map(self._bills_soon, changed)):
            writes.append(unmoved(tenant_id=self._tenant_id, state=self._states.get()))
        return writes

    def _new_charges(self, before: Account | None, after: Account) -> list[date]:
        """Return the dates under which new pending charges are filed, each once."""
        old = before.charges if before else ()
        new = [charge for charge in after.charges if charge not in old]
        if not new:
            return []
        first_open = self._states.get().started_through + timedelta(days=1)
        return sorted({max(charge.on, first_open) for charge in new})

    def _besides(self, account_id: str, sub: Subscription) -> list[ModelWrite]:
        first_open = self._states.get().started_through + timedelta(days=1)
        return [
            _file_on(tenant_id=self._tenant_id, on=on, account_id=account_id, slot=sub.slot)
            for on in besides_on(subscription=sub, first_open=first_open)
        ]

    def _bills_soon(self, sub: Subscription) -> bool:
        return any(map(self._near, bill_dates(subscription=sub)))

    def _near(self, on: date) -> bool:
        return on <= self._states.get().started_through + timedelta(days=GUARDED_DAYS)

    def _refile(self, account_id: str, previous: Subscription | None, sub: Subscription) -> list[ModelWrite]:
        sort = due_sort_key(account_id=account_id, slot=sub.slot)
        was = None if previous is None or previous.finished else bucket_of(subscription=previous)
        now = None if sub.finished else bucket_of(subscription=sub)
        writes: list[ModelWrite] = []
        if was is not None and was != now:
            writes.append(delete(DueItem(keys.due(self._tenant_id, was), sort)))
        if now is not None and was != now:
            item = DueItem(keys.due(self._tenant_id, now), sort)
            writes.append(put(item, condition=None, refused=Busy("the due list changed meanwhile")))
        return writes

    def _unfile(self, account_id: str, sub: Subscription) -> ModelWrite:
        bucket = keys.due(self._tenant_id, bucket_of(subscription=sub))
        return delete(DueItem(bucket, due_sort_key(account_id=account_id, slot=sub.slot)))


def unmoved(*, tenant_id: str, state: BillingState) -> ModelWrite:
    """Describe the condition that no run starts between reading ``state`` and the commit."""
    return check(
        BillingStateItem,
        keys.billing(tenant_id),
        keys.STATE,
        condition=BillingStateItem.started_through == state.started_through.isoformat(),
        refused=Busy("a billing run started meanwhile; nothing was written, so try again"),
    )


def file_for_next_run(*, tenant_id: str, state: BillingState, account_id: str, slot: int) -> ModelWrite:
    """Describe filing a subscription under the next date that no run has started for."""
    return _file_on(
        tenant_id=tenant_id, on=state.started_through + timedelta(days=1), account_id=account_id, slot=slot
    )


def _file_on(*, tenant_id: str, on: date, account_id: str, slot: int) -> ModelWrite:
    item = DueItem(keys.due(tenant_id, date_bucket(on=on)), due_sort_key(account_id=account_id, slot=slot))
    return put(item, condition=None, refused=Busy("the due list changed meanwhile"))
