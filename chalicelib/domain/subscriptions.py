"""Subscribing, and what may change in a subscription afterwards.

Days on which a subscription is paused, suspended or pending are not billed. What was served
before is billed up to the pause; when service resumes, the next period begins that day, short
up to the next boundary and charged by the day. ``billed_to`` therefore only ever grows, and a
day is never billed twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.domain.accounts import (
    Account,
    InvalidTransition,
    Subscription,
    SubscriptionState,
    change_state,
)
from chalicelib.domain.addons import check_sold_as
from chalicelib.domain.billing import next_bill_date, tax_point
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.money import CurrencyMismatch, Money
from chalicelib.domain.packages import Package, check_price
from chalicelib.domain.periods import (
    BillingTiming,
    anchor_bucket,
    check_anchor,
    default_anchor,
    due_buckets,
    period_from,
)
from chalicelib.domain.taxes import TaxGroup, TaxRateMissing

START_DAYS_BACK_MAX: Final = 366
START_DAYS_AHEAD_MAX: Final = 366
END_DAYS_AHEAD_MAX: Final = 366


class BillingBehind(Conflict):
    """Days before the pause are not billed yet; the next run bills them."""

    code = "billing_behind"


class StartOutOfRange(InvalidValue):
    """The start lies too far in the past or in the future."""

    code = "start_out_of_range"


class EndOutOfRange(InvalidValue):
    """The end lies before the start, or too far in the future."""

    code = "end_out_of_range"


def subscribe(
    *,
    account: Account,
    package: Package,
    starts_on: date,
    anchor_day: int | None = None,
    price_override: Money | None = None,
    state: SubscriptionState = SubscriptionState.ACTIVE,
    parent: Subscription | None = None,
) -> Subscription:
    """Return a new subscription of the account; its first period begins on ``starts_on``.

    A start in the future is active at once, for nothing is billed before its first period;
    ``PENDING`` is for service that waits for something else, such as the installation.
    ``parent`` is the service of the same account that an add-on is sold beside. Raises
    PackageArchived, NotSubscribable, InvalidParent, CurrencyMismatch, InvalidAnchor,
    InvalidPrice, TooManySubscriptions.
    """
    assert state in {SubscriptionState.ACTIVE, SubscriptionState.PENDING}, "how a subscription begins"
    package.require_on_sale()
    check_sold_as(package=package, parent=parent, starts_on=starts_on)
    if package.price.currency != account.currency:
        message = f"the package is priced in {package.price.currency}, the account in {account.currency}"
        raise CurrencyMismatch(message, param="package_id")
    anchor = default_anchor(cycle=package.cycle, start=starts_on) if anchor_day is None else anchor_day
    check_anchor(cycle=package.cycle, anchor_day=anchor)
    return Subscription(
        slot=account.next_slot(),
        package_id=package.package_id,
        state=state,
        starts_on=starts_on,
        anchor_day=anchor,
        cycle=package.cycle,
        timing=package.timing,
        billed_to=starts_on,
        price_override=override_of(account=account, price=price_override),
        edition=package.edition,
        parent=None if parent is None else parent.slot,
        pause_share=package.pause_share,
    )


def check_start(*, starts_on: date, today: date) -> None:
    """Raise StartOutOfRange unless the start is within a year or so of ``today``."""
    earliest = today - timedelta(days=START_DAYS_BACK_MAX)
    latest = today + timedelta(days=START_DAYS_AHEAD_MAX)
    if not earliest <= starts_on <= latest:
        raise StartOutOfRange(f"a start lies between {earliest} and {latest}", param="starts_on")


def check_tax(
    *,
    package: Package,
    starts_on: date,
    anchor_day: int | None,
    tax_groups: Sequence[TaxGroup],
    jurisdiction: str = "",
) -> None:
    """Raise TaxRateMissing where the package's taxes have no rate on the first bill's date and place."""
    codes = {part.tax_group for part in package.bundle} or {package.tax_group}
    groups = [group for group in tax_groups if group.code in codes]
    anchor = default_anchor(cycle=package.cycle, start=starts_on) if anchor_day is None else anchor_day
    first = period_from(cycle=package.cycle, anchor_day=anchor, origin=starts_on, start=starts_on)
    try:
        for group in groups:
            group.components_on(on=tax_point(period=first, timing=package.timing), jurisdiction=jurisdiction)
    except TaxRateMissing as error:
        raise TaxRateMissing(f"{error.message}, of the first bill", param="starts_on") from None


def override_of(*, account: Account, price: Money | None) -> int | None:
    """Return a price of its own in minor units, or raise CurrencyMismatch or InvalidPrice."""
    if price is None:
        return None
    if price.currency != account.currency:
        message = f"the account is in {account.currency}"
        raise CurrencyMismatch(message, param="price_override.currency")
    check_price(price=price, param="price_override.amount")
    return price.amount


def halt(*, subscription: Subscription, to: SubscriptionState, on: date) -> Subscription:
    """Return the subscription paused or suspended; ``on`` is the first day without service."""
    assert to in {SubscriptionState.PAUSED, SubscriptionState.SUSPENDED}
    return replace(change_state(subscription=subscription, to=to), paused_on=on, for_non_payment=False)


class SuspensionReason(StrEnum):
    """Why a subscription is suspended; what is for non-payment comes back by itself when that is paid."""

    NON_PAYMENT = "non_payment"
    OTHER = "other"


def suspended_because(*, subscription: Subscription, reason: SuspensionReason | None) -> Subscription:
    """Return a suspended subscription with a reason, if one is given; raise InvalidValue for any other."""
    if reason is None:
        return subscription
    if subscription.state is not SubscriptionState.SUSPENDED:
        raise InvalidValue("suspended_for belongs to the state suspended", param="suspended_for")
    return replace(subscription, for_non_payment=reason is SuspensionReason.NON_PAYMENT)


def suspension_reason(*, subscription: Subscription) -> SuspensionReason | None:
    """Return why a subscription is suspended; None where it is not."""
    if subscription.state is not SubscriptionState.SUSPENDED:
        return None
    return SuspensionReason.NON_PAYMENT if subscription.for_non_payment else SuspensionReason.OTHER


def resume(*, subscription: Subscription, on: date) -> Subscription:
    """Return the subscription in service again from ``on``; days since the pause are not billed.

    An end that has not come is withdrawn: service goes on, and so do its periods. Raises
    BillingBehind where days before the pause wait to be billed, or InvalidTransition.
    """
    _require_not_ended(subscription, to=SubscriptionState.ACTIVE, today=on)
    moved = change_state(subscription=subscription, to=SubscriptionState.ACTIVE)
    active = replace(moved, paused_on=None, ends_on=None, for_non_payment=False)
    halted = subscription.paused_on
    if halted is not None and on <= halted:
        return active
    if halted is None and subscription.state is SubscriptionState.TERMINATED:
        return active
    if halted is not None and subscription.billed_to < halted:
        message = f"the days before {halted} are not billed yet: try again after the next billing run"
        raise BillingBehind(message, param="state")
    return replace(active, billed_to=max(active.billed_to, on))


def terminate(*, subscription: Subscription, ends_on: date, today: date) -> Subscription:
    """Return the subscription ended: ``ends_on`` is the first day without service.

    Days in service up to it are billed as any, by the rules of the subscription's timing. An
    end that has not come may be moved. What is paused ends today or before: days of a pause are
    settled when it is over, and nobody comes back on the day of an announced end to do so. Raises
    EndOutOfRange or InvalidTransition.
    """
    _require_not_ended(subscription, to=SubscriptionState.TERMINATED, today=today)
    if subscription.state is SubscriptionState.PAUSED and ends_on > max(today, subscription.starts_on):
        message = "a paused subscription ends today or before: make it active first to end it later"
        raise InvalidTransition(message, param="ends_on")
    latest = today + timedelta(days=END_DAYS_AHEAD_MAX)
    if not subscription.starts_on <= ends_on <= latest:
        message = f"an end lies between {subscription.starts_on} and {latest}"
        raise EndOutOfRange(message, param="ends_on")
    ended = change_state(subscription=subscription, to=SubscriptionState.TERMINATED, ends_on=ends_on)
    if subscription.state is SubscriptionState.PENDING:  # it was never in service
        return replace(ended, paused_on=ended.billed_to)
    return ended


def _require_not_ended(subscription: Subscription, *, to: SubscriptionState, today: date) -> None:
    ends_on = subscription.ends_on
    if subscription.state is SubscriptionState.TERMINATED and (ends_on is None or ends_on <= today):
        raise InvalidTransition(f"service has ended: it cannot become {to}", param="state")


def unserved_days(*, subscription: Subscription, on: date) -> int:
    """Return how many days of the pause that ends ``on`` were billed before it; none are credited yet."""
    halted = subscription.paused_on
    return 0 if halted is None else max(0, (min(subscription.billed_to, on) - halted).days)


def move(
    *, subscription: Subscription, to: SubscriptionState, today: date, ends_on: date | None = None
) -> Subscription:
    """Return the subscription in another state from ``today``, or raise InvalidTransition.

    ``ends_on`` belongs to a termination, and is ``today`` unless given.
    """
    if ends_on is not None and to is not SubscriptionState.TERMINATED:
        raise InvalidValue("ends_on belongs to the state terminated", param="ends_on")
    if to is SubscriptionState.TERMINATED:
        end = max(today, subscription.starts_on) if ends_on is None else ends_on
        return terminate(subscription=subscription, ends_on=end, today=today)
    if to is SubscriptionState.ACTIVE:
        return resume(subscription=subscription, on=today)
    if to is SubscriptionState.PENDING:
        raise InvalidTransition(f"a {subscription.state} subscription cannot become {to}", param="state")
    return halt(subscription=subscription, to=to, on=today)


# -- being found by billing runs -----------------------------------------------------------


def bucket_of(*, subscription: Subscription) -> str:
    """Return the bucket under which a subscription is filed for as long as it is billed."""
    return anchor_bucket(
        cycle=subscription.cycle, anchor_day=subscription.anchor_day, origin=subscription.cycle_origin
    )


def bill_dates(*, subscription: Subscription) -> tuple[date, ...]:
    """Return the dates of the bills that an anchor may miss: the next one and, in arrears, the last.

    In advance each bill after the next is on a boundary. In arrears the one that an end or a
    pause cuts short is on that day, which may be periods away: where the end is announced, or
    where runs have yet to catch up to the pause. Empty where nothing is billed.
    """
    on, stop = next_bill_date(subscription=subscription), subscription.stops_on
    if on is None:
        return ()
    last = stop if subscription.timing is BillingTiming.ARREARS else None
    return (on,) if last is None or last == on else (on, last)


def besides_on(*, subscription: Subscription, first_open: date) -> tuple[date, ...]:
    """Return the dates on which a run must look at the subscription though its bucket is not due.

    They are of ``bill_dates``, or ``first_open``, the first that no run has started for, where
    those have passed: a first period before the anchor, a resumption, an end of service. Empty
    where the bucket is looked at in time, or nothing is billed.
    """
    bucket = bucket_of(subscription=subscription)
    looks = sorted({max(on, first_open) for on in bill_dates(subscription=subscription)})
    return tuple(look for look in looks if bucket not in due_buckets(on=look))
