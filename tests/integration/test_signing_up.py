"""Signing up over HTTP, on the engine."""

from __future__ import annotations

from base64 import b64decode
from binascii import crc32
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.tenants import TenantState
from chalicelib.local.gateway import Gateway
from chalicelib.store.base import PlatformItem
from chalicelib.store.tenants import LIST_PARTITIONS
from chalicelib.store.wrapped_keys import WrappedKeyItem
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.fakes.services import InMemoryMailer
from tests.integration.conftest import (
    PASSWORD,
    EngineServices,
    SignedIn,
    fresh_caller,
    fresh_subdomain,
    mailed_token,
    sign_up_and_in,
    sign_up_body,
)
from tests.integration.raw import raw_items


def sign_up(api: ApiClient, subdomain: str, **changes: object) -> Reply:
    return api.post("/v1/signups", json=sign_up_body(subdomain, **changes))


def log_in(api: ApiClient, subdomain: str, **changes: str) -> Reply:
    body = {"subdomain": subdomain, "email": f"owner@{subdomain}.example", "password": PASSWORD}
    return api.post("/v1/sessions", json=body | changes)


def elsewhere(api: ApiClient) -> ApiClient:
    return replace(api, caller=fresh_caller())


def everything_of(services: EngineServices, tenant_id: str) -> list[Any]:
    """Every item that names the tenant, in all tables that last."""
    assert services.database is not None
    return [
        *raw_items(services, tenant_id),
        *(item for item in PlatformItem.scan() if tenant_id in (item.sk, item.pk)),
        *(item for item in WrappedKeyItem.scan() if item.pk.startswith(tenant_id)),
    ]


def shown(item: Any) -> str:
    """All that an item holds, binary values as the bytes that they are."""
    if not isinstance(item, dict):
        return str(item.attribute_values)
    return str([b64decode(value["B"]) if "B" in value else value for value in item.values()])


def test_an_owner_signs_up_verifies_signs_in_and_is_who_they_say(signed_in: SignedIn) -> None:
    me = signed_in.api.get("/v1/me")

    assert me.status == 200
    staff = me.json["staff"]
    assert (staff["name"], staff["email"], staff["role"]) == ("Ayesha Khan", signed_in.email, "owner")
    assert me.json["tenant"]["subdomain"] == signed_in.subdomain
    assert "tenant:write" in me.json["permissions"]


def test_a_new_tenant_is_not_active_before_its_owner_is_verified(
    api: ApiClient, services: EngineServices
) -> None:
    subdomain = fresh_subdomain()

    created = sign_up(api, subdomain)

    assert (created.status, created.json["tenant"]["state"], created.json["mail_sent"]) == (
        201,
        "unverified",
        True,
    )
    assert log_in(api, subdomain).problem == (403, "email_not_verified", None)
    assert log_in(api, subdomain, password="a wrong password").problem == (401, "wrong_credentials", None)
    assert created.json["tenant"]["tenant_id"] not in active_tenants(services)


def active_tenants(services: EngineServices) -> set[str]:
    found: set[str] = set()
    after: str | None = None
    while True:
        page = services.tenants.active(after=after, limit=7)
        found |= {tenant.tenant_id for tenant in page.items}
        after = page.after
        if after is None:
            return found


def listed(services: EngineServices, *, turn: int, limit: int) -> list[str]:
    """The tenants in the order in which a turn of the planner comes to them, page after page."""
    found: list[str] = []
    after: str | None = None
    while True:
        page = services.tenants.active(after=after, limit=limit, turn=turn)
        assert len(page.items) <= limit
        found += [tenant.tenant_id for tenant in page.items]
        after = page.after
        if after is None:
            return found


def test_the_planner_finds_every_active_tenant_once(api: ApiClient, services: EngineServices) -> None:
    made = {sign_up_and_in(api, services).tenant_id for _ in range(5)}

    for turn in (0, 7, 31):
        found = listed(services, turn=turn, limit=3)
        assert made <= set(found)
        assert max(Counter(found).values()) == 1


def test_no_tenant_comes_after_the_same_other_in_every_turn(
    gateway: Gateway, services: EngineServices
) -> None:
    made: list[str] = []
    while len({crc32(one.encode()) % LIST_PARTITIONS for one in made}) == len(made):  # until two share one
        api = ApiClient(gateway, caller=fresh_caller())  # sign-ups from one address are counted
        made.append(sign_up_and_in(api, services).tenant_id)

    before: dict[str, set[str]] = {}
    for turn in range(32):
        order = [one for one in listed(services, turn=turn, limit=100) if one in made]
        for index, one in enumerate(order):
            earlier = set(order[:index])
            before[one] = before.get(one, earlier) & earlier

    assert before == {one: set() for one in made}


