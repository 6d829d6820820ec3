"""What a charge comes to: price, days, discounts and taxes, with the trace of how.

The trace is a few short codes a line, kept with the invoice and put into words by
``domain.traces``: ``e3`` edition 3 of the package, ``p:Trial`` its phase, ``own`` a price of the
subscription's own, ``pause:250000`` a share of the price while paused, ``d:CODE:1200`` a
discount and what it took off, ``q2`` a quantity, ``b:1/3`` a part of a bundle's price, ``c:KEY`` the
pending charge, ``t:internet:2026-07-01:PK-SD`` the tax row, ``x:ait:EX-77`` a tax
not charged for an exemption, and its certificate, ``incl`` taxes contained in the price, ``r:100`` a
rounding.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from chalicelib.domain.accounts import ChargeKind, Discount, PendingCharge, Subscription
from chalicelib.domain.catalogue import TaxRule, phase_of
from chalicelib.domain.invoices import AmountOutOfRange, InvoiceLine
from chalicelib.domain.money import AMOUNT_MINOR_MAX, round_half_up, split_largest_remainder
from chalicelib.domain.packages import Package
from chalicelib.domain.periods import Period, full_period_days, next_boundary, period_number
from chalicelib.domain.records import record
from chalicelib.domain.taxes import TaxAmount, TaxProfile, tax_contained, tax_line

SHARE_PER_UNIT: Final = 1_000_000


@record
class Proportion:
    """The part of a cycle that a period is: ``days`` of ``full_days``, from the ``first``-th on."""

    first: int
    days: int
    full_days: int

    def of(self, *, amount: int) -> int:
        """Return the period's part of an amount for the whole cycle, in minor units.

        It is the amount of the cycle's days up to the period's end, rounded half up, less the
        same up to its beginning: so the parts of a cycle sum to the whole, however it is split.
        """
        if self.days == self.full_days:
            return amount
        return _part(amount, self.first + self.days, self.full_days) - _part(
            amount, self.first, self.full_days
        )


def _part(amount: int, days: int, full_days: int) -> int:
    return round_half_up(numerator=amount * days, denominator=full_days)


def proportion(*, subscription: Subscription, period: Period) -> Proportion:
    """Return which part of its cycle a period of a subscription is."""
    cycle, anchor_day, boundary = subscription.cycle, subscription.anchor_day, period.end
    if boundary in (subscription.stops_on, subscription.paused_on):  # cut short: the cycle ends later
        origin = subscription.cycle_origin
        boundary = next_boundary(cycle=cycle, anchor_day=anchor_day, origin=origin, after=period.start)
    full_days = full_period_days(cycle=cycle, anchor_day=anchor_day, boundary=boundary)
    days = period.days
    return Proportion(full_days - (boundary - period.end).days - days, days, full_days)


@record
class Price:
    """The price of a cycle of a subscription, and the trace of where it comes from.

    ``share`` is the part of the full price that it is, in millionths: less than all while paused.
    """

    amount: int
    trace: tuple[str, ...]
    share: int = SHARE_PER_UNIT


def cycle_price(*, subscription: Subscription, package: Package, start: date) -> Price:
    """Return the price of the cycle that begins on or before ``start``, in minor units, without quantity."""
    trace: tuple[str, ...] = (f"e{package.edition}",)
    price = package.price.amount
    if subscription.price_override is not None:
        price, trace = subscription.price_override, ("own",)
    elif package.phases:
        number = _periods_before(subscription, start)
        phase = phase_of(package=package, period_number=number)
        if phase is not None:
            price, trace = phase.price, (*trace, f"p:{phase.name}")
    halted = subscription.paused_on
    if halted is not None and start >= halted and subscription.billed_while_paused:
        share = subscription.pause_share
        price = round_half_up(numerator=price * share, denominator=SHARE_PER_UNIT)
        return Price(price, (*trace, f"pause:{share}"), share)
    return Price(price, trace)


def _periods_before(subscription: Subscription, start: date) -> int:
    """Return how many periods that phases are counted by begin before the one of ``start``."""
    cycle, anchor_day = subscription.cycle, subscription.anchor_day
    first = subscription.phases_from or subscription.starts_on
    origin = subscription.origin or first
    before = period_number(cycle=cycle, anchor_day=anchor_day, origin=origin, start=start)
    return max(0, before - period_number(cycle=cycle, anchor_day=anchor_day, origin=origin, start=first))


def discount_of(
    *,
    price: int,
    gross: int,
    discounts: tuple[Discount, ...],
    part: Proportion,
    share: int = SHARE_PER_UNIT,
) -> tuple[int, list[str]]:
    """Return what the discounts take off ``gross``, the part of a cycle's ``price``, and their traces.

    Each share is of the gross and not of what other discounts left. An amount is taken off the
    cycle's price, never more than is left of it, and a part of the cycle bears what the price
    before and after differ by there: so the parts of a cycle sum to its price less the amount.
    Where ``price`` is a share of the full one, of a pause, an amount is that share of itself: so it
    makes no difference whether a pause is billed as one or credited afterwards.
    """
    taken, left, trace = 0, price, []
    for discount in discounts:
        if discount.spent:
            continue
        if discount.share:
            off = round_half_up(numerator=gross * discount.share, denominator=SHARE_PER_UNIT)
        else:
            amount = discount.amount
            if share != SHARE_PER_UNIT:
                amount = round_half_up(numerator=amount * share, denominator=SHARE_PER_UNIT)
            after = max(0, left - amount)
            off, left = part.of(amount=left) - part.of(amount=after), after
        off = min(off, gross - taken)
        taken += off
        trace.append(f"d:{discount.code}:{off}")
    return taken, trace


def discounts_after(*, discounts: tuple[Discount, ...]) -> tuple[Discount, ...]:
    """Return the discounts after one more period: each counts down, and those that were spent go."""
    if not discounts:
        return discounts
    return tuple(
        one if one.periods is None else Discount(one.code, one.share, one.amount, one.periods - 1)
        for one in discounts
        if not one.spent
    )


def discounts_before(
    *, discounts: tuple[Discount, ...], lines: Iterable[InvoiceLine]
) -> tuple[Discount, ...]:
    """Return the discounts for days that ``lines`` billed and that are billed again, with another go."""
    had = {code.split(":")[1] for line in lines for code in line.trace if code.startswith("d:")}
    return tuple(
        one
        if one.periods is None or one.code not in had
        else Discount(one.code, one.share, one.amount, one.periods + 1)
        for one in discounts
    )


@dataclass(frozen=True, slots=True)
class Taxed:
    """Net and taxes of an amount, and their trace."""

    net: int
    taxes: tuple[TaxAmount, ...]
    trace: tuple[str, ...]


def taxed(*, amount: int, rule: TaxRule | None, profile: TaxProfile, on: date) -> Taxed:
    """Return what an amount is before tax and its taxes, for a customer on a date (the tax point)."""
    if rule is None:
        return Taxed(amount, (), ())
    row = rule.row
    trace: tuple[str, ...] = (f"t:{rule.group}:{row.starts_on.isoformat()}:{row.jurisdiction}",)
    exempt = profile.exempt_on(on=on)
    if exempt:
        charged = {one.code for one in row.components}
        trace += tuple(
            f"x:{one.code}:{one.certificate}"
            for one in profile.exemptions
            if one.code in charged and one.holds_on(on=on)
        )
    if rule.inclusive:
        net, taxes = tax_contained(gross=amount, components=row.components, exempt=exempt)
        return Taxed(net, taxes, (*trace, "incl"))
    return Taxed(amount, tax_line(net=amount, components=row.components, exempt=exempt), trace)


def check_amount(*, amount: int) -> None:
    """Raise AmountOutOfRange where one posting could not hold the amount."""
    if abs(amount) > AMOUNT_MINOR_MAX:
        raise AmountOutOfRange("the charge is larger than one posting may be")


def recurring_line(
    *,
    subscription: Subscription,
    package: Package,
    period: Period,
    rule: TaxRule | None,
    profile: TaxProfile,
    tax_point: date,
) -> InvoiceLine:
    """Return the charge of one period of a subscription, whole or by the day."""
    return line_of(
        subscription=subscription,
        package=package,
        period=period,
        part=proportion(subscription=subscription, period=period),
        price=cycle_price(subscription=subscription, package=package, start=period.start),
        rule=rule,
        profile=profile,
        tax_point=tax_point,
    )


def line_of(
    *,
    subscription: Subscription,
    package: Package,
    period: Period,
    part: Proportion,
    price: Price,
    rule: TaxRule | None,
    profile: TaxProfile,
    tax_point: date,
) -> InvoiceLine:
    """Return the charge of a part of a cycle at a price.

    Of the subscription it depends on slot, quantity and discounts alone: ``line_key`` says so.
    """
    trace = price.trace
    whole = price.amount * subscription.quantity
    gross = part.of(amount=whole)
    if subscription.quantity != 1:
        trace = (*trace, f"q{subscription.quantity}")
    discount = 0
    if subscription.discounts:
        discount, notes = discount_of(
            price=whole, gross=gross, discounts=subscription.discounts, part=part, share=price.share
        )
        trace = (*trace, *notes)
    check_amount(amount=gross)
    tax = taxed(amount=gross - discount, rule=rule, profile=profile, on=tax_point)
    return InvoiceLine(
        package.name,
        package.package_id,
        subscription.slot,
        period,
        price.amount,
        part.days,
        part.full_days,
        tax.net,
        tax.taxes,
        ChargeKind.RECURRING,
        package.edition,
        subscription.quantity,
        discount,
        (*trace, *tax.trace),
    )


def line_key(
    *,
    subscription: Subscription,
    package: Package,
    period: Period,
    part: Proportion,
    price: Price,
    profile: TaxProfile,
    tax_point: date,
) -> tuple[object, ...]:
    """Return what ``line_of`` depends on within one catalogue: equal keys make equal lines."""
    return (
        package.package_id,
        package.edition,
        subscription.slot,
        subscription.quantity,
        subscription.discounts,
        period.start,
        period.end,
        part.first,
        part.days,
        part.full_days,
        price.amount,
        price.trace,
        profile.jurisdiction,
        profile.exemptions,
        tax_point,
    )


def bundle_lines(
    *, line: InvoiceLine, package: Package, rules: list[TaxRule | None], profile: TaxProfile, tax_point: date
) -> list[InvoiceLine]:
    """Return one line for each part of a bundle, which together are ``line`` before its taxes.

    ``line`` is the whole bundle's, made without a tax rule; ``rules`` are those of the parts.
    """
    weights = [part.weight for part in package.bundle]
    prices = split_largest_remainder(amount=line.unit_price, weights=weights)
    amounts = split_largest_remainder(amount=line.net, weights=weights)
    discounts = split_largest_remainder(amount=line.discount, weights=weights)
    lines = []
    for index, part in enumerate(package.bundle):
        tax = taxed(amount=amounts[index], rule=rules[index], profile=profile, on=tax_point)
        lines.append(
            InvoiceLine(
                part.name,
                line.package_id,
                line.slot,
                line.period,
                prices[index],
                line.billed_days,
                line.full_days,
                tax.net,
                tax.taxes,
                line.kind,
                line.edition,
                line.quantity,
                discounts[index],
                (*line.trace, f"b:{part.weight}/{sum(weights)}", *tax.trace),
            )
        )
    return lines


def pending_line(
    *, charge: PendingCharge, on: date, rule: TaxRule | None, profile: TaxProfile
) -> InvoiceLine:
    """Return the line of a pending charge, billed and taxed on a date."""
    amount = charge.unit_price * charge.quantity
    check_amount(amount=amount)
    tax = taxed(amount=amount, rule=rule, profile=profile, on=on)
    return InvoiceLine(
        charge.description,
        "",
        charge.slot,
        Period.day(on=charge.on),
        charge.unit_price,
        1,
        1,
        tax.net,
        tax.taxes,
        charge.kind,
        0,
        charge.quantity,
        0,
        (f"c:{charge.key}", *tax.trace),
    )


def rounding_line(*, total: int, multiple: int, on: date) -> InvoiceLine | None:
    """Return the line that rounds an invoice's total half up to a multiple; None where it is one."""
    if multiple < 2:
        return None
    off = round_half_up(numerator=total, denominator=multiple) * multiple - total
    if not off:
        return None
    return InvoiceLine(
        "Rounding",
        "",
        0,
        Period.day(on=on),
        off,
        1,
        1,
        off,
        (),
        ChargeKind.ROUNDING,
        0,
        1,
        0,
        (f"r:{multiple}",),
    )
