"""Limits on requests over HTTP: who is refused, what is told, and what it costs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.rates import Policies
from chalicelib.local.gateway import Gateway
from chalicelib.usecases.rates import RateLimiter
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn, fresh_caller
from tests.integration.staffing import Company
from tests.integration.test_round_trips import RoundTrips

PER_MINUTE = 10


@pytest.fixture
def few(services: EngineServices, signed_in: SignedIn) -> Iterator[None]:
    """Limits that are soon reached, for whoever is signed in already."""
    kept = services.rate_policies, services.rates
    vars(services)["rate_policies"] = Policies.of(per_minute=PER_MINUTE)
    vars(services)["rates"] = fresh_rates(services)
    yield
    vars(services)["rate_policies"], vars(services)["rates"] = kept


def fresh_rates(services: EngineServices) -> RateLimiter:
    return RateLimiter(attempts=services.identity.attempts, tokens=services.identity.tokens)


def elsewhere(gateway: Gateway, who: SignedIn) -> ApiClient:
    """The same person at another network address."""
    return ApiClient(gateway, caller=fresh_caller()).bearer(who.token)


def assert_limited(refused: Reply, policy: str) -> None:
    assert refused.problem == (429, "rate_limited", None)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert f'"{policy}";r=0;t={refused.headers["Retry-After"]}' in refused.headers["RateLimit"]


def test_every_answer_tells_the_limits_and_what_is_left(signed_in: SignedIn, few: None) -> None:
    first, second = signed_in.api.get("/v1/me"), signed_in.api.get("/v1/nothing/here")
    third = signed_in.api.get("/v1/packages/pkg_none")

    assert first.headers["RateLimit-Policy"] == (
        '"address";q=20;w=60, "account";q=10;w=60, "tenant";q=50;w=60'
    )
    assert re.fullmatch(
        r'"address";r=19;t=60, "account";r=9;t=60, "tenant";r=49;t=60', first.headers["RateLimit"]
    )
    assert "RateLimit" not in second.headers  # the gateway's own
    assert third.headers["RateLimit"].startswith('"address";r=18;')


def test_an_account_is_limited_wherever_it_asks_from_and_nobody_else_is(
    signed_in: SignedIn, other_tenant: SignedIn, gateway: Gateway, few: None, clock: FakeClock
) -> None:
    for _ in range(PER_MINUTE):
        assert elsewhere(gateway, signed_in).get("/v1/me").status == 200

    assert_limited(elsewhere(gateway, signed_in).get("/v1/me"), "account")
    assert elsewhere(gateway, other_tenant).get("/v1/me").status == 200
    clock.advance(timedelta(minutes=1))
    assert elsewhere(gateway, signed_in).get("/v1/me").status == 200


def test_an_address_is_limited_before_anything_is_looked_up(
    api: ApiClient, few: None, services: EngineServices
) -> None:
    trips = RoundTrips(services)
    with trips.counted() as operations:
        answers = [api.bearer("ses_wrong").get("/v1/me").status for _ in range(PER_MINUTE * 2 + 1)]
        before = len(operations)
        refused = api.get("/v1/health")
        preflight = api.request("OPTIONS", "/v1/me")
        assert len(operations) == before

    assert answers == [401] * PER_MINUTE * 2 + [429]
    assert_limited(refused, "address")
    assert_limited(preflight, "address")


def test_an_address_that_a_client_claims_counts_for_nothing(api: ApiClient, few: None) -> None:
    claims = [{"X-Forwarded-For": f"198.51.100.{n}", "X-Real-IP": f"198.51.100.{n}"} for n in range(21)]

    answers = [api.get("/v1/health", headers=claim).status for claim in claims]

    assert answers == [200] * PER_MINUTE * 2 + [429]


def test_a_tenant_is_limited_whoever_of_it_asks(
    signed_in: SignedIn, services: EngineServices, api: ApiClient
) -> None:
    company = Company(signed_in, services, api)
    people = [signed_in.api, *(company.join("support").api for _ in range(2))]
    kept = services.rate_policies, services.rates
    policies = Policies.of(per_minute=PER_MINUTE)
    vars(services)["rate_policies"] = replace(policies, tenant=replace(policies.tenant, most=12))
    vars(services)["rates"] = fresh_rates(services)
    try:
        statuses = [person.get("/v1/me").status for person in people for _ in range(5)]
    finally:
        vars(services)["rate_policies"], vars(services)["rates"] = kept

    assert statuses == [200] * 12 + [429] * 3


def test_another_process_learns_what_this_one_counted(
    signed_in: SignedIn, gateway: Gateway, services: EngineServices, few: None
) -> None:
    for _ in range(PER_MINUTE):
        elsewhere(gateway, signed_in).get("/v1/me")
    vars(services)["rates"] = fresh_rates(services)

    assert elsewhere(gateway, signed_in).get("/v1/me").status == 200  # it has not asked yet
    assert_limited(elsewhere(gateway, signed_in).get("/v1/me"), "account")


def test_a_read_costs_no_more_round_trips_for_being_counted(
    signed_in: SignedIn, services: EngineServices
) -> None:
    kept = services.rate_policies, services.rates
    vars(services)["rate_policies"] = Policies.of(per_minute=600)
    vars(services)["rates"] = fresh_rates(services)
    trips = RoundTrips(services)
    try:
        with trips.counted() as operations:
            for _ in range(19):
                assert signed_in.api.get("/v1/me").status == 200
            assert len(operations) <= 19 * 2
            for _ in range(101):
                signed_in.api.get("/v1/me")
        # One more for each twenty requests of an account, forty of an address, hundred of a tenant.
        assert operations.count("UpdateItem") == 120 // 20 + 120 // 40 + 120 // 100
    finally:
        vars(services)["rate_policies"], vars(services)["rates"] = kept
