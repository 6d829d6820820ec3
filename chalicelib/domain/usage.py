"""Data used in a period of a subscription, and what that means for its service and its bill.

Periods of use are those of the subscription's cycle, whole from anchor to anchor: pauses do
not cut them, only the start and the end of service do. What was carried over from the
period before is used first, then what the period includes, then what was topped up; so
only included data is ever carried over, and only into the next period.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, assert_never

from chalicelib.domain.accounts import (
    Account,
    ChargeKind,
    PendingCharge,
    Subscription,
    SubscriptionState,
)
from chalicelib.domain.charges import check_amount
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.money import CurrencyMismatch, round_half_up
from chalicelib.domain.packages import CapAction, DataCap, Package, PackageKind
from chalicelib.domain.periods import CycleUnit, Period, add_months, next_boundary

MIB_PER_GIB: Final = 1_024
# Periods that are looked back on for what is carried over, where none of them was closed.
ROLLOVER_PERIODS_MAX: Final = 24


class NoService(InvalidValue):
    """The subscription has no service on the date."""

    code = "no_service"


class NotAPeriod(InvalidValue):
    """No period of the subscription begins on the date."""

    code = "not_a_period"


class UsagePeriodOpen(Conflict):
    """The period, or one before it, is not over or not closed."""

    code = "usage_period_open"


class UsagePeriodClosed(Conflict):
    """The period is closed: what was used in it is billed."""

    code = "usage_period_closed"


class NotATopUp(InvalidValue):
    """The package is no top-up."""

    code = "not_a_top_up"


class NothingToTopUp(Conflict):
    """The subscription is not in service, or has no data cap."""

    code = "nothing_to_top_up"


class UsageState(StrEnum):
    """What the data used so far means for the service."""

    ALLOWED = "allowed"
    FAIR_USE = "fair_use"
    CHARGED = "charged"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Closing:
    """What was settled when a period was closed, in MiB."""

    carried_in_mib: int
    carried_out_mib: int


@dataclass(frozen=True, slots=True)
class PeriodUse:
    """What is recorded of the period that begins on ``start``.

    ``filed_on`` is the date whose run was last told to close it; None where no run was.
    """

    start: date
    up_mib: int = 0
    down_mib: int = 0
    topped_up_mib: int = 0
    closing: Closing | None = None
    filed_on: date | None = None

    @property
    def used_mib(self) -> int:
        """Both ways together."""
        return self.up_mib + self.down_mib


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """One report of data used; ``record_id`` is its sender's, so that none counts twice."""

    record_id: str
    up_mib: int
    down_mib: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subscription stands in a period; ``cap`` is None where data is not limited."""

    period: Period
    use: PeriodUse
    cap: DataCap | None
    included_mib: int
    carried_mib: int

    @property
    def allowance_mib(self) -> int:
        """What may be used before the cap's action comes."""
        return self.carried_mib + self.included_mib + self.use.topped_up_mib

    @property
    def over_mib(self) -> int:
        """What was used beyond the allowance; 0 where data is not limited."""
        return 0 if self.cap is None else max(0, self.use.used_mib - self.allowance_mib)

    @property
    def state(self) -> UsageState:
        """What comes now: the cap's action from when the allowance is used up."""
        if self.cap is None or self.use.used_mib < self.allowance_mib:
            return UsageState.ALLOWED
        match self.cap.action:
            case CapAction.BLOCK:
                return UsageState.BLOCKED
            case CapAction.FAIR_USE:
                return UsageState.FAIR_USE
            case CapAction.CHARGE:
                return UsageState.CHARGED
            case _:
                assert_never(self.cap.action)

    @property
    def overage(self) -> int:
        """The price before tax of what was used beyond, in minor units; by the MiB, half up."""
        price = None if self.cap is None else self.cap.overage_per_gib
        return overage_price(over_mib=self.over_mib, per_gib=price or 0)

    @property
    def carried_out_mib(self) -> int:
        """What the next period gets of this one's included data."""
        cap = self.cap
        if cap is None or not cap.rollover:
            return 0
        return max(0, self.included_mib - max(0, self.use.used_mib - self.carried_mib))


def overage_price(*, over_mib: int, per_gib: int) -> int:
    """Return the price of so many MiB at a price a GiB, in minor units, half up."""
    return round_half_up(numerator=over_mib * per_gib, denominator=MIB_PER_GIB)


def usage_period(*, subscription: Subscription, on: date) -> Period:
    """Return the period of use that a date falls in, or raise NoService."""
    ends_on = subscription.ends_on
    if on < subscription.starts_on or (ends_on is not None and on >= ends_on):
        raise NoService(f"there is no service on {on}", param="on")
    cycle, anchor_day, origin = subscription.cycle, subscription.anchor_day, subscription.cycle_origin
    end = next_boundary(cycle=cycle, anchor_day=anchor_day, origin=origin, after=on)
    if cycle.unit is CycleUnit.MONTH:
        start = add_months(origin=end, months=-cycle.count, anchor_day=anchor_day)
    else:
        start = end - timedelta(days=cycle.count * (7 if cycle.unit is CycleUnit.WEEK else 1))
    return Period(max(start, subscription.starts_on), end if ends_on is None else min(end, ends_on))


