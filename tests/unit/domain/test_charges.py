"""What a period is charged: taxes in order, days in proportion, a balanced entry."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.accounts import Subscription, SubscriptionState
from chalicelib.domain.catalogue import TaxRule
from chalicelib.domain.charges import recurring_line
from chalicelib.domain.invoices import AmountOutOfRange, InvoiceLine, fiscal_year, invoice_postings
from chalicelib.domain.money import AMOUNT_MINOR_MAX, Money
from chalicelib.domain.packages import PRICE_MINOR_MAX, Package, PackageState
from chalicelib.domain.periods import NAMED_CYCLES, BillingTiming, Period, full_period_days, period_from
from chalicelib.domain.taxes import (
    NO_TAX_PROFILE,
    TAX_COMPONENTS_MAX,
    TAX_RATE_MAX,
    TaxBase,
    TaxComponent,
    TaxGroup,
    TaxRateMissing,
    TaxRow,
    tax_line,
)
from tests.unit.domain.strategies import subscriptions

SALES_TAX = TaxComponent("gst", "Sales tax", 195_000)
INCOME_TAX = TaxComponent("ait", "Advance income tax", 150_000, TaxBase.NET_PLUS_PREVIOUS)
MONTH = NAMED_CYCLES["month"]

PACKAGE = Package(
    package_id="pkg_01JD0000000000000000000000",
    name="Home 20",
    price=Money(164_900, "PKR"),
    cycle=MONTH,
    timing=BillingTiming.ADVANCE,
    download_kbps=20_000,
    upload_kbps=10_000,
    tax_group=None,
    state=PackageState.ACTIVE,
    version=1,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)

SUBSCRIPTION = Subscription(
    slot=1,
    package_id=PACKAGE.package_id,
    state=SubscriptionState.ACTIVE,
    starts_on=date(2026, 1, 1),
    anchor_day=1,
    cycle=MONTH,
    timing=BillingTiming.ADVANCE,
    billed_to=date(2026, 1, 1),
)

components = st.lists(
    st.builds(
        TaxComponent,
        code=st.sampled_from("abcde"),
        name=st.just("x"),
        rate_millionths=st.integers(0, TAX_RATE_MAX),
        base=st.sampled_from(TaxBase),
    ),
    max_size=TAX_COMPONENTS_MAX,
).map(tuple)


def charge_line(
    *, subscription: Subscription, package: Package, period: Period, components: tuple[TaxComponent, ...]
) -> InvoiceLine:
    """Charge a period with these taxes, in force for ever and everywhere."""
    return recurring_line(
        subscription=subscription,
        package=package,
        period=period,
        rule=TaxRule("internet", inclusive=False, row=TaxRow(date(2000, 1, 1), components)),
        profile=NO_TAX_PROFILE,
        tax_point=period.start,
    )


def test_pakistans_taxes_on_1649_come_to_2266_14() -> None:
    taxes = tax_line(net=164_900, components=(SALES_TAX, INCOME_TAX))

    assert [tax.amount for tax in taxes] == [32_156, 29_558]
    assert 164_900 + sum(tax.amount for tax in taxes) == 226_614


def test_a_tax_on_the_net_ignores_the_taxes_before_it() -> None:
    taxes = tax_line(net=10_000, components=(SALES_TAX, replace(INCOME_TAX, base=TaxBase.NET)))

    assert [tax.amount for tax in taxes] == [1_950, 1_500]


def test_the_row_in_force_on_the_date_is_the_one_charged() -> None:
    newer = replace(SALES_TAX, rate_millionths=180_000)
    group = TaxGroup(
        "internet",
        "Internet",
        (TaxRow(date(2020, 7, 1), (SALES_TAX,)), TaxRow(date(2026, 7, 1), (newer,))),
    )

    assert group.components_on(on=date(2026, 6, 30)) == (SALES_TAX,)
    assert group.components_on(on=date(2026, 7, 1)) == (newer,)
    with pytest.raises(TaxRateMissing):
        group.components_on(on=date(2020, 6, 30))


@given(st.integers(0, PRICE_MINOR_MAX), components)
def test_the_largest_price_with_the_largest_taxes_is_one_balanced_posting(
    price: int, taxes: tuple[TaxComponent, ...]
) -> None:
    line = charge_line(
        subscription=replace(SUBSCRIPTION, price_override=price),
        package=PACKAGE,
        period=Period(date(2026, 1, 1), date(2026, 2, 1)),
        components=taxes,
    )

    postings = invoice_postings(lines=(line,))

    assert sum(posting.amount for posting in postings) == 0
    assert postings[0].amount == line.total == line.net + line.tax
    assert line.tax >= 0


@given(subscriptions(), st.integers(1, 1_100), st.integers(0, PRICE_MINOR_MAX))
def test_a_cut_period_costs_its_share_of_the_whole_cycle_to_less_than_a_unit(
    subscription: Subscription, served: int, price: int
) -> None:
    cycle, anchor_day, origin = subscription.cycle, subscription.anchor_day, subscription.starts_on
    whole = period_from(cycle=cycle, anchor_day=anchor_day, origin=origin, start=origin)
    days = min(served, whole.days)
    ends_on = origin + timedelta(days=days)

    line = charge_line(
        subscription=replace(subscription, price_override=price, ends_on=ends_on),
        package=PACKAGE,
        period=Period(origin, ends_on),
        components=(),
    )

    full = full_period_days(cycle=cycle, anchor_day=anchor_day, boundary=whole.end)
    assert (line.billed_days, line.full_days) == (days, full)
    assert abs(line.net * full - price * days) < full
    assert 0 <= line.net <= price


@given(subscriptions(), st.lists(st.integers(1, 1_100), max_size=6), st.integers(0, PRICE_MINOR_MAX))
def test_the_parts_of_a_split_period_sum_to_its_price(
    subscription: Subscription, cuts: list[int], price: int
) -> None:
    """A period is split where service halts, ends and goes on; each part is billed on its own."""
    cycle, anchor_day, origin = subscription.cycle, subscription.anchor_day, subscription.starts_on
    first = period_from(cycle=cycle, anchor_day=anchor_day, origin=origin, start=origin)
    whole = period_from(cycle=cycle, anchor_day=anchor_day, origin=origin, start=first.end)
    inner = {whole.start + timedelta(days=cut) for cut in cuts if cut < whole.days}
    bounds = sorted({whole.start, whole.end} | inner)

    parts = [
        charge_line(
            subscription=replace(
                subscription, price_override=price, ends_on=None if end == whole.end else end
            ),
            package=PACKAGE,
            period=Period(start, end),
            components=(),
        ).net
        for start, end in pairwise(bounds)
    ]

    assert sum(parts) == price
    assert min(parts) >= 0


def test_two_halves_of_an_odd_price_come_to_the_price() -> None:
    sold = replace(SUBSCRIPTION, price_override=4_995, starts_on=date(2026, 6, 1))
    halves = (
        (replace(sold, ends_on=date(2026, 6, 16)), Period(date(2026, 6, 1), date(2026, 6, 16))),
        (sold, Period(date(2026, 6, 16), date(2026, 7, 1))),
    )

    nets = [
        charge_line(subscription=half, package=PACKAGE, period=period, components=()).net
        for half, period in halves
    ]

    assert nets == [2_498, 2_497]


def test_twelve_of_thirty_one_days_are_charged_half_up() -> None:
    subscription = replace(SUBSCRIPTION, starts_on=date(2026, 1, 20), billed_to=date(2026, 1, 20))

    line = charge_line(
        subscription=subscription,
        package=PACKAGE,
        period=Period(date(2026, 1, 20), date(2026, 2, 1)),
        components=(SALES_TAX, INCOME_TAX),
    )

    assert (line.billed_days, line.full_days, line.net) == (12, 31, 63_832)  # 63,832.26
    assert [tax.amount for tax in line.taxes] == [12_447, 11_442]


def test_a_price_of_its_own_replaces_the_packages() -> None:
    line = charge_line(
        subscription=replace(SUBSCRIPTION, price_override=0),
        package=PACKAGE,
        period=Period(date(2026, 1, 1), date(2026, 2, 1)),
        components=(SALES_TAX,),
    )

    assert (line.unit_price, line.total) == (0, 0)


def test_more_than_one_posting_may_be_is_refused() -> None:
    with pytest.raises(AmountOutOfRange):
        charge_line(
            subscription=replace(SUBSCRIPTION, price_override=AMOUNT_MINOR_MAX + 1),
            package=PACKAGE,
            period=Period(date(2026, 1, 1), date(2026, 2, 1)),
            components=(),
        )


def test_a_fiscal_year_has_the_name_of_the_year_in_which_it_ends() -> None:
    assert fiscal_year(on=date(2026, 6, 30), start_month=7) == 2026
    assert fiscal_year(on=date(2026, 7, 1), start_month=7) == 2027
    assert fiscal_year(on=date(2026, 12, 31), start_month=1) == 2026
