"""Identifiers of another tenant, in every path and body: they answer like ones that never were.

The routes, their path parameters and the fields of their bodies are read from the declared
endpoints, so a new route is covered as soon as it is declared, and a new kind of identifier
fails here until there is one of it to try.
"""

from __future__ import annotations

import copy
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import pytest

from chalicelib.api.openapi import document
from chalicelib.api.routes import every_endpoint
from chalicelib.api.routing import Endpoint
from chalicelib.local.gateway import Gateway
from tests.fakes.api_client import Reply
from tests.integration.conftest import EngineServices
from tests.integration.furnishing import Isp, furnished
from tests.integration.shop import ok
from tests.integration.test_bad_input_everywhere import example

ENDPOINTS = every_endpoint()
CARD = "4111 1111 1111 1111"
NOWHERE = "01JD0000000000000000000000"

# One that is none, of each kind of identifier that a path has.
ABSENT = {
    "access_id": f"spa_{NOWHERE}",
    "breach_id": f"brc_{NOWHERE}",
    "batch_id": f"vcb_{NOWHERE}",
    "date": "2031-05-05",
    "dealer_id": f"dlr_{NOWHERE}",
    "document_id": f"rcp_{NOWHERE}-20261201-201",
    "expense_id": f"xps_{NOWHERE}-20261201",
    "export_id": f"exp_{NOWHERE}",
    "fiscal_year": "2044",
    "fund_id": f"fnd_{NOWHERE}",
    "hand_over_id": f"hov_{NOWHERE}",
    "import_id": f"imp_{NOWHERE}",
    "invoice_id": f"inv_{NOWHERE}-20261201-201",
    "journal_id": f"cjn_{NOWHERE}-20261201-0",
    "key_id": f"key_{NOWHERE}",
    "kind": "INV",
    "invitation_id": f"ivt_{NOWHERE}",
    "month": "2031-05",
    "package_id": f"pkg_{NOWHERE}",
    "passkey_id": f"psk_{NOWHERE}",
    "privacy_request_id": f"prq_{NOWHERE}",
    "rehearsal_id": f"rhs_{NOWHERE}",
    "role_id": f"rol_{NOWHERE}",
    "rule": "nonsense",
    "rule_id": f"lfr_{NOWHERE}",
    "serial": "0044-00001",
    "session_id": f"sss_{NOWHERE}",
    "staff_id": f"stf_{NOWHERE}",
    "subscriber_id": f"sbr_{NOWHERE}",
    "subscription_id": f"sbn_{NOWHERE}-1",
    "settlement_id": f"stl_{NOWHERE}",
    "line_id": "missing_here-1",
    "code": "NOSUCHCODE",
    "collection_id": f"col_{NOWHERE}-C0000000000000000000",
    "notice_id": f"pkn_{NOWHERE}",
    "gateway": "raast",
    "callback_key": "gcb_nobodys",
    "token": "pay_nobodys",
    "reference": "C0000000000000000000",
    "tail": "BillInquiry",
}
# Fields of bodies that name something of the tenant, and what it is.
NAMED_BY = {
    "package_id": "package_id",
    "package_ids": "package_id",
    "subscriber_id": "subscriber_id",
    "staff_id": "staff_id",
    "invoice_id": "invoice_id",
    "document_id": "document_id",
    "subscription_id": "subscription_id",
    "parent_id": "subscription_id",
    "parent_dealer_id": "dealer_id",
    "to_dealer_id": "dealer_id",
    "coupon": "code",
    "role": "role_id",
    "fund_id": "fund_id",
    "to_fund_id": "fund_id",
    "paid_from": "fund_id",
}
# Fields that end like identifiers, but are words of the ISP's own.
WORDS = {"record_id", "receipt_id", "tax_id", "national_id", "dealer_id"}
# What these name narrows a list: nothing is found where there is no such thing.
NARROWING = {"search_subscribers"}
# These answer each part of a body by itself.
EACH_BY_ITSELF = {"record_field_receipts"}
# These make what their path names, so that it is there for nobody else.
CREATING = {"put_tax_group"}
# What else a part of a body has that the example is without.
BESIDE = {"allocations": {"amount": {"amount": 1, "currency": "PKR"}}, "packages": {"amount": 1}}
# A coupon is redeemed without any terms of one's own.
ALONE = {"give_discount"}
# Only the platform's operator may, and others are told so before anything is looked up.
OPERATORS = {"put_plan", "enter_company", "end_support_entry"}
# Refusals that come before anything is looked up: then there is nothing to be seen here.
UNREAD = {"missing_field", "unknown_field", "invalid_type", "invalid_value"}
# Names that every tenant has, such as dates: there is nothing to tell apart; and what opens something to
# whoever has it, without signing in (tests/integration/test_gateway_collections.py).
SHARED = {"date", "fiscal_year", "gateway", "kind", "line_id", "month", "rule", "serial"}
SHARED |= {"callback_key", "reference", "tail", "token"}
BODIES = [one for one in ENDPOINTS if one.body is not None and not one.public]
Where = tuple[str | int, ...]


