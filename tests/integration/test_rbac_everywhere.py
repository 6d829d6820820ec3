"""Every role on every operation: allowed, or refused without a trace, exactly as the matrix says.

The operations are read from the declared endpoints and the roles from the matrix, so a new route
or role has its cells as soon as it is declared.
"""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from chalicelib.api.openapi import document
from chalicelib.api.routing import Endpoint
from chalicelib.crypto.tokens import token_hash
from chalicelib.domain.permissions import PORTAL_PERMISSIONS, ROLE_PERMISSIONS, Permission, Role
from chalicelib.domain.staff import EVERYTHING, Scope
from chalicelib.local.gateway import Gateway
from tests.fakes.api_client import ApiClient, Reply
from tests.integration.conftest import EngineServices, fresh_caller
from tests.integration.furnishing import Isp, furnished
from tests.integration.portal_user import portal_session_as
from tests.integration.shop import if_match, ok
from tests.integration.test_foreign_ids_everywhere import ENDPOINTS, body_of, required_query
from tests.integration.test_scopes import filled
from tests.integration.test_tenant_settings import session_as

GUARDED = [one for one in ENDPOINTS if not one.public]
# Nobody is anybody without one of these.
SCOPES = {Role.COLLECTOR: Scope(areas=("Gulberg III",)), Role.DEALER: Scope(dealer_id="DLR-7")}
DENIED = "permission_denied"
# These end the session that asks.
ENDING = {"log_out", "transfer_ownership", "end_other_sessions"}
# Getting out is possible wherever somebody got in.
GETTING_OUT = {"portal_log_out", "end_other_portal_sessions", "end_own_portal_session"}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(ENDPOINTS)


@pytest.fixture(scope="module")
def isp(gateway: Gateway, engine_services: EngineServices) -> Isp:
    """A tenant with one of everything."""
    return furnished(gateway, engine_services)


def signed_in_as(isp: Isp, services: EngineServices, role: Role) -> ApiClient:
    """Somebody of a role."""
    token = session_as(services, isp.shop.tenant, role, SCOPES.get(role, EVERYTHING))
    return nobody(isp).bearer(token)


def nobody(isp: Isp) -> ApiClient:
    """Who is not signed in."""
    return ApiClient(isp.shop.tenant.api.gateway, caller=fresh_caller())


def ask(isp: Isp, api: ApiClient, one: Endpoint, body: Any) -> Reply:
    """Send a request; versions that it names are none, so that what is allowed changes little."""
    headers = {"If-Match": '"999999"'}
    headers |= {"Idempotency-Key": secrets.token_hex(8)} if one.idempotent else {}
    target = filled(one, isp.ids_for(one)) + required_query(one)
    return api.request(one.method, target, json=body, headers=headers)


def without_guarded(one: Endpoint, body: Any, role: Role) -> Any:
    """The body without the fields that ask for more than the operation, where the role lacks that."""
    granted = ROLE_PERMISSIONS[role]
    lacking = {name for name, asked in one.field_permissions.items() if asked not in granted}
    return {name: value for name, value in body.items() if name not in lacking} if lacking else body


@pytest.mark.parametrize("role", Role)
def test_each_role_on_each_operation(
    isp: Isp,
    services: EngineServices,
    described: dict[str, Any],
    role: Role,
    capsys: pytest.CaptureFixture[str],
) -> None:
    allowed = [one for one in GUARDED if one.permission in ROLE_PERMISSIONS[role]]
    refused = [one for one in GUARDED if one.permission not in ROLE_PERMISSIONS[role]]

    api, before = signed_in_as(isp, services, role), isp.stored()
    for one in refused:
        reply = ask(isp, api, one, body_of(one, described, isp))
        assert reply.problem == (403, DENIED, None), (role, one.operation_id, reply.text)
    assert isp.stored() == before, "a refused operation left a trace"
    for one in allowed:
        body = without_guarded(one, body_of(one, described, isp), role)
        reply = ask(isp, api, one, body)
        api = signed_in_as(isp, services, role) if one.operation_id in ENDING else api
        assert reply.status < 400 or reply.code != DENIED, (role, one.operation_id, reply.text)
        assert reply.status < 500, (role, one.operation_id, reply.text)
        assert reply.status != 401, (role, one.operation_id, reply.text)

    with capsys.disabled():
        print(f"\n{role}: {len(allowed)} allowed + {len(refused)} refused = {len(GUARDED)} cells")


