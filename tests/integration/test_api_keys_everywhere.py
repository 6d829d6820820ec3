"""Keys of programs on every operation: what they hold, nothing else, and of no other tenant."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.api.openapi import document
from chalicelib.api.routing import Endpoint
from chalicelib.domain.api_keys import HELD_BY_KEYS
from chalicelib.domain.permissions import Permission
from chalicelib.local.gateway import Gateway
from tests.integration.conftest import EngineServices
from tests.integration.furnishing import Isp, furnished
from tests.integration.shop import created
from tests.integration.test_foreign_ids_everywhere import (
    ABSENT,
    CREATING,
    ENDPOINTS,
    OPERATORS,
    SHARED,
    body_of,
    send,
    told,
)
from tests.integration.test_rbac_everywhere import DENIED, GUARDED, ask

READING = frozenset(one for one in HELD_BY_KEYS if one.value.endswith(":read"))
SETS = {"all": HELD_BY_KEYS, "reading": READING, "the rest": HELD_BY_KEYS - READING}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(ENDPOINTS)


@pytest.fixture(scope="module")
def mine(gateway: Gateway, engine_services: EngineServices) -> Isp:
    return furnished(gateway, engine_services)


@pytest.fixture(scope="module")
def theirs(gateway: Gateway, engine_services: EngineServices) -> Isp:
    return furnished(gateway, engine_services)


@pytest.fixture(scope="module")
def program(mine: Isp) -> Isp:
    """The tenant as a program sees it that holds all that a key may."""
    return program_of(mine, HELD_BY_KEYS)


@pytest.fixture(autouse=True)
def _now(services: EngineServices) -> None:
    """The clock at the present."""


def program_of(isp: Isp, permissions: frozenset[Permission]) -> Isp:
    """The same tenant, as a program with a key sees it."""
    body = {"name": "Program", "permissions": sorted(permissions)}
    token = created(isp.shop.tenant.api.post("/v1/api-keys", json=body))["token"]
    tenant = replace(isp.shop.tenant, api=isp.shop.tenant.api.bearer(token))
    return replace(isp, shop=replace(isp.shop, tenant=tenant))


def without_guarded(one: Endpoint, body: Any, granted: frozenset[Permission]) -> Any:
    lacking = {name for name, asked in one.field_permissions.items() if asked not in granted}
    return {name: value for name, value in body.items() if name not in lacking} if lacking else body


@pytest.mark.parametrize("which", SETS)
def test_a_key_on_each_operation(mine: Isp, described: dict[str, Any], which: str) -> None:
    granted = SETS[which]
    program = program_of(mine, granted)
    refused = [one for one in GUARDED if one.permission not in granted]

    program.shop.tenant.api.get("/v1/me")  # so that its first use is noted
    before = mine.stored()
    for one in refused:
        reply = ask(program, program.shop.tenant.api, one, body_of(one, described, mine))
        assert reply.problem == (403, DENIED, None), (one.operation_id, reply.text)
    assert mine.stored() == before, "a refused operation left a trace"
    for one in GUARDED:
        if one in refused:
            continue
        body = without_guarded(one, body_of(one, described, mine), granted)
        reply = ask(program, program.shop.tenant.api, one, body)
        assert reply.status < 500, (one.operation_id, reply.text)
        assert reply.status < 400 or reply.code not in {DENIED, "not_signed_in"}, (
            one.operation_id,
            reply.text,
        )


@pytest.mark.parametrize("kind", sorted(set(ABSENT) - SHARED))
def test_another_tenants_ids_are_like_none_to_a_key(
    mine: Isp, program: Isp, theirs: Isp, described: dict[str, Any], kind: str
) -> None:
    before = theirs.stored()
    for one in ENDPOINTS:
        held = one.permission in HELD_BY_KEYS and one.operation_id not in CREATING
        if not held or not re.search(rf"\{{{kind}\}}", one.path):
            continue
        replies = []
        for value in (ABSENT[kind], theirs.ids_for(one)[kind]):
            reply = send(program, one, {**mine.ids_for(one), kind: value}, body_of(one, described, mine))
            replies.append(told(reply, value))
            refused = {409} if one.operation_id in OPERATORS else {404, 422}
            assert reply.status in refused, (one.operation_id, value, reply.text)
        assert replies[0] == replies[1], one.operation_id
    assert theirs.stored() == before
