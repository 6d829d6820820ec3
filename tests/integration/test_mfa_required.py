"""A company that asks everybody for a second factor, and people who lost theirs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chalicelib.api.routes import every_endpoint
from chalicelib.ports.identity import PersonSessions
from chalicelib.usecases import factor_changes
from chalicelib.usecases import sessions as sessions_module
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.authenticator import SoftwareAuthenticator
from tests.fakes.clock import FakeClock
from tests.integration.conftest import PASSWORD, EngineServices, SignedIn, sign_up_and_in
from tests.integration.passkeys import (
    add,
    device_for,
    log_in,
    log_in_options,
    options,
    register,
    shown_by,
)
from tests.integration.shop import created, if_match, ok
from tests.integration.staffing import CHOSEN, Company, Person
from tests.integration.test_passwords import NOBODY
from tests.integration.test_round_trips import RoundTrips
from tests.integration.test_second_factor import STEP, Authenticator, first_step, subjects
from tests.integration.test_second_factor import second_step as step_by_code

REQUIRED = (403, "second_factor_required", None)


@dataclass
class Guarded:
    """A company whose owner has a passkey."""

    company: Company
    device: SoftwareAuthenticator

    @property
    def owner(self) -> ApiClient:
        return self.company.owner

    def require(self, *, value: bool = True, by: ApiClient | None = None) -> Reply:
        """Ask everybody for a second factor."""
        version = ok(self.owner.get("/v1/tenant"))
        change = {"mfa_required": value}
        return (by or self.owner).patch("/v1/tenant", json=change, headers=if_match(version))

    def take_off(self, person_id: str, by: ApiClient | None = None, **body: Any) -> Reply:
        """Take somebody's second factor off; the owner shows the password and the passkey."""
        if by is None:
            body = {"password": PASSWORD, "passkey": shown_by(self.owner, self.device), **body}
        return (by or self.owner).post(f"/v1/staff/{person_id}/second-factor/removal", json=body)


