"""A second factor put on, asked for, and taken off, over HTTP on the engine."""

from __future__ import annotations

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pyotp import TOTP

from chalicelib.store.second_factors import SecondFactorItem
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn, fresh_caller
from tests.integration.raw import raw_items
from tests.integration.shop import Item, created, ok
from tests.integration.staffing import CHOSEN, Company, Person
from tests.integration.test_passwords import NEW, NOBODY, WORTHLESS, ask_reset, complete
from tests.integration.test_passwords import code as reset_code

WRONG = (422, "wrong_code", "code")
STEP = timedelta(seconds=30)


class Authenticator:
    """Somebody's phone, at the time of the tests' clock."""

    def __init__(self, person: Person, clock: FakeClock, **shown: Any) -> None:
        self.person, self._clock = person, clock
        begun = created(person.api.post("/v1/me/second-factor", json={"password": CHOSEN, **shown}))
        self.begun: Item = begun
        self.secret: str = begun["secret"]

    def code(self, *, steps: int = 0) -> str:
        """The code of now, or of some steps later."""
        return TOTP(self.secret).at(self._clock.now(), counter_offset=steps)

    def confirm(self) -> list[str]:
        """Put the second factor on, and let its code grow old."""
        put_on = ok(self.person.api.post("/v1/me/second-factor/confirmation", json={"code": self.code()}))
        self._clock.advance(2 * STEP)
        codes: list[str] = put_on["recovery_codes"]
        return codes


