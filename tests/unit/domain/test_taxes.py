"""Taxes: inclusive and stacked, by place, in any currency; rounding, and the parts of a bundle."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.catalogue import TaxRule
from chalicelib.domain.charges import bundle_lines, recurring_line, rounding_line
from chalicelib.domain.money import format_minor
from chalicelib.domain.packages import BundlePart
from chalicelib.domain.periods import Period
from chalicelib.domain.taxes import (
    NO_TAX_PROFILE,
    RATE_PER_UNIT,
    TAX_RATE_MAX,
    InvalidTaxGroup,
    TaxBase,
    TaxComponent,
    TaxGroup,
    TaxRateMissing,
    TaxRow,
    check_tax_group,
    tax_contained,
    tax_line,
)
from tests.unit.domain.selling import PACKAGE, active

JULY = date(2026, 7, 1)
NOVEMBER = Period(date(2026, 11, 1), date(2026, 12, 1))
VAT = TaxComponent("vat", "VAT", 200_000)
SALES_TAX = TaxComponent("gst", "Sales tax", 195_000)
INCOME_TAX = TaxComponent("ait", "Advance income tax", 150_000, TaxBase.NET_PLUS_PREVIOUS)
STATE_TAX = TaxComponent("state", "State sales tax", 62_500)
COUNTY_TAX = TaxComponent("county", "County tax", 10_000)
CITY_TAX = TaxComponent("city", "City tax", 22_500)

components = st.lists(
    st.builds(
        TaxComponent,
        code=st.sampled_from("abcde"),
        name=st.just("x"),
        rate_millionths=st.integers(0, TAX_RATE_MAX),
        base=st.sampled_from(TaxBase),
    ),
    max_size=5,
    unique_by=lambda one: one.code,
).map(tuple)
IN_FORCE = TaxRow(JULY, (SALES_TAX, INCOME_TAX))


def group(*rows: TaxRow, inclusive: bool = False) -> TaxGroup:
    return TaxGroup("internet", "Internet", rows, inclusive=inclusive)


# -- prices that contain their taxes ---------------------------------------------------------


@pytest.mark.parametrize(
    ("gross", "net", "tax"),
    [
        (12_000, 10_000, 2_000),
        (9_999, 8_332, 1_667),
        (1, 1, 0),
        (3, 2, 1),
        (0, 0, 0),
        (-12_000, -10_000, -2_000),
    ],
)
def test_a_price_with_20_percent_vat_inside(gross: int, net: int, tax: int) -> None:
    found, taxes = tax_contained(gross=gross, components=(VAT,))

    assert (found, [one.amount for one in taxes]) == (net, [tax])


def test_pakistans_vector_backwards_contains_its_compound_taxes() -> None:
    net, taxes = tax_contained(gross=226_614, components=(SALES_TAX, INCOME_TAX))

    assert (net, [one.amount for one in taxes]) == (164_900, [32_156, 29_558])


@given(st.integers(-(10**13), 10**13), components)
def test_net_and_contained_taxes_are_the_price_and_each_is_right_to_less_than_a_unit(
    gross: int, taxes: tuple[TaxComponent, ...]
) -> None:
    net, amounts = tax_contained(gross=gross, components=taxes)

    assert net + sum(one.amount for one in amounts) == gross
    assert net * gross >= 0
    factors, running = [], RATE_PER_UNIT**6
    for one in taxes:
        base = RATE_PER_UNIT**6 if one.base is TaxBase.NET else running
        factors.append(base * one.rate_millionths // RATE_PER_UNIT)
        running += factors[-1]
    for amount, factor in zip(amounts, factors, strict=True):
        assert abs(amount.amount * running - gross * factor) < running
    assert abs(net * running - gross * RATE_PER_UNIT**6) * 2 <= running


@given(st.integers(0, 10**10), st.lists(st.integers(1, 250_000), min_size=1, max_size=4))
def test_adding_the_taxes_to_the_net_inside_comes_back_to_the_price(gross: int, rates: list[int]) -> None:
    taxes = tuple(TaxComponent(f"t{number}", "x", rate) for number, rate in enumerate(rates))

    net, _ = tax_contained(gross=gross, components=taxes)

    added = net + sum(one.amount for one in tax_line(net=net, components=taxes))
    # Half a unit of the net, taxed, and half a unit of each tax.
    assert abs(added - gross) <= 1 + len(taxes)


def test_who_is_exempt_pays_the_price_without_the_tax_inside() -> None:
    net, taxes = tax_contained(gross=12_000, components=(VAT,), exempt={"vat"})

    assert (net, taxes) == (10_000, ())


# -- places ----------------------------------------------------------------------------------

STACKED = group(
    TaxRow(JULY, (STATE_TAX,), "US-CA"),
    TaxRow(JULY, (STATE_TAX, COUNTY_TAX), "US-CA-LA"),
    TaxRow(JULY, (STATE_TAX, COUNTY_TAX, CITY_TAX), "US-CA-LA-LB"),
    TaxRow(JULY, (), "US"),
)


@pytest.mark.parametrize(
    ("place", "amounts"),
    [
        ("US-CA-LA-LB", [625, 100, 225]),  # 9.5 % of 100.00
        ("US-CA-LA-SM", [625, 100]),
        ("US-CA-LA", [625, 100]),
        ("US-CA-SF", [625]),
        ("US-CA", [625]),
        ("US-OR", []),
    ],
)
def test_a_city_falls_back_to_its_county_its_state_and_its_country(place: str, amounts: list[int]) -> None:
    row = STACKED.row_on(on=JULY, jurisdiction=place)

    assert [one.amount for one in tax_line(net=10_000, components=row.components)] == amounts


def test_a_code_that_only_begins_alike_is_another_place() -> None:
    with pytest.raises(TaxRateMissing):
        STACKED.row_on(on=JULY, jurisdiction="USA-CA")
    with pytest.raises(TaxRateMissing):
        STACKED.row_on(on=JULY)


def test_until_a_place_has_a_row_of_its_own_that_of_the_larger_place_holds() -> None:
    taxes = group(TaxRow(JULY, (VAT,)), TaxRow(date(2027, 1, 1), (SALES_TAX,), "PK-SD"))

    assert taxes.components_on(on=date(2026, 12, 31), jurisdiction="PK-SD") == (VAT,)
    assert taxes.components_on(on=date(2027, 1, 1), jurisdiction="PK-SD") == (SALES_TAX,)
    assert taxes.components_on(on=date(2027, 1, 1), jurisdiction="PK-PB") == (VAT,)


@pytest.mark.parametrize(
    ("rows", "param"),
    [
        ((TaxRow(JULY, (VAT,), "PK"), TaxRow(JULY, (SALES_TAX,), "PK")), "rows.1.starts_on"),
        (
            (TaxRow(JULY, (VAT,)), TaxRow(JULY, (VAT,), "PK"), TaxRow(date(2026, 6, 1), (VAT,), "PK")),
            "rows.2.starts_on",
        ),
        ((TaxRow(JULY, (VAT,), "pk"),), "rows.0.jurisdiction"),
        ((TaxRow(JULY, (VAT,), "PK-"),), "rows.0.jurisdiction"),
        ((TaxRow(JULY, (VAT,), "P" * 41),), "rows.0.jurisdiction"),
    ],
)
def test_rows_of_a_place_that_overlap_and_places_that_are_none_are_refused(
    rows: tuple[TaxRow, ...], param: str
) -> None:
    with pytest.raises(InvalidTaxGroup) as refused:
        check_tax_group(group=group(*rows))

    assert refused.value.param == param


# -- currencies, rounding, bundles -----------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "net", "rate", "tax", "shown"),
    [
        ("JPY", 5_005, 100_000, 501, "501"),  # 500.5 yen
        ("KWD", 12_345, 50_000, 617, "0.617"),  # 0.61725 dinars
        ("PKR", 164_900, 195_000, 32_156, "321.56"),  # 321.555
    ],
)
def test_a_tax_is_rounded_at_the_digits_of_the_currency(
    currency: str, net: int, rate: int, tax: int, shown: str
) -> None:
    [found] = tax_line(net=net, components=(TaxComponent("vat", "VAT", rate),))

    assert found.amount == tax
    assert format_minor(amount=found.amount, currency=currency) == shown


@pytest.mark.parametrize(
    ("total", "multiple", "off"),
    [
        (226_614, 100, -14),
        (226_650, 100, 50),
        (226_649, 100, -49),
        (226_600, 100, None),
        (226_614, 0, None),
        (226_614, 1, None),
        (1_023, 5, 2),
        (1_022, 5, -2),
        (-150, 100, -50),
    ],
)
def test_an_invoice_is_rounded_half_up_by_a_line_of_its_own(
    total: int, multiple: int, off: int | None
) -> None:
    line = rounding_line(total=total, multiple=multiple, on=JULY)

    assert (None if line is None else line.total) == off


@given(st.integers(-(10**12), 10**12), st.integers(2, 100_000))
def test_a_rounded_total_is_a_multiple_and_no_other_is_nearer(total: int, multiple: int) -> None:
    line = rounding_line(total=total, multiple=multiple, on=JULY)

    off = 0 if line is None else line.total
    assert (total + off) % multiple == 0
    assert 2 * abs(off) <= multiple


@given(
    st.integers(0, 10**9),
    st.lists(st.tuples(st.integers(0, 100), st.booleans()), min_size=2, max_size=5).filter(
        lambda parts: sum(weight for weight, _ in parts) > 0
    ),
    st.integers(1, 30),
)
def test_the_parts_of_a_bundle_sum_to_its_price_each_with_its_own_taxes(
    price: int, parts: list[tuple[int, bool]], days: int
) -> None:
    bundle = tuple(
        BundlePart(f"Part {n}", weight, "g" if on else None) for n, (weight, on) in enumerate(parts)
    )
    package = replace(PACKAGE, bundle=bundle, tax_group=None)
    period = Period(NOVEMBER.start, NOVEMBER.start + timedelta(days=days))
    sold = active(price_override=price, ends_on=None if days == 30 else period.end)
    whole = recurring_line(
        subscription=sold, package=package, period=period, rule=None, profile=NO_TAX_PROFILE, tax_point=JULY
    )
    exclusive = TaxRule("g", inclusive=False, row=IN_FORCE)
    inclusive = TaxRule("g", inclusive=True, row=IN_FORCE)

    for rule, sums_to in ((exclusive, "net"), (inclusive, "total")):
        lines = bundle_lines(
            line=whole,
            package=package,
            rules=[rule if part.tax_group else None for part in bundle],
            profile=NO_TAX_PROFILE,
            tax_point=JULY,
        )
        assert sum(getattr(line, sums_to) for line in lines) == whole.net
        assert sum(line.unit_price for line in lines) == whole.unit_price
        assert [bool(line.trace[-1] == "incl" or line.taxes) for line in lines] == [
            part.tax_group is not None for part in bundle
        ]