def standing(
    *,
    subscription: Subscription,
    on: date,
    uses: Mapping[date, PeriodUse],
    cap_on: Callable[[date], DataCap | None],
) -> Standing:
    """Return how a subscription stands in the period of a date, or raise NoService.

    ``uses`` are the recorded periods by their start, ``cap_on`` tells the cap of the period that
    starts on a date.
    """
    period = usage_period(subscription=subscription, on=on)
    later: list[Standing] = []
    while True:
        cap, use = cap_on(period.start), uses.get(period.start)
        included = 0 if cap is None else cap.included_mib * subscription.quantity
        found = Standing(period, use or PeriodUse(period.start), cap, included, 0)
        if use is not None and use.closing is not None:
            found = _carrying(found, use.closing.carried_in_mib)
            break
        # Where a package changed, the periods of the slot before are not this one's to carry over from.
        first = period.start <= subscription.starts_on
        if first or len(later) >= ROLLOVER_PERIODS_MAX or (use is None and later):
            break  # nothing is carried in, or it is not used: what is carried out is known
        later.append(found)
        period = usage_period(subscription=subscription, on=period.start - timedelta(days=1))
    for following in reversed(later):
        found = _carrying(following, found.carried_out_mib)
    return found


def _carrying(one: Standing, carried_mib: int) -> Standing:
    return Standing(one.period, one.use, one.cap, one.included_mib, carried_mib)


# -- closing -------------------------------------------------------------------------------


def file_on(*, period: Period, use: PeriodUse | None, cap: DataCap | None) -> date | None:
    """Return the date whose run is to close a period; None where that is known, or nothing is limited.

    It is the period's end, so that what was used beyond is on the bill of that day.
    """
    if cap is None or (use is not None and use.filed_on == period.end):
        return None
    return period.end


def due_closings(
    *,
    subscription: Subscription,
    on: date,
    uses: Mapping[date, PeriodUse],
    cap_on: Callable[[date], DataCap | None],
) -> tuple[Standing, ...]:
    """Return how the recorded periods stand that are over on a date and not closed, oldest first.

    Each carries in what the one before it carries out once that is closed as it stands here. Those
    in which nothing is recorded need no closing: what they carry on is known.
    """
    known, found = dict(uses), []
    for period in _open_periods(subscription, uses):
        if period.end > on:
            continue
        one = standing(subscription=subscription, on=period.start, uses=known, cap_on=cap_on)
        known[period.start] = replace(one.use, closing=Closing(one.carried_mib, one.carried_out_mib))
        found.append(one)
    return tuple(found)


def next_closing(*, subscription: Subscription, on: date, uses: Mapping[date, PeriodUse]) -> date | None:
    """Return when the first of the recorded periods is over that are not on a date; None without any."""
    ends = [period.end for period in _open_periods(subscription, uses) if period.end > on]
    return min(ends, default=None)


def _open_periods(subscription: Subscription, uses: Mapping[date, PeriodUse]) -> list[Period]:
    """Return the recorded periods that are not closed; what an end of service leaves out is none."""
    ends_on = subscription.ends_on
    return [
        usage_period(subscription=subscription, on=start)
        for start, use in sorted(uses.items())
        if use.closing is None and (ends_on is None or start < ends_on)
    ]


# -- what it costs -------------------------------------------------------------------------


def overage_charge(
    *, subscription: Subscription, package: Package, standing: Standing
) -> PendingCharge | None:
    """Return the charge for what was used beyond the cap in a period that is over; None for nothing.

    It is keyed by subscription and period. Raises AmountOutOfRange.
    """
    amount = standing.overage
    if not amount:
        return None
    check_amount(amount=amount)
    period = standing.period
    whole, part = divmod(overage_price(over_mib=standing.over_mib, per_gib=100), 100)
    return PendingCharge(
        key=f"use:{subscription.slot}:{period.start.isoformat()}",
        kind=ChargeKind.USAGE,
        description=f"{package.name}: {whole}.{part:02d} GiB more, {period.start} to {period.end}",
        unit_price=amount,
        quantity=1,
        tax_group=package.tax_group,
        on=period.end,
        slot=subscription.slot,
    )


def top_up_charge(
    *, account: Account, subscription: Subscription, package: Package, on: date
) -> PendingCharge | None:
    """Return the charge of a top-up bought on a date; None where it is free.

    Raises PackageArchived, NotATopUp, CurrencyMismatch, or NothingToTopUp where there is no service.
    """
    if package.kind is not PackageKind.TOP_UP:
        raise NotATopUp(f"{package.name!r} is no top-up", param="package_id")
    package.require_on_sale()
    if package.price.currency != account.currency:
        message = f"the package is priced in {package.price.currency}, the account in {account.currency}"
        raise CurrencyMismatch(message, param="package_id")
    if subscription.state is not SubscriptionState.ACTIVE:
        raise NothingToTopUp(f"the subscription is {subscription.state}", param="subscription_id")
    if not package.price.amount:
        return None
    return PendingCharge(
        # The account's version moves with it, so that a day may have several.
        key=f"top:{subscription.slot}:{account.version}",
        kind=ChargeKind.TOP_UP,
        description=package.name,
        unit_price=package.price.amount,
        quantity=1,
        tax_group=package.tax_group,
        on=on,
        slot=subscription.slot,
    )
