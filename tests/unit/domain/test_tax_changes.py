"""What is billed keeps its taxes, and exemptions hold by date, each with a certificate."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.catalogue import TaxRule
from chalicelib.domain.charges import taxed
from chalicelib.domain.taxes import (
    TAX_EXEMPTIONS_MAX,
    InvalidExemption,
    TaxBase,
    TaxExemption,
    TaxGroup,
    TaxProfile,
    TaxRateMissing,
    TaxRow,
    TaxRowInForce,
    check_tax_change,
    check_tax_profile,
    tax_line,
)
from tests.unit.domain.test_taxes import INCOME_TAX, JULY, SALES_TAX, VAT, group

dates = st.dates(date(2026, 1, 1), date(2026, 12, 31))
BILLED = date(2026, 11, 10)
IN_FORCE = TaxRow(JULY, (SALES_TAX, INCOME_TAX))

# -- never retroactively ---------------------------------------------------------------------

PLANNED = TaxRow(date(2027, 7, 1), (VAT,))
BEFORE = group(IN_FORCE, PLANNED)


@pytest.mark.parametrize(
    "after",
    [
        BEFORE,
        group(IN_FORCE),
        group(IN_FORCE, replace(PLANNED, components=(SALES_TAX,))),
        group(IN_FORCE, TaxRow(BILLED + timedelta(days=1), ()), PLANNED),
        group(IN_FORCE, PLANNED, TaxRow(BILLED + timedelta(days=1), (VAT,), "PK-SD")),
        # Where there was no rate nothing was billed: the gap may be filled.
        group(TaxRow(date(2026, 1, 1), (VAT,)), IN_FORCE, PLANNED),
        replace(BEFORE, name="Broadband"),
        group(replace(IN_FORCE, components=(replace(SALES_TAX, name="GST"), INCOME_TAX)), PLANNED),
    ],
)
def test_what_is_not_billed_yet_may_change(after: TaxGroup) -> None:
    check_tax_change(before=BEFORE, after=after, billed_through=BILLED)


@pytest.mark.parametrize(
    ("after", "param"),
    [
        (group(PLANNED), "rows"),
        (group(replace(IN_FORCE, components=(SALES_TAX,)), PLANNED), "rows.0.components"),
        (
            group(replace(IN_FORCE, components=(SALES_TAX, replace(INCOME_TAX, base=TaxBase.NET))), PLANNED),
            "rows.0.components",
        ),
        (group(IN_FORCE, TaxRow(BILLED, (VAT,)), PLANNED), "rows.1.starts_on"),
        (group(IN_FORCE, TaxRow(JULY, (VAT,), "PK-SD")), "rows.1.starts_on"),
        (group(replace(IN_FORCE, starts_on=date(2026, 6, 1)), PLANNED), "rows.0.starts_on"),
        (replace(BEFORE, inclusive=True), "inclusive"),
    ],
)
def test_what_is_billed_stays_as_it_was(after: TaxGroup, param: str) -> None:
    with pytest.raises(TaxRowInForce) as refused:
        check_tax_change(before=BEFORE, after=after, billed_through=BILLED)

    assert refused.value.param == param


rows_of_a_place = st.lists(
    st.builds(TaxRow, dates, st.sampled_from([(VAT,), (SALES_TAX,), ()])),
    max_size=3,
    unique_by=lambda r: r.starts_on,
).map(lambda rows: sorted(rows, key=lambda row: row.starts_on))
groups = st.lists(rows_of_a_place, min_size=3, max_size=3).map(
    lambda places: group(
        *(
            replace(row, jurisdiction=name)
            for name, rows in zip(("", "PK", "PK-SD"), places, strict=True)
            for row in rows
        )
    )
)


@given(
    groups, groups, dates, st.lists(dates, max_size=8), st.sampled_from(["", "PK", "PK-SD", "PK-SD-K", "US"])
)
def test_a_change_that_is_let_through_leaves_every_billed_date_its_taxes(
    before: TaxGroup, after: TaxGroup, billed: date, looked_at: list[date], place: str
) -> None:
    try:
        check_tax_change(before=before, after=after, billed_through=billed)
    except TaxRowInForce:
        return

    for on in {*looked_at, billed, *(row.starts_on for row in (*before.rows, *after.rows))}:
        if on <= billed:
            try:
                was = before.row_on(on=on, jurisdiction=place)
            except TaxRateMissing:
                continue
            assert after.row_on(on=on, jurisdiction=place) == was


# -- exemptions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "codes"),
    [
        (date(2026, 8, 31), ["gst", "ait"]),
        (date(2026, 9, 1), ["gst"]),
        (date(2026, 12, 31), ["gst"]),
        (date(2027, 1, 1), ["gst", "ait"]),
    ],
)
def test_an_exemption_holds_from_its_first_day_to_before_its_end(on: date, codes: list[str]) -> None:
    profile = TaxProfile("", (TaxExemption("ait", "EX-77", date(2026, 9, 1), date(2027, 1, 1)),))
    rule = TaxRule("internet", inclusive=False, row=IN_FORCE)

    found = taxed(amount=164_900, rule=rule, profile=profile, on=on)

    assert [one.code for one in found.taxes] == codes
    assert [code for code in found.trace if code.startswith("x:")] == (
        [] if "ait" in codes else ["x:ait:EX-77"]
    )


def test_an_exemption_from_a_tax_that_is_not_charged_leaves_no_trace() -> None:
    profile = TaxProfile("", (TaxExemption("vat", "EX-77", JULY),))
    rule = TaxRule("internet", inclusive=False, row=IN_FORCE)

    found = taxed(amount=164_900, rule=rule, profile=profile, on=JULY)

    assert found.trace == ("t:internet:2026-07-01:",)


def test_exempt_from_the_first_tax_the_second_is_on_the_charge_alone() -> None:
    taxes = tax_line(net=164_900, components=(SALES_TAX, INCOME_TAX), exempt={"gst"})

    assert [(one.code, one.amount) for one in taxes] == [("ait", 24_735)]


def exemption(**changes: object) -> TaxExemption:
    return replace(TaxExemption("ait", "EX-77", JULY), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("exemptions", "param"),
    [
        ((exemption(certificate=" "),), "exemptions.0.certificate"),
        ((exemption(certificate="x" * 61),), "exemptions.0.certificate"),
        ((exemption(ends_on=JULY),), "exemptions.0.ends_on"),
        ((exemption(), exemption(starts_on=date(2030, 1, 1))), "exemptions.1.starts_on"),
        ((exemption(starts_on=date(2030, 1, 1)), exemption()), "exemptions.1.starts_on"),
        (
            (exemption(ends_on=date(2026, 7, 3)), exemption(starts_on=date(2026, 7, 2))),
            "exemptions.1.starts_on",
        ),
        (tuple(exemption(code=f"t{n}") for n in range(TAX_EXEMPTIONS_MAX + 1)), "exemptions"),
    ],
)
def test_malformed_exemptions_are_refused(exemptions: tuple[TaxExemption, ...], param: str) -> None:
    with pytest.raises(InvalidExemption) as refused:
        check_tax_profile(profile=TaxProfile("PK-SD", exemptions))

    assert refused.value.param == param


def test_exemptions_that_follow_each_other_or_are_from_other_taxes_are_fine() -> None:
    check_tax_profile(
        profile=TaxProfile(
            "PK-SD",
            (
                exemption(ends_on=date(2027, 7, 1)),
                exemption(starts_on=date(2027, 7, 1)),
                exemption(code="gst"),
            ),
        )
    )