def test_nobody_on_each_operation(isp: Isp, services: EngineServices, described: dict[str, Any]) -> None:
    before = isp.stored()
    for one in GUARDED:
        reply = ask(isp, nobody(isp), one, body_of(one, described, isp))
        assert reply.problem == (401, "not_signed_in", None), one.operation_id
    assert isp.stored() == before


def test_a_subscriber_on_each_operation(
    isp: Isp, services: EngineServices, described: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    def signed_in() -> ApiClient:
        subscriber_id = isp.ids["subscriber_id"]
        token = portal_session_as(services, isp.shop.tenant, subscriber_id, services.clock.now())
        return nobody(isp).bearer(token)

    allowed = [one for one in GUARDED if one.of_portal]
    refused = [one for one in GUARDED if not one.of_portal]

    api, before = signed_in(), isp.stored()
    for one in refused:
        reply = ask(isp, api, one, body_of(one, described, isp))
        assert reply.problem == (403, DENIED, None), (one.operation_id, reply.text)
    assert isp.stored() == before, "a refused operation left a trace"
    for one in allowed:
        reply = ask(isp, signed_in(), one, body_of(one, described, isp))
        assert reply.status not in {401, 403}, (one.operation_id, reply.text)
        assert reply.status < 500, (one.operation_id, reply.text)

    with capsys.disabled():
        print(f"\nsubscriber: {len(allowed)} allowed + {len(refused)} refused = {len(GUARDED)} cells")


def test_where_the_portal_is_off_a_subscriber_only_gets_out(
    isp: Isp, services: EngineServices, described: dict[str, Any]
) -> None:
    """It is also off where the company's account has ended."""
    subscriber_id, staff = isp.ids["subscriber_id"], signed_in_as(isp, services, Role.OWNER)
    token = portal_session_as(services, isp.shop.tenant, subscriber_id, services.clock.now())
    settings = ok(staff.get("/v1/tenant"))
    off = ok(staff.patch("/v1/tenant", json={"portal": False}, headers=if_match(settings)))
    before = isp.stored()
    try:
        for one in GUARDED:
            if one.of_portal and one.operation_id not in GETTING_OUT:
                reply = ask(isp, nobody(isp).bearer(token), one, body_of(one, described, isp))
                assert reply.problem == (403, "portal_off", None), (one.operation_id, reply.text)
        assert isp.stored() == before, "a refused operation left a trace"
    finally:
        ok(staff.patch("/v1/tenant", json={"portal": settings["portal"]}, headers=if_match(off)))


def test_every_operation_of_the_portal_is_a_subscribers_own() -> None:
    paths = {one.path for one in GUARDED if one.path.startswith("/v1/portal/")}

    assert {one.path for one in GUARDED if one.of_portal} == paths
    assert not [role for role in Role if ROLE_PERMISSIONS[role] & PORTAL_PERMISSIONS]


def test_every_operation_asks_for_a_permission_of_the_matrix() -> None:
    granted = PORTAL_PERMISSIONS.union(*ROLE_PERMISSIONS.values())

    assert {one.permission for one in GUARDED} <= granted
    assert {asked for one in GUARDED for asked in one.field_permissions.values()} <= granted


def test_every_permission_is_asked_for_by_an_operation() -> None:
    asked = {one.permission for one in ENDPOINTS}
    asked |= {extra for one in GUARDED for extra in one.field_permissions.values()}

    assert asked == set(Permission)


def test_sessions_of_these_tests_are_of_the_role(isp: Isp, services: EngineServices) -> None:
    token = session_as(services, isp.shop.tenant, Role.AUDITOR)

    session = services.sessions.get(token_hash=token_hash(token), at=services.clock.now())

    assert session is not None
    assert session.principal.permissions == ROLE_PERMISSIONS[Role.AUDITOR]
