"""The mails of a sign-up: sent again, and limited, on the engine."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.fakes.services import InMemoryMailer
from tests.integration.conftest import PASSWORD, EngineServices, fresh_subdomain, mailed_token
from tests.integration.test_signing_up import elsewhere, sign_up


def test_asking_for_the_mail_again_renews_the_hold_and_says_the_same_to_everybody(
    api: ApiClient, services: EngineServices, clock: FakeClock, mailbox: InMemoryMailer
) -> None:
    subdomain = fresh_subdomain()
    email = f"owner@{subdomain}.example"
    sign_up(api, subdomain)
    clock.advance(timedelta(hours=40))

    again = api.post("/v1/signups/resend", json={"subdomain": subdomain, "email": email.upper()})
    others = [
        api.post("/v1/signups/resend", json={"subdomain": subdomain, "email": "x@y.example"}),
        api.post("/v1/signups/resend", json={"subdomain": fresh_subdomain(), "email": email}),
    ]

    assert {(one.status, one.text) for one in (again, *others)} == {(202, '{"accepted":true}')}
    assert len(mailbox.sent) == 2
    clock.advance(timedelta(hours=40))  # 80 hours after signing up
    assert sign_up(api, subdomain).code == "subdomain_taken"
    code = {"token": mailed_token(services, email), "password": PASSWORD}
    assert api.post("/v1/signups/verify", json=code).status == 200


def test_the_mail_says_what_to_do_with_the_code_and_where(api: ApiClient, services: EngineServices) -> None:
    subdomain = fresh_subdomain()
    sign_up(api, subdomain)

    text = services.mailer.last_to(f"owner@{subdomain}.example").text
    (page,) = re.findall(r"the password that you chose at\n(http.*)\n", text)

    assert page.startswith(services.settings.api_base_url or services.settings.public_base_url)
    assert api.get(urlsplit(page).path).status == 200
    assert "POST /v1/signups/verify" in text


def test_a_subdomain_is_free_after_a_week_however_often_the_mail_is_asked_for(
    api: ApiClient, services: EngineServices, clock: FakeClock
) -> None:
    subdomain = fresh_subdomain()
    email = f"owner@{subdomain}.example"
    sign_up(api, subdomain)
    for _ in range(4):
        clock.advance(timedelta(hours=41))
        api.post("/v1/signups/resend", json={"subdomain": subdomain, "email": email})
    assert sign_up(api, subdomain).code == "subdomain_taken"
    assert "within 4 hours" in services.mailer.last_to(email).text

    clock.advance(timedelta(hours=4))

    assert sign_up(api, subdomain).status == 201


def test_a_mail_that_is_not_sent_holds_nothing(
    api: ApiClient, clock: FakeClock, mailbox: InMemoryMailer
) -> None:
    clock.set(datetime(2027, 1, 1, 12, 0, tzinfo=UTC))
    subdomain = fresh_subdomain()
    body = {"subdomain": subdomain, "email": f"owner@{subdomain}.example"}
    sign_up(api, subdomain)

    answers = [api.post("/v1/signups/resend", json=body) for _ in range(5)]
    clock.advance(timedelta(minutes=59))
    answers += [api.post("/v1/signups/resend", json=body) for _ in range(15)]

    assert {(one.status, one.text) for one in answers} == {(202, '{"accepted":true}')}
    assert len(mailbox.sent) == 1 + 5
    assert api.post("/v1/signups/resend", json=body).code == "too_many_attempts"
    clock.advance(timedelta(hours=47, minutes=1))
    assert sign_up(elsewhere(api), subdomain).status == 201


def test_a_stranger_cannot_use_up_the_mails_of_an_owner(
    api: ApiClient, services: EngineServices, clock: FakeClock, mailbox: InMemoryMailer
) -> None:
    clock.set(datetime(2027, 1, 1, 12, 0, tzinfo=UTC))
    subdomain = fresh_subdomain()
    email = f"owner@{subdomain}.example"
    owner = {"name": "x", "email": email, "password": PASSWORD}
    stranger = elsewhere(api)

    strangers = [sign_up(stranger, fresh_subdomain(), owner=owner) for _ in range(12)]
    honest = sign_up(api, subdomain)
    again = api.post("/v1/signups/resend", json={"subdomain": subdomain, "email": email})

    assert [one.status for one in strangers] == [201] * 10 + [429] * 2
    assert (honest.status, honest.json["mail_sent"], again.status) == (201, True, 202)
    assert len(mailbox.sent) == 12


def test_nobodys_mailbox_can_be_filled(api: ApiClient, mailbox: InMemoryMailer, clock: FakeClock) -> None:
    clock.set(datetime(2027, 1, 1, 12, 0, tzinfo=UTC))
    email = f"{fresh_subdomain()}@victim.example"
    owner = {"name": "x", "email": email, "password": PASSWORD}

    answers = [sign_up(elsewhere(api), fresh_subdomain(), owner=owner) for _ in range(42)]

    assert [one.json["mail_sent"] for one in answers] == [True] * 40 + [False] * 2
    assert len(mailbox.sent) == 40


def test_a_sign_up_outlives_a_mail_that_cannot_be_sent(
    api: ApiClient, services: EngineServices, mailbox: InMemoryMailer
) -> None:
    subdomain = fresh_subdomain()
    email = f"owner@{subdomain}.example"
    mailbox.broken = True

    created = sign_up(api, subdomain)
    mailbox.broken = False
    api.post("/v1/signups/resend", json={"subdomain": subdomain, "email": email})

    assert (created.status, created.json["mail_sent"]) == (201, False)
    code = {"token": mailed_token(services, email), "password": PASSWORD}
    assert api.post("/v1/signups/verify", json=code).status == 200
