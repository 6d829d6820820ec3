"""What runs invoice one account on one run date stays within the tenant's limit, however it is due."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.account_bills import AccountBill, bill_account
from chalicelib.domain.accounts import CHARGES_SLOT, Account, ChargeKind, PendingCharge, Subscription
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.money import AMOUNT_MINOR_MAX, Money
from chalicelib.domain.packages import PRICE_MINOR_MAX
from chalicelib.domain.periods import NAMED_CYCLES, BillingTiming
from chalicelib.domain.rehearsals import rehearse_account
from chalicelib.domain.safety_bounds import default_invoice_limit
from tests.examples import examples
from tests.unit.domain.selling import ACCOUNT, CATALOGUE, DAY, PACKAGE, active

NOVEMBER = date(2026, 11, 1)
APRIL = date(2027, 4, 1)
LIMIT_3500 = replace(CATALOGUE, invoice_limit=3_500)
SEPARATE = replace(LIMIT_3500, consolidated=False)


def bill(
    account: Account,
    catalogue: Catalogue,
    *,
    on: date = NOVEMBER,
    slots: tuple[int, ...] | None = None,
    charges_max: int = 48,
) -> AccountBill:
    """Bill an account's subscriptions, or those slots of it."""
    asked = tuple(sub.slot for sub in account.subscriptions) if slots is None else slots
    return bill_account(account=account, slots=asked, on=on, catalogue=catalogue, charges_max=charges_max)


def with_subscriptions(*subscriptions: Subscription) -> Account:
    return replace(ACCOUNT, subscriptions=subscriptions)


def set_aside(found: AccountBill) -> list[tuple[int, str]]:
    """Return who is set aside and why, where nothing at all is billed."""
    assert (found.invoices, found.billed, found.after, found.unfinished) == ([], [], None, False)
    return [(held.slot, held.code) for held in found.quarantined]


def test_five_invoices_of_one_day_are_bounded_together() -> None:
    account = with_subscriptions(*(active(slot=slot) for slot in range(1, 6)))

    above = bill(account, replace(SEPARATE, invoice_limit=5 * 3_100 - 1))
    at_the_limit = bill(account, replace(SEPARATE, invoice_limit=5 * 3_100))

    assert set_aside(above) == [(slot, "safety_bound") for slot in range(1, 6)]
    assert (
        above.quarantined[0].message
        == "the invoices of 2026-11-01 come to 15500, more than the limit of 15499"
    )
    assert [invoice.total for invoice in at_the_limit.invoices] == [3_100] * 5


@pytest.mark.parametrize("charges_max", [48, 2])
def test_months_that_are_caught_up_are_bounded_together(charges_max: int) -> None:
    """Also where a transaction holds two of them: nobody gets the first two of six that are too much."""
    account = with_subscriptions(active())

    above = bill(account, LIMIT_3500, on=APRIL, charges_max=charges_max)
    at_the_limit = list(
        rehearse_account(
            account=account,
            looks=[(APRIL, [1])],
            catalogue=replace(CATALOGUE, invoice_limit=6 * 3_100),
            charges_max=charges_max,
        )
    )

    assert set_aside(above) == [(1, "safety_bound")]
    assert [one.total for _, found in at_the_limit for one in found.invoices] == [3_100] * 6


def test_what_another_subscription_has_due_counts_though_it_does_not_fit() -> None:
    """The first is looked at alone, and the days of the second come to too much: neither is billed."""
    days = active(slot=2, cycle=NAMED_CYCLES["day"], price_override=100)
    account = with_subscriptions(active(billed_to=NOVEMBER + 30 * DAY), days)

    first = bill(account, LIMIT_3500, on=NOVEMBER + 30 * DAY, slots=(1,), charges_max=4)
    enough = bill(
        account, replace(CATALOGUE, invoice_limit=6_200), on=NOVEMBER + 30 * DAY, slots=(1,), charges_max=4
    )

    assert set_aside(first) == [(1, "safety_bound")]
    assert enough.billed == [1]


@pytest.mark.parametrize(
    ("tenants", "own", "invoices"), [(True, None, 1), (True, False, 2), (False, None, 2), (False, True, 1)]
)
def test_an_accounts_own_way_goes_before_the_tenants(
    *, tenants: bool, own: bool | None, invoices: int
) -> None:
    account = replace(with_subscriptions(active(), active(slot=2)), consolidated=own)

    found = bill(account, replace(CATALOGUE, consolidated=tenants))

    assert len(found.invoices) == invoices
    assert found.after is not None
    assert found.after.consolidated is own


def test_charges_that_come_first_in_the_due_list_are_not_billed_without_the_rest() -> None:
    fee = PendingCharge("k", ChargeKind.ONE_TIME, "Router", 1_000, 1, None, NOVEMBER)
    account = replace(with_subscriptions(active()), charges=(fee,))

    above = bill(account, LIMIT_3500, slots=(CHARGES_SLOT,))
    below = bill(account, replace(CATALOGUE, invoice_limit=4_100), slots=(CHARGES_SLOT,))

    assert set_aside(above) == [(CHARGES_SLOT, "safety_bound")]
    assert [one.total for one in below.invoices] == [4_100]


def test_what_a_run_that_goes_on_bills_counts_with_what_it_billed_before() -> None:
    """A subscription is sold after the day's bill; the run of the same date looks again."""
    before = bill(with_subscriptions(active()), LIMIT_3500).after
    assert before is not None
    sold = before.with_subscription(subscription=active(slot=2))

    same_date = bill(sold, LIMIT_3500)
    next_date = bill(sold, LIMIT_3500, on=NOVEMBER + DAY)

    assert set_aside(same_date) == [(2, "safety_bound")]
    assert [one.total for one in next_date.invoices] == [3_100]