@pytest.fixture
def company(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Company:
    return Company(signed_in, services, api)


@pytest.fixture
def guarded(company: Company, services: EngineServices) -> Guarded:
    device = device_for(services)
    register(company.owner, device, PASSWORD)
    return Guarded(company, device)


@pytest.fixture
def person(company: Company) -> Person:
    return company.join("billing")


# -- asked of everybody ----------------------------------------------------------------------


def test_at_first_nobody_is_asked(company: Company, person: Person) -> None:
    assert ok(company.owner.get("/v1/tenant"))["mfa_required"] is False
    assert person.api.get("/v1/subscribers").status == 200


def test_who_asks_has_one(company: Company, services: EngineServices) -> None:
    guarded = Guarded(company, device_for(services))

    assert guarded.require().problem == (409, "second_factor_off", "mfa_required")
    assert ok(company.owner.get("/v1/tenant"))["mfa_required"] is False
    register(company.owner, guarded.device, PASSWORD)
    assert ok(guarded.require())["mfa_required"] is True


def test_administrators_may_and_others_may_not(guarded: Guarded, services: EngineServices) -> None:
    admin, clerk = guarded.company.join("admin"), guarded.company.join("billing")
    register(admin.api, device_for(services))
    register(clerk.api, device_for(services))

    assert guarded.require(by=clerk.api).problem == (403, "permission_denied", None)
    assert ok(guarded.require(by=admin.api))["mfa_required"] is True
    assert ok(guarded.require(value=False, by=admin.api))["mfa_required"] is False


def test_an_open_session_is_held_at_its_next_request(guarded: Guarded, person: Person) -> None:
    other = guarded.company.sign_in(person.email, CHOSEN)
    ok(guarded.require())

    for api in (person.api, other):
        refused = api.get("/v1/subscribers")
        assert refused.problem == REQUIRED
        assert "POST /v1/me/passkey-options" in refused.json["message"]
    assert guarded.owner.get("/v1/subscribers").status == 200


def test_whatever_they_ask_but_what_puts_one_on_is_refused(guarded: Guarded, person: Person) -> None:
    ok(guarded.require())
    names: defaultdict[str, str] = defaultdict(lambda: "x")
    open_to_them = {one.operation_id for one in every_endpoint() if one.while_held}

    for one in every_endpoint():
        if not one.public and not one.while_held and not one.of_portal:
            reply = person.api.request(one.method, one.path.format_map(names), json={})
            assert reply.problem == REQUIRED, one.operation_id
    assert open_to_them == {
        "add_passkey",
        "begin_passkey",
        "begin_second_factor",
        "confirm_second_factor",
        "get_me",
        "get_second_factor",
        "list_passkeys",
        "log_out",
    }
    assert person.api.get("/v1/me").status == 200


def test_who_signs_in_without_one_is_told_and_held(guarded: Guarded, person: Person) -> None:
    ok(guarded.require())

    session = created(guarded.company.try_to_sign_in(person.email, CHOSEN))

    assert session["second_factor_required"] is True
    api = guarded.company.visitor.bearer(session["token"])
    assert api.get("/v1/subscribers").problem == REQUIRED
    assert api.delete("/v1/sessions/current").status == 204


def test_a_passkey_lets_the_session_go_on(guarded: Guarded, person: Person, services: EngineServices) -> None:
    ok(guarded.require())
    stale = guarded.company.sign_in(person.email, CHOSEN)

    assert len(register(person.api, device_for(services))["recovery_codes"]) == 10

    assert person.api.get("/v1/subscribers").status == 200
    assert stale.get("/v1/me").problem == NOBODY


def test_an_authenticator_does_too(guarded: Guarded, person: Person, clock: FakeClock) -> None:
    ok(guarded.require())
    phone = Authenticator(person, clock)
    phone.confirm()

    assert person.api.get("/v1/subscribers").status == 200
    begun = created(step_by_code(guarded.company, first_step(guarded.company, person), phone.code()))
    assert begun["second_factor_required"] is False
    assert guarded.company.visitor.bearer(begun["token"]).get("/v1/subscribers").status == 200


def test_who_signs_in_by_a_passkey_is_not_held(
    guarded: Guarded, person: Person, services: EngineServices
) -> None:
    device = device_for(services)
    register(person.api, device)
    ok(guarded.require())

    begun = created(
        log_in(guarded.company, person.email, device.get(log_in_options(guarded.company, person.email)))
    )

    assert guarded.company.visitor.bearer(begun["token"]).get("/v1/subscribers").status == 200
    assert person.api.get("/v1/subscribers").status == 200


def test_taken_back_it_holds_nobody(guarded: Guarded, person: Person) -> None:
    ok(guarded.require())
    assert person.api.get("/v1/subscribers").problem == REQUIRED

    ok(guarded.require(value=False))

    assert person.api.get("/v1/subscribers").status == 200
    assert guarded.company.sign_in(person.email, CHOSEN).get("/v1/subscribers").status == 200
    ok(guarded.require())
    assert person.api.get("/v1/subscribers").problem == REQUIRED


def test_a_session_that_begins_meanwhile_is_held(
    guarded: Guarded, person: Person, services: EngineServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting changes after the session began and before the answer is given."""
    tell = sessions_module._tell_of_device

    def meanwhile(*args: Any) -> None:
        monkeypatch.setattr(sessions_module, "_tell_of_device", tell)
        ok(guarded.require())
        tell(*args)

    monkeypatch.setattr(sessions_module, "_tell_of_device", meanwhile)
    session = created(guarded.company.try_to_sign_in(person.email, CHOSEN))

    assert session["second_factor_required"] is True
    assert guarded.company.visitor.bearer(session["token"]).get("/v1/subscribers").problem == REQUIRED


def test_of_asking_and_taking_the_last_one_off_at_once_one_gives_way(
    guarded: Guarded, person: Person, services: EngineServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = device_for(services)
    passkey_id = register(person.api, device)["passkey"]["passkey_id"]
    commit = sessions_module.commit_ending

    def meanwhile(**given: Any) -> None:
        monkeypatch.setattr(factor_changes, "commit_ending", commit)
        ok(guarded.require())
        commit(**given)

    body = {"password": CHOSEN, "passkey": shown_by(person.api, device)}
    monkeypatch.setattr(factor_changes, "commit_ending", meanwhile)
    refused = person.api.post(f"/v1/me/passkeys/{passkey_id}/removal", json=body)

    assert refused.problem == (503, "busy", None)
    assert guarded.company.member(person.staff_id)["second_factor"] is True


def test_who_puts_one_on_meanwhile_is_not_held(
    guarded: Guarded, person: Person, services: EngineServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = services.sessions.of_person

    def meanwhile(*, tenant_id: str, staff_id: str) -> PersonSessions:
        known = read(tenant_id=tenant_id, staff_id=staff_id)
        if staff_id == person.staff_id:
            monkeypatch.setattr(services.sessions, "of_person", read)
            register(person.api, device_for(services))
        return known

    monkeypatch.setattr(services.sessions, "of_person", meanwhile)
    ok(guarded.require())

    assert person.api.get("/v1/subscribers").status == 200


def test_the_last_factor_cannot_be_taken_off(
    guarded: Guarded, person: Person, services: EngineServices, clock: FakeClock
) -> None:
    first, second = device_for(services), device_for(services)
    ids = [register(person.api, first)["passkey"]["passkey_id"]]
    ids.append(register(person.api, second, passkey=shown_by(person.api, first))["passkey"]["passkey_id"])
    ok(guarded.require())

    def remove(passkey_id: str) -> Reply:
        body = {"password": CHOSEN, "passkey": shown_by(person.api, second)}
        return person.api.post(f"/v1/me/passkeys/{passkey_id}/removal", json=body)

    assert remove(ids[0]).status == 204
    assert remove(ids[1]).problem == (409, "last_second_factor", None)
    phone = Authenticator(person, clock, passkey=shown_by(person.api, second))
    phone.confirm()
    assert remove(ids[1]).status == 204
    off = person.api.post("/v1/me/second-factor/removal", json={"password": CHOSEN, "code": phone.code()})
    assert off.problem == (409, "last_second_factor", None)
    ok(guarded.require(value=False))
    clock.advance(2 * STEP)
    off = person.api.post("/v1/me/second-factor/removal", json={"password": CHOSEN, "code": phone.code()})
    assert off.status == 204


def test_programs_are_no_people(guarded: Guarded, api: ApiClient) -> None:
    permissions = ["subscribers:read", "tenant:read", "tenant:write"]
    made = created(guarded.owner.post("/v1/api-keys", json={"name": "Shop", "permissions": permissions}))
    program = api.bearer(made["token"])
    ok(guarded.require())

    assert program.get("/v1/subscribers").status == 200
    assert guarded.require(value=False, by=program).problem == (409, "second_factor_off", "mfa_required")
    assert (
        program.patch(
            "/v1/tenant", json={"billing_hour": 5}, headers=if_match(ok(program.get("/v1/tenant")))
        ).status
        == 200
    )


def test_another_tenant_is_not_asked(guarded: Guarded, services: EngineServices, api: ApiClient) -> None:
    other = Company(sign_up_and_in(api, services), services, api).join("billing")
    ok(guarded.require())

    assert other.api.get("/v1/subscribers").status == 200


def test_requests_of_who_has_one_cost_what_they_did(
    guarded: Guarded, person: Person, services: EngineServices
) -> None:
    trips = RoundTrips(services)
    ok(guarded.require())

    with trips.counted() as operations:
        assert guarded.owner.get("/v1/subscribers").status == 200

    assert len(operations) <= 2, operations


def test_the_setting_is_audited(guarded: Guarded) -> None:
    ok(guarded.require())

    entries = ok(guarded.owner.get("/v1/audit?action=tenant.changed"))["items"]
    assert {"mfa_required": [False, True]} in [one["details"] for one in entries]


# -- taken off for somebody else -------------------------------------------------------------


def test_who_lost_theirs_gets_in_again(guarded: Guarded, person: Person, services: EngineServices) -> None:
    register(person.api, device_for(services))
    before = len(guarded.company.services.mailer.sent)

    taken = ok(guarded.take_off(person.staff_id))

    assert taken["second_factor"] is False
    assert person.api.get("/v1/me").problem == NOBODY
    assert guarded.company.try_to_sign_in(person.email, CHOSEN).status == 201
    sent = {(mail.to, mail.subject) for mail in guarded.company.services.mailer.sent[before:]}
    told = "A second factor was taken off"
    assert {(person.email, told), (guarded.company.tenant.email, told)} <= sent
    assert "second_factor.taken_off" in guarded.company.audited()


def test_who_takes_it_off_is_asked_again(guarded: Guarded, person: Person, services: EngineServices) -> None:
    register(person.api, device_for(services))

    wrong = guarded.take_off(person.staff_id, password="a wrong password")
    bare = guarded.take_off(person.staff_id, passkey=None)

    assert wrong.problem == (422, "wrong_password", "password")
    assert bare.problem == (422, "second_factor_needed", "code")
    assert guarded.company.member(person.staff_id)["second_factor"] is True
    assert person.api.get("/v1/me").status == 200


def test_only_owners_take_an_owners_off_and_nobody_their_own(
    guarded: Guarded, person: Person, services: EngineServices
) -> None:
    admin = guarded.company.join("admin")
    owner_id = ok(guarded.owner.get("/v1/me"))["staff"]["staff_id"]
    mine = {"password": CHOSEN}

    assert guarded.take_off(owner_id, by=admin.api, **mine).problem == (403, "rights_exceeded", None)
    assert guarded.take_off(owner_id).problem == (409, "own_record", None)
    assert guarded.take_off(owner_id, by=person.api, **mine).problem == (403, "permission_denied", None)
    assert guarded.take_off(person.staff_id).problem == (409, "second_factor_off", None)
    register(person.api, device_for(services))
    assert guarded.take_off(person.staff_id, by=admin.api, **mine).status == 200
    assert "A second factor was taken off" in subjects(guarded.company, person)


def test_where_it_is_required_the_person_puts_another_on(
    guarded: Guarded, person: Person, services: EngineServices
) -> None:
    register(person.api, device_for(services))
    ok(guarded.require())
    ok(guarded.take_off(person.staff_id))

    again = replace(person, api=guarded.company.sign_in(person.email, CHOSEN))

    assert again.api.get("/v1/subscribers").problem == REQUIRED
    device = device_for(services)
    created(add(again.api, device.create(options(again.api))))
    assert again.api.get("/v1/subscribers").status == 200
