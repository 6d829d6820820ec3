"""What is more than plausible for one account on one run date: it is set aside to be looked at. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from chalicelib.domain.accounts import Account
from chalicelib.domain.billing import not_billed
from chalicelib.domain.errors import DomainError
from chalicelib.domain.money import AMOUNT_MINOR_MAX, currency_digits
from chalicelib.domain.packages import Package
from chalicelib.domain.periods import cycle_days_max

# A year of days is caught up in one run; more periods of one subscription are a wrong start.
DUE_PERIODS_MAX: Final = 400
# Twenty subscriptions, the most of an account at a time, to the dearest package: three months of
# them with taxes of 40 % are 84 prices. A year of days with these taxes is 17 of a month.
DEFAULT_LIMIT_PRICES: Final = 100
_MONTH_DAYS: Final = 30
# Where packages are cheap, or priced subscription by subscription, in units of the currency.
DEFAULT_LIMIT_UNITS_MIN: Final = 100_000


class SafetyBound(DomainError):
    """An account would be billed for more than is plausible in one run: it is set aside to be looked at."""

    code = "safety_bound"


def check_periods(*, account: Account, on: date) -> None:
    """Raise SafetyBound where a subscription has more than DUE_PERIODS_MAX unbilled periods behind it."""
    for subscription in account.subscriptions:
        if not_billed(subscription=subscription) is not None:
            continue
        end = min(on, subscription.stops_on or on)
        periods = (end - subscription.billed_to).days // cycle_days_max(cycle=subscription.cycle)
        if periods > DUE_PERIODS_MAX:
            raise SafetyBound(
                f"subscription {subscription.slot} would be billed for {periods} periods at once, more "
                f"than {DUE_PERIODS_MAX}: is its start right?"
            )


def check_run_total(*, total: int, limit: int, on: date) -> None:
    """Raise SafetyBound where what runs invoice an account on a date is above the limit; 0 is none.

    Both are minor units.
    """
    if limit and total > limit:
        raise SafetyBound(f"the invoices of {on} come to {total}, more than the limit of {limit}")


def default_invoice_limit(*, packages: Iterable[Package], currency: str) -> int:
    """Return the limit, in minor units, of a tenant that has set none: never 0.

    It is DEFAULT_LIMIT_PRICES times what the dearest package costs to begin with (a month or, where
    that is longer, a cycle; activation and deposit), and at least DEFAULT_LIMIT_UNITS_MIN units of
    the currency.
    """
    dearest = max(map(_first_cost, packages), default=0)
    unit: int = 10 ** currency_digits(currency=currency)
    return min(AMOUNT_MINOR_MAX, max(DEFAULT_LIMIT_UNITS_MIN * unit, DEFAULT_LIMIT_PRICES * dearest))


def _first_cost(package: Package) -> int:
    cycles = max(1, _MONTH_DAYS // cycle_days_max(cycle=package.cycle))
    return cycles * package.price.amount + package.activation_fee + package.deposit