def test_billing_starts_on_the_day_of_sign_up_in_the_tenants_zone(
    api: ApiClient, services: EngineServices, clock: FakeClock
) -> None:
    clock.set(datetime(2027, 3, 31, 20, 0, tzinfo=UTC))  # already 1 April in Karachi

    tenant = sign_up_and_in(api, services)

    assert tenant.store.billing_state().completed_through == date(2027, 3, 31)
    assert tenant.store.profile().state is TenantState.ACTIVE
    assert services.tenants.find(subdomain=tenant.subdomain) == tenant.store.profile()


def test_a_code_works_once(api: ApiClient, services: EngineServices) -> None:
    subdomain = fresh_subdomain()
    sign_up(api, subdomain)
    code = {"token": mailed_token(services, f"owner@{subdomain}.example"), "password": PASSWORD}

    assert api.post("/v1/signups/verify", json=code).status == 200
    assert api.post("/v1/signups/verify", json=code).problem == (422, "token_not_valid", "token")


def test_of_many_uses_of_one_code_at_once_one_counts(api: ApiClient, services: EngineServices) -> None:
    subdomain = fresh_subdomain()
    sign_up(api, subdomain)
    code = {"token": mailed_token(services, f"owner@{subdomain}.example"), "password": PASSWORD}

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.post("/v1/signups/verify", json=code), range(8)))

    assert Counter(answer.status for answer in answers) == {200: 1, 422: 7}


@pytest.mark.parametrize("token", ["", "svt_unknown", "svt_" + "x" * 200, "svt_\u0000"])
def test_a_code_that_nobody_was_sent_is_refused(api: ApiClient, token: str) -> None:
    assert api.post("/v1/signups/verify", json={"token": token, "password": PASSWORD}).status == 422


def test_a_subdomain_is_taken_once_it_is_signed_up_for(signed_in: SignedIn, api: ApiClient) -> None:
    assert sign_up(api, signed_in.subdomain).problem == (409, "subdomain_taken", "subdomain")


def test_of_sixteen_who_want_a_subdomain_at_once_one_gets_it_and_the_rest_leave_nothing(
    api: ApiClient, services: EngineServices, mailbox: InMemoryMailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    subdomain = fresh_subdomain()
    given: list[str] = []
    new = services.ids.new

    def recorded(*, prefix: str) -> str:
        given.append(new(prefix=prefix))
        return given[-1]

    monkeypatch.setattr(services.ids, "new", recorded)
    callers = [elsewhere(api) for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda caller: sign_up(caller, subdomain), callers))

    assert Counter(answer.status for answer in answers) == {201: 1, 409: 15}
    assert {answer.code for answer in answers if answer.status == 409} == {"subdomain_taken"}
    winner = next(answer for answer in answers if answer.status == 201).json["tenant"]["tenant_id"]
    losers = {one for one in given if one.startswith("ten_")} - {winner}
    assert losers
    assert everything_of(services, winner)
    assert [item for loser in losers for item in everything_of(services, loser)] == []
    assert len(mailbox.sent) == 1


def test_an_unverified_sign_up_lets_go_of_its_subdomain_in_the_end(
    api: ApiClient, services: EngineServices, clock: FakeClock
) -> None:
    subdomain = fresh_subdomain()
    sign_up(api, subdomain)
    lapsed = mailed_token(services, f"owner@{subdomain}.example")

    clock.advance(timedelta(hours=47))
    assert sign_up(api, subdomain).code == "subdomain_taken"
    clock.advance(timedelta(hours=1))
    assert (
        api.post("/v1/signups/verify", json={"token": lapsed, "password": PASSWORD}).code == "token_not_valid"
    )
    assert log_in(api, subdomain).problem == (401, "wrong_credentials", None)

    second = sign_up_and_in(api, services, subdomain=subdomain)
    assert second.api.get("/v1/me").json["tenant"]["tenant_id"] == second.tenant_id
    assert (
        api.post("/v1/signups/verify", json={"token": lapsed, "password": PASSWORD}).code == "token_not_valid"
    )


def test_a_verified_tenant_keeps_its_subdomain(signed_in: SignedIn, api: ApiClient, clock: FakeClock) -> None:
    clock.advance(timedelta(days=400))

    assert sign_up(api, signed_in.subdomain).code == "subdomain_taken"


def test_the_code_is_nothing_without_the_password_of_the_sign_up(
    api: ApiClient, services: EngineServices
) -> None:
    subdomain = fresh_subdomain()
    sign_up(api, subdomain)
    code = {"token": mailed_token(services, f"owner@{subdomain}.example")}

    assert api.post("/v1/signups/verify", json=code).problem == (422, "missing_field", "password")
    wrong = [api.post("/v1/signups/verify", json=code | {"password": "not mine"}) for _ in range(11)]

    assert [one.status for one in wrong] == [401] * 10 + [429]
    assert wrong[0].problem == (401, "wrong_credentials", None)
    assert log_in(api, subdomain).problem == (403, "email_not_verified", None)