@pytest.fixture(scope="module")
def theirs(gateway: Gateway, engine_services: EngineServices) -> Isp:
    """Another ISP, with everything."""
    return furnished(gateway, engine_services)


@pytest.fixture(scope="module")
def mine(gateway: Gateway, engine_services: EngineServices) -> Isp:
    """The attacker's own ISP, with everything, so that each request gets as far as it can."""
    return furnished(gateway, engine_services)


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(ENDPOINTS)


@pytest.fixture(autouse=True)
def _now(services: EngineServices) -> None:
    """The clock at the present."""


def send(isp: Isp, one: Endpoint, names: Mapping[str, str], body: object) -> Reply:
    """Send a request whose path has the names."""
    key = {"Idempotency-Key": secrets.token_hex(8)} if one.idempotent else {}
    query = required_query(one)
    target = re.sub(r"\{(\w+)\}", lambda found: names[found[1]], one.path) + query
    headers = {"If-Match": '"1"', **key}
    reply = isp.shop.tenant.api.request(one.method, target, json=body, headers=headers)
    if reply.status == 412:
        version = re.search(r"version (\d+)", reply.json["message"])
        assert version is not None, reply.text
        headers = {**headers, "If-Match": f'"{version[1]}"'}
        reply = isp.shop.tenant.api.request(one.method, target, json=body, headers=headers)
    return reply


def required_query(one: Endpoint) -> str:
    """The parameters that the operation cannot do without."""
    fields = one.query.model_fields if one.query else {}
    given = [
        f"{field.alias or name}={field.examples[0]}"
        for name, field in fields.items()
        if field.is_required() and field.examples
    ]
    return f"?{'&'.join(given)}" if given else ""


def told(reply: Reply, value: str) -> tuple[int, str]:
    """What an answer says, but for what was asked for and the request's own id."""
    if reply.status < 400 or not reply.is_problem:
        return reply.status, reply.text
    problem = {**reply.json, "request_id": ""}
    return reply.status, json.dumps(problem).replace(value, "*")


def body_of(one: Endpoint, described: dict[str, Any], isp: Isp) -> Any:
    """The documented example, with the tenant's own identifiers."""
    if one.body is None:
        return None
    body = copy.deepcopy(example(described, one))
    for where, kind in named_in(one, described):
        put(body, where, isp.ids_for(one)[kind], only_there=True)
    return body


def named_in(one: Endpoint, described: dict[str, Any]) -> Iterator[tuple[Where, str]]:
    """Where a body names something of the tenant, and the kind of it."""
    definitions = described["components"]["schemas"]
    content = described["paths"][one.path][one.method.lower()]["requestBody"]["content"]
    for where in texts(content["application/json"]["schema"], definitions):
        field = next(str(part) for part in reversed(where) if isinstance(part, str))
        if re.search(r"_ids?$", field) and field not in WORDS and one.operation_id != "map_import":
            assert field in NAMED_BY, f"say in NAMED_BY what {field} of {one.operation_id} names"
        if field in NAMED_BY:
            yield where, NAMED_BY[field]


def texts(schema: dict[str, Any], definitions: dict[str, Any], where: Where = ()) -> Iterator[Where]:
    """Yield where a schema has texts."""
    if "$ref" in schema:
        yield from texts(definitions[schema["$ref"].rpartition("/")[2]], definitions, where)
    for choice in [*schema.get("anyOf", []), *schema.get("oneOf", [])]:
        yield from texts(choice, definitions, where)
    if schema.get("type") == "array":
        yield from texts(schema["items"], definitions, (*where, 0))
    for name, field in schema.get("properties", {}).items():
        yield from texts(field, definitions, (*where, name))
    if schema.get("type") == "string":
        yield where


