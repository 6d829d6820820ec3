"""What an invoice line tells of its calculation, in words."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import charges
from chalicelib.domain.accounts import Account, ChargeKind, Discount, PendingCharge
from chalicelib.domain.billing import charge_lines, pending_charge_line
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.charges import rounding_line
from chalicelib.domain.packages import BundlePart, Phase
from chalicelib.domain.periods import Period
from chalicelib.domain.taxes import (
    TaxBase,
    TaxComponent,
    TaxExemption,
    TaxGroup,
    TaxProfile,
    TaxRow,
)
from chalicelib.domain.traces import calculation, in_words, is_known, percent
from tests.unit.domain.selling import ACCOUNT, PACKAGE, State, active

GROUP = TaxGroup(
    "internet",
    "Internet",
    (
        TaxRow(
            date(2026, 7, 1),
            (
                TaxComponent("sales_tax", "Sales tax", 195_000),
                TaxComponent("ait", "Income tax", 150_000, TaxBase.NET_PLUS_PREVIOUS),
            ),
            "PK-SD",
        ),
        TaxRow(date(2026, 7, 1), (TaxComponent("sales_tax", "Sales tax", 100_000),)),
    ),
)
EXEMPT = TaxProfile("PK-SD", (TaxExemption("ait", "EX:77/2026", date(2026, 7, 1)),))
NOVEMBER = Period(date(2026, 11, 1), date(2026, 12, 1))


def catalogue(**changes: object) -> Catalogue:
    package = replace(PACKAGE, **{"tax_group": "internet", **changes})  # type: ignore[arg-type]
    return Catalogue(packages={package.package_id: package}, tax_groups={"internet": GROUP})


def told(
    *, account: Account = ACCOUNT, catalogue: Catalogue, period: Period = NOVEMBER, **changes: object
) -> tuple[str, ...]:
    """Bill a period of a subscription with these changes and tell the first line's calculation."""
    lines = charge_lines(account=account, subscription=active(**changes), period=period, catalogue=catalogue)
    return calculation(line=lines[0], currency="PKR")


def test_a_plain_month_tells_its_price_its_days_and_its_taxes() -> None:
    account = replace(ACCOUNT, tax=TaxProfile("PK-SD"))

    assert told(account=account, catalogue=catalogue()) == (
        "price of edition 1",
        "the whole period of 30 days",
        "tax row internet from 2026-07-01 for PK-SD",
        "sales_tax 19.5 % of the net: 6.05",  # 31.00 x 19.5 % = 6.045
        "ait 15 % of the net and the taxes before it: 5.56",  # 37.05 x 15 % = 5.5575
    )


def test_an_exemption_names_its_certificate_and_its_tax_is_not_charged() -> None:
    words = told(account=replace(ACCOUNT, tax=EXEMPT), catalogue=catalogue())

    assert "no ait: exemption certificate EX:77/2026" in words
    assert [word for word in words if word.startswith("ait")] == []


def test_part_of_a_period_with_discount_quantity_and_phase_tells_each() -> None:
    package = catalogue(phases=(Phase("Trial: first", 2, 2_000),))

    words = told(
        catalogue=package,
        period=Period(date(2026, 11, 1), date(2026, 11, 13)),
        ends_on=date(2026, 11, 13),
        quantity=2,
        discounts=(Discount("SUMMER", share=500_000),),
    )

    assert words == (
        "price of edition 1",
        "phase Trial: first",
        "12 of 30 days",
        "quantity 2",
        "discount SUMMER took 8.00",  # half of 2 x 20.00 x 12/30
        "tax row internet from 2026-07-01 for every place",
        "sales_tax 10 % of the net: 0.80",
    )


def test_a_paused_month_at_its_own_price_tells_both() -> None:
    words = told(
        catalogue=catalogue(),
        price_override=10_000,
        state=State.PAUSED,
        paused_on=date(2026, 11, 1),
        pause_share=250_000,
    )

    assert words[:3] == (
        "price of the subscription's own",
        "paused: 25 % of the price",
        "the whole period of 30 days",
    )


def test_a_bundles_line_tells_its_part() -> None:
    parts = (BundlePart("Internet", 2, "internet"), BundlePart("TV", 1, None))

    words = told(catalogue=catalogue(bundle=parts, tax_group=None))

    assert "2 of 3 parts of the bundle's price" in words


def test_a_charge_and_a_rounding_tell_what_they_are() -> None:
    charge = PendingCharge("late:inv_1:r1", ChargeKind.LATE_FEE, "Late fee", 500, 1, None, date(2026, 11, 1))
    line = pending_charge_line(account=ACCOUNT, charge=charge, on=date(2026, 11, 1), catalogue=catalogue())
    rounding = rounding_line(total=226_614, multiple=100, on=date(2026, 11, 1))
    assert rounding is not None

    assert calculation(line=line, currency="PKR") == ("charge late:inv_1:r1",)
    assert calculation(line=rounding, currency="PKR") == ("rounded to a multiple of 1.00",)
    assert in_words(code="r:5", currency="JPY") == "rounded to a multiple of 5"


def test_an_inclusive_price_says_so() -> None:
    books = replace(catalogue(), tax_groups={"internet": replace(GROUP, inclusive=True)})

    assert "taxes are contained in the price" in told(catalogue=books)


def test_every_code_that_the_charges_list_has_words() -> None:
    text = inspect.getdoc(charges) or ""
    listed = [
        code.replace("CODE", "SUMMER").replace("KEY", "late:1")
        for code in re.findall(r"``([^`]+)``", text.partition("The trace")[2])
        if not code.startswith("domain.")
    ]

    assert len(listed) == 12
    assert [code for code in listed if not is_known(code=code)] == []


def test_every_code_that_the_charges_make_is_listed() -> None:
    """Each formatted text in that module is a code: its beginning is one that has words."""
    tree = ast.parse(inspect.getsource(charges))
    made = {
        str(node.values[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant)
    }

    assert made == {"e", "p:", "pause:", "d:", "q", "b:", "c:", "t:", "x:", "r:"}


@given(st.text(max_size=60), st.sampled_from(["PKR", "JPY", "KWD"]))
def test_any_text_is_shown_somehow(code: str, currency: str) -> None:
    words = in_words(code=code, currency=currency)

    assert words == code if not is_known(code=code) else words


@pytest.mark.parametrize(
    ("millionths", "text"),
    [
        (195_000, "19.5 %"),
        (150_000, "15 %"),
        (0, "0 %"),
        (1, "0.0001 %"),
        (2_000_000, "200 %"),
        (72_500, "7.25 %"),
    ],
)
def test_a_rate_is_told_exactly(millionths: int, text: str) -> None:
    assert percent(millionths=millionths) == text
