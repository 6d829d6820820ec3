"""Invoices: what a billed period comes to, with the ledger entry it makes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.domain.accounts import Subscription
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.money import AMOUNT_MINOR_MAX, round_half_up
from chalicelib.domain.packages import Package
from chalicelib.domain.periods import Period, full_period_days, next_boundary
from chalicelib.domain.taxes import TaxAmount, TaxComponent, tax_line

RECEIVABLE: Final = "receivable"
REVENUE_RECURRING: Final = "revenue:recurring"


class AmountOutOfRange(InvalidValue):
    """The invoice would exceed the largest amount of one posting."""

    code = "amount_out_of_range"


class InvoiceState(StrEnum):
    """What is stored; overdue is derived from the due date."""

    OPEN = "open"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    VOID = "void"
    WRITTEN_OFF = "written_off"


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One charge: ``net`` is before tax; every amount in minor units of the invoice's currency.

    ``billed_days`` of ``full_days`` and ``unit_price`` are the calculation's trace.
    """

    description: str
    package_id: str
    slot: int
    period: Period
    unit_price: int
    billed_days: int
    full_days: int
    net: int
    taxes: tuple[TaxAmount, ...]

    @property
    def tax(self) -> int:
        """The line's taxes together."""
        return sum(tax.amount for tax in self.taxes)

    @property
    def total(self) -> int:
        """The line with its taxes."""
        return self.net + self.tax


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of a ledger entry: debit positive, credit negative, in minor units."""

    account: str
    amount: int


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is billed, as law requires it on the invoice: a snapshot that never changes."""

    name: str
    address: str = ""
    tax_id: str = ""


@dataclass(frozen=True, slots=True)
class Invoice:
    """An issued invoice; it never changes but for its state as it is paid."""

    invoice_id: str
    account_id: str
    account_code: str
    number: str
    sequence: int
    series: str
    state: InvoiceState
    currency: str
    issued_on: date
    due_on: date
    period: Period
    lines: tuple[InvoiceLine, ...]
    postings: tuple[Posting, ...]
    run_id: str
    recipient: Recipient | None = None

    @property
    def net(self) -> int:
        """Sum of the lines before tax."""
        return sum(line.net for line in self.lines)

    @property
    def tax(self) -> int:
        """Sum of the lines' taxes."""
        return sum(line.tax for line in self.lines)

    @property
    def total(self) -> int:
        """What is to be paid."""
        return sum(line.total for line in self.lines)


def charge_line(
    *, subscription: Subscription, package: Package, period: Period, components: tuple[TaxComponent, ...]
) -> InvoiceLine:
    """Return the recurring charge of one period.

    A period shorter than its whole cycle (a first period before the anchor, a last one before
    the end) is charged by the day: the price of the whole cycle's days up to the period's end,
    rounded half up, less the same up to its beginning. So the parts of a cycle sum to its price,
    however it is split.
    """
    price = package.price.amount if subscription.price_override is None else subscription.price_override
    cycle, anchor_day, boundary = subscription.cycle, subscription.anchor_day, period.end
    if boundary == subscription.stops_on:  # cut short: the cycle itself ends later
        origin = subscription.starts_on
        boundary = next_boundary(cycle=cycle, anchor_day=anchor_day, origin=origin, after=period.start)
    full_days = full_period_days(cycle=cycle, anchor_day=anchor_day, boundary=boundary)
    days = period.days
    upto_end = full_days - (boundary - period.end).days
    net = _share(price, upto_end, full_days) - _share(price, upto_end - days, full_days)
    if abs(net) > AMOUNT_MINOR_MAX:
        raise AmountOutOfRange("the charge is larger than one posting may be")
    return InvoiceLine(
        description=package.name,
        package_id=package.package_id,
        slot=subscription.slot,
        period=period,
        unit_price=price,
        billed_days=days,
        full_days=full_days,
        net=net,
        taxes=tax_line(net=net, components=components),
    )


def _share(price: int, days: int, full_days: int) -> int:
    return round_half_up(numerator=price * days, denominator=full_days)


def invoice_postings(*, lines: tuple[InvoiceLine, ...]) -> tuple[Posting, ...]:
    """Return the balanced entry of an invoice: receivable against revenue and taxes payable."""
    owed: dict[str, int] = {REVENUE_RECURRING: 0}
    for line in lines:
        owed[REVENUE_RECURRING] += line.net
        for tax in line.taxes:
            account = f"tax:{tax.code}"
            owed[account] = owed.get(account, 0) + tax.amount
    postings = (
        Posting(RECEIVABLE, sum(owed.values())),
        *(Posting(account, -amount) for account, amount in owed.items()),
    )
    assert sum(posting.amount for posting in postings) == 0, "a ledger entry balances"
    return postings


def due_date(*, issued_on: date, payment_days: int) -> date:
    """Return the last day to pay in time."""
    return issued_on + timedelta(days=payment_days)


# -- number series -------------------------------------------------------------------------


def fiscal_year(*, on: date, start_month: int) -> int:
    """Return the calendar year in which the fiscal year of ``on`` ends (July 2026 is 2027)."""
    return on.year + 1 if start_month > 1 and on.month >= start_month else on.year


def format_number(*, fiscal_year_end: int, sequence: int) -> str:
    """Return ``INV-2027-000123``; the sequence starts at 1 in each fiscal year, without gaps."""
    return f"INV-{fiscal_year_end}-{sequence:06d}"
