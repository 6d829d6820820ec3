"""How many codes and activations of the portal are sent: what a stranger can make somebody pay for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.domain.portal import NEW_ISP
from chalicelib.usecases import portal_sending
from chalicelib.usecases.throttle import Limit
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.portal_user import Front
from tests.integration.shop import Shop


@pytest.fixture
def front(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Front:
    return Front(Shop(signed_in, services), services, api)


@pytest.fixture
def texting(front: Front) -> Front:
    """An ISP that sends SMS."""
    front.settings(portal_sms=True)
    return front


def test_a_number_gets_five_sms_a_day_and_then_mails(texting: Front, services: EngineServices) -> None:
    person = texting.person()
    doors = [texting.elsewhere() for _ in range(4)]

    for turn in range(7):
        doors[turn % 4].challenge(person["phone"])

    assert len(services.texter.sent) == 5
    assert [one.to for one in services.mailer.sent[-2:]] == [person["email"]] * 2


def test_an_isp_pays_for_so_many_sms_a_day(
    texting: Front, services: EngineServices, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    few = Limit("portal-sms-tenant", most=2, window_seconds=86_400)
    monkeypatch.setattr(portal_sending, "SMS_PER_TENANT", few)
    clock.advance(NEW_ISP)
    texting.shop.sign_in_again()

    for _ in range(3):
        texting.challenge(texting.person()["code"])

    assert len(services.texter.sent) == 2
    clock.advance(timedelta(days=1))
    texting.shop.sign_in_again()
    texting.challenge(texting.person()["code"])
    assert len(services.texter.sent) == 3


def test_who_has_just_signed_up_sends_few_sms(
    texting: Front, services: EngineServices, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    few = Limit("portal-sms-new", most=2, window_seconds=86_400)
    monkeypatch.setattr(portal_sending, "SMS_WHILE_NEW", few)

    for _ in range(3):
        texting.challenge(texting.person()["code"])
    assert len(services.texter.sent) == 2
    clock.advance(NEW_ISP)
    texting.shop.sign_in_again()
    for _ in range(3):
        texting.challenge(texting.person()["code"])
    assert len(services.texter.sent) == 5


def test_all_isps_together_send_so_many_sms(
    texting: Front, services: EngineServices, monkeypatch: pytest.MonkeyPatch, other_tenant: SignedIn
) -> None:
    few = Limit(f"portal-sms-platform-{texting.shop.tenant.subdomain}", most=2, window_seconds=86_400)
    monkeypatch.setattr(portal_sending, "SMS_PER_PLATFORM", few)
    another = Front(Shop(other_tenant, services), services, texting.elsewhere().visitor)
    another.settings(portal_sms=True)

    for front in (texting, another, another):
        front.challenge(front.person()["code"])

    assert len(services.texter.sent) == 2


def test_strangers_do_not_use_up_what_staff_may_send(texting: Front, services: EngineServices) -> None:
    person = texting.person(email="")
    for _ in range(6):
        texting.elsewhere().challenge(person["phone"])
    assert len(services.texter.sent) == 5

    assert texting.invite(person, "sms").status == 202

    assert len(services.texter.sent) == 6
    assert "pac_" in services.texter.sent[-1].text


def test_one_client_asks_for_few_codes_of_a_login_and_keeps_nobody_from_theirs(front: Front) -> None:
    person = front.person()

    asked = [front.ask_code(person["code"]).status for _ in range(6)]

    assert asked == [202] * 4 + [429] * 2
    assert front.elsewhere().ask_code(person["code"]).status == 202
    assert front.ask_code(front.person()["code"]).status == 202


def test_no_spelling_of_a_number_is_another_login(front: Front, services: EngineServices) -> None:
    person = front.person()
    digits = person["phone"].replace("-", "")
    spelt = [f"0300x{digits[4:]}", f"a{digits}", f"0300\u00b7{digits[4:]}", f"tel:{digits}", f"_{digits}_"]
    sent = len(services.mailer.sent)

    for one in (person["phone"], *spelt):
        front.ask_code(one)
    tried = [
        front.log_in(one, "a wrong guess").status for one in spelt * 6 if not one.isascii() or "_" in one
    ]

    assert len(services.mailer.sent) - sent <= 4
    assert tried.count(401) == 10
