"""Passwords of subscribers: set by an activation that staff have sent, and changed by themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.portal import NEW_ISP
from chalicelib.usecases import portal_passwords
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.portal_user import SECRET, Front
from tests.integration.shop import Shop, created, if_match, ok

NEW = "nine goats in a lane"
WORTHLESS = (422, "token_not_valid", "token")


@pytest.fixture
def front(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Front:
    return Front(Shop(signed_in, services), services, api)


def test_staff_send_an_activation_and_the_subscriber_chooses(front: Front) -> None:
    person = front.person()

    assert front.invite(person).json == {"accepted": True}

    mail = front.services.mailer.last_to(person["email"]).text
    assert person["code"] in mail
    token = front.activation(person["email"])
    done = front.activate(token)
    assert (done.status, done.body, done.headers.get("Set-Cookie")) == (204, b"", None)
    assert front.log_in(person["code"]).status == 201
    assert front.activate(token).problem == WORTHLESS


def test_an_activation_goes_by_sms_where_the_isp_sends_them(front: Front, services: EngineServices) -> None:
    front.settings(portal_sms=True)
    person = front.person(email="", phone="0300-7654321")

    assert front.invite(person, "sms").status == 202

    [text] = services.texter.sent
    assert text.to == "+923007654321"
    token = next(word for word in text.text.split() if word.startswith("pac_"))
    assert front.activate(token).status == 204
    assert front.log_in(person["code"]).status == 201


def test_staff_are_told_why_nothing_can_be_sent(front: Front) -> None:
    nobody, archived = front.person(email="", phone="12345"), front.person()
    ok(front.staff.post(f"/v1/subscribers/{archived['subscriber_id']}/archive"))

    assert front.invite(nobody).problem == (409, "cannot_be_reached", "channel")
    assert front.invite(nobody, "sms").problem == (409, "sms_off", "channel")
    front.settings(portal_sms=True)
    assert front.invite(nobody, "sms").problem == (409, "cannot_be_reached", "channel")
    assert front.invite(archived).problem == (409, "subscriber_archived", None)
    assert front.invite(nobody, "pigeon").status == 422


def test_an_isp_sends_so_many_activations_a_day_and_fewer_while_it_is_new(
    front: Front, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    for name, most in (("ACTIVATIONS_SENT_WHILE_NEW", 2), ("ACTIVATIONS_SENT", 3)):
        monkeypatch.setattr(portal_passwords, name, replace(getattr(portal_passwords, name), most=most))
    people = [front.person() for _ in range(4)]

    fresh = [front.invite(one) for one in people[:3]]

    assert [one.status for one in fresh] == [202, 202, 429]
    assert fresh[-1].headers["Retry-After"].isdigit()
    clock.advance(NEW_ISP)
    front.shop.sign_in_again()
    assert [front.invite(one).status for one in people] == [202, 202, 202, 429]


def test_what_an_isp_calls_its_customers_is_no_link_in_our_mails(front: Front) -> None:
    person = front.person(name="claim it at https://evil.example")
    front.invite(person)

    invited = front.services.mailer.last_to(person["email"]).text
    assert front.activate(front.activation(person["email"])).status == 204
    changed = front.services.mailer.last_to(person["email"]).text

    for text in (invited, changed):
        assert text.startswith("Hello,\n")
        assert "evil" not in text
    named = front.person(name="Ali Raza")
    front.invite(named)
    assert front.services.mailer.last_to(named["email"]).text.startswith("Hello Ali Raza,\n")


def test_an_activation_is_good_for_three_days_and_until_a_password_is_set(
    front: Front, clock: FakeClock
) -> None:
    person = front.person()
    front.invite(person)
    first = front.activation(person["email"])
    front.invite(person)
    second = front.activation(person["email"])
    assert front.activate(second).status == 204
    assert front.activate(first, NEW).problem == WORTHLESS
    assert front.log_in(person["code"]).status == 201

    front.invite(person)
    late = front.activation(person["email"])
    clock.advance(timedelta(hours=72))
    assert front.activate(late, NEW).problem == WORTHLESS


def test_an_activation_that_went_to_somebody_elses_mailbox_is_worthless(front: Front) -> None:
    person = front.person(phone="")
    front.invite(person)
    path = f"/v1/subscribers/{person['subscriber_id']}"

    ok(front.staff.patch(path, json={"email": "right@mail.example"}, headers=if_match(person)))

    assert front.activate(front.activation(person["email"])).problem == WORTHLESS


def test_an_activation_of_who_was_archived_is_worthless(front: Front) -> None:
    person = front.person()
    front.invite(person)
    ok(front.staff.post(f"/v1/subscribers/{person['subscriber_id']}/archive"))

    assert front.activate(front.activation(person["email"])).problem == WORTHLESS


def test_a_new_activation_ends_the_sessions(front: Front) -> None:
    person = front.activated()
    session = front.signed_in(person)
    front.invite(person)

    assert front.activate(front.activation(person["email"]), NEW).status == 204

    assert session.get("/v1/portal/me").status == 401
    assert front.log_in(person["code"], SECRET).status == 401
    assert front.log_in(person["code"], NEW).status == 201


@pytest.mark.parametrize("password", ["password1234", "lahorenet lahorenet", "ali raza ali raza"])
def test_a_password_that_is_easy_to_guess_is_refused(front: Front, password: str) -> None:
    person = front.person(name="Ali Raza")
    front.invite(person)
    token = front.activation(person["email"])

    refused = front.activate(token, password)

    assert refused.problem == (422, "weak_password", "password")
    assert front.activate(token).status == 204  # nothing was used up


def test_a_subscriber_changes_their_password_by_the_old_one(front: Front) -> None:
    person = front.activated()
    session, elsewhere = front.signed_in(person), front.signed_in(person)

    def change(**body: str) -> object:
        return session.post("/v1/portal/me/password", json={"password": NEW, **body}).problem

    assert change() == change(current="a wrong password") == (422, "wrong_password", "current")
    assert elsewhere.get("/v1/portal/me").status == 200
    begun = created(session.post("/v1/portal/me/password", json={"current": SECRET, "password": NEW}))

    assert [one.get("/v1/portal/me").status for one in (session, elsewhere)] == [401] * 2
    assert front.visitor.bearer(begun["token"]).get("/v1/portal/me").status == 200
    assert front.log_in(person["code"], SECRET).status == 401
    assert front.log_in(person["code"], NEW).status == 201
    assert "was set or changed" in front.services.mailer.last_to(person["email"]).text


def test_the_first_password_needs_none_before_it(front: Front) -> None:
    person = front.person()
    begun = created(front.complete(front.challenge(person["code"]), front.mailed_code(person["email"])))
    session = front.visitor.bearer(begun["token"])

    created(session.post("/v1/portal/me/password", json={"password": SECRET}))

    assert front.log_in(person["code"]).status == 201


def test_guessing_the_old_password_ends(front: Front) -> None:
    session = front.signed_in(front.activated())
    body = {"current": "a wrong password", "password": NEW}

    tried = [session.post("/v1/portal/me/password", json=body).status for _ in range(11)]

    assert tried == [422] * 10 + [429]
