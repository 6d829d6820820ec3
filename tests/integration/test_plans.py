"""The operator is a tenant: ISPs on its plan, their trial, their limits, what they are charged for."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from chalice.app import Chalice

from chalicelib.api.routes import register
from chalicelib.domain.errors import DomainError
from chalicelib.jobs.plans import keep_plans
from chalicelib.jobs.tenants import PassIncomplete
from chalicelib.local.gateway import Gateway
from chalicelib.usecases.plans import charge_usage, enrol, isp_account_id
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.books_check import check_books
from tests.integration.conftest import EngineServices, SignedIn, fresh_caller, sign_up_and_in
from tests.integration.endings import Ending
from tests.integration.importing import Importer, mapping, people
from tests.integration.shop import Item, Shop, if_match, ok, subscriber_body

TERMS = {
    "tiers": [{"up_to": 2, "price": 1_000}, {"up_to": None, "price": 700}],
    "limits": {"subscribers": 3, "exports_a_day": 1},
    "offered": True,
}


@dataclass
class Platform:
    """The operator with one plan on offer, and the services of a platform that it operates."""

    operator: Shop
    services: EngineServices
    api: ApiClient

    def as_operator(self) -> ApiClient:
        """Return a client that is signed in to the operator's tenant."""
        app = Chalice(app_name="isp-billing", configure_logs=False)
        register(app, lambda: self.services)
        return ApiClient(Gateway(app), caller=fresh_caller()).bearer(self.operator.tenant.token)

    def isp(self) -> Shop:
        """Return an ISP that has just signed up."""
        return Shop(sign_up_and_in(self.api, self.services), self.services)


@pytest.fixture
def platform(services: EngineServices, signed_in: SignedIn) -> Platform:
    settings = replace(services.settings, platform_subdomain=signed_in.subdomain)
    ours = EngineServices(settings=settings, clock=services.clock, environment=services.environment)
    app = Chalice(app_name="isp-billing", configure_logs=False)
    register(app, lambda: ours)
    operator = Shop(signed_in, services)
    package = operator.package(name="Growing", price={"amount": 500_000, "currency": "PKR"})
    platform = Platform(operator, ours, ApiClient(Gateway(app), caller=fresh_caller()))
    ok(platform.as_operator().put(f"/v1/plans/{package['package_id']}", json=TERMS))
    return platform


def plan_of(isp: Shop) -> Item:
    return ok(isp.tenant.api.get("/v1/plan"))


def test_who_signs_up_is_on_trial_for_fourteen_days(platform: Platform) -> None:
    isp = platform.isp()

    plan = plan_of(isp)

    today = isp.tenant.store.profile().local_date(at=platform.services.clock.now())
    assert (plan["name"], plan["on_trial"]) == ("Growing", True)
    assert plan["trial_ends_on"] == (today + timedelta(days=13)).isoformat()
    assert plan["usage"] == {"subscribers": 0, "exports_today": 0}
    assert plan["invoices"] == []
    (customer,) = ok(platform.operator.tenant.api.get("/v1/subscribers"))["items"]
    assert customer["code"] == isp.tenant.subdomain
    path = f"/v1/subscribers/{customer['subscriber_id']}"
    (subscription,) = ok(platform.operator.tenant.api.get(path))["subscriptions"]
    assert subscription["starts_on"] == (today + timedelta(days=14)).isoformat()


def test_after_the_trial_the_plan_is_billed_by_the_same_engine(platform: Platform) -> None:
    isp = platform.isp()
    now = platform.services.clock.now()

    platform.operator.bill(now + timedelta(days=14))

    (invoice,) = plan_of(isp)["invoices"]
    assert (invoice["state"], invoice["total"]["amount"]) == ("open", 500_000)
    check_books(platform.services, platform.operator.tenant.tenant_id)


def test_the_limit_of_subscribers_is_enforced_and_archived_ones_do_not_count(platform: Platform) -> None:
    isp = platform.isp()
    last = [isp.subscriber() for _ in range(3)][-1]

    refused = isp.tenant.api.post("/v1/subscribers", json=subscriber_body())

    assert refused.problem == (409, "plan_limit_reached", "subscribers")
    assert refused.json["message"] == "the plan 'Growing' allows 3 subscribers: change the plan for more"
    path = f"/v1/subscribers/{last['subscriber_id']}"
    archived = ok(isp.tenant.api.post(f"{path}/archive", headers=if_match(last)))
    assert plan_of(isp)["usage"]["subscribers"] == 2
    isp.subscriber()
    again = isp.tenant.api.post(f"{path}/unarchive", headers=if_match(archived))
    assert again.problem == (409, "plan_limit_reached", "subscribers")


