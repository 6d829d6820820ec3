"""The golden book: one year of one ISP, to the paisa, against figures computed by hand.

Every figure was worked out on paper from the rules and the year's stories, in ``golden_year_figures``
and beside the stories of the ``golden_stories`` modules, with the arithmetic. Nothing of the product's
is called for an expected figure.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest

from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration import (
    golden_stories_money,
    golden_stories_packages,
    golden_stories_service,
    golden_stories_taxes,
    golden_stories_usage,
    golden_year,
    golden_year_figures,
)
from tests.integration.books_check import check_books
from tests.integration.conftest import EngineServices, sign_up_and_in
from tests.integration.golden_checks import (
    assert_numbers_without_gaps,
    billed,
    credited,
    stated,
    summed,
    trial,
)
from tests.integration.golden_figures import Q1, Q2, Q3, Q4, Figures
from tests.integration.golden_isp import FIRST, NIGHT, GoldenIsp, instant
from tests.integration.shop import Shop

FIGURES: Final[dict[str, Figures]] = {
    **golden_year_figures.FIGURES,
    **golden_stories_taxes.FIGURES,
    **golden_stories_packages.FIGURES,
    **golden_stories_service.FIGURES,
    **golden_stories_usage.FIGURES,
    **golden_stories_money.FIGURES,
}
# What the year's taxes come to by 30 June, by component.
TAX_PAYABLE: Final = {
    # 1,388,691 of golden_year; Kiran, Musa, Noor, Nadia, Parveen, Xenia.
    "tax:sales_tax": -(1_388_691 + 65_000 + 72_603 + 1_931 + 86_303 + 110_065 + 3_852),
    # 790,246; and Laila's after Kiran's.
    "tax:ait": -(790_246 + 59_750 + 80_637 + 66_739 + 1_775 + 79_332 + 101_173 + 3_788),
    "tax:levy": -28_334,
    "tax:sst": -42_874,
    "tax:vat": -39_749,
    "tax:cess": -19_876,
}


@pytest.fixture
def isp(api: ApiClient, services: EngineServices, clock: FakeClock) -> GoldenIsp:
    """An ISP that signs up in the first night."""
    clock.set(instant(FIRST, NIGHT))
    return GoldenIsp(Shop(sign_up_and_in(api, services), services))


def test_a_year_of_one_isp_to_the_paisa(isp: GoldenIsp, services: EngineServices) -> None:
    golden_year.plan_year(isp)
    golden_stories_taxes.plan(isp)
    golden_stories_packages.plan(isp)
    golden_stories_service.plan(isp)
    golden_stories_usage.plan(isp)
    golden_stories_money.plan(isp)
    isp.live()

    for who, figures in FIGURES.items():
        assert billed(isp, who) == figures.bills, who
        assert credited(isp, who) == figures.credited, who
        assert stated(isp, who, FIRST, Q4) == figures.statement, who
    assert_numbers_without_gaps(isp, 2027, [one.statement for one in FIGURES.values()])
    assert_numbers_without_gaps(isp, 2028, [[("07-01", "INV", 223_800)]])
    assert_ledger(isp)
    assert_months_close(isp)
    check_books(services, isp.shop.tenant.tenant_id)


def assert_ledger(isp: GoldenIsp) -> None:
    """The trial balance at the end of each quarter, and the taxes to be paid for the year."""
    first, added = FIRST, []
    for quarter in (Q1, Q2, Q3, Q4):
        added += [one.ledger[quarter] for one in FIGURES.values() if quarter in one.ledger]
        expected = summed(golden_year_figures.TRIAL[quarter], *added)
        assert trial(isp, first, quarter) == expected, quarter
        first = quarter + timedelta(days=1)
    whole_year = trial(isp, FIRST, Q4)
    assert {name: one for name, one in whole_year.items() if name.startswith("tax:")} == TAX_PAYABLE
    # What all statements close with is what the ledger says that subscribers owe and are owed.
    closing = sum(amount for one in FIGURES.values() for *_, amount in one.statement)
    assert closing == 127_200 - 305_000 == whole_year["receivable"] + whole_year["credit"]


def assert_months_close(isp: GoldenIsp) -> None:
    """Every month of the year closes, the last with the year's balances."""
    months = [f"{2026 if month >= 7 else 2027}-{month:02}" for month in (*range(8, 13), *range(1, 7))]
    # July is closed already.
    closed = [isp.post("/v1/ledger/closings", {"month": month}) for month in months]
    rows = {row["account"]: row["closing"] for row in closed[-1]["rows"] if row["closing"]}
    assert rows == trial(isp, FIRST, Q4)
