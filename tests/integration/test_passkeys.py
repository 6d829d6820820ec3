"""One's own passkeys: added, named, shown again, taken off; real bytes, checked on the engine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.passkeys import PASSKEYS_MAX
from chalicelib.store.second_factors import SecondFactorItem
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.authenticator import SoftwareAuthenticator
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.passkeys import (
    WRONG_ANSWERS,
    add,
    device_for,
    log_in,
    log_in_options,
    options,
    register,
    second_options,
    shown_by,
)
from tests.integration.raw import raw_items
from tests.integration.shop import created, ok
from tests.integration.staffing import CHOSEN, Company, Person
from tests.integration.test_passwords import NOBODY
from tests.integration.test_second_factor import Authenticator, first_step, subjects
from tests.integration.test_second_factor import second_step as step_by_code

WRONG = (422, "wrong_passkey", "passkey")
MINUTES = timedelta(minutes=1)


@pytest.fixture
def company(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Company:
    return Company(signed_in, services, api)


@pytest.fixture
def person(company: Company) -> Person:
    return company.join("billing")


@pytest.fixture
def device(services: EngineServices) -> SoftwareAuthenticator:
    return device_for(services)


def remove(person: Person, passkey_id: str, **shown: Any) -> Reply:
    body = {"password": CHOSEN, **shown}
    return person.api.post(f"/v1/me/passkeys/{passkey_id}/removal", json=body)


# -- added -----------------------------------------------------------------------------------


def test_a_device_is_told_what_to_make(
    company: Company, person: Person, device: SoftwareAuthenticator
) -> None:
    asked = options(person.api)

    assert asked["rp"] == {"id": device.origin.partition("://")[2].partition(":")[0], "name": "Lahore Net"}
    assert asked["user"]["name"] == person.email
    assert person.email not in asked["user"]["id"]
    assert person.staff_id not in asked["user"]["id"]
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert asked["authenticatorSelection"]["residentKey"] == "preferred"
    assert {one["alg"] for one in asked["pubKeyCredParams"]} == {-7, -8, -257}
    assert asked["excludeCredentials"] == []


def test_a_passkey_is_a_second_factor_at_once(
    company: Company, person: Person, device: SoftwareAuthenticator
) -> None:
    elsewhere = company.sign_in(person.email, CHOSEN)

    added = register(person.api, device)

    assert added["passkey"]["name"] == "Phone"
    assert len(set(added["recovery_codes"])) == 10
    shown = ok(person.api.get("/v1/me/second-factor"))
    assert (shown["on"], shown["authenticator"], shown["passkeys"]) == (True, False, 1)
    assert shown["recovery_codes_left"] == 10
    assert company.member(person.staff_id)["second_factor"] is True
    assert elsewhere.get("/v1/me").problem == NOBODY
    assert company.try_to_sign_in(person.email, CHOSEN).json["factors"] == ["passkey", "recovery_code"]
    assert subjects(company, person)[-1] == "A passkey was added"
    assert "passkey.added" in company.audited()


def test_it_is_added_by_who_knows_the_password(person: Person) -> None:
    refused = person.api.post("/v1/me/passkey-options", json={"password": "a wrong password"})

    assert refused.problem == (422, "wrong_password", "password")


def test_a_challenge_makes_one_passkey(person: Person, services: EngineServices) -> None:
    asked = options(person.api)
    created(add(person.api, device_for(services).create(asked)))

    again = add(person.api, device_for(services).create(asked))

    assert again.problem == WRONG


def test_a_challenge_lasts_five_minutes(
    person: Person, device: SoftwareAuthenticator, clock: FakeClock
) -> None:
    answer = device.create(options(person.api))
    clock.advance(5 * MINUTES)

    assert add(person.api, answer).problem == WRONG


def test_a_challenge_is_for_the_session_that_asked(
    company: Company, person: Person, device: SoftwareAuthenticator
) -> None:
    other_session = company.sign_in(person.email, CHOSEN)
    other_person = company.join("billing").api

    for api in (other_session, other_person):
        assert add(api, device.create(options(person.api))).problem == WRONG


@pytest.mark.parametrize("what", WRONG_ANSWERS)
def test_what_a_device_made_otherwise_is_refused(
    person: Person, device: SoftwareAuthenticator, what: str
) -> None:
    wrong = WRONG_ANSWERS[what]
    other = device.but(**wrong.get("device", {}))

    refused = add(person.api, other.create(options(person.api), **wrong.get("said", {})))

    assert refused.problem == WRONG
    assert ok(person.api.get("/v1/me/passkeys"))["items"] == []


@pytest.mark.parametrize("broken", ["", "AAAA", "not-base64-\u00e9", "o2NmbXRkbm9uZQ", "e30", "n" * 900])
@pytest.mark.parametrize("part", ["clientDataJSON", "attestationObject"])
def test_bytes_that_are_none_are_no_failure_of_ours(
    person: Person, device: SoftwareAuthenticator, part: str, broken: str
) -> None:
    answer = device.create(options(person.api))
    answer["response"][part] = broken

    assert add(person.api, answer).problem == WRONG


def test_a_name_of_another_credential_is_refused(person: Person, device: SoftwareAuthenticator) -> None:
    answer = device.create(options(person.api))
    answer["id"] = answer["rawId"] = "c29tZWJvZHkgZWxzZQ"

    assert add(person.api, answer).problem == WRONG


def test_the_same_passkey_is_not_added_twice(person: Person, device: SoftwareAuthenticator) -> None:
    register(person.api, device)
    asked = options(person.api, passkey=shown_by(person.api, device))

    assert [one["id"] for one in asked["excludeCredentials"]] == [device.create(asked)["id"]]
    assert add(person.api, device.create(asked)).problem == (409, "passkey_there", None)


def test_another_one_takes_the_second_factor_too(person: Person, services: EngineServices) -> None:
    first, second = device_for(services), device_for(services)
    codes = register(person.api, first)["recovery_codes"]
    without = person.api.post("/v1/me/passkey-options", json={"password": CHOSEN})

    assert without.problem == (422, "second_factor_needed", "code")
    assert register(person.api, second, passkey=shown_by(person.api, first))["recovery_codes"] == []
    assert register(person.api, device_for(services), code=codes[0])["recovery_codes"] == []
    assert len(ok(person.api.get("/v1/me/passkeys"))["items"]) == 3


def test_a_person_has_at_most_ten(person: Person, services: EngineServices) -> None:
    device = device_for(services)
    register(person.api, device)
    for _ in range(PASSKEYS_MAX - 1):
        register(person.api, device_for(services), passkey=shown_by(person.api, device))

    body = {"password": CHOSEN, "passkey": shown_by(person.api, device)}
    assert person.api.post("/v1/me/passkey-options", json=body).problem == (409, "too_many_passkeys", None)


def test_names_are_not_to_be_read_in_the_table(
    company: Company, person: Person, device: SoftwareAuthenticator
) -> None:
    created(add(person.api, device.create(options(person.api)), name="Blue telephone"))

    stored = str(list(raw_items(company.services, company.tenant.tenant_id)))

    assert person.staff_id in stored
    assert "Blue telephone" not in stored


def test_another_persons_passkeys_put_in_the_place_of_ones_own_are_not_read(
    company: Company, person: Person, services: EngineServices
) -> None:
    other = company.join("billing")
    register(person.api, device_for(services))
    register(other.api, device_for(services))
    partition = f"{company.tenant.tenant_id}#MFA"
    theirs = SecondFactorItem.get(partition, other.staff_id).passkeys
    mine = SecondFactorItem.get(partition, person.staff_id)

    mine.update(actions=[SecondFactorItem.passkeys.set(theirs)])

    assert person.api.get("/v1/me/passkeys").problem == (500, "data_unreadable", None)


# -- named and taken off ---------------------------------------------------------------------


def test_a_passkey_gets_another_name(company: Company, person: Person, device: SoftwareAuthenticator) -> None:
    passkey_id = register(person.api, device)["passkey"]["passkey_id"]

    renamed = person.api.patch(f"/v1/me/passkeys/{passkey_id}", json={"name": "Laptop"})

    assert ok(renamed)["name"] == "Laptop"
    assert [one["name"] for one in ok(person.api.get("/v1/me/passkeys"))["items"]] == ["Laptop"]
    other = company.join("billing")
    assert other.api.patch(f"/v1/me/passkeys/{passkey_id}", json={"name": "Mine"}).status == 404
    assert "passkey.renamed" in company.audited()


def test_taking_it_off_needs_the_password_and_the_second_factor(
    company: Company, person: Person, device: SoftwareAuthenticator
) -> None:
    added = register(person.api, device)
    passkey_id, codes = added["passkey"]["passkey_id"], added["recovery_codes"]
    elsewhere = company.visitor.bearer(
        created(log_in(company, person.email, device.get(log_in_options(company, person.email))))["token"]
    )

    assert remove(person, passkey_id).problem == (422, "second_factor_needed", "code")
    assert remove(person, passkey_id, code="not a code").problem == (422, "wrong_code", "code")
    assert remove(person, passkey_id, password="wrong", code=codes[0]).code == "wrong_password"
    both = remove(person, passkey_id, code=codes[0], passkey=shown_by(person.api, device))
    assert both.problem == (422, "second_factor_needed", "code")
    assert remove(person, "psk_01JD0000000000000000000000", code=codes[0]).status == 404
    assert remove(person, passkey_id, passkey=shown_by(person.api, device)).status == 204

    assert company.try_to_sign_in(person.email, CHOSEN).status == 201
    assert company.member(person.staff_id)["second_factor"] is False
    assert elsewhere.get("/v1/me").problem == NOBODY
    assert "A passkey was taken off" in subjects(company, person)
    assert SecondFactorItem.count(f"{company.tenant.tenant_id}#MFA") == 0
    assert "passkey.removed" in company.audited()


def test_an_answer_for_one_purpose_is_worthless_for_another(
    company: Company, person: Person, device: SoftwareAuthenticator
) -> None:
    passkey_id = register(person.api, device)["passkey"]["passkey_id"]
    to_sign_in = device.get(log_in_options(company, person.email))
    second = device.get(second_options(company, first_step(company, person)))

    assert remove(person, passkey_id, passkey=to_sign_in).problem == WRONG
    assert remove(person, passkey_id, passkey=second).problem == WRONG
    assert log_in(company, person.email, shown_by(person.api, device)).status == 401


# -- beside an authenticator -----------------------------------------------------------------


def test_authenticator_and_passkey_stand_beside_each_other(
    company: Company, person: Person, device: SoftwareAuthenticator, clock: FakeClock
) -> None:
    register(person.api, device)
    refused = person.api.post("/v1/me/second-factor", json={"password": CHOSEN})
    assert refused.problem == (422, "second_factor_needed", "code")
    phone = Authenticator(person, clock, passkey=shown_by(person.api, device))
    assert phone.confirm() == []  # the recovery codes of before are still good
    assert company.try_to_sign_in(person.email, CHOSEN).json["factors"] == [
        "authenticator",
        "passkey",
        "recovery_code",
    ]
    created(step_by_code(company, first_step(company, person), phone.code()))

    off = {"password": CHOSEN, "passkey": shown_by(person.api, device)}
    assert person.api.post("/v1/me/second-factor/removal", json=off).status == 204

    assert company.try_to_sign_in(person.email, CHOSEN).json["factors"] == ["passkey", "recovery_code"]
    assert "your other second factor" in company.services.mailer.last_to(person.email).text
    again = person.api.post(
        "/v1/me/second-factor/removal", json={**off, "passkey": shown_by(person.api, device)}
    )
    assert again.problem == (409, "second_factor_off", None)


def test_an_authenticator_that_was_not_confirmed_gives_no_codes(
    company: Company, person: Person, device: SoftwareAuthenticator, clock: FakeClock
) -> None:
    phone = Authenticator(person, clock)
    register(person.api, device)

    refused = step_by_code(company, first_step(company, person), phone.code())

    assert refused.problem == (422, "wrong_code", "code")