def test_an_import_creates_what_the_plan_allows_and_reports_the_rest(platform: Platform) -> None:
    isp = platform.isp()
    isp.subscriber()
    isp.package(name="Home 20")
    importer = Importer(platform.services, isp.tenant)
    file = people(*(f"A-{number},Ali,,Home 20," for number in range(5)))

    done = importer.run(file, mapping(platform.services.clock.now().date()))

    assert done["state"] == "succeeded"
    told = importer.report(done["import_id"])
    assert [row["code"] for row in told] == ["plan_limit_reached"] * 3
    assert plan_of(isp)["usage"]["subscribers"] == 3


def test_the_limit_of_exports_a_day(platform: Platform) -> None:
    isp = platform.isp()
    assert isp.tenant.api.post("/v1/exports").status == 202
    assert isp.tenant.api.post("/v1/exports").problem == (409, "plan_limit_reached", "exports_a_day")
    assert plan_of(isp)["usage"]["exports_today"] == 1


def test_subscribers_created_side_by_side_are_all_counted(platform: Platform) -> None:
    shop = platform.operator
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: shop.subscriber(), range(24)))
    standing = shop.tenant.store.plans.standing()
    assert (standing.enrolment, standing.subscribers) == (None, len(answers))


def test_months_that_are_over_are_charged_once_by_tiers(platform: Platform) -> None:
    isp = platform.isp()
    package = isp.package()
    people = [isp.subscriber() for _ in range(3)]
    for person in people:
        isp.subscribe(person, package)
    operator, store = platform.operator.tenant.store, isp.tenant.store
    tenant = store.profile()
    enrolment = store.plans.standing().enrolment
    assert enrolment is not None
    month = enrolment.counted_to
    assert month.day == 1
    assert month >= enrolment.starts_on
    over = datetime.combine(_next(month), datetime.min.time(), UTC) + timedelta(hours=1)

    def charge(at: datetime) -> int:
        return charge_usage(operator=operator, store=store, tenant=tenant, at=at)

    assert charge(over - timedelta(days=2)) == 0
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: _quietly(charge, over), range(4)))
    assert charge(over) == 0

    account = operator.subscribers.get(subscriber_id=isp_account_id(tenant=tenant)).account
    assert [(one.key, one.quantity, one.unit_price, one.on) for one in account.charges] == [
        (f"usage:{month:%Y-%m}:1", 2, 1_000, _next(month)),
        (f"usage:{month:%Y-%m}:2", 1, 700, _next(month)),
    ]


def test_a_run_of_the_operators_that_starts_meanwhile_keeps_nobody_from_being_charged(
    platform: Platform,
) -> None:
    """A pass sees to one ISP after another, with one store of the operator's."""
    isps = [platform.isp() for _ in range(2)]
    for isp in isps:
        isp.subscribe(isp.subscriber(), isp.package())
    over = platform.services.clock.now() + timedelta(days=47)
    platform.operator.bill(over - timedelta(days=1))
    operator = platform.services.stores.of(tenant_id=platform.operator.tenant.tenant_id)

    def charged(isp: Shop) -> list[int]:
        tenant = isp.tenant.store.profile()
        assert charge_usage(operator=operator, store=isp.tenant.store, tenant=tenant, at=over) == 1
        account_id = isp_account_id(tenant=tenant)
        return [one.unit_price for one in operator.subscribers.get(subscriber_id=account_id).account.charges]

    assert charged(isps[0]) == [1_000]
    platform.operator.bill(over)
    assert charged(isps[1]) == [1_000]

    platform.operator.bill(over + timedelta(days=1))
    for isp in isps:
        bills = plan_of(isp)["invoices"]
        assert sorted(one["total"]["amount"] for one in bills) == [1_000, 500_000, 500_000], bills


def test_nor_from_being_put_on_the_plan(platform: Platform, services: EngineServices, api: ApiClient) -> None:
    [plan] = ok(platform.as_operator().get("/v1/plans"))["items"]
    soon = {**TERMS, "trial_days": 1}
    ok(platform.as_operator().put(f"/v1/plans/{plan['package_id']}", json=soon))
    isps = [sign_up_and_in(api, services) for _ in range(2)]
    at = services.clock.now()
    operator = services.stores.of(tenant_id=platform.operator.tenant.tenant_id)

    def begins(isp: SignedIn) -> date | None:
        tenant = isp.store.profile()
        found = enrol(operator=operator, store=isp.store, tenant=tenant, at=at)
        return None if found is None else found.starts_on

    first = begins(isps[0])
    platform.operator.bill(at)
    assert first is not None
    assert begins(isps[1]) == first


def test_one_that_was_ended_between_the_two_books_is_finished_by_the_next(platform: Platform) -> None:
    isp = platform.isp()
    operator, store = platform.operator.tenant.store, isp.tenant.store
    tenant = store.profile()
    known = store.plans.standing().enrolment
    # As if the worker had ended before the ISP's own book was written.
    _forget_plan(isp)
    again = enrol(operator=operator, store=store, tenant=tenant, at=platform.services.clock.now())
    assert again == known
    listed = ok(platform.operator.tenant.api.get("/v1/subscribers"))["items"]
    assert len(listed) == 1


