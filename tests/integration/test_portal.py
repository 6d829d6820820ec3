"""The portal over HTTP: who gets in, what they see, and when it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.errors import Busy
from chalicelib.usecases.portal_sessions import Asking, begin
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.portal_user import Front, fresh_mobile, unnumbered
from tests.integration.shop import Shop, created, ok
from tests.integration.test_round_trips import RoundTrips

NOBODY = (401, "not_signed_in", None)
WRONG = (401, "wrong_credentials", None)


@pytest.fixture
def front(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Front:
    return Front(Shop(signed_in, services), services, api)


# -- signing in ------------------------------------------------------------------------------


def test_a_subscriber_signs_in_by_user_name_phone_or_address(front: Front) -> None:
    mobile = fresh_mobile()
    person = front.activated(phone=mobile)
    digits, begun = mobile.replace("-", ""), {"token": ""}

    for login in (
        person["code"],
        person["code"].lower(),
        person["email"].upper(),
        mobile,
        f"+92 {digits[1:]}",
    ):
        begun = created(front.log_in(login))
        me = ok(front.visitor.bearer(begun["token"]).get("/v1/portal/me"))
        assert me["username"] == person["code"], login
    assert begun["token"].startswith("prt_")


def test_wrong_unknown_and_without_a_password_answer_alike(front: Front) -> None:
    person, without = front.activated(), front.person()

    answers = [
        front.log_in(person["code"], "not the password at all"),
        front.log_in("no-such-customer"),
        front.log_in("+92 300 9999999"),
        front.log_in("nobody@mail.example"),
        front.log_in(without["code"]),
        front.log_in(person["code"], subdomain="no-such-isp"),
    ]

    assert answers[0].problem == WRONG
    assert [unnumbered(one) for one in answers] == [unnumbered(answers[0])] * len(answers)


def test_signing_in_does_the_same_work_whoever_there_is(front: Front, services: EngineServices) -> None:
    known, without, shared = front.activated(), front.person(), fresh_mobile()
    archived = front.activated()
    ok(front.staff.post(f"/v1/subscribers/{archived['subscriber_id']}/archive"))
    for _ in range(2):
        front.activated(phone=shared)
    logins = [known["code"], known["email"], "no-such-customer", "nobody@mail.example", "0300 9999999"]
    logins += [without["code"], archived["code"], shared, without["phone"]]
    trips, done = RoundTrips(services), []

    for login in logins:
        with trips.counted() as operations:
            assert front.log_in(login, "not the password at all").problem == WRONG
            done.append(list(operations))

    assert done == [done[0]] * len(logins)


def test_who_shares_a_number_signs_in_with_the_user_name(front: Front) -> None:
    mobile = fresh_mobile()
    first, second = front.activated(phone=mobile), front.activated(phone=mobile)

    assert front.log_in(mobile).problem == WRONG
    for person in (first, second):
        assert ok(front.signed_in(person).get("/v1/portal/me"))["username"] == person["code"]


def test_the_same_code_at_another_isp_is_another_person(
    front: Front, other_tenant: SignedIn, services: EngineServices, api: ApiClient
) -> None:
    person = front.activated()
    there = Front(Shop(other_tenant, services), services, api)
    there.person(code=person["code"], email=person["email"], phone=person["phone"])

    assert there.log_in(person["code"]).problem == WRONG
    assert there.log_in(person["email"]).problem == WRONG


def test_guessing_is_ended_for_the_guesser_and_for_nobody_else(front: Front) -> None:
    person = front.activated()
    digits = person["phone"].replace("-", "")
    spelt = [
        person["phone"],
        digits,
        f"+92{digits[1:]}",
        f"0092 {digits[1:]}",
        f"({digits[:4]}) {digits[4:]}",
    ]

    tried = [front.log_in(spelt[n % 5], "not the password at all").status for n in range(11)]

    assert tried == [401] * 10 + [429]
    assert front.log_in(person["phone"]).problem == (429, "too_many_attempts", None)
    assert front.elsewhere().log_in(person["phone"]).status == 201


def test_a_right_password_is_no_failure(front: Front) -> None:
    person = front.activated()

    assert [front.log_in(person["code"]).status for _ in range(12)] == [201] * 12


def test_an_archived_subscriber_gets_in_no_more(front: Front) -> None:
    person = front.activated()
    session, path = front.signed_in(person), f"/v1/subscribers/{person['subscriber_id']}"

    ok(front.staff.post(f"{path}/archive"))

    assert session.get("/v1/portal/me").problem == NOBODY
    assert front.log_in(person["code"]).problem == WRONG
    ok(front.staff.post(f"{path}/unarchive"))
    assert session.get("/v1/portal/me").problem == NOBODY
    assert front.log_in(person["code"]).status == 201


def test_nobody_gets_in_while_they_are_being_archived(front: Front, services: EngineServices) -> None:
    person = front.activated()
    store, asking = front.shop.tenant.store, Asking("203.0.113.9", services.clock.now())
    read = store.portal.access(subscriber_id=person["subscriber_id"])
    ok(front.staff.post(f"/v1/subscribers/{person['subscriber_id']}/archive"))

    with pytest.raises(Busy):
        begin(portal=services.portal, store=store, access=read, asking=asking, by="password")


def test_nobody_gets_in_by_a_password_that_is_being_changed(front: Front, services: EngineServices) -> None:
    person = front.activated()
    store, asking = front.shop.tenant.store, Asking("203.0.113.9", services.clock.now())
    read = store.portal.access(subscriber_id=person["subscriber_id"])
    front.invite(person)
    assert front.activate(front.activation(person["email"]), "nine goats in a lane").status == 204

    with pytest.raises(Busy):
        begin(portal=services.portal, store=store, access=read, asking=asking, by="password")


def test_who_has_no_service_any_more_still_sees_what_is_owed(front: Front) -> None:
    person = front.activated()
    sold = front.shop.subscribe(person, front.shop.package())
    session = front.signed_in(person)

    front.shop.change(sold, state="terminated")

    me = ok(session.get("/v1/portal/me"))
    assert [one["state"] for one in me["subscriptions"]] == ["terminated"]


def test_an_isp_switches_its_portal_off_and_on(front: Front) -> None:
    person = front.activated()
    session = front.signed_in(person)

    front.settings(portal=False)

    off = (403, "portal_off", None)
    assert front.log_in(person["code"]).problem == front.log_in("nobody").problem == off
    assert front.ask_code(person["code"]).problem == front.ask_code("nobody").problem == off
    assert front.invite(person).problem == off
    for path in ("me", "invoices", "statement", "me/sessions"):
        assert session.get(f"/v1/portal/{path}").problem == off
    front.settings(portal=True)
    assert session.get("/v1/portal/me").status == 200


# -- sessions --------------------------------------------------------------------------------


def test_a_session_ends_when_it_rests_and_after_half_a_day(front: Front, clock: FakeClock) -> None:
    person = front.activated()
    resting, kept = front.signed_in(person), front.signed_in(person)

    for _ in range(2):
        clock.advance(timedelta(minutes=20))
        assert kept.get("/v1/portal/me").status == 200
    assert resting.get("/v1/portal/me").problem == NOBODY
    for _ in range(33):
        clock.advance(timedelta(minutes=20))
        assert kept.get("/v1/portal/me").status == 200
    clock.advance(timedelta(minutes=20))
    assert kept.get("/v1/portal/me").problem == NOBODY


def test_signing_out_ends_a_session_at_once(front: Front) -> None:
    person = front.activated()
    session, other = front.signed_in(person), front.signed_in(person)

    gone = session.delete("/v1/portal/sessions/current")

    assert (gone.status, gone.headers["Set-Cookie"].split(";")[0]) == (204, "portal=")
    assert "Max-Age=0" in gone.headers["Set-Cookie"]
    assert session.get("/v1/portal/me").problem == NOBODY
    assert other.get("/v1/portal/me").status == 200


def test_staff_end_all_sessions_of_a_subscriber(front: Front) -> None:
    person, another = front.activated(), front.activated()
    sessions, theirs = [front.signed_in(person) for _ in range(2)], front.signed_in(another)

    ended = front.staff.delete(f"/v1/subscribers/{person['subscriber_id']}/portal-sessions")

    assert (ended.status, ended.body) == (204, b"")
    assert [one.get("/v1/portal/me").problem for one in sessions] == [NOBODY] * 2
    assert theirs.get("/v1/portal/me").status == 200
    assert front.log_in(person["code"]).status == 201


def test_staff_put_out_whoever_chose_the_password_for_good(front: Front) -> None:
    person = front.activated()
    session = front.signed_in(person)
    front.invite(person)
    sent = front.activation(person["email"])

    ended = front.staff.delete(f"/v1/subscribers/{person['subscriber_id']}/portal-sessions?for_good=true")

    assert ended.status == 204, ended.text
    assert session.get("/v1/portal/me").problem == NOBODY
    assert front.log_in(person["code"]).status == 401
    assert front.activate(sent).problem == (422, "token_not_valid", "token")
    [entry, *_] = ok(front.staff.get("/v1/audit?action=portal.sessions_ended"))["items"]
    assert entry["details"] == {"for_good": True}
    front.invite(person)
    assert front.activate(front.activation(person["email"])).status == 204
    assert front.log_in(person["code"]).status == 201


def test_who_never_chose_a_password_is_put_out_too(front: Front) -> None:
    person = front.person()
    front.invite(person)

    ended = front.staff.delete(f"/v1/subscribers/{person['subscriber_id']}/portal-sessions?for_good=true")

    assert ended.status == 204, ended.text
    assert front.activate(front.activation(person["email"])).problem == (422, "token_not_valid", "token")


def test_own_sessions_are_seen_and_ended_and_nobody_elses(front: Front, clock: FakeClock) -> None:
    person, another = front.activated(), front.activated()
    first = front.signed_in(person)
    clock.advance(timedelta(seconds=1))
    second, theirs = front.signed_in(person), front.signed_in(another)
    [their_own] = ok(theirs.get("/v1/portal/me/sessions"))["items"]

    listed = ok(second.get("/v1/portal/me/sessions"))["items"]

    assert [one["current"] for one in listed] == [True, False]
    foreign = second.delete(f"/v1/portal/me/sessions/{their_own['session_id']}")
    assert foreign.problem == (404, "not_found", "session_id")
    assert theirs.get("/v1/portal/me").status == 200
    assert second.delete(f"/v1/portal/me/sessions/{listed[1]['session_id']}").status == 204
    assert first.get("/v1/portal/me").problem == NOBODY
    third = front.signed_in(person)
    assert second.delete("/v1/portal/me/sessions").status == 204
    assert third.get("/v1/portal/me").problem == NOBODY
    assert second.get("/v1/portal/me").status == 200


def test_the_oldest_of_too_many_sessions_ends(front: Front, clock: FakeClock) -> None:
    person, sessions = front.activated(), []
    for _ in range(21):
        sessions.append(front.signed_in(person))
        clock.advance(timedelta(seconds=1))

    assert [one.get("/v1/portal/me").status for one in sessions] == [401] + [200] * 20


# -- two kinds of sessions -------------------------------------------------------------------


def test_a_subscribers_cookie_is_no_key_to_the_office_nor_a_staff_cookie_to_the_portal(front: Front) -> None:
    begun = front.log_in(front.activated()["code"])
    cookie = begun.headers["Set-Cookie"].partition(";")[0]
    assert cookie == f"portal={begun.json['token']}"
    staff = front.shop.tenant.token
    visitor = front.visitor

    assert visitor.with_headers(Cookie=cookie).get("/v1/portal/me").status == 200
    for as_cookie in (cookie, f"session={begun.json['token']}", f"portal={staff}"):
        assert visitor.with_headers(Cookie=as_cookie).get("/v1/me").problem == NOBODY
        assert visitor.with_headers(Cookie=as_cookie).get("/v1/subscribers").problem == NOBODY
    for as_cookie in (f"session={staff}", f"portal={staff}", f"session={begun.json['token']}"):
        assert visitor.with_headers(Cookie=as_cookie).get("/v1/portal/me").problem == NOBODY
    both = visitor.with_headers(Cookie=f"session={staff}; {cookie}")
    assert (both.get("/v1/me").status, both.get("/v1/portal/me").status) == (200, 200)
    denied = (403, "permission_denied", None)
    assert visitor.bearer(begun.json["token"]).get("/v1/me").problem == denied
    assert visitor.bearer(staff).get("/v1/portal/me").problem == denied


def test_a_change_by_cookie_needs_the_csrf_token(front: Front) -> None:
    begun = front.log_in(front.activated()["code"])
    browser = front.visitor.with_headers(Cookie=begun.headers["Set-Cookie"].partition(";")[0])

    refused = browser.delete("/v1/portal/sessions/current")

    assert refused.problem == (403, "csrf_token_invalid", "X-CSRF-Token")
    guarded = browser.with_headers(X_CSRF_Token=begun.json["csrf_token"])
    assert guarded.delete("/v1/portal/sessions/current").status == 204


def test_a_cookie_over_https_has_the_prefix_of_its_own(
    front: Front, services: EngineServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = front.activated()
    monkeypatch.setitem(services.__dict__, "settings", replace(services.settings, cookie_secure=True))

    cookie = front.log_in(person["code"]).headers["Set-Cookie"]

    assert cookie.startswith("__Host-portal=prt_")
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")