@pytest.fixture
def company(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Company:
    return Company(signed_in, services, api)


@pytest.fixture
def person(company: Company) -> Person:
    return company.join("billing")


@pytest.fixture
def phone(person: Person, clock: FakeClock) -> Authenticator:
    return Authenticator(person, clock)


def first_step(company: Company, person: Person, password: str = CHOSEN) -> str:
    """The token that asks for a code."""
    reply = company.try_to_sign_in(person.email, password)
    assert (reply.status, set(reply.json)) == (202, {"second_step_token", "expires_at", "factors"}), (
        reply.text
    )
    assert "Set-Cookie" not in reply.headers
    token: str = reply.json["second_step_token"]
    return token


def second_step(company: Company, token: str, code: str) -> Reply:
    return company.visitor.post("/v1/session-completions", json={"token": token, "code": code})


def from_elsewhere(company: Company) -> Company:
    """The same company, visited from another network address."""
    return replace(company, visitor=ApiClient(company.visitor.gateway, caller=fresh_caller()))


def subjects(company: Company, person: Person) -> list[str]:
    return [mail.subject for mail in company.services.mailer.sent if mail.to == person.email]


def test_a_code_puts_the_second_factor_on_and_ends_other_sessions(
    company: Company, person: Person, phone: Authenticator
) -> None:
    elsewhere = company.sign_in(person.email, CHOSEN)
    assert ok(person.api.get("/v1/me/second-factor"))["on"] is False

    codes = phone.confirm()

    assert phone.begun["otpauth_uri"].startswith("otpauth://totp/Lahore%20Net:")
    assert (len(codes), len(set(codes))) == (10, 10)
    shown = ok(person.api.get("/v1/me/second-factor"))
    assert (shown["on"], shown["recovery_codes_left"]) == (True, 10)
    assert elsewhere.get("/v1/me").problem == NOBODY
    assert company.member(person.staff_id)["second_factor"] is True
    assert subjects(company, person)[-1] == "Signing in asks for a code now"
    assert {"second_factor.begun", "second_factor.on"} <= company.audited()


def test_nothing_changes_before_a_code_came_back(
    company: Company, person: Person, phone: Authenticator
) -> None:
    wrong = person.api.post("/v1/me/second-factor/confirmation", json={"code": phone.code(steps=7)})

    assert wrong.problem == WRONG
    assert company.try_to_sign_in(person.email, CHOSEN).status == 201
    refused = person.api.post("/v1/me/second-factor", json={"password": "a wrong password"})
    assert refused.problem == (422, "wrong_password", "password")


def test_secrets_and_codes_are_not_to_be_read_in_the_table(company: Company, phone: Authenticator) -> None:
    codes = phone.confirm()

    stored = str(list(raw_items(company.services, company.tenant.tenant_id)))

    assert phone.person.staff_id in stored
    assert phone.secret not in stored
    assert b64encode(phone.secret.encode()).decode() not in stored
    assert not [one for one in codes if one in stored or one.replace("-", "") in stored]


def test_signing_in_takes_the_password_and_a_code(
    company: Company, person: Person, phone: Authenticator
) -> None:
    phone.confirm()
    token = first_step(company, person)

    assert company.visitor.bearer(token).get("/v1/me").problem == NOBODY
    assert second_step(company, token, phone.code(steps=5)).problem == WRONG
    begun = second_step(company, token, phone.code())

    assert company.visitor.bearer(created(begun)["token"]).get("/v1/me").status == 200
    assert "Set-Cookie" in begun.headers
    assert second_step(company, token, phone.code(steps=1)).problem == WORTHLESS


@pytest.mark.parametrize("steps", [-2, -1, 0, 1, 2])
def test_a_clock_may_be_one_step_off(
    company: Company, person: Person, phone: Authenticator, clock: FakeClock, steps: int
) -> None:
    phone.confirm()
    clock.advance(4 * STEP)

    reply = second_step(company, first_step(company, person), phone.code(steps=steps))

    assert reply.status == (201 if abs(steps) < 2 else 422), reply.text


def test_a_code_works_once_and_none_before_it_after_it(
    company: Company, person: Person, phone: Authenticator
) -> None:
    phone.confirm()
    earlier, code = phone.code(steps=-1), phone.code()
    created(second_step(company, first_step(company, person), code))

    again = first_step(company, person)

    assert second_step(company, again, code).problem == WRONG
    assert second_step(company, again, earlier).problem == WRONG
    assert second_step(company, again, phone.code(steps=1)).status == 201


def test_the_code_that_confirmed_does_not_sign_in(
    company: Company, person: Person, phone: Authenticator, clock: FakeClock
) -> None:
    used = phone.code()
    phone.confirm()
    clock.advance(-2 * STEP)

    assert second_step(company, first_step(company, person), used).problem == WRONG


@pytest.mark.parametrize("kind", ["authenticator", "recovery"])
def test_of_eight_at_once_with_one_code_one_gets_in(
    company: Company, person: Person, phone: Authenticator, kind: str
) -> None:
    [spare, *_] = phone.confirm()
    code = phone.code() if kind == "authenticator" else spare
    tokens = [first_step(company, person) for _ in range(8)]

    def enter(token: str) -> Reply:
        return second_step(from_elsewhere(company), token, code)

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(enter, tokens))

    assert sorted(one.status for one in replies) == [201] + [422] * 7, [one.text for one in replies]
    assert {one.code for one in replies if one.status == 422} == {"wrong_code"}


def test_the_token_of_the_first_step_lasts_five_minutes_and_with_the_password(
    company: Company, person: Person, phone: Authenticator, clock: FakeClock
) -> None:
    phone.confirm()
    token = first_step(company, person)
    clock.advance(timedelta(minutes=5))
    assert second_step(company, token, phone.code()).problem == WORTHLESS

    token = first_step(company, person)
    created(person.api.post("/v1/me/password", json={"current": CHOSEN, "password": NEW}))
    assert second_step(company, token, phone.code()).problem == WORTHLESS

    token = first_step(company, person, NEW)
    ok(company.owner.post(f"/v1/staff/{person.staff_id}/disable"))
    assert second_step(company, token, phone.code()).problem == WORTHLESS


