"""Signing in by a passkey alone, and what a stranger learns by asking: nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.crypto.passkeys import WebauthnPasskeys
from chalicelib.domain.passkeys import PASSKEYS_MAX
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.authenticator import PRESENT, SoftwareAuthenticator
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn, fresh_caller
from tests.integration.passkeys import WRONG_ANSWERS, device_for, log_in, log_in_options, register
from tests.integration.shop import Item, created, ok
from tests.integration.staffing import Company, Person
from tests.integration.test_round_trips import RoundTrips
from tests.integration.test_second_factor import from_elsewhere, subjects

REFUSED = (401, "wrong_credentials", None)


@pytest.fixture
def company(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Company:
    return Company(signed_in, services, api)


@pytest.fixture
def person(company: Company) -> Person:
    return company.join("billing")


@pytest.fixture
def device(services: EngineServices, person: Person) -> SoftwareAuthenticator:
    made = device_for(services)
    register(person.api, made)
    return made


def ids(asked: Item) -> list[str]:
    return [one["id"] for one in asked["allowCredentials"]]


def test_a_passkey_signs_in_without_the_password(
    company: Company, person: Person, device: SoftwareAuthenticator
) -> None:
    answer = device.get(log_in_options(company, person.email))

    begun = log_in(company, person.email, answer)

    assert created(begun)["second_factor_required"] is False
    assert "Set-Cookie" in begun.headers
    me = ok(company.visitor.bearer(begun.json["token"]).get("/v1/me"))
    assert me["staff"]["staff_id"] == person.staff_id
    assert log_in(company, person.email, answer).problem == REFUSED  # once


def test_of_eight_at_once_with_one_answer_one_gets_in(
    company: Company, person: Person, services: EngineServices
) -> None:
    device = device_for(services, step=0)
    register(person.api, device)
    answer = device.get(log_in_options(company, person.email))

    def enter(_: int) -> Reply:
        return log_in(from_elsewhere(company), person.email, answer)

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(enter, range(8)))

    assert sorted(one.status for one in replies)[:1] == [201], [one.text for one in replies]
    assert {one.status for one in replies} <= {201, 401, 503}
    assert [one.status for one in replies].count(201) == 1


OF_OTHERS: dict[str, dict[str, Any]] = {
    "another credential": {"device": {"credential_id": b"another credential"}},
    "another person": {"device": {"handle": "c29tZWJvZHkgZWxzZQ"}},
}


@pytest.mark.parametrize("what", [*WRONG_ANSWERS, *OF_OTHERS])
def test_wrong_answers_are_all_alike(
    company: Company, person: Person, device: SoftwareAuthenticator, what: str
) -> None:
    wrong = {**WRONG_ANSWERS, **OF_OTHERS}[what]
    other = device.but(**wrong.get("device", {}))

    refused = log_in(
        company, person.email, other.get(log_in_options(company, person.email), **wrong.get("said", {}))
    )

    assert refused.problem == REFUSED
    assert "subdomain, email and passkey" in refused.json["message"]


def test_a_challenge_lasts_five_minutes(
    company: Company, person: Person, device: SoftwareAuthenticator, clock: FakeClock
) -> None:
    answer = device.get(log_in_options(company, person.email))
    clock.advance(timedelta(minutes=5))

    assert log_in(company, person.email, answer).problem == REFUSED


def test_a_challenge_is_for_the_account_that_was_named(
    company: Company, person: Person, device: SoftwareAuthenticator, services: EngineServices
) -> None:
    other = company.join("billing")
    theirs = device_for(services)
    register(other.api, theirs)

    assert log_in(company, person.email, device.get(log_in_options(company, other.email))).problem == REFUSED
    assert log_in(company, other.email, theirs.get(log_in_options(company, person.email))).problem == REFUSED


def test_who_was_disabled_does_not_get_in(
    company: Company, person: Person, device: SoftwareAuthenticator
) -> None:
    ok(company.owner.post(f"/v1/staff/{person.staff_id}/disable"))

    assert log_in(company, person.email, device.get(log_in_options(company, person.email))).problem == REFUSED


def test_a_copy_is_refused_and_told(company: Company, person: Person, device: SoftwareAuthenticator) -> None:
    copy = device.but()
    created(log_in(company, person.email, device.get(log_in_options(company, person.email))))

    assert log_in(company, person.email, copy.get(log_in_options(company, person.email))).problem == REFUSED
    assert "A passkey may have been copied" in subjects(company, person)


# -- what asking tells -----------------------------------------------------------------------


def test_everybody_is_offered_the_same_number_of_credentials(
    company: Company, person: Person, device: SoftwareAuthenticator
) -> None:
    bare = company.join("billing")
    own = log_in_options(company, person.email)
    without, nobody = log_in_options(company, bare.email), log_in_options(company, "nobody@nowhere.example")

    for asked in (own, without, nobody):
        assert len(set(ids(asked))) == PASSKEYS_MAX
        assert ids(asked) == sorted(ids(asked))
        assert {frozenset(one) for one in asked["allowCredentials"]} == {
            frozenset({"id", "type", "transports"})
        }
        assert {tuple(one["transports"]) for one in asked["allowCredentials"]} == {()}
    assert device.get(own)["id"] in ids(own)
    shapes = [{key: type(value) for key, value in asked.items()} for asked in (own, without, nobody)]
    assert shapes[0] == shapes[1] == shapes[2]


def test_decoys_are_the_same_each_time_and_others_for_others(
    company: Company, services: EngineServices, other_tenant: SignedIn
) -> None:
    address = "nobody@nowhere.example"
    elsewhere = replace(company, tenant=other_tenant)
    unknown = replace(company, tenant=replace(company.tenant, subdomain="nobodys-subdomain"))

    first, again = log_in_options(company, address), log_in_options(company, address.upper())

    assert ids(first) == ids(again)
    assert first["challenge"] != again["challenge"]
    assert not set(ids(first)) & set(ids(log_in_options(company, "somebody@nowhere.example")))
    assert not set(ids(first)) & set(ids(log_in_options(elsewhere, address)))
    assert len(ids(log_in_options(unknown, address))) == PASSKEYS_MAX


def test_known_and_unknown_addresses_cost_the_same_round_trips(
    company: Company, person: Person, device: SoftwareAuthenticator, services: EngineServices
) -> None:
    trips, stranger = RoundTrips(services), device_for(services)
    costs = []
    for email in (person.email, company.tenant.email, "nobody@nowhere.example"):
        with trips.counted() as operations:
            asked = log_in_options(company, email)
            assert log_in(company, email, stranger.get(asked)).problem == REFUSED
            costs.append(list(operations))

    assert costs[0] == costs[1] == costs[2]


def test_a_challenge_of_another_address_is_no_probe_for_accounts(
    company: Company, person: Person, services: EngineServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger, checked = device_for(services), []
    check = WebauthnPasskeys.asserted

    def counted(*args: Any, **kwargs: Any) -> int:
        checked.append(kwargs["challenge"])
        return check(*args, **kwargs)

    monkeypatch.setattr(WebauthnPasskeys, "asserted", counted)
    for named in ("nobody@nowhere.example", person.email):
        work = []
        for tried in ("somebody@nowhere.example", person.email, company.tenant.email):
            if tried == named:
                continue
            asked = log_in_options(company, named)
            assert log_in(company, tried, stranger.get(asked)).problem == REFUSED
            work.append(len(checked))
        assert work == [0] * len(work)


def test_an_account_that_is_none_is_refused_alike(
    company: Company, person: Person, device: SoftwareAuthenticator
) -> None:
    unknown = replace(company, tenant=replace(company.tenant, subdomain="nobodys-subdomain"))
    wrong = log_in(
        company, person.email, device.but(flags=PRESENT).get(log_in_options(company, person.email))
    )

    for where, email in ((company, "nobody@nowhere.example"), (unknown, person.email)):
        refused = log_in(where, email, device.get(log_in_options(where, email)))
        assert {**refused.json, "request_id": ""} == {**wrong.json, "request_id": ""}


def test_failures_count_together_with_wrong_passwords(
    company: Company, person: Person, device: SoftwareAuthenticator, services: EngineServices
) -> None:
    visited = replace(company, visitor=ApiClient(company.visitor.gateway, caller=fresh_caller()))
    stranger = device_for(services)
    for _ in range(5):
        assert visited.try_to_sign_in(person.email, "a wrong password").status == 401
        answer = stranger.get(log_in_options(visited, person.email))
        assert log_in(visited, person.email, answer).status == 401

    assert log_in(visited, person.email, device.get(log_in_options(visited, person.email))).status == 429
    assert visited.try_to_sign_in(person.email, "a wrong password").status == 429
    elsewhere = from_elsewhere(company)
    assert log_in(elsewhere, person.email, device.get(log_in_options(elsewhere, person.email))).status == 201