def put(body: Any, where: Where, value: object, *, only_there: bool = False) -> bool:
    """Put a value where it belongs, making a way; ``only_there``: where the body has one."""
    for part, following in pairwise(where):
        empty: Any = [] if isinstance(following, int) else {}
        there = part < len(body) if isinstance(part, int) else part in body
        if only_there and (not there or not isinstance(body[part], (dict, list))):
            return False
        if not there and isinstance(part, int):
            body.append(empty)
        elif not there or not isinstance(body[part], (dict, list)):
            body[part] = empty
        body = body[part]
    last = where[-1]
    there = last < len(body) if isinstance(last, int) else body.get(last) is not None
    if only_there and not there:
        return False
    if isinstance(last, int) and not there:
        body.append(value)
    else:
        body[last] = value
    return True


def kinds_of_paths() -> set[str]:
    return {name for one in ENDPOINTS for name in re.findall(r"\{(\w+)\}", one.path)}


def test_there_is_one_to_try_of_every_kind_of_identifier(theirs: Isp) -> None:
    assert kinds_of_paths() == set(ABSENT) == set(theirs.ids)


@pytest.mark.parametrize("kind", sorted(set(ABSENT) - SHARED))
def test_another_tenants_ids_in_paths_are_like_none(
    mine: Isp, theirs: Isp, described: dict[str, Any], kind: str
) -> None:
    before = theirs.stored()
    for one in ENDPOINTS:
        if f"{{{kind}}}" not in one.path or one.operation_id in CREATING:
            continue
        body = body_of(one, described, mine)
        replies = []
        for value in (ABSENT[kind], theirs.ids_for(one)[kind]):
            reply = send(mine, one, {**mine.ids_for(one), kind: value}, body)
            replies.append(told(reply, value))
            refused = {409} if one.operation_id in OPERATORS else {404, 422}
            assert reply.status in refused, (one.operation_id, value, reply.text)
        assert replies[0] == replies[1], one.operation_id
    assert theirs.stored() == before


@pytest.mark.parametrize("one", BODIES, ids=lambda one: one.operation_id)
def test_another_tenants_ids_in_bodies_are_like_none(
    mine: Isp, theirs: Isp, described: dict[str, Any], one: Endpoint
) -> None:
    before, own = theirs.stored(), mine.stored()
    for where, kind in named_in(one, described):
        replies = []
        for value in (ABSENT[kind], theirs.ids_for(one)[kind]):
            body = body_of(one, described, mine) if one.operation_id not in ALONE else {}
            put(body, where, value)
            for part, beside in BESIDE.items():
                if part in where:
                    body[part][0].update(beside)
            reply = send(mine, one, mine.ids_for(one), body)
            replies.append(told(reply, value))
            if one.operation_id in NARROWING:
                assert ok(reply)["items"] == []
                continue
            if one.operation_id in EACH_BY_ITSELF:
                assert {one["refused"]["code"] for one in ok(reply)["items"]} == {"not_found"}
                continue
            assert reply.status in {404, 422}, (where, value, reply.text)
            assert reply.code not in UNREAD, (where, reply.text)
        assert replies[0] == replies[1], where
        assert mine.stored() == own, where
    assert theirs.stored() == before


@pytest.mark.parametrize("one", BODIES, ids=lambda one: one.operation_id)
def test_no_field_takes_a_card_number(mine: Isp, described: dict[str, Any], one: Endpoint) -> None:
    definitions = described["components"]["schemas"]
    content = described["paths"][one.path][one.method.lower()]["requestBody"]["content"]
    for where in texts(content["application/json"]["schema"], definitions):
        if where[-1] in NAMED_BY or where[-2:-1] == ("package_ids",):
            continue
        body = body_of(one, described, mine)
        put(body, where, CARD)

        reply = send(mine, one, mine.ids_for(one), body)

        assert reply.status == 422, (where, reply.text)
        assert CARD not in reply.text, where