def test_an_unverified_sign_up_is_not_on_the_planners_list(api: ApiClient, services: EngineServices) -> None:
    subdomain = fresh_subdomain()
    tenant_id = sign_up(api, subdomain).json["tenant"]["tenant_id"]
    listed = [item.pk for item in PlatformItem.scan() if item.sk == tenant_id]
    assert listed == []

    code = {"token": mailed_token(services, f"owner@{subdomain}.example"), "password": PASSWORD}
    assert api.post("/v1/signups/verify", json=code).status == 200

    assert [item.sk for item in PlatformItem.scan() if item.sk == tenant_id] == [tenant_id]


def test_what_is_stored_of_a_person_is_encrypted(signed_in: SignedIn, services: EngineServices) -> None:
    stored = [shown(item) for item in everything_of(services, signed_in.tenant_id)]

    assert stored
    assert not [one for one in stored if "Ayesha" in one or signed_in.email in one or PASSWORD in one]


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"subdomain": "Upper"}, "invalid_subdomain", "subdomain"),
        ({"subdomain": "ab"}, "invalid_value", "subdomain"),
        ({"subdomain": "a" * 41}, "invalid_value", "subdomain"),
        ({"subdomain": "admin"}, "invalid_subdomain", "subdomain"),
        ({"subdomain": "a--b"}, "invalid_subdomain", "subdomain"),
        ({"subdomain": "abc-"}, "invalid_subdomain", "subdomain"),
        ({"subdomain": "abc\n"}, "invalid_subdomain", "subdomain"),
        ({"subdomain": "münchen"}, "invalid_subdomain", "subdomain"),
        ({"subdomain": "\u0430\u0440\u0440l\u0435"}, "invalid_subdomain", "subdomain"),
        ({"subdomain": "\uff11\uff12\uff13abc"}, "invalid_subdomain", "subdomain"),
        ({"subdomain": "xn--mnchen-3ya"}, "invalid_subdomain", "subdomain"),
        ({"company": "  "}, "invalid_value", "company"),
        ({"company": "Win at https://evil.example"}, "link_not_allowed", "company"),
        ({"company": "Win at WWW.evil.example"}, "link_not_allowed", "company"),
        ({"company": "\uff37\uff37\uff37.evil.example"}, "link_not_allowed", "company"),
        ({"company": "a\u0000b"}, "invalid_value", "company"),
        ({"company": "x" * 121}, "invalid_value", "company"),
        ({"country": "pk"}, "invalid_value", "country"),
        ({"currency": "XXX"}, "unknown_currency", "currency"),
        ({"time_zone": "Mars/Olympus"}, "unknown_time_zone", "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "unknown_time_zone", "time_zone"),
        ({"time_zone": ""}, "unknown_time_zone", "time_zone"),
        ({"fiscal_year_start_month": 13}, "invalid_value", "fiscal_year_start_month"),
        ({"fiscal_year_start_month": "7"}, "invalid_type", "fiscal_year_start_month"),
        ({"fiscal_year_start_month": 7.5}, "invalid_type", "fiscal_year_start_month"),
        ({"fiscal_year_start_month": True}, "invalid_type", "fiscal_year_start_month"),
        ({"owner": None}, "invalid_type", "owner"),
        ({"tenant_id": "ten_1"}, "unknown_field", "tenant_id"),
    ],
)
def test_a_malformed_sign_up_is_refused_with_the_field_at_fault(
    api: ApiClient, changes: dict[str, object], code: str, param: str
) -> None:
    refused = api.post("/v1/signups", json=sign_up_body(fresh_subdomain()) | changes)

    assert refused.problem == (422, code, param)


@pytest.mark.parametrize(
    ("owner", "code", "param"),
    [
        ({"email": "nobody"}, "invalid_email", "owner.email"),
        ({"email": "a@b"}, "invalid_email", "owner.email"),
        ({"email": "a@b.example\r\nBcc: all@example.com"}, "invalid_email", "owner.email"),
        ({"email": 7}, "invalid_type", "owner.email"),
        ({"password": "short"}, "invalid_value", "owner.password"),
        ({"password": "x" * 129}, "invalid_value", "owner.password"),
        ({"password": "lahorenet123456"}, "weak_password", "owner.password"),
        ({"password": "password12345"}, "weak_password", "owner.password"),
        ({"name": ""}, "invalid_value", "owner.name"),
        ({"name": "http://evil.example"}, "link_not_allowed", "owner.name"),
        ({"role": "owner"}, "unknown_field", "owner.role"),
    ],
)
def test_a_malformed_owner_is_refused(
    api: ApiClient, owner: dict[str, object], code: str, param: str
) -> None:
    body: dict[str, Any] = sign_up_body(fresh_subdomain())
    body["owner"] = body["owner"] | owner

    assert api.post("/v1/signups", json=body).problem == (422, code, param)


def test_a_refused_sign_up_does_not_repeat_the_password(api: ApiClient) -> None:
    body: dict[str, Any] = sign_up_body(fresh_subdomain())
    body["owner"]["password"] = "hunter2hunter2" * 20

    refused = api.post("/v1/signups", json=body)

    assert refused.status == 422
    assert "hunter2" not in refused.text
