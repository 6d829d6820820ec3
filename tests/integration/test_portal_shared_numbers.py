"""Codes where several subscribers of an ISP share a number: each gets into their own account alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.portal_user import SECRET, Front, fresh_mobile, six_digits
from tests.integration.shop import Item, Shop, created, if_match, ok
from tests.integration.test_portal_codes import NOT_VALID, username


@pytest.fixture
def front(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Front:
    return Front(Shop(signed_in, services), services, api)


@pytest.fixture
def texting(front: Front) -> Front:
    """An ISP that sends SMS."""
    front.settings(portal_sms=True)
    return front


def sharing(front: Front, **changes: object) -> tuple[Item, Item, str]:
    mobile = fresh_mobile()
    first = front.person(phone=mobile, name="Ali Raza", **changes)
    return first, front.person(phone=mobile, name="Sana Raza", **changes), mobile


def test_who_shares_a_number_chooses_once_the_code_is_proven(
    texting: Front, services: EngineServices
) -> None:
    first, second, mobile = sharing(texting)
    texting.person()
    challenge = texting.challenge(mobile)
    [text] = services.texter.sent

    choice = texting.complete(challenge, six_digits(text.text))

    assert choice.status == 202, choice.text
    assert "Set-Cookie" not in choice.headers
    offered = {(one["username"], one["name"]) for one in choice.json["accounts"]}
    assert offered == {(first["code"], "Ali Raza"), (second["code"], "Sana Raza")}
    token = choice.json["choice_token"]
    assert texting.visitor.bearer(token).get("/v1/portal/me").status == 401
    begun = created(choose(texting, token, second["code"]))
    assert username(texting, begun["token"]) == second["code"]
    assert choose(texting, token, first["code"]).problem == (422, "token_not_valid", "token")


def choose(front: Front, token: str, chosen: str, **changes: object) -> Reply:
    body = {"token": token, "username": chosen, **changes}
    return front.visitor.post("/v1/portal/account-choices", json=body)


def test_a_choice_is_among_those_of_the_code_and_for_five_minutes(
    texting: Front, services: EngineServices, clock: FakeClock
) -> None:
    first, _, mobile = sharing(texting)
    stranger = texting.person()
    challenge = texting.challenge(mobile)
    token = texting.complete(challenge, six_digits(services.texter.sent[-1].text)).json["choice_token"]

    for other in (stranger["code"], "nobody"):
        assert choose(texting, token, other).problem == (422, "invalid_value", "username")
    clock.advance(timedelta(minutes=5))
    assert choose(texting, token, first["code"]).problem == (422, "token_not_valid", "token")


def test_a_password_is_set_for_the_chosen_account_alone(texting: Front, services: EngineServices) -> None:
    first, second, mobile = sharing(texting)
    challenge = texting.challenge(mobile)
    token = texting.complete(challenge, six_digits(services.texter.sent[-1].text)).json["choice_token"]

    created(choose(texting, token, first["code"], password=SECRET))

    assert texting.log_in(first["code"]).status == 201
    assert texting.log_in(second["code"]).status == 401


def test_who_was_given_another_number_meanwhile_is_not_chosen(
    texting: Front, services: EngineServices
) -> None:
    first, second, mobile = sharing(texting)
    challenge = texting.challenge(mobile)
    token = texting.complete(challenge, six_digits(services.texter.sent[-1].text)).json["choice_token"]
    path = f"/v1/subscribers/{first['subscriber_id']}"

    ok(texting.staff.patch(path, json={"phone": fresh_mobile()}, headers=if_match(first)))

    assert choose(texting, token, first["code"]).problem == (422, "invalid_value", "username")
    assert choose(texting, token, second["code"]).status == 201


def test_a_mailbox_lets_in_its_own_account_whoever_shares_the_number(front: Front) -> None:
    first, second, mobile = sharing(front)

    challenge = front.challenge(mobile)

    codes = {one["code"]: front.mailed_code(one["email"]) for one in (first, second)}
    begun = created(front.complete(challenge, codes[second["code"]]))
    assert username(front, begun["token"]) == second["code"]
    assert front.complete(challenge, codes[first["code"]]).problem == NOT_VALID  # of one asking, one use


def test_a_user_name_lets_in_one_account_of_a_shared_number(texting: Front, services: EngineServices) -> None:
    first, _, _ = sharing(texting)

    challenge = texting.challenge(first["code"])

    begun = created(texting.complete(challenge, six_digits(services.texter.sent[-1].text)))
    assert username(texting, begun["token"]) == first["code"]


def test_a_number_of_too_many_lets_nobody_in(texting: Front, services: EngineServices) -> None:
    mobile = fresh_mobile()
    people = [texting.person(phone=mobile) for _ in range(6)]

    texting.challenge(mobile)

    assert services.texter.sent == []
    texting.challenge(people[0]["code"])
    assert len(services.texter.sent) == 1
