"""Closing the periods of use that are over, day by day, before the bills of the day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Final

from chalicelib.domain.accounts import Account, Subscription, subscription_id
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.errors import Busy, DomainError, StaleVersion
from chalicelib.domain.packages import DataCap, Package
from chalicelib.domain.pending_charges import with_charges
from chalicelib.domain.runs import QuarantinedSubscription, RunShard
from chalicelib.domain.usage import (
    ROLLOVER_PERIODS_MAX,
    Standing,
    due_closings,
    next_closing,
    overage_charge,
)
from chalicelib.ports.billing import BillingBooks, ProgressMoved
from chalicelib.ports.store import AuditNote, TenantStore, Write
from chalicelib.ports.usage import ClosingDue, ClosingTaken, UsageMoved
from chalicelib.usecases.billing import load_catalogue
from chalicelib.usecases.billing_shard import ShardTaken

CLOSE_ATTEMPTS_MAX: Final = 6
ACCOUNTS_PER_READ: Final = 100
# About four minutes of three requests each; what is left is gone on with by the shard's next message.
CLOSINGS_PER_PASS_MAX: Final = 5_000


@dataclass(frozen=True, slots=True)
class UsagePass:
    """The closing of what is over on a date in a shard; it may be ended anywhere and done again.

    ``passing`` are the refusals that another try mends.
    """

    store: TenantStore
    books: BillingBooks
    on: date
    shard: RunShard
    at: datetime
    out_of_time: Callable[[], bool]
    passing: tuple[type[DomainError], ...] = (Busy,)
    closings_max: int = CLOSINGS_PER_PASS_MAX


def close_due_usage(*, work: UsagePass) -> bool:
    """Close what is over on a date, oldest first; return whether all of the shard is done.

    A subscription's closings are one transaction, which takes it from the file: done again, or
    twice at once, nothing is charged twice. What is ``passing`` is raised, for the work is to be
    done again; a subscription that no retry mends is set aside in the run ledger, so that it stops
    no other. Raises ShardTaken where another worker bills the shard already.
    """
    filed = work.store.usage.due(through=work.on, shard=work.shard)
    left, catalogue = work.closings_max, None
    while some := list(islice(filed, ACCOUNTS_PER_READ)):
        if catalogue is None:
            catalogue = load_catalogue(tenant=work.store.profile(), store=work.store)
        reads = work.books.accounts(account_ids=list(dict.fromkeys(due.account_id for due in some)))
        for due in some:
            if not left or work.out_of_time():
                return False
            left -= 1
            read = reads.get(due.account_id)
            try:
                _close(work, catalogue, due, None if read is None else read.account)
            except DomainError as error:
                if isinstance(error, work.passing):
                    raise
                _set_aside(work, due, error)
    return True


def _close(work: UsagePass, catalogue: Catalogue, due: ClosingDue, account: Account | None) -> None:
    """Close what is over of one subscription, from what stands now."""
    for _ in range(CLOSE_ATTEMPTS_MAX):
        try:
            work.store.commit(*_closing(work, catalogue, due, account))
        except (StaleVersion, UsageMoved):
            read = work.books.accounts(account_ids=[due.account_id]).get(due.account_id)
            account = None if read is None else read.account
        else:
            return
    raise Busy("the account kept changing")


def _closing(work: UsagePass, catalogue: Catalogue, due: ClosingDue, account: Account | None) -> list[Write]:
    """Describe closing what is over, charging it, and filing what is not over yet for its own end."""
    store, account_id, slot = work.store, due.account_id, due.slot
    writes: list[Write] = [store.usage.done(due=due)]
    subscription = None if account is None else _subscription(store, account, slot)
    if account is None or subscription is None:
        return writes
    prices = _Prices(catalogue, subscription)
    uses = store.usage.periods(
        account_id=account_id, slot=slot, through=work.on, limit=ROLLOVER_PERIODS_MAX + 2
    )
    following = next_closing(subscription=subscription, on=work.on, uses=uses)
    if following is not None:
        writes.append(store.usage.file(account_id=account_id, slot=slot, on=following))
    found = due_closings(subscription=subscription, on=work.on, uses=uses, cap_on=prices.cap_on)
    if not found:
        return writes
    for one in found:
        writes += store.usage.close(account_id=account_id, slot=slot, standing=one)
    charges = [
        charge
        for one in found
        if (
            charge := overage_charge(
                subscription=subscription, package=prices.package_on(one.period.start), standing=one
            )
        )
    ]
    if charges:
        after = with_charges(account=account, charges=charges)
        writes += store.subscribers.change_account(before=account, after=after)
    return [*writes, store.note(note=_note(work, due, found))]


@dataclass(frozen=True, slots=True)
class _Prices:
    """What a subscription's periods are closed by."""

    catalogue: Catalogue
    subscription: Subscription

    def package_on(self, on: date) -> Package:
        sub = self.subscription
        return self.catalogue.package(package_id=sub.package_id, edition=sub.edition, on=on)

    def cap_on(self, on: date) -> DataCap | None:
        return self.package_on(on).cap


def _subscription(store: TenantStore, account: Account, slot: int) -> Subscription | None:
    """Return a subscription of an account, or one that is over and left it."""
    found = account.subscription(slot=slot)
    if found is not None:
        return found
    past = store.subscribers.past_subscriptions(account_id=account.account_id, slot=slot)
    return past[0] if past else None


def _note(work: UsagePass, due: ClosingDue, found: tuple[Standing, ...]) -> AuditNote:
    told = [
        {
            "period_start": one.period.start.isoformat(),
            "used_mib": one.use.used_mib,
            "over_mib": one.over_mib,
            "amount": one.overage,
        }
        for one in found
    ]
    object_id = subscription_id(account_id=due.account_id, slot=due.slot)
    return AuditNote("system", "usage.closed", object_id, work.at, details={"periods": told})


def _set_aside(work: UsagePass, due: ClosingDue, error: DomainError) -> None:
    """Say in the run ledger why a subscription's use is not closed; a retry files it again."""
    progress = work.books.progress(on=work.on, shard=work.shard)
    if progress.begun:
        raise ShardTaken("another worker is billing this shard")
    held = QuarantinedSubscription(
        account_id=due.account_id,
        slot=due.slot,
        code=error.code,
        message=f"its use of data is not closed: {error.message}",
        at=work.at,
        of_usage=True,
    )
    try:
        work.store.commit(
            *work.store.runs.hold_usage(on=work.on, progress=progress, held=held),
            work.store.usage.done(due=due, once=True),
        )
    except ClosingTaken:
        return
    except ProgressMoved:
        raise ShardTaken("another worker is at this shard") from None
