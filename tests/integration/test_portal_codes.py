"""Codes for signing in to the portal: where they go, whom they let in, and how long."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.adapters.sms.null import NullTexter
from chalicelib.domain.portal import CODE_TRIES_MAX
from chalicelib.usecases.portal import Portal
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.fakes.queues import Kept
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.portal_user import SECRET, Front, six_digits, unnumbered
from tests.integration.shop import Shop, created, if_match, ok
from tests.integration.test_round_trips import RoundTrips

NOT_VALID = (422, "code_not_valid", "code")


@pytest.fixture
def front(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Front:
    return Front(Shop(signed_in, services), services, api)


@pytest.fixture
def texting(front: Front) -> Front:
    """An ISP that sends SMS."""
    front.settings(portal_sms=True)
    return front


def username(front: Front, token: str) -> str:
    return str(ok(front.visitor.bearer(token).get("/v1/portal/me"))["username"])


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


# -- one code, one use -----------------------------------------------------------------------


def test_a_code_that_was_mailed_signs_in_once(front: Front) -> None:
    person = front.person()
    challenge = front.challenge(person["code"])
    code = front.mailed_code(person["email"])

    begun = created(front.complete(challenge, code))

    assert username(front, begun["token"]) == person["code"]
    assert front.complete(challenge, code).problem == NOT_VALID


@pytest.mark.parametrize("login", ["code", "email", "phone"])
def test_a_code_is_asked_for_by_any_name(front: Front, login: str) -> None:
    person = front.person()

    challenge = front.challenge(person[login])

    assert front.complete(challenge, front.mailed_code(person["email"])).status == 201


def test_a_code_is_good_for_five_minutes(front: Front, clock: FakeClock) -> None:
    person = front.person()
    in_time = front.challenge(person["code"])
    code = front.mailed_code(person["email"])
    clock.advance(timedelta(minutes=4, seconds=59))
    assert front.complete(in_time, code).status == 201
    late = front.challenge(person["code"])
    clock.advance(timedelta(minutes=5))

    assert front.complete(late, front.mailed_code(person["email"])).problem == NOT_VALID


def test_the_newest_code_alone_is_good(front: Front) -> None:
    person = front.person()
    first = front.challenge(person["code"])
    old = front.mailed_code(person["email"])
    second = front.challenge(person["email"])
    new = front.mailed_code(person["email"])

    assert front.complete(first, old).problem == NOT_VALID
    assert front.complete(second, new).status == 201


def test_a_code_is_tried_five_times(front: Front) -> None:
    person = front.person()
    challenge = front.challenge(person["code"])
    code = front.mailed_code(person["email"])

    tried = [front.complete(challenge, wrong(code)).problem for _ in range(CODE_TRIES_MAX)]

    assert tried == [NOT_VALID] * CODE_TRIES_MAX
    assert front.complete(challenge, code).problem == NOT_VALID


def test_the_fifth_try_may_be_the_right_one(front: Front) -> None:
    person = front.person()
    challenge = front.challenge(person["code"])
    code = front.mailed_code(person["email"])
    for _ in range(CODE_TRIES_MAX - 1):
        front.complete(challenge, wrong(code))

    assert front.complete(challenge, code).status == 201


def test_a_code_is_worthless_without_its_challenge(front: Front) -> None:
    person, stranger = front.person(), front.person()
    challenge = front.challenge(person["code"])
    code = front.mailed_code(person["email"])
    theirs = front.elsewhere().challenge(stranger["code"])

    for other in (theirs, "pch_made_up"):
        for _ in range(CODE_TRIES_MAX + 1):
            assert front.complete(other, code).problem == NOT_VALID
    assert front.complete(challenge, code).status == 201  # none of its tries was used up


def test_a_code_of_who_was_archived_meanwhile_lets_nobody_in(front: Front) -> None:
    person = front.person()
    challenge = front.challenge(person["code"])
    ok(front.staff.post(f"/v1/subscribers/{person['subscriber_id']}/archive"))

    assert front.complete(challenge, front.mailed_code(person["email"])).problem == NOT_VALID


def test_a_code_that_went_to_somebody_elses_mailbox_lets_nobody_in(front: Front) -> None:
    person = front.person()
    challenge = front.challenge(person["code"])
    path = f"/v1/subscribers/{person['subscriber_id']}"

    ok(front.staff.patch(path, json={"email": "right@mail.example"}, headers=if_match(person)))

    assert front.complete(challenge, front.mailed_code(person["email"])).problem == NOT_VALID


def test_of_eight_at_once_with_one_code_one_gets_in(front: Front) -> None:
    person = front.person()
    challenge = front.challenge(person["code"])
    code = front.mailed_code(person["email"])
    doors = [front.elsewhere() for _ in range(8)]

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda door: door.complete(challenge, code), doors))

    assert sorted(one.status for one in replies) == [201] + [422] * 7, [one.text for one in replies]


def test_a_code_sets_a_new_password_and_ends_the_other_sessions(front: Front) -> None:
    person = front.activated()
    elsewhere = front.signed_in(person)
    challenge = front.challenge(person["code"])
    code, new = front.mailed_code(person["email"]), "nine goats in a lane"

    weak = front.complete(challenge, code, password="password1234")
    begun = created(front.complete(challenge, code, password=new))

    assert (weak.status, weak.json["param"]) == (422, "password")
    assert elsewhere.get("/v1/portal/me").status == 401
    assert username(front, begun["token"]) == person["code"]
    assert front.log_in(person["code"], SECRET).status == 401
    assert front.log_in(person["code"], new).status == 201
    assert "was set or changed" in front.services.mailer.last_to(person["email"]).text


# -- nobody is told who there is -------------------------------------------------------------


def test_asking_tells_nobody_who_there_is(front: Front) -> None:
    unreachable = front.person(email="", phone="")
    archived = front.person()
    ok(front.staff.post(f"/v1/subscribers/{archived['subscriber_id']}/archive"))
    sent = len(front.services.mailer.sent)

    replies = [
        front.ask_code(front.person()["code"]),
        front.ask_code(unreachable["code"]),
        front.ask_code(archived["email"]),
        front.ask_code("no-such-customer"),
        front.ask_code("0300 9999999"),
        front.ask_code("x", subdomain="no-such-isp"),
    ]

    shapes = {(one.status, *sorted(one.json), len(one.json["challenge"])) for one in replies}
    assert len(shapes) == 1
    assert len(front.services.mailer.sent) == sent + 1
    tried = [front.complete(one.json["challenge"], "000000") for one in replies[1:]]
    assert [unnumbered(one) for one in tried] == [unnumbered(tried[0])] * len(tried)
    assert tried[0].problem == NOT_VALID


def test_asking_and_trying_do_the_same_work_whoever_there_is(
    front: Front, services: EngineServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, archived = front.person(), front.person()
    ok(front.staff.post(f"/v1/subscribers/{archived['subscriber_id']}/archive"))
    queue, trips = Kept(), RoundTrips(services)
    monkeypatch.setitem(services.__dict__, "portal", _with_queue(services, queue))
    logins = [known["code"], known["phone"], "no-such-customer", "nobody@mail.example", archived["code"]]

    asked, tried = [], []
    for login in logins:
        with trips.counted() as operations:
            challenge = front.challenge(login)
            asked.append(list(operations))
        with trips.counted() as operations:
            assert front.complete(challenge, "000000").problem == NOT_VALID
            tried.append(list(operations))

    assert asked == [asked[0]] * len(logins)
    assert tried == [tried[0]] * len(logins)
    assert len(queue.sent) == len(logins)
    assert not [login for login in logins if login in str(queue.sent)]


def _with_queue(services: EngineServices, queue: Kept) -> Portal:
    return replace(services.portal, queue=queue)


def test_a_wrong_code_takes_the_same_work_where_one_was_sent(front: Front, services: EngineServices) -> None:
    person = front.person()
    real, none = front.challenge(person["code"]), front.challenge("no-such-customer")
    code = front.mailed_code(person["email"])
    trips, done = RoundTrips(services), []

    for challenge in (real, none):
        with trips.counted() as operations:
            assert front.complete(challenge, wrong(code)).problem == NOT_VALID
            done.append(list(operations))

    assert done[0] == done[1]


def test_no_code_and_no_challenge_is_kept_in_clear(front: Front, services: EngineServices) -> None:
    person = front.person()
    challenge = front.challenge(person["code"])
    code = front.mailed_code(person["email"])

    stored = services.wire.call("Scan", {"TableName": services.settings.ephemeral_table})["Items"]

    mine = [one for one in stored if one["sk"]["S"] == "PORTAL-CODES" and person["subscriber_id"] in str(one)]
    assert len(mine) == 1
    assert code not in str(mine)
    assert challenge not in str(mine)
    assert person["email"] not in str(mine)


# -- where codes go --------------------------------------------------------------------------


def test_sms_are_off_until_the_isp_switches_them_on(front: Front, services: EngineServices) -> None:
    person = front.person(phone="0300-1234567")

    front.challenge(person["phone"])
    assert services.texter.sent == []
    assert services.mailer.sent[-1].to == person["email"]

    front.settings(portal_sms=True)
    challenge = front.challenge(person["phone"])
    [text] = services.texter.sent
    assert text.to == "+923001234567"
    assert "Lahore Net" in text.text
    assert front.complete(challenge, six_digits(text.text)).status == 201


def test_who_signs_in_with_an_address_gets_a_mail(texting: Front, services: EngineServices) -> None:
    person = texting.person()

    challenge = texting.challenge(person["email"])

    assert services.texter.sent == []
    assert texting.complete(challenge, texting.mailed_code(person["email"])).status == 201


def test_a_user_name_may_look_like_an_address(texting: Front, services: EngineServices) -> None:
    person = texting.person(code="ali@lahore-net", email="")

    challenge = texting.challenge(person["code"])

    assert texting.complete(challenge, six_digits(services.texter.sent[-1].text)).status == 201


def test_a_mail_goes_to_the_address_as_it_is_on_file(front: Front, services: EngineServices) -> None:
    person = front.person(email="Ali.Raza@Mail.example")

    front.challenge("ali.raza@mail.EXAMPLE")

    assert services.mailer.sent[-1].to == person["email"] == "Ali.Raza@Mail.example"


@pytest.mark.parametrize("phone", ["", "12345", "042-1111", "0900 12345", "+1 876 210 1234"])
def test_without_a_number_for_sms_a_code_goes_by_mail(
    texting: Front, services: EngineServices, phone: str
) -> None:
    person = texting.person(phone=phone)

    challenge = texting.challenge(person["code"])

    assert services.texter.sent == []
    assert texting.complete(challenge, texting.mailed_code(person["email"])).status == 201


def test_without_an_sms_service_a_code_goes_by_mail(
    texting: Front, services: EngineServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(services.__dict__, "portal", replace(services.portal, texter=NullTexter()))
    person = texting.person()

    challenge = texting.challenge(person["phone"])

    assert texting.complete(challenge, texting.mailed_code(person["email"])).status == 201


def test_what_was_sent_is_in_the_audit(front: Front) -> None:
    person = front.person()
    challenge = front.challenge(person["code"])
    created(front.complete(challenge, front.mailed_code(person["email"])))

    entries = ok(front.staff.get(f"/v1/audit?actor_id={person['subscriber_id']}"))["items"]

    assert {one["action"] for one in entries} == {"portal.code_sent", "portal.signed_in"}
