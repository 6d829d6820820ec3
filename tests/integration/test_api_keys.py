"""Keys of programs, over HTTP on the engine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.api_keys import HELD_BY_KEYS
from chalicelib.domain.permissions import ROLE_PERMISSIONS, Role
from chalicelib.store.audit import AuditItem
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.raw import raw_items
from tests.integration.shop import Item, Shop, created, ok, subscriber_body
from tests.integration.staffing import Company
from tests.integration.test_passwords import NOBODY
from tests.integration.test_round_trips import RoundTrips

DENIED = (403, "permission_denied", None)


@pytest.fixture
def company(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Company:
    return Company(signed_in, services, api)


@pytest.fixture
def trips(services: EngineServices) -> RoundTrips:
    return RoundTrips(services)


def try_to_make(by: ApiClient, *permissions: str, **changes: Any) -> Reply:
    body = {"name": "Accounting software", "permissions": list(permissions), **changes}
    return by.post("/v1/api-keys", json=body)


def make(by: ApiClient, *permissions: str, **changes: Any) -> tuple[ApiClient, Item]:
    """A program with a key, and the key as it is listed."""
    made = created(try_to_make(by, *permissions, **changes))
    return by.bearer(made["token"]), made["api_key"]


def listed(company: Company) -> list[Item]:
    items: list[Item] = ok(company.owner.get("/v1/api-keys"))["items"]
    return items


def test_a_key_does_what_it_is_for_and_nothing_else(company: Company) -> None:
    program, key = make(company.owner, "subscribers:read")

    assert program.get("/v1/subscribers").status == 200
    assert program.post("/v1/subscribers", json=subscriber_body()).problem == DENIED
    assert program.get("/v1/invoices?fiscal_year=2042").problem == DENIED
    for mine in ("/v1/me", "/v1/me/sessions", "/v1/staff", "/v1/api-keys", "/v1/me/second-factor"):
        assert program.get(mine).problem == DENIED, mine
    assert (key["permissions"], key["name"]) == (["subscribers:read"], "Accounting software")


def test_a_key_is_shown_once_and_its_beginning_afterwards(company: Company) -> None:
    made = created(try_to_make(company.owner, "subscribers:read"))
    token = made["token"]

    [shown] = listed(company)

    assert token.startswith("key_")
    assert token.startswith(shown["prefix"])
    assert len(shown["prefix"]) == 12
    assert token not in str(shown)
    assert token not in str(list(raw_items(company.services, company.tenant.tenant_id)))


def test_a_key_is_good_for_a_year_at_most_for_two(company: Company, clock: FakeClock) -> None:
    program, key = make(company.owner, "packages:read")
    assert key["expires_at"].startswith("2042-05-15")
    assert try_to_make(company.owner, "packages:read", days=731).problem == (422, "invalid_value", "days")

    clock.advance(timedelta(days=365) - timedelta(seconds=1))
    assert program.get("/v1/packages").status == 200
    clock.advance(timedelta(seconds=1))
    assert program.get("/v1/packages").problem == NOBODY


def test_a_revoked_key_is_dead_at_the_next_request(company: Company) -> None:
    program, key = make(company.owner, "packages:read")
    other, _ = make(company.owner, "packages:read")

    assert company.owner.delete(f"/v1/api-keys/{key['key_id']}").status == 204

    assert program.get("/v1/packages").problem == NOBODY
    assert other.get("/v1/packages").status == 200
    again = company.owner.delete(f"/v1/api-keys/{key['key_id']}")
    assert again.problem == (404, "not_found", "key_id")
    assert {"api_key.made", "api_key.revoked"} <= company.audited()


def test_what_is_no_key_is_told_no_more(company: Company) -> None:
    program, key = make(company.owner, "packages:read")
    token = program.headers["Authorization"].removeprefix("Bearer ")
    by_cookie = company.visitor.with_headers(Cookie=f"__Host-session={token}; session={token}")

    assert company.visitor.bearer(f"{token}x").get("/v1/packages").problem == NOBODY
    assert company.visitor.bearer(key["key_id"]).get("/v1/packages").problem == NOBODY
    assert by_cookie.get("/v1/packages").problem == NOBODY


@pytest.mark.parametrize(
    "permission", ["staff:write", "keys:write", "ownership:transfer", "ledger:open", "self", "public"]
)
def test_no_key_lets_anybody_in(company: Company, permission: str) -> None:
    assert try_to_make(company.owner, "packages:read", permission).problem == (
        422,
        "invalid_value",
        "permissions",
    )
    assert try_to_make(company.owner).problem == (422, "invalid_value", "permissions")


def test_what_a_key_may_hold_an_owner_who_hands_over_may_still_hold() -> None:
    assert ROLE_PERMISSIONS[Role.ADMIN] >= HELD_BY_KEYS


def test_a_key_holds_nothing_that_its_maker_lacks(company: Company) -> None:
    role = company.role("keys:write", "subscribers:read")
    maker = company.join(role["role_id"]).api

    assert try_to_make(maker, "payments:read").problem == (403, "rights_exceeded", "role")
    assert try_to_make(maker, "subscribers:read").status == 201


@pytest.mark.parametrize("change", ["disabled", "another role", "a smaller role"])
def test_who_loses_a_right_loses_their_keys_with_it(company: Company, change: str) -> None:
    role = company.role("keys:write", "subscribers:read", "packages:read")
    person = company.join(role["role_id"])
    program, _ = make(person.api, "packages:read")
    kept, _ = make(company.owner, "packages:read")
    assert program.get("/v1/packages").status == 200

    if change == "disabled":
        ok(company.owner.post(f"/v1/staff/{person.staff_id}/disable"))
    elif change == "another role":
        role = company.role("subscribers:read", name="Lookers")
        ok(company.change(person.staff_id, role=role["role_id"]))
    else:
        headers = {"If-Match": f'"{role["version"]}"'}
        smaller = {"permissions": ["keys:write", "subscribers:read"]}
        ok(company.owner.patch(f"/v1/roles/{role['role_id']}", json=smaller, headers=headers))

    assert program.get("/v1/packages").problem == NOBODY
    assert kept.get("/v1/packages").status == 200


def test_what_a_key_did_is_told_of_the_key(company: Company) -> None:
    program, key = make(company.owner, "subscribers:write")

    created(program.post("/v1/subscribers", json=subscriber_body()))

    month = company.services.clock.now().strftime("%Y-%m")
    entries = AuditItem.query(f"{company.tenant.tenant_id}#AUD#{month}")
    assert [one.actor_id for one in entries if one.action == "subscriber.created"] == [key["key_id"]]


def test_the_last_use_is_told_once_an_hour(company: Company, clock: FakeClock, trips: RoundTrips) -> None:
    program, _ = make(company.owner, "packages:read")
    assert [one["last_used_at"] for one in listed(company)] == [None]

    with trips.counted() as operations:
        ok(program.get("/v1/packages"))
    first = [one["last_used_at"] for one in listed(company)]
    assert operations == ["GetItem", "UpdateItem", "UpdateItem", "Query"]
    clock.advance(timedelta(minutes=59))
    with trips.counted() as operations:
        ok(program.get("/v1/packages"))
    assert operations == ["GetItem", "Query"]
    assert [one["last_used_at"] for one in listed(company)] == first

    clock.advance(timedelta(minutes=1))
    ok(program.get("/v1/packages"))
    assert [one["last_used_at"] for one in listed(company)] > first


def test_a_company_has_twenty_keys_under_race_too(company: Company) -> None:
    for _ in range(18):
        make(company.owner, "packages:read")

    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: try_to_make(company.owner, "packages:read"), range(6)))

    made = [one for one in replies if one.status == 201]
    assert len(listed(company)) == 18 + len(made) <= 20
    assert {one.code for one in replies if one.status != 201} <= {"api_keys_moved", "too_many_api_keys"}
    while len(listed(company)) < 20:
        make(company.owner, "packages:read")
    assert try_to_make(company.owner, "packages:read").problem == (409, "too_many_api_keys", None)


def test_expired_keys_make_room(company: Company, clock: FakeClock, services: EngineServices) -> None:
    for _ in range(20):
        make(company.owner, "packages:read", days=1)
    clock.advance(timedelta(days=1))
    again = Shop(company.tenant, services)
    again.sign_in_again()

    make(again.tenant.api, "packages:read")

    assert len(ok(again.tenant.api.get("/v1/api-keys"))["items"]) == 1


def test_a_key_of_another_tenant_sees_its_own(company: Company, other_tenant: SignedIn) -> None:
    mine = created(company.owner.post("/v1/subscribers", json=subscriber_body()))
    program, key = make(other_tenant.api, "subscribers:read", "subscribers:write")

    assert program.get(f"/v1/subscribers/{mine['subscriber_id']}").status == 404
    assert ok(program.get("/v1/subscribers"))["items"] == []
    assert company.owner.delete(f"/v1/api-keys/{key['key_id']}").status == 404
    assert program.get("/v1/subscribers").status == 200