def test_the_schedule_puts_tenants_on_the_plan_that_are_on_none(
    platform: Platform, other_tenant: SignedIn
) -> None:
    before = other_tenant.api.get("/v1/plan")
    assert before.problem[:2] == (404, "no_plan")

    with suppress(PassIncomplete):  # other tests leave tenants whose records cannot be read
        keep_plans(platform.services, {})

    assert other_tenant.store.plans.standing().enrolment is not None
    assert platform.operator.tenant.store.plans.standing().enrolment is None


def test_terms_that_contradict_themselves_are_refused(platform: Platform) -> None:
    api = platform.as_operator()
    package = platform.operator.package(name=f"P {secrets.token_hex(4)}")
    path = f"/v1/plans/{package['package_id']}"
    backwards = {"tiers": [{"up_to": 5, "price": 1}, {"up_to": 4, "price": 1}, {"up_to": None, "price": 1}]}
    assert api.put(path, json=backwards).problem == (422, "invalid_plan", "tiers.1.up_to")
    assert api.put("/v1/plans/pkg_none", json={}).status == 404


def test_nobody_but_the_operator_sells_plans(platform: Platform, other_tenant: SignedIn) -> None:
    package = Shop(other_tenant, platform.services).package(name="Mine")
    refused = other_tenant.api.put(f"/v1/plans/{package['package_id']}", json=TERMS)

    assert refused.problem == (409, "not_the_operator", None)
    assert ok(other_tenant.api.get("/v1/plans"))["items"] == []


def _next(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)


def _quietly(charge: Callable[[datetime], int], at: datetime) -> None:
    with suppress(DomainError):  # the quicker one did it
        charge(at)


def _forget_plan(isp: Shop) -> None:
    isp.services.wire.call(
        "DeleteItem",
        {
            "TableName": isp.services.settings.tenants_table,
            "Key": {"pk": {"S": f"{isp.tenant.tenant_id}#T"}, "sk": {"S": "PLAN"}},
        },
    )


def test_a_plan_is_paused_while_the_account_has_ended_and_resumed_when_it_is_back(platform: Platform) -> None:
    isp, clock = platform.isp(), platform.services.clock
    assert isinstance(clock, FakeClock)
    assert standing_of(isp)["standing"] == "trial"
    clock.advance(timedelta(days=20))
    platform.operator.bill(clock.now())
    clock.advance(timedelta(days=15))
    isp.sign_in_again()
    assert standing_of(isp)["standing"] == "past_due"
    ending = Ending(isp, platform.services)

    ending.cancel()
    ending.keep(timedelta(hours=1))

    assert sold_to(platform, isp)["state"] == "paused"
    isp.sign_in_again()
    assert ok(isp.tenant.api.post("/v1/tenant/recovery"))["state"] == "active"
    keep_plans(platform.services, {})
    assert sold_to(platform, isp)["state"] == "active"
    isp.sign_in_again()
    ending.cancel()
    ending.purge()
    assert (ending.state, sold_to(platform, isp)["state"]) == ("purged", "terminated")


def test_the_last_month_of_use_is_charged_where_the_account_ends_with_it(platform: Platform) -> None:
    isp, clock = platform.isp(), platform.services.clock
    assert isinstance(clock, FakeClock)
    isp.subscribe(isp.subscriber(), isp.package())
    clock.set(datetime(2041, 6, 30, 12, tzinfo=UTC))
    isp.sign_in_again()
    ending = Ending(isp, platform.services)
    ending.cancel(when="end_of_month")

    clock.set(datetime(2041, 6, 30, 19, 20, tzinfo=UTC))  # the first of July, in Lahore
    for _ in range(2):
        ending.keep(timedelta(hours=1))

    assert (ending.state, sold_to(platform, isp)["state"]) == ("recovery", "paused")
    account_id = isp_account_id(tenant=isp.tenant.store.profile())
    store = platform.operator.tenant.store
    account = store.subscribers.get(subscriber_id=account_id).account
    assert [(one.key, one.quantity, one.unit_price) for one in account.charges] == [
        ("usage:2041-06:1", 1, 1_000)
    ]


def test_the_operators_own_account_is_not_ended(platform: Platform) -> None:
    mine = platform.operator.tenant
    body = {"when": "now", "confirm": mine.subdomain, "password": mine.password}

    assert platform.as_operator().post("/v1/tenant/cancellation", json=body).code == "is_the_operator"


def standing_of(isp: Shop) -> Item:
    """Where an ISP stands."""
    return ok(isp.tenant.api.get("/v1/tenant/standing"))


def sold_to(platform: Platform, isp: Shop) -> Item:
    """The subscription of an ISP's plan, as the operator has it."""
    account_id = isp_account_id(tenant=isp.tenant.store.profile())
    store = platform.operator.tenant.store
    (sold,) = store.subscribers.get(subscriber_id=account_id).account.subscriptions
    return {"state": sold.state.value}
