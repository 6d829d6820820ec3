"""What is due for an account on a date: pure, so that a run, a retry and a preview agree."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

from chalicelib.domain.accounts import (
    Account,
    ChargeKind,
    PendingCharge,
    Subscription,
    SubscriptionState,
)
from chalicelib.domain.catalogue import Catalogue, CatalogueMismatch
from chalicelib.domain.charges import (
    bundle_lines,
    cycle_price,
    line_key,
    line_of,
    pending_line,
    proportion,
)
from chalicelib.domain.invoices import InvoiceLine
from chalicelib.domain.periods import BillingTiming, Period, bill_date, period_from
from chalicelib.domain.records import record


class SkipReason(StrEnum):
    """Why a subscription that was looked at is not invoiced."""

    NOT_DUE = "not_due"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    PENDING = "pending"
    TERMINATED = "terminated"
    GONE = "gone"


@record
class DueCharge:
    """One period of one subscription, to be invoiced: ``billed_on`` groups what goes on one invoice."""

    slot: int
    lines: tuple[InvoiceLine, ...]
    billed_on: date
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
        origin=subscription.cycle_origin,
        start=start,
    )
    halted = subscription.paused_on
    if halted is not None and start < halted and (stop is None or halted < stop):
        stop = halted  # paused at a price of its own: a period of each price
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
    if reason is None or subscription.billed_while_paused:
        return None
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
    lines = charge_lines(account=account, subscription=subscription, period=period, catalogue=catalogue)
    billed_on = bill_date(period=period, timing=subscription.timing)
    return DueCharge(subscription.slot, lines, billed_on, period.end)


def charge_lines(
    *, account: Account, subscription: Subscription, period: Period, catalogue: Catalogue
) -> tuple[InvoiceLine, ...]:
    """Return the lines that a period of a subscription comes to: one, or those of a bundle's parts.

    Raises CatalogueMismatch, TaxRateMissing or AmountOutOfRange.
    """
    package = catalogue.package(
        package_id=subscription.package_id, edition=subscription.edition, on=period.start
    )
    if package.price.currency != account.currency:
        raise CatalogueMismatch(f"package {subscription.package_id} is priced in {package.price.currency}")
    profile, on = account.tax, tax_point(period=period, timing=subscription.timing)
    part = proportion(subscription=subscription, period=period)
    price = cycle_price(subscription=subscription, package=package, start=period.start)
    key = line_key(
        subscription=subscription,
        package=package,
        period=period,
        part=part,
        price=price,
        profile=profile,
        tax_point=on,
    )
    line = catalogue.kept_line(key=key)
    if line is None:
        group = None if package.bundle else package.tax_group
        line = line_of(
            subscription=subscription,
            package=package,
            period=period,
            part=part,
            price=price,
            rule=catalogue.tax_rule(group=group, jurisdiction=profile.jurisdiction, on=on),
            profile=profile,
            tax_point=on,
        )
        catalogue.keep_line(key=key, line=line)
    if not package.bundle:
        return (line,)
    rules = [
        catalogue.tax_rule(group=part.tax_group, jurisdiction=profile.jurisdiction, on=on)
        for part in package.bundle
    ]
    return tuple(bundle_lines(line=line, package=package, rules=rules, profile=profile, tax_point=on))


def pending_charge_line(
    *, account: Account, charge: PendingCharge, on: date, catalogue: Catalogue
) -> InvoiceLine:
    """Return the line of a pending charge billed on a date; raises as ``charge_lines`` does."""
    group = None if charge.kind is ChargeKind.DEPOSIT else charge.tax_group
    rule = catalogue.tax_rule(group=group, jurisdiction=account.tax.jurisdiction, on=on)
    return pending_line(charge=charge, on=on, rule=rule, profile=account.tax)


def tax_point(*, period: Period, timing: BillingTiming) -> date:
    """Return the date whose tax rates apply: when the period was to be billed.

    A run that catches up after a rate change therefore charges the rate of the day that was
    missed, never of the day on which it was made good.
    """
    return bill_date(period=period, timing=timing)