def test_a_tenant_with_the_limit_off_bills_any_sum() -> None:
    account = with_subscriptions(*(active(slot=slot, price_override=10**9) for slot in range(1, 6)))

    found = bill(account, replace(SEPARATE, invoice_limit=0), on=APRIL)

    assert (len(found.invoices), found.quarantined) == (30, [])


# -- the default ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "price", "limit"),
    [
        ("PKR", 164_900, 16_490_000),  # 100 prices
        ("PKR", 10_000, 10_000_000),  # 100,000 rupees
        ("JPY", 500, 100_000),
        ("KWD", 9_000, 100_000_000),
        ("IDR", 35_000_000, 3_500_000_000),
        ("PKR", PRICE_MINOR_MAX, AMOUNT_MINOR_MAX),
    ],
)
def test_the_default_is_100_prices_of_the_dearest_package_or_100_000_units(
    currency: str, price: int, limit: int
) -> None:
    dearest = replace(PACKAGE, price=Money(price, currency))
    cheap = replace(PACKAGE, price=Money(0, currency))

    assert default_invoice_limit(packages=[cheap, dearest, cheap], currency=currency) == limit


def test_a_tenant_without_packages_has_a_default_too() -> None:
    assert default_invoice_limit(packages=[], currency="PKR") == 10_000_000


def test_the_default_counts_what_a_package_costs_to_begin_with_and_a_month_of_days() -> None:
    installed = replace(PACKAGE, price=Money(100_000, "PKR"), activation_fee=50_000, deposit=25_000)
    daily = replace(PACKAGE, price=Money(20_000, "PKR"), cycle=NAMED_CYCLES["day"])

    assert default_invoice_limit(packages=[installed], currency="PKR") == 17_500_000
    assert default_invoice_limit(packages=[daily], currency="PKR") == 60_000_000


# -- whatever is due -----------------------------------------------------------------------


@dataclass(frozen=True)
class Days:
    """An account, and how it is billed."""

    account: Account
    catalogue: Catalogue
    charges_max: int


@st.composite
def accounts(draw: st.DrawFn) -> Days:
    """Return up to four subscriptions and two fees, with a limit that some of their days are above."""
    subscriptions = [
        active(
            slot=slot,
            cycle=NAMED_CYCLES[draw(st.sampled_from(["day", "week", "month"]))],
            anchor_day=1,
            price_override=draw(st.integers(0, 5_000)),
            timing=draw(st.sampled_from(BillingTiming)),
        )
        for slot in range(1, draw(st.integers(1, 4)) + 1)
    ]
    charges = tuple(
        PendingCharge(str(number), ChargeKind.ONE_TIME, "Fee", draw(st.integers(0, 5_000)), 1, None, on)
        for number, on in enumerate(draw(st.lists(st.dates(NOVEMBER, NOVEMBER + 40 * DAY), max_size=2)))
    )
    catalogue = replace(
        CATALOGUE,
        consolidated=draw(st.booleans()),
        round_to=draw(st.sampled_from([0, 100])),
        invoice_limit=draw(st.integers(1, 30_000)),
    )
    own = draw(st.sampled_from([None, True, False]))
    account = replace(with_subscriptions(*subscriptions), charges=charges, consolidated=own)
    return Days(account, catalogue, draw(st.integers(1, 8)))


@given(accounts(), st.lists(st.dates(NOVEMBER, NOVEMBER + 60 * DAY), min_size=1, max_size=4), st.randoms())
@examples(100)
def test_no_accounts_invoices_of_a_run_date_exceed_the_limit(
    days: Days, dates: list[date], chance: Random
) -> None:
    """In whatever order a run finds its entries, with days between, and with one sold during each."""
    account, invoiced = days.account, Counter[date]()
    for on in sorted([*dates, *dates]):
        slots = [CHARGES_SLOT, *(sub.slot for sub in account.subscriptions)]
        chance.shuffle(slots)
        for _, found in rehearse_account(
            account=account,
            looks=[(on, slots[:2]), (on, slots[2:]), (on, slots)],
            catalogue=days.catalogue,
            charges_max=days.charges_max,
        ):
            invoiced[on] += sum(one.total for one in found.invoices)
            account = found.after or account
        sold = active(slot=account.next_slot(), starts_on=on, billed_to=on, price_override=3_000)
        account = account.with_subscription(subscription=sold)

    assert all(total <= days.catalogue.invoice_limit for total in invoiced.values()), invoiced


@given(accounts(), st.dates(NOVEMBER, NOVEMBER + 60 * DAY))
@examples(200)
def test_an_account_is_billed_for_all_that_is_due_or_for_nothing(days: Days, on: date) -> None:
    catalogue = replace(days.catalogue, round_to=0)
    slots = [sub.slot for sub in days.account.subscriptions]
    unbound = replace(catalogue, invoice_limit=0)
    due = bill(days.account, unbound, on=on, slots=(*slots, CHARGES_SLOT), charges_max=400)
    whole = sum(one.total for one in due.invoices)

    found = [
        one.total
        for _, part in rehearse_account(
            account=days.account,
            looks=[(on, slots[:1]), (on, slots[1:]), (on, [CHARGES_SLOT])],
            catalogue=catalogue,
            charges_max=days.charges_max,
        )
        for one in part.invoices
    ]

    assert sum(found) in ({whole} if whole <= catalogue.invoice_limit else {0})
