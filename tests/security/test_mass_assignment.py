"""Fields that only we may set, sent by a client at every level of every body: refused, and nothing changes.

The operations, the levels of their bodies and the fields that they do have are read from the
OpenAPI document, so that a new operation is covered as soon as it is declared.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.api.routing import Endpoint
from tests.counts import Count
from tests.examples import FACTOR
from tests.fakes.api_client import Reply
from tests.integration.conftest import EngineServices
from tests.integration.furnishing import Isp
from tests.integration.test_bad_input_everywhere import example
from tests.integration.test_foreign_ids_everywhere import ENDPOINTS, Where, body_of, put
from tests.security.isps import listening, own, signed_in_again

# Field to a value that would be worth having.
COVETED: dict[str, Any] = {
    "tenant_id": "ten_01JD0000000000000000000000",
    "role": "owner",
    "balance": {"amount": -100_000_000, "currency": "PKR"},
    "status": "paid",
    "paid_at": "2041-01-01T00:00:00Z",
    "number": "INV-2042-000001",
    "version": 1_000_000,
    "created_at": "2020-01-01T00:00:00Z",
    "permissions": ["*"],
}
# Where a body has a field of such a name because it is the client's to choose, and why.
CHOSEN = {
    ("make_api_key", "permissions"): "a key is made of permissions, none that its maker lacks",
    ("invite_staff", "role"): "whoever invites chooses a role, of no more permissions than their own",
    ("change_staff", "role"): "the same",
    ("create_role", "permissions"): "a role is made of permissions, of no more than its maker's",
    ("change_role", "permissions"): "the same",
    ("begin_settlement", "status"): "which column of the file says what became of a payment",
    ("search_subscribers", "status"): "a search asks for a status, and changes nothing",
    ("dismiss_policy_notice", "version"): "a version of a policy, which is one's own to have seen",
    ("accept_policy", "version"): "the same, to accept",
}
# What vendors and forms send is read by what hears it.
WRITES = [one for one in ENDPOINTS if one.method != "GET" and not one.raw]


def levels(schema: dict[str, Any], definitions: dict[str, Any], where: Where = ()) -> Iterator[Where]:
    """Yield where a body has objects with fields, itself first."""
    if "$ref" in schema:
        yield from levels(definitions[schema["$ref"].rpartition("/")[2]], definitions, where)
    for choice in [*schema.get("anyOf", []), *schema.get("oneOf", [])]:
        yield from levels(choice, definitions, where)
    if schema.get("type") == "array":
        yield from levels(schema["items"], definitions, (*where, 0))
    if "properties" in schema:
        yield where
    for name, field in schema.get("properties", {}).items():
        yield from levels(field, definitions, (*where, name))


def fields_at(schema: dict[str, Any], definitions: dict[str, Any], where: Where) -> set[str]:
    """Return the names of the fields that a body has at a level."""
    if "$ref" in schema:
        return fields_at(definitions[schema["$ref"].rpartition("/")[2]], definitions, where)
    choices = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
    if choices:
        return set().union(*(fields_at(one, definitions, where) for one in choices))
    if not where:
        return set(schema.get("properties", {}))
    inner = schema.get("items") if isinstance(where[0], int) else schema.get("properties", {}).get(where[0])
    return fields_at(inner, definitions, where[1:]) if inner else set()


def coveted(one: Endpoint, place: int) -> list[str]:
    """The fields to try at a level: all of them, or two of them in turn."""
    names = list(COVETED)
    if FACTOR > 1:
        return names
    start = (ENDPOINTS.index(one) + place) * 2
    return [names[(start + step) % len(names)] for step in range(2)]


def schema_of(one: Endpoint, described: dict[str, Any]) -> dict[str, Any]:
    content = described["paths"][one.path][one.method.lower()]["requestBody"]["content"]
    schema: dict[str, Any] = content["application/json"]["schema"]
    return schema


def valid_body(one: Endpoint, described: dict[str, Any], isp: Isp) -> Any:
    return copy.deepcopy(example(described, one)) if one.public else body_of(one, described, isp)


def test_every_field_said_to_be_the_clients_is_there(described: dict[str, Any]) -> None:
    definitions = described["components"]["schemas"]
    for operation, name in CHOSEN:
        [one] = [one for one in WRITES if one.operation_id == operation]
        schema = schema_of(one, described)
        assert any(name in fields_at(schema, definitions, where) for where in levels(schema, definitions))


@pytest.mark.parametrize(
    "one", [one for one in WRITES if one.body is not None], ids=lambda one: one.operation_id
)
def test_a_field_that_is_not_the_clients_is_refused_at_every_level(
    one: Endpoint,
    attacker: Isp,
    described: dict[str, Any],
    services: EngineServices,
    count: Count,
) -> None:
    schema, definitions = schema_of(one, described), described["components"]["schemas"]
    before, tried = attacker.stored(), 0
    with listening(services) as heard:
        for place, where in enumerate(dict.fromkeys(levels(schema, definitions))):
            for name in coveted(one, place):
                if name in fields_at(schema, definitions, where):
                    assert (one.operation_id, name) in CHOSEN, f"say in CHOSEN why {name} is the client's"
                    continue
                body = valid_body(one, described, attacker)
                put(body, (*where, name), COVETED[name])

                reply = own(attacker, one, body)

                tried += 1
                expected = ".".join(map(str, (*where, name)))
                assert reply.problem[:2] == (422, "unknown_field"), (expected, reply.text)
                assert str(reply.problem[2]).endswith(name), (expected, reply.text)
    assert tried > 0
    assert heard.mails == []
    assert attacker.stored() == before
    count("mass assignment", tried)


@pytest.mark.parametrize("one", [one for one in WRITES if one.body is None], ids=lambda one: one.operation_id)
def test_an_operation_without_a_body_takes_none(
    one: Endpoint, attacker: Isp, services: EngineServices, count: Count
) -> None:
    before = attacker.stored()
    names = coveted(one, 0)
    for name in names:
        reply = own(attacker, one, {name: COVETED[name]})
        assert reply.problem[:2] == (400, "bad_request"), (name, reply.text)
    assert attacker.stored() == before
    signed_in_again(attacker)
    count("mass assignment", len(names))


@pytest.mark.parametrize("one", WRITES, ids=lambda one: one.operation_id)
def test_nor_does_the_query_set_fields(one: Endpoint, attacker: Isp, count: Count) -> None:
    names = coveted(one, 0)
    for name in names:
        path = one.path.format_map(attacker.ids_for(one))
        reply: Reply = attacker.shop.tenant.api.request(one.method, f"{path}?{name}=1")
        assert reply.problem[:2] == (422, "unknown_field"), (name, reply.text)
    count("mass assignment", len(names))


@pytest.mark.parametrize("name", list(COVETED))
def test_a_column_of_an_import_sets_none_of_them(name: str, attacker: Isp, described: dict[str, Any]) -> None:
    [one] = [one for one in ENDPOINTS if one.operation_id == "map_import"]
    for part in ("columns", "defaults"):
        body = valid_body(one, described, attacker)
        body.setdefault(part, {})[name] = "id"

        reply = own(attacker, one, body)

        assert reply.status == 422, (part, reply.text)
        assert name in json.dumps(reply.json), (part, reply.text)
