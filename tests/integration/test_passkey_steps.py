"""A passkey as second step after the password, and its counter; real bytes, checked on the engine."""

from __future__ import annotations

import pytest

from tests.fakes.api_client import ApiClient
from tests.fakes.authenticator import SoftwareAuthenticator
from tests.integration.conftest import EngineServices, SignedIn, sign_up_and_in
from tests.integration.passkeys import (
    WRONG_ANSWERS,
    device_for,
    log_in,
    log_in_options,
    register,
    second_options,
    second_step,
    shown_by,
)
from tests.integration.shop import created, ok
from tests.integration.staffing import CHOSEN, Company, Person
from tests.integration.test_passwords import NEW, WORTHLESS, ask_reset, complete
from tests.integration.test_passwords import code as reset_code
from tests.integration.test_second_factor import first_step, subjects
from tests.integration.test_second_factor import second_step as step_by_code

WRONG = (422, "wrong_passkey", "passkey")


@pytest.fixture
def company(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Company:
    return Company(signed_in, services, api)


@pytest.fixture
def person(company: Company) -> Person:
    return company.join("billing")


@pytest.fixture
def device(services: EngineServices) -> SoftwareAuthenticator:
    return device_for(services)


def test_a_passkey_takes_the_second_step(
    company: Company, person: Person, device: SoftwareAuthenticator
) -> None:
    register(person.api, device)
    token = first_step(company, person)
    asked = second_options(company, token)
    answer = device.get(asked)

    assert [one["id"] for one in asked["allowCredentials"]] == [answer["id"]]
    begun = second_step(company, token, answer)
    assert company.visitor.bearer(created(begun)["token"]).get("/v1/me").status == 200
    assert second_step(company, token, answer).problem == WORTHLESS
    assert second_step(company, first_step(company, person), answer).problem == WRONG
    assert ok(person.api.get("/v1/me/passkeys"))["items"][0]["last_used_at"] is not None


@pytest.mark.parametrize("what", WRONG_ANSWERS)
def test_what_a_device_answers_otherwise_takes_no_step(
    company: Company, person: Person, device: SoftwareAuthenticator, what: str
) -> None:
    register(person.api, device)
    token, wrong = first_step(company, person), WRONG_ANSWERS[what]

    refused = second_step(
        company,
        token,
        device.but(**wrong.get("device", {})).get(second_options(company, token), **wrong.get("said", {})),
    )

    assert refused.problem == WRONG
    assert second_step(company, token, device.get(second_options(company, token))).status == 201


def test_a_challenge_is_for_one_attempt(
    company: Company, person: Person, device: SoftwareAuthenticator
) -> None:
    register(person.api, device)
    first, second = first_step(company, person), first_step(company, person)

    assert second_step(company, second, device.get(second_options(company, first))).problem == WRONG


def test_another_persons_passkey_takes_no_step(company: Company, services: EngineServices) -> None:
    person, other = company.join("billing"), company.join("billing")
    mine, theirs = device_for(services), device_for(services)
    register(person.api, mine)
    register(other.api, theirs)
    token = first_step(company, person)

    assert second_step(company, token, theirs.get(second_options(company, token))).problem == WRONG
    # Nor one that says that it is the other's, or that it is of somebody else.
    claimed = theirs.but(credential_id=mine.credential_id, handle=mine.handle)
    assert second_step(company, token, claimed.get(second_options(company, token))).problem == WRONG
    disowned = mine.but(handle=theirs.handle)
    assert second_step(company, token, disowned.get(second_options(company, token))).problem == WRONG


def test_recovery_codes_work_for_who_has_passkeys_alone(
    company: Company, person: Person, device: SoftwareAuthenticator
) -> None:
    spare, *_ = register(person.api, device)["recovery_codes"]

    assert step_by_code(company, first_step(company, person), spare).status == 201
    assert step_by_code(company, first_step(company, person), spare).problem == (422, "wrong_code", "code")
    again = {"password": CHOSEN, "passkey": shown_by(person.api, device)}
    fresh, *_ = ok(person.api.post("/v1/me/second-factor/recovery-codes", json=again))["recovery_codes"]
    assert step_by_code(company, first_step(company, person), fresh).status == 201


def test_a_reset_password_does_not_get_around_a_passkey(
    company: Company, person: Person, device: SoftwareAuthenticator
) -> None:
    register(person.api, device)
    ask_reset(company, person.email)
    assert complete(company, reset_code(company, person.email)).status == 204

    token = first_step(company, person, NEW)
    assert second_step(company, token, device.get(second_options(company, token))).status == 201


def test_wrong_answers_are_limited_like_wrong_codes(
    company: Company, person: Person, services: EngineServices
) -> None:
    device = device_for(services)
    register(person.api, device)
    token = first_step(company, person)
    stranger = device_for(services)

    answers = [second_step(company, token, stranger.get(second_options(company, token))) for _ in range(11)]

    assert [one.status for one in answers] == [422] * 10 + [429]


# -- counters --------------------------------------------------------------------------------


def test_a_counter_that_goes_back_is_refused_and_told(
    company: Company, person: Person, device: SoftwareAuthenticator
) -> None:
    register(person.api, device)
    copy = device.but()
    for _ in range(2):
        token = first_step(company, person)
        created(second_step(company, token, device.get(second_options(company, token))))

    for _ in range(2):  # the copy counts 2 and 3, where the device counted 3
        token = first_step(company, person)
        assert second_step(company, token, copy.get(second_options(company, token))).problem == WRONG

    assert subjects(company, person).count("A passkey may have been copied") == 1
    assert "may have been copied" in company.services.mailer.last_to(company.tenant.email).subject
    assert "passkey.refused" in company.audited()
    token = first_step(company, person)
    assert second_step(company, token, device.get(second_options(company, token))).status == 201


def test_who_lacks_the_key_raises_no_alarm(
    company: Company, person: Person, services: EngineServices
) -> None:
    device = device_for(services)
    register(person.api, device)
    token = first_step(company, person)
    forged = device_for(services, credential_id=device.credential_id, handle=device.handle, counter=-1)

    assert second_step(company, token, forged.get(second_options(company, token))).problem == WRONG
    assert "A passkey may have been copied" not in subjects(company, person)


def test_a_device_that_never_counts_is_fine(
    company: Company, person: Person, services: EngineServices
) -> None:
    device = device_for(services, step=0)
    register(person.api, device)

    for _ in range(2):
        token = first_step(company, person)
        created(second_step(company, token, device.get(second_options(company, token))))


# -- other tenants ---------------------------------------------------------------------------


def test_the_same_device_is_another_passkey_at_another_tenant(
    company: Company, person: Person, services: EngineServices, api: ApiClient
) -> None:
    mine, theirs = device_for(services), device_for(services)
    register(person.api, mine)
    other = Company(sign_up_and_in(api, services), services, api)
    stranger = other.join("billing")
    register(stranger.api, theirs)

    assert mine.handle != theirs.handle
    assert log_in(company, person.email, theirs.get(log_in_options(company, person.email))).status == 401
    foreign = theirs.get(log_in_options(other, stranger.email))
    assert log_in(company, person.email, foreign).status == 401
    token = first_step(company, person)
    assert second_step(company, token, theirs.get(second_options(company, token))).problem == WRONG
