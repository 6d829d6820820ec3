"""A mail about a new device, and what one's own sessions are on, over HTTP on the engine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.store.sessions import PersonItem
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn, fresh_caller
from tests.integration.shop import Shop, ok
from tests.integration.staffing import Company

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"
PHONE = "Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36"
TOLD = "Signed in from a new device"


@pytest.fixture
def company(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Company:
    return Company(signed_in, services, api)


def at(company: Company, agent: str, caller: str = "") -> Company:
    """The same company, visited with a browser from a network."""
    visitor = company.visitor.with_headers(User_Agent=agent)
    return replace(company, visitor=replace(visitor, caller=caller or visitor.caller))


def told(company: Company) -> int:
    mails = company.services.mailer.sent
    return sum(mail.subject == TOLD for mail in mails if mail.to == company.tenant.email)


def test_the_first_device_is_not_told_and_another_one_is_once(company: Company) -> None:
    assert told(company) == 0
    here = at(company, FIREFOX)

    here.sign_in(company.tenant.email)
    here.sign_in(company.tenant.email)

    assert told(company) == 1
    mail = company.services.mailer.last_to(company.tenant.email)
    assert "Firefox on Linux" in mail.text
    assert f"{company.visitor.caller}" not in mail.text  # the network alone


def test_another_network_is_another_device_and_a_newer_version_is_none(company: Company) -> None:
    at(company, FIREFOX).sign_in(company.tenant.email)
    at(company, FIREFOX.replace("131", "140")).sign_in(company.tenant.email)
    assert told(company) == 1

    at(company, FIREFOX, caller="203.0.113.9").sign_in(company.tenant.email)
    at(company, FIREFOX, caller="203.0.113.77").sign_in(company.tenant.email)

    assert told(company) == 2


def test_a_wrong_password_tells_of_no_device(company: Company) -> None:
    at(company, FIREFOX).try_to_sign_in(company.tenant.email, "a wrong password")

    assert told(company) == 0


def test_a_device_is_forgotten_after_half_a_year(company: Company, clock: FakeClock) -> None:
    other = at(company, FIREFOX)
    other.sign_in(company.tenant.email)
    for _ in range(3):
        clock.advance(timedelta(days=90))
        company.sign_in(company.tenant.email)

    other.sign_in(company.tenant.email)

    assert told(company) == 2


def test_thirty_devices_are_remembered(company: Company) -> None:
    person = f"PERSON#{company.tenant.tenant_id}#{ok(company.owner.get('/v1/me'))['staff']['staff_id']}"
    for number in range(33):
        at(company, FIREFOX, caller=f"198.51.{number}.7").sign_in(company.tenant.email)

    assert PersonItem.count(person, PersonItem.sk.startswith("DEVICE#")) == 30


def test_sessions_tell_device_network_and_last_use(company: Company, clock: FakeClock) -> None:
    phone = at(company, PHONE, caller="203.0.113.9").sign_in(company.tenant.email)
    clock.advance(timedelta(minutes=6))
    ok(phone.get("/v1/me"))

    listed = ok(phone.get("/v1/me/sessions"))["items"]

    [mine] = [one for one in listed if one["current"]]
    assert (mine["device"], mine["network"]) == ("Chrome on Android", "203.0.113.0/24")
    assert mine["last_used_at"] == "2041-05-15T06:06:00Z"
    assert [one["last_used_at"] for one in listed if not one["current"]] == ["2041-05-15T06:00:00Z"]


def test_a_session_that_was_idle_too_long_is_not_listed(
    company: Company, clock: FakeClock, services: EngineServices
) -> None:
    clock.advance(timedelta(hours=12))
    shop = Shop(company.tenant, services)
    shop.sign_in_again()

    assert len(ok(shop.tenant.api.get("/v1/me/sessions"))["items"]) == 1


def test_where_somebody_was_is_not_to_be_read_in_the_table(company: Company) -> None:
    caller = fresh_caller()
    at(company, PHONE, caller=caller).sign_in(company.tenant.email)
    staff_id = ok(company.owner.get("/v1/me"))["staff"]["staff_id"]

    items = list(PersonItem.query(f"PERSON#{company.tenant.tenant_id}#{staff_id}"))
    stored = str([(one.sk, one.device) for one in items])

    assert "DEVICE#" in stored
    assert "Android" not in stored
    assert caller.split("::", maxsplit=1)[0][:14] not in stored
