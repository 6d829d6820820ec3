"""The golden book of an ISP in Berlin, whose settings are others than those of ``test_golden_book``.

An invoice for each subscription, a bill day, VAT in the price, clocks that change, numbers of its own
form, runs that come late. The figures are computed by hand, in euro cents, for March to May 2027.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

import pytest

from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.books_check import check_books
from tests.integration.conftest import EngineServices, sign_up_and_in
from tests.integration.golden_checks import billed, credited, stated, trial
from tests.integration.golden_figures import Bill, Line, R, entries
from tests.integration.golden_isp import GoldenIsp, tax
from tests.integration.shop import Item, Shop

# 15 March to 1 April: 39.99 less 14 of the 31 days (18.06); x 19 / 119 = 3.5014.
DSL_MARCH: Final[Line] = (R, 1_843, 0, 0, ("vat", 350))
# 9.99 less 14 days (4.5116): 5.48; 0.87495.
TV_MARCH: Final[Line] = (R, 461, 0, 0, ("vat", 87))
# 39.99: 6.38496. 9.99: 1.59504.
DSL: Final[Line] = (R, 3_361, 0, 0, ("vat", 638))
TV: Final[Line] = (R, 839, 0, 0, ("vat", 160))

BILLS: Final[list[Bill]] = [
    ("03-15", [DSL_MARCH], 2_193, 0),
    ("03-15", [TV_MARCH], 548, 0),
    # 50.00 on 20 March leaves 22.59: 17.40 is open, of that 4.00 is credited and 13.40 paid.
    ("04-01", [DSL], 3_999, 0),
    ("04-01", [TV], 999, 0),
    ("05-01", [DSL], 3_999, 3_999),
    ("05-01", [TV], 999, 999),
]


def euro(amount: int) -> Item:
    """An amount in euro cents."""
    return {"amount": amount, "currency": "EUR"}


@pytest.fixture
def isp(api: ApiClient, services: EngineServices, clock: FakeClock) -> GoldenIsp:
    """An ISP in Berlin that signs up on 15 March 2027, its fiscal year the calendar's."""
    clock.set(datetime(2027, 3, 15, 9, tzinfo=UTC))
    terms = {"country": "DE", "currency": "EUR", "time_zone": "Europe/Berlin"}
    tenant = sign_up_and_in(api, services, subdomain=None, fiscal_year_start_month=1, **terms)
    isp = GoldenIsp(Shop(tenant, services))
    isp.settings(consolidated=False, bill_day=1, number_formats={"INV": "RE/{fy_short}/{seq:04}"})
    row = {"starts_on": "2027-01-01", "components": [tax("vat", 190_000)]}
    isp.taxes(row, group="vat", inclusive=True)
    for name, price, terms_of in (("DSL", 3_999, {}), ("TV", 999, {"kind": "addon"})):
        isp.packages[name] = isp.shop.package(name=name, price=euro(price), tax_group="vat", **terms_of)
    return isp


def go_to(isp: GoldenIsp, month: int, number: int) -> None:
    """Let it be eleven in the morning of a day, with every date billed until then."""
    clock = isp.shop.services.clock
    assert isinstance(clock, FakeClock)
    clock.set(datetime(2027, month, number, 10, tzinfo=UTC))
    isp.shop.bill(clock.now())
    isp.shop.sign_in_again()


def test_separate_invoices_with_vat_in_the_price_to_the_cent(
    isp: GoldenIsp, services: EngineServices
) -> None:
    isp.sell("Anna", "DSL")
    isp.sell("Anna", "TV", parent_id=isp.sold["Anna/DSL"]["subscription_id"])
    go_to(isp, 3, 15)
    go_to(isp, 3, 20)
    pay(isp, 5_000)
    go_to(isp, 4, 3)  # no run since 20 March
    dsl, tv = isp.invoices("Anna", "04-01")
    assert (dsl["due_on"], tv["due_on"]) == ("2027-04-10", "2027-04-10")
    pay(isp, 999, allocations=[{"invoice_id": tv["invoice_id"], "amount": euro(999)}])
    credit = {"reason": "outage", "share_millionths": 100_000}
    isp.post(f"/v1/invoices/{dsl['invoice_id']}/credit-notes", credit)
    pay(isp, 1_340)
    go_to(isp, 5, 1)

    assert billed(isp, "Anna") == BILLS
    # A tenth of 39.99, 4.00, by 33.61 and 6.38: 3.3618 and 0.6382.
    assert credited(isp, "Anna") == [(R, 336, 0, 0, ("vat", 64))]
    assert stated(isp, "Anna", date(2027, 3, 1), date(2027, 5, 1)) == entries("""
        03-15 INV 2_193, 03-15 INV 548, 03-20 RCP -5_000, 04-01 INV 3_999, 04-01 INV 999,
        04-03 CRN -400, 04-03 RCP -999, 04-03 RCP -1_340, 05-01 INV 3_999, 05-01 INV 999
    """)
    assert_ledger(isp)
    numbers = [one["number"] for one in isp.get("/v1/invoices?fiscal_year=2027&limit=200")["items"]]
    assert numbers == [f"RE/27/000{number}" for number in range(1, 7)]
    check_books(services, isp.shop.tenant.tenant_id)


def pay(isp: GoldenIsp, amount: int, **terms: object) -> None:
    """A payment by bank transfer."""
    body = {"amount": euro(amount), "channel": "bank_transfer", **terms}
    isp.post(f"{isp.of('Anna')}/payments", body)


def assert_ledger(isp: GoldenIsp) -> None:
    """Each month's end, and the first of May; March and April close with the same."""
    march = {
        "cash:bank_transfer": 5_000,
        "credit": -(5_000 - 2_193 - 548),
        "revenue:recurring": -(1_843 + 461),
        "tax:vat": -(350 + 87),
    }
    april = {
        "cash:bank_transfer": 5_000 + 999 + 1_340,
        "revenue:recurring": -(1_843 + 461 + 3_361 + 839 - 336),
        "tax:vat": -(350 + 87 + 638 + 160 - 64),
    }
    may_1 = {
        "cash:bank_transfer": 5_000 + 999 + 1_340,
        "receivable": 3_999 + 999,
        "revenue:recurring": -(1_843 + 461 + 2 * 3_361 + 2 * 839 - 336),
        "tax:vat": -(350 + 87 + 2 * 638 + 2 * 160 - 64),
    }
    for month, first, last, expected in (
        ("2027-03", date(2027, 3, 1), date(2027, 3, 31), march),
        ("2027-04", date(2027, 4, 1), date(2027, 4, 30), april),
    ):
        assert trial(isp, first, last) == expected
        closed = isp.post("/v1/ledger/closings", {"month": month})
        assert {row["account"]: row["closing"] for row in closed["rows"] if row["closing"]} == expected
    assert trial(isp, date(2027, 5, 1), date(2027, 5, 1)) == may_1
