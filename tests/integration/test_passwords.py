"""Passwords changed and reset, and one's own sessions, over HTTP on the engine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.crypto.passwords import Argon2Passwords
from chalicelib.usecases.sessions import log_in
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.fakes.queues import Kept
from tests.integration.conftest import PASSWORD, EngineServices, SignedIn
from tests.integration.shop import created, ok
from tests.integration.staffing import CHOSEN, Company, Person
from tests.integration.test_round_trips import RoundTrips

NEW = "seven kites over the canal"
NOBODY = (401, "not_signed_in", None)
WORTHLESS = (422, "token_not_valid", "token")


@pytest.fixture
def company(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Company:
    return Company(signed_in, services, api)


@pytest.fixture
def person(company: Company) -> Person:
    return company.join("billing")


def ask_reset(company: Company, email: str, **changes: str) -> Reply:
    body = {"subdomain": company.tenant.subdomain, "email": email, **changes}
    return company.visitor.post("/v1/password-resets", json=body)


def code(company: Company, email: str) -> str:
    text = company.services.mailer.last_to(email).text
    return next(word for word in text.split() if word.startswith("pwr_"))


def complete(company: Company, token: str, password: str = NEW) -> Reply:
    body = {"token": token, "password": password}
    return company.visitor.post("/v1/password-reset-completions", json=body)


def test_a_new_password_ends_all_sessions_but_the_new_one(company: Company, person: Person) -> None:
    elsewhere = company.sign_in(person.email, CHOSEN)

    begun = created(person.api.post("/v1/me/password", json={"current": CHOSEN, "password": NEW}))

    assert person.api.get("/v1/me").problem == elsewhere.get("/v1/me").problem == NOBODY
    assert company.visitor.bearer(begun["token"]).get("/v1/me").status == 200
    assert company.try_to_sign_in(person.email, CHOSEN).status == 401
    assert company.try_to_sign_in(person.email, NEW).status == 201
    assert "was changed" in company.services.mailer.last_to(person.email).text
    assert "password.changed" in company.audited()


def test_a_password_is_changed_by_who_knows_it(company: Company, person: Person) -> None:
    wrong = person.api.post("/v1/me/password", json={"current": "a wrong password", "password": NEW})
    weak = person.api.post("/v1/me/password", json={"current": CHOSEN, "password": "password1234"})

    assert wrong.problem == (422, "wrong_password", "current")
    assert (weak.status, weak.json["param"]) == (422, "password")
    assert person.api.get("/v1/me").status == 200


def test_a_forgotten_password_is_reset_by_mail_and_signs_nobody_in(company: Company, person: Person) -> None:
    assert ask_reset(company, person.email).json == {"accepted": True}

    done = complete(company, code(company, person.email))

    assert (done.status, done.body, done.headers.get("Set-Cookie")) == (204, b"", None)
    assert person.api.get("/v1/me").problem == NOBODY
    assert company.try_to_sign_in(person.email, CHOSEN).status == 401
    assert company.try_to_sign_in(person.email, NEW).status == 201
    assert "was changed" in company.services.mailer.last_to(person.email).text
    assert {"password.reset_asked", "password.reset"} <= company.audited()


def test_a_code_for_a_new_password_works_once_and_for_an_hour(
    company: Company, person: Person, clock: FakeClock
) -> None:
    ask_reset(company, person.email)
    first = code(company, person.email)
    ask_reset(company, person.email)
    second = code(company, person.email)

    assert complete(company, first).status == 204
    assert complete(company, first).problem == WORTHLESS
    assert complete(company, second).problem == WORTHLESS  # of the password before
    ask_reset(company, person.email)
    late = code(company, person.email)
    clock.advance(timedelta(hours=1))
    assert complete(company, late).problem == WORTHLESS


def test_asking_for_a_new_password_does_not_tell_who_is_there(company: Company, person: Person) -> None:
    sent = len(company.services.mailer.sent)
    ok(company.owner.post(f"/v1/staff/{person.staff_id}/disable"))

    replies = [
        ask_reset(company, person.email),  # disabled
        ask_reset(company, "nobody@example.com"),
        ask_reset(company, person.email, subdomain="no-such-isp"),
    ]

    assert [(one.status, one.json) for one in replies] == [(202, {"accepted": True})] * 3
    assert len(company.services.mailer.sent) == sent
    assert ask_reset(company, company.tenant.email).json == {"accepted": True}
    assert len(company.services.mailer.sent) == sent + 1


def test_asking_does_the_same_work_whoever_is_asked_for(
    company: Company, person: Person, services: EngineServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, trips = Kept(), RoundTrips(services)
    monkeypatch.setitem(services.__dict__, "mail_queue", queue)
    emails = [company.tenant.email, "nobody@example.com", person.email]
    ok(company.owner.post(f"/v1/staff/{person.staff_id}/disable"))
    sent = len(company.services.mailer.sent)

    done = []
    for email in emails:
        with trips.counted() as operations:
            assert ask_reset(company, email).status == 202
            done.append(list(operations))

    assert done == [["UpdateItem", "GetItem"]] * 3
    assert [set(one) for one in queue.sent] == [{"mail", "tenant_id", "person", "request_id"}] * 3
    assert not [email for email in emails if email in str(queue.sent)]
    assert len(company.services.mailer.sent) == sent


def test_nobodys_mailbox_is_filled(company: Company, person: Person) -> None:
    sent = len(company.services.mailer.sent)

    answers = [ask_reset(company, person.email).status for _ in range(22)]

    assert answers == [202] * 20 + [429] * 2
    assert len(company.services.mailer.sent) == sent + 5


def test_a_disabled_person_cannot_complete_a_reset(company: Company, person: Person) -> None:
    ask_reset(company, person.email)
    token = code(company, person.email)
    ok(company.owner.post(f"/v1/staff/{person.staff_id}/disable"))

    assert complete(company, token).problem == WORTHLESS


def test_a_hash_of_other_parameters_is_renewed_at_sign_in(company: Company) -> None:
    store, email = company.tenant.store, company.tenant.email
    old = store.staff.find_by_email(email=email)
    assert old is not None

    stronger = Argon2Passwords(memory_kib=128, passes=1)
    identity = company.services.identity
    log_in(
        identity=replace(identity, passwords=stronger),
        subdomain=company.tenant.subdomain,
        email=email,
        password=PASSWORD,
        address="203.0.113.9",
        at=company.services.clock.now(),
    )

    new = store.staff.find_by_email(email=email)
    assert new is not None
    assert "m=64," in old.password_hash
    assert "m=128," in new.password_hash
    assert company.owner.get("/v1/me").status == 200  # no session ends for it
    assert company.try_to_sign_in(email).status == 201


def test_own_sessions_are_listed_and_ended_one_by_one(company: Company, clock: FakeClock) -> None:
    clock.advance(timedelta(seconds=1))
    other = company.sign_in(company.tenant.email)

    listed = ok(company.owner.get("/v1/me/sessions"))["items"]

    assert [one["current"] for one in listed] == [False, True]
    assert company.owner.delete(f"/v1/me/sessions/{listed[0]['session_id']}").status == 204
    assert other.get("/v1/me").problem == NOBODY
    assert company.owner.get("/v1/me").status == 200
    assert len(ok(company.owner.get("/v1/me/sessions"))["items"]) == 1
    again = company.owner.delete(f"/v1/me/sessions/{listed[0]['session_id']}")
    assert again.problem == (404, "not_found", "session_id")


def test_all_other_sessions_end_at_once(company: Company) -> None:
    others = [company.sign_in(company.tenant.email) for _ in range(3)]

    assert company.owner.delete("/v1/me/sessions").status == 204

    assert [one.get("/v1/me").problem for one in others] == [NOBODY] * 3
    assert company.owner.get("/v1/me").status == 200
    assert "sessions.ended" in company.audited()


def test_somebody_elses_session_is_none(company: Company, person: Person) -> None:
    [theirs] = ok(person.api.get("/v1/me/sessions"))["items"]

    assert company.owner.delete(f"/v1/me/sessions/{theirs['session_id']}").status == 404
    assert person.api.get("/v1/me").status == 200


def test_a_session_that_was_signed_out_of_is_not_listed(company: Company) -> None:
    company.sign_in(company.tenant.email).delete("/v1/sessions/current")

    assert len(ok(company.owner.get("/v1/me/sessions"))["items"]) == 1
