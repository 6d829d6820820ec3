"""What is more than plausible for one account in one run is set aside, and nobody is harmed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from chalicelib.domain.account_bills import AccountBill, bill_account
from chalicelib.domain.accounts import Account, SubscriptionState
from chalicelib.domain.billing import SkipReason
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.money import AMOUNT_MINOR_MAX
from chalicelib.domain.periods import NAMED_CYCLES
from chalicelib.domain.safety_bounds import DUE_PERIODS_MAX
from tests.bench.books import BILL_DAY, bench_account, bench_packages, bench_tenant

TENANT = bench_tenant(tenant_id="ten_1")
CATALOGUE = Catalogue(
    packages={one.package_id: one for one in bench_packages(tenant=TENANT)},
    tax_groups={group.code: group for group in TENANT.tax_groups},
)
# 1,649.00 less 10 % and 500.00, each with both taxes; without a discount 2,953.27.
FULL_TOTAL = 295_327


def bill(account: Account, catalogue: Catalogue = CATALOGUE, slots: tuple[int, ...] = (1, 2)) -> AccountBill:
    return bill_account(account=account, slots=slots, on=BILL_DAY, catalogue=catalogue, charges_max=48)


def test_an_invoice_at_the_limit_is_issued_and_one_above_it_is_not() -> None:
    account = bench_account(index=1, on=BILL_DAY, full=True)

    at_the_limit = bill(account, replace(CATALOGUE, invoice_limit=FULL_TOTAL))
    above = bill(account, replace(CATALOGUE, invoice_limit=FULL_TOTAL - 1))

    assert [invoice.total for invoice in at_the_limit.invoices] == [FULL_TOTAL]
    assert (above.invoices, above.billed, above.after) == ([], [], None)
    assert [(held.slot, held.code) for held in above.quarantined] == [
        (1, "safety_bound"),
        (2, "safety_bound"),
    ]
    assert str(FULL_TOTAL) in above.quarantined[0].message


def test_what_was_skipped_is_not_set_aside() -> None:
    account = bench_account(index=1, on=BILL_DAY, full=True)
    service, addon = account.subscriptions
    suspended = replace(addon, state=SubscriptionState.SUSPENDED, paused_on=BILL_DAY)

    found = bill(replace(account, subscriptions=(service, suspended)), replace(CATALOGUE, invoice_limit=1))

    assert found.skipped == [(2, SkipReason.SUSPENDED)]
    assert [held.slot for held in found.quarantined] == [1]


def daily(days: int) -> Account:
    """An account whose daily subscription is so many days behind."""
    account = bench_account(index=1, on=BILL_DAY - timedelta(days=days))
    (sub,) = account.subscriptions
    return replace(account, subscriptions=(replace(sub, cycle=NAMED_CYCLES["day"], anchor_day=1),))


def test_a_year_of_days_is_billed() -> None:
    found = bill(daily(366), slots=(1,))

    assert (len(found.invoices), found.unfinished, found.quarantined) == (48, True, [])


@pytest.mark.parametrize("days", [DUE_PERIODS_MAX + 1, 2_000])
def test_more_days_than_that_are_set_aside_before_the_first_is_billed(days: int) -> None:
    found = bill(daily(days), slots=(1,))

    assert (found.invoices, found.unfinished, found.after) == ([], False, None)
    assert [(held.slot, held.code) for held in found.quarantined] == [(1, "safety_bound")]


def test_the_bound_is_of_days_that_are_billed() -> None:
    """A subscription that ended long ago is behind by the days until its end."""
    account = daily(2_000)
    (sub,) = account.subscriptions
    ended = replace(sub, state=SubscriptionState.TERMINATED, ends_on=sub.billed_to + timedelta(days=100))

    found = bill(replace(account, subscriptions=(ended,)), slots=(1,))

    assert (len(found.invoices), found.quarantined) == (48, [])


def test_an_invoice_that_no_posting_could_hold_stops_nobody() -> None:
    """Each line is possible, and together they are not: that is this account's trouble alone."""
    account = bench_account(index=1, on=date(2026, 11, 1), full=True)
    huge = tuple(replace(sub, price_override=AMOUNT_MINOR_MAX * 7 // 10) for sub in account.subscriptions)

    found = bill(replace(account, subscriptions=huge))

    assert found.invoices == []
    assert [held.code for held in found.quarantined] == ["amount_out_of_range", "amount_out_of_range"]
