"""What is due for an account on a date: pure, so that a run, a retry and a preview agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Final

from chalicelib.domain.accounts import Account, Subscription, SubscriptionState
from chalicelib.domain.errors import DomainError
from chalicelib.domain.invoices import InvoiceLine, charge_line
from chalicelib.domain.packages import Package
from chalicelib.domain.periods import BillingTiming, Period, bill_date, period_from
from chalicelib.domain.taxes import TaxComponent, TaxGroup


class SkipReason(StrEnum):
    """Why a subscription that was looked at is not invoiced."""

    NOT_DUE = "not_due"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    PENDING = "pending"
    TERMINATED = "terminated"
    GONE = "gone"


class CatalogueMismatch(DomainError):
    """A subscription names a package or tax group that the catalogue does not hold."""

    code = "catalogue_mismatch"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a run needs besides the accounts: read once a shard."""

    packages: Mapping[str, Package]
    tax_groups: Mapping[str, TaxGroup]


@dataclass(frozen=True, slots=True)
class DueCharge:
    """One period of one subscription, to be invoiced; ``advance`` is the new ``billed_to``."""

    slot: int
    line: InvoiceLine
    billed_from: date
    billed_to: date


_NOT_BILLED: Final = {
    SubscriptionState.PENDING: SkipReason.PENDING,
    SubscriptionState.PAUSED: SkipReason.PAUSED,
    SubscriptionState.SUSPENDED: SkipReason.SUSPENDED,
}


def next_period(*, subscription: Subscription) -> Period | None:
    """Return the next unbilled period, cut where service ends or halts; None when there is none."""
    start, stop = subscription.billed_to, subscription.stops_on
    if stop is not None and start >= stop:
        return None
    period = period_from(
        cycle=subscription.cycle,
        anchor_day=subscription.anchor_day,
        origin=subscription.starts_on,
        start=start,
    )
    return Period(start, stop) if stop is not None and stop < period.end else period


def next_bill_date(*, subscription: Subscription) -> date | None:
    """Return the date on which the next unbilled period is billed; None where, as things stand, none is."""
    if not_billed(subscription=subscription) is not None:
        return None
    period = next_period(subscription=subscription)
    return None if period is None else bill_date(period=period, timing=subscription.timing)


def not_billed(*, subscription: Subscription) -> SkipReason | None:
    """Return why the subscription's state keeps it from being billed; None where it does not.

    What was in service before a pause is billed still.
    """
    reason = _NOT_BILLED.get(subscription.state)
    halted = subscription.paused_on
    return None if halted is not None and subscription.billed_to < halted else reason


def due_charge(
    *, account: Account, subscription: Subscription, on: date, catalogue: Catalogue
) -> DueCharge | SkipReason:
    """Return the oldest period due on or before ``on``, or why there is none.

    Raises CatalogueMismatch, TaxRateMissing, CurrencyMismatch or AmountOutOfRange where the
    account cannot be billed: the run quarantines it.
    """
    reason = not_billed(subscription=subscription)
    if reason is not None:
        return reason
    if subscription.billed_to > on:  # no period is billed before it starts
        return SkipReason.NOT_DUE
    period = next_period(subscription=subscription)
    if period is None:
        return SkipReason.TERMINATED
    if bill_date(period=period, timing=subscription.timing) > on:
        return SkipReason.NOT_DUE
    package = catalogue.packages.get(subscription.package_id)
    if package is None:
        raise CatalogueMismatch(f"package {subscription.package_id} does not exist")
    if package.price.currency != account.currency:
        raise CatalogueMismatch(f"package {subscription.package_id} is priced in {package.price.currency}")
    components: tuple[TaxComponent, ...] = ()
    if package.tax_group is not None:
        group = catalogue.tax_groups.get(package.tax_group)
        if group is None:
            raise CatalogueMismatch(f"tax group {package.tax_group!r} does not exist")
        components = group.components_on(on=tax_point(period=period, timing=subscription.timing))
    line = charge_line(subscription=subscription, package=package, period=period, components=components)
    return DueCharge(slot=subscription.slot, line=line, billed_from=period.start, billed_to=period.end)


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A subscription that could not be billed, and why."""

    slot: int
    code: str
    message: str


@dataclass(slots=True)
class AccountBill:
    """What one account comes to on a date: the charges, the account after them, and the rest.

    Each slot that was asked for ends in exactly one of ``billed``, ``skipped``, ``quarantined``,
    or, where the invoices of one batch did not suffice, in ``unfinished``.
    """

    after: Account | None = None
    charges: list[DueCharge] = field(default_factory=list)
    billed: list[int] = field(default_factory=list)
    skipped: list[tuple[int, SkipReason]] = field(default_factory=list)
    quarantined: list[Quarantine] = field(default_factory=list)
    unfinished: bool = False


def bill_account(
    *, account: Account, slots: Sequence[int], on: date, catalogue: Catalogue, charges_max: int
) -> AccountBill:
    """Bill every period due on or before ``on`` of the subscriptions in ``slots``, oldest first.

    A subscription that raises is quarantined alone. At most ``charges_max`` charges are made;
    where that cuts a subscription short, the bill is ``unfinished`` and the rest comes next.
    """
    bill = AccountBill()
    after = account
    for slot in slots:
        room = charges_max - len(bill.charges)
        if room <= 0:
            bill.unfinished = True
            break
        try:
            outcome = _due_charges(account, slot, on, catalogue, room)
        except DomainError as error:
            bill.quarantined.append(Quarantine(slot, error.code, error.message))
            continue
        if isinstance(outcome, SkipReason):
            bill.skipped.append((slot, outcome))
            continue
        charges, subscription, more = outcome
        bill.charges += charges
        after = after.with_subscription(subscription=subscription)
        if more:
            bill.unfinished = True
            break
        bill.billed.append(slot)
    owed = after.balance + sum(charge.line.total for charge in bill.charges)
    bill.after = replace(after, balance=owed, version=account.version + 1)
    return bill


def _due_charges(
    account: Account, slot: int, on: date, catalogue: Catalogue, limit: int
) -> tuple[list[DueCharge], Subscription, bool] | SkipReason:
    """Return the charges, the subscription after them, and whether more is due."""
    subscription = account.subscription(slot=slot)
    if subscription is None:
        return SkipReason.GONE
    charges: list[DueCharge] = []
    while True:
        outcome = due_charge(account=account, subscription=subscription, on=on, catalogue=catalogue)
        if isinstance(outcome, SkipReason):
            return (charges, subscription, False) if charges else outcome
        if len(charges) == limit:
            return charges, subscription, True
        charges.append(outcome)
        subscription = replace(subscription, billed_to=outcome.billed_to)


def tax_point(*, period: Period, timing: BillingTiming) -> date:
    """Return the date whose tax rates apply: when the period was to be billed.

    A run that catches up after a rate change therefore charges the rate of the day that was
    missed, never of the day on which it was made good.
    """
    return bill_date(period=period, timing=timing)
