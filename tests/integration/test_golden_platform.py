"""The golden book of the platform's operator: an ISP on its plan, on trial, charged by tiers, limited.

The figures are computed by hand, in paisa: Rs 5,000.00 a month, Rs 10.00 for each of the first two
active subscribers and Rs 7.00 for each beyond, with 16 % tax on services. The operator bills from
17 June to 1 August 2026.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final

import pytest
from chalice.app import Chalice

from chalicelib.api.routes import register
from chalicelib.local.gateway import Gateway
from chalicelib.usecases.plans import charge_usage
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.books_check import check_books
from tests.integration.conftest import EngineServices, fresh_caller, sign_up_and_in
from tests.integration.golden_checks import assert_numbers_without_gaps, billed, credited, stated, trial
from tests.integration.golden_figures import R, entries
from tests.integration.golden_isp import GoldenIsp, pkr, tax
from tests.integration.shop import Shop, ok, subscriber_body
from tests.integration.test_plans import Platform

TERMS: Final = {
    "tiers": [{"up_to": 2, "price": 1_000}, {"up_to": None, "price": 700}],
    "limits": {"subscribers": 4},
    "offered": True,
}
JUNE_17, JULY_1, AUGUST_1 = date(2026, 6, 17), date(2026, 7, 1), date(2026, 8, 1)


def noon(on: date) -> datetime:
    """Noon in Karachi."""
    return datetime(on.year, on.month, on.day, 7, tzinfo=UTC)


@pytest.fixture
def platform(api: ApiClient, services: EngineServices, clock: FakeClock) -> Platform:
    """The operator, whose plan is on offer from 17 June 2026, its prices before 16 % tax."""
    clock.set(noon(JUNE_17))
    operator = Shop(sign_up_and_in(api, services), services)
    book = GoldenIsp(operator)
    row = {"starts_on": "2026-01-01", "components": [tax("service_tax", 160_000)]}
    book.taxes(row, group="services")
    package = operator.package(name="Growing", price=pkr(500_000), tax_group="services")
    settings = replace(services.settings, platform_subdomain=operator.tenant.subdomain)
    ours = EngineServices(settings=settings, clock=clock, environment=services.environment)
    app = Chalice(app_name="isp-billing", configure_logs=False)
    register(app, lambda: ours)
    platform = Platform(operator, ours, ApiClient(Gateway(app), caller=fresh_caller()))
    ok(platform.as_operator().put(f"/v1/plans/{package['package_id']}", json=TERMS))
    return platform


def test_an_isp_on_the_platforms_plan_to_the_paisa(platform: Platform, clock: FakeClock) -> None:
    isp, operator = platform.isp(), platform.operator
    serves_three_and_no_more_than_four(isp)
    book = GoldenIsp(operator)
    (customer,) = book.get("/v1/subscribers")["items"]
    book.people["ISP"] = customer

    operator.bill(noon(JULY_1))
    clock.set(noon(JULY_1))
    operator.sign_in_again()
    book.pay("ISP", 580_000, "bank_transfer")()
    clock.set(noon(AUGUST_1))
    operator.sign_in_again()
    store = isp.tenant.store
    charges = [
        charge_usage(operator=operator.tenant.store, store=store, tenant=store.profile(), at=noon(AUGUST_1))
        for _ in range(2)
    ]
    operator.bill(noon(AUGUST_1))

    assert charges == [1, 0]
    assert_the_operators_books(book)
    isp.sign_in_again()
    shown = ok(isp.tenant.api.get("/v1/plan"))
    assert (shown["on_trial"], shown["trial_ends_on"]) == (False, "2026-06-30")
    assert [(one["issued_on"], one["open"]) for one in shown["invoices"]] == [
        ("2026-08-01", pkr(583_132)),
        ("2026-07-01", pkr(0)),
    ]
    check_books(platform.services, operator.tenant.tenant_id)


def serves_three_and_no_more_than_four(isp: Shop) -> None:
    """Three in service and one that is paused; the plan allows no fifth."""
    package = isp.package(price=pkr(100_000))
    *_, paused = (isp.subscribe(isp.subscriber(), package) for _ in range(4))
    isp.change(paused, state="paused")
    refused = isp.tenant.api.post("/v1/subscribers", json=subscriber_body())
    assert refused.problem == (409, "plan_limit_reached", "subscribers")


def assert_the_operators_books(book: GoldenIsp) -> None:
    """Invoices, statement, ledger and numbers of the operator."""
    # 5,000.00: 800.00. Two at 10.00: 3.20; the third at 7.00: 1.12.
    month = (R, 500_000, 0, 0, ("service_tax", 80_000))
    first_two = ("usage", 2_000, 0, 0, ("service_tax", 320))
    third = ("usage", 700, 0, 0, ("service_tax", 112))
    assert billed(book, "ISP") == [
        ("07-01", [month], 580_000, 0),
        ("08-01", [month, first_two, third], 583_132, 583_132),
    ]
    assert credited(book, "ISP") == []
    statement = entries("07-01 INV 580_000, 07-01 RCP -580_000, 08-01 INV 583_132")
    assert stated(book, "ISP", JULY_1, AUGUST_1) == statement
    assert trial(book, JULY_1, AUGUST_1) == {
        "cash:bank_transfer": 580_000,
        "receivable": 583_132,
        "revenue:recurring": -1_000_000,
        "revenue:usage": -2_700,
        "tax:service_tax": -(80_000 + 80_000 + 320 + 112),
    }
    assert_numbers_without_gaps(book, 2027, [statement])