def test_recovery_codes_work_once_each_and_the_person_is_told(
    company: Company, person: Person, phone: Authenticator
) -> None:
    first, second, *_ = phone.confirm()

    typed = first.replace("-", " ").upper()
    begun = created(second_step(company, first_step(company, person), typed))

    left = ok(company.visitor.bearer(begun["token"]).get("/v1/me/second-factor"))["recovery_codes_left"]
    assert left == 9
    assert "9 are left" in company.services.mailer.last_to(person.email).text
    assert second_step(company, first_step(company, person), first).problem == WRONG
    assert second_step(company, first_step(company, person), second).status == 201
    assert "recovery_code.used" in company.audited()


def test_new_recovery_codes_take_the_place_of_the_old(
    company: Company, person: Person, phone: Authenticator
) -> None:
    old, *_ = phone.confirm()
    renew = "/v1/me/second-factor/recovery-codes"
    assert person.api.post(renew, json={"password": "a wrong password", "code": phone.code()}).status == 422
    alone = person.api.post(renew, json={"password": CHOSEN})
    assert alone.problem == (422, "second_factor_needed", "code")

    shown = {"password": CHOSEN, "code": phone.code()}
    new, *_ = ok(person.api.post(renew, json=shown))["recovery_codes"]

    assert second_step(company, first_step(company, person), old).problem == WRONG
    assert second_step(company, first_step(company, person), new).status == 201
    assert "You have new recovery codes" in subjects(company, person)


def test_taking_it_off_needs_the_password_and_a_code(
    company: Company, person: Person, phone: Authenticator
) -> None:
    phone.confirm()
    removal = "/v1/me/second-factor/removal"

    without = person.api.post(removal, json={"password": "a wrong password", "code": phone.code()})
    wrong = person.api.post(removal, json={"password": CHOSEN, "code": phone.code(steps=9)})
    assert [without.code, wrong.code] == ["wrong_password", "wrong_code"]
    assert person.api.post(removal, json={"password": CHOSEN, "code": phone.code()}).status == 204

    assert company.try_to_sign_in(person.email, CHOSEN).status == 201
    assert subjects(company, person)[-1] == "Signing in asks for no code any more"
    assert SecondFactorItem.count(f"{company.tenant.tenant_id}#MFA") == 0
    again = person.api.post(removal, json={"password": CHOSEN, "code": phone.code(steps=1)})
    assert again.problem == (409, "second_factor_off", None)


def test_it_is_not_replaced_by_who_has_the_password_alone(person: Person, phone: Authenticator) -> None:
    phone.confirm()

    again = person.api.post("/v1/me/second-factor", json={"password": CHOSEN})

    assert again.problem == (409, "second_factor_on", None)


def test_a_reset_password_does_not_get_around_it(
    company: Company, person: Person, phone: Authenticator
) -> None:
    phone.confirm()
    ask_reset(company, person.email)
    assert complete(company, reset_code(company, person.email)).status == 204

    assert second_step(company, first_step(company, person, NEW), phone.code()).status == 201


def test_wrong_codes_are_limited_for_a_client_and_the_account(
    company: Company, person: Person, phone: Authenticator
) -> None:
    spare, *_ = phone.confirm()
    token = first_step(company, person)
    wrong = phone.code(steps=20)

    at_one = [second_step(company, token, wrong).status for _ in range(11)]
    assert at_one == [422] * 10 + [429]
    others = [second_step(from_elsewhere(company), token, wrong).status for _ in range(21)]
    assert others == [422] * 20 + [429]

    elsewhere = from_elsewhere(company)
    assert second_step(elsewhere, token, phone.code()).status == 429  # from anywhere
    assert subjects(company, person).count("Somebody knows your password") == 1
    assert second_step(elsewhere, token, spare).status == 201  # nobody is locked out


def test_a_new_password_counts_wrong_codes_anew(
    company: Company, person: Person, phone: Authenticator
) -> None:
    phone.confirm()
    token = first_step(company, person)
    for _ in range(30):
        second_step(from_elsewhere(company), token, phone.code(steps=20))
    assert second_step(from_elsewhere(company), token, phone.code()).status == 429
    ask_reset(company, person.email)
    assert complete(company, reset_code(company, person.email)).status == 204

    assert second_step(company, first_step(company, person, NEW), phone.code()).status == 201
