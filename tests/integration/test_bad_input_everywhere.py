"""Whatever is sent to whichever route: a clear refusal, never a failure of ours.

Bodies are made of the documented examples, one field at a time replaced by what no client
should send; so a new route is covered as soon as it is declared.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.api.openapi import document
from chalicelib.api.routes import every_endpoint
from chalicelib.api.routing import Endpoint
from chalicelib.local.gateway import Gateway
from tests import examples
from tests.fakes.api_client import ApiClient, Reply
from tests.integration.conftest import EngineServices, SignedIn, fresh_caller, sign_up_and_in
from tests.integration.portal_user import with_portal
from tests.integration.shop import Shop

ENDPOINTS = every_endpoint()

NASTY: list[Any] = [
    None,
    "",
    " ",
    "x" * 5_000,
    "\u0000",
    "\u202e\u200b",
    "\U0001f4a3",
    "../../etc/passwd",
    "#",
    "=cmd|' /C calc'!A0",
    "0001-01-01",
    "9999-12-31",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12",
    -1,
    0,
    10**30,
    1.5,
    1e308,
    True,
    [],
    {},
    [None] * 300,
    {"$ref": "#"},
]
PATHS = [
    "x",
    "#",
    "%00",
    "\u00e9",
    "a b",
    "..",
    "x" * 1_500,
    "sbr_01JD0000000000000000000000",
    "2026-13-45",
    "9999-12-31",
    "0001-01-01",
    "9999-12",
    "0001-01",
    "0",
    "-1",
]
# Fields that change who is signed in, or that sign up: not of interest here, or tested elsewhere.
LEFT_OUT = {"log_out", "log_in"}
CHANGING = [one for one in ENDPOINTS if one.body is not None and one.operation_id not in LEFT_OUT]
# `make security` tries all of the bodies.
SAMPLED_EVERY = 4
HEADERS = {"If-Match": '"1"'}


def asking_the_portal_too(tenant: SignedIn, services: EngineServices) -> SignedIn:
    """The tenant, whose client is a subscriber of it where the portal is asked."""
    person = Shop(tenant, services).subscriber()
    return with_portal(tenant, services, person["subscriber_id"])


@pytest.fixture
def signed_in(signed_in: SignedIn, services: EngineServices) -> SignedIn:
    return asking_the_portal_too(signed_in, services)


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(ENDPOINTS)


def send(tenant: SignedIn, one: Endpoint, path: str, body: object, query: str = "") -> Reply:
    key = {"Idempotency-Key": "k"} if one.idempotency_required else {}
    return tenant.api.request(
        one.method,
        f"{path}{query}",
        body=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **HEADERS, **key},
    )


def target(one: Endpoint, value: str = "x", known: Mapping[str, str] | None = None) -> str:
    """The route's path with known identifiers where there are, and the value elsewhere."""
    names = known or {}
    return re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], quote(value, safe="")), one.path)


def furnish(tenant: SignedIn, described: dict[str, Any]) -> dict[str, str]:
    """Return identifiers of things that exist, so that requests get as far as the rules."""
    made = {}
    for name in ("package", "subscriber"):
        [one] = [one for one in ENDPOINTS if one.operation_id == f"create_{name}"]
        reply = send(tenant, one, target(one), example(described, one))
        assert reply.status == 201, reply.text
        made[f"{name}_id"] = reply.json[f"{name}_id"]
    sold = tenant.api.post(
        f"/v1/subscribers/{made['subscriber_id']}/subscriptions", json={"package_id": made["package_id"]}
    )
    assert sold.status == 201, sold.text
    return {**made, "subscription_id": sold.json["subscription_id"]}


@pytest.fixture(scope="module")
def unchanged(gateway: Gateway, engine_services: EngineServices) -> SignedIn:
    """A tenant for requests that change nothing."""
    tenant = sign_up_and_in(ApiClient(gateway, caller=fresh_caller()), engine_services)
    return asking_the_portal_too(tenant, engine_services)


@pytest.fixture(scope="module")
def known(unchanged: SignedIn, described: dict[str, Any]) -> dict[str, str]:
    """What that tenant has."""
    return furnish(unchanged, described)


def assert_not_ours(reply: Reply, sent: object) -> None:
    assert reply.status < 500, (sent, reply.text)
    if reply.status >= 400 and (reply.is_problem or "/html" not in reply.headers["Content-Type"]):
        assert reply.code, sent


def variants(value: Any) -> Iterator[Any]:
    """Every copy of a JSON value in which one part is replaced by something nasty."""
    yield from copy.deepcopy(NASTY)
    if isinstance(value, dict):
        yield {**value, "unexpected": 1}
        for name, part in value.items():
            yield {key: other for key, other in value.items() if key != name}
            for changed in variants(part):
                yield {**value, name: changed}
    elif isinstance(value, list) and value:
        yield value * 3
        for changed in variants(value[0]):
            yield [changed, *value[1:]]


def sampled(bodies: list[Any], start: int) -> list[Any]:
    """A fourth of the bodies: others for every part, and for each of four operations in turn."""
    assert len(NASTY) % SAMPLED_EVERY, "or the same values would be tried of every part"
    return bodies if examples.FACTOR > 1 else bodies[start % SAMPLED_EVERY :: SAMPLED_EVERY]


def example(described: dict[str, Any], one: Endpoint) -> Any:
    """The documented example, or a body with every field."""
    schema = described["paths"][one.path][one.method.lower()]["requestBody"]["content"]["application/json"]
    return schema.get("example") or sample(schema["schema"], described["components"]["schemas"])


def sample(schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return sample(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return sample(schema["anyOf"][0], definitions)
    for key in ("examples", "enum"):
        if key in schema:
            return schema[key][0]
    if "properties" in schema:
        return {name: sample(field, definitions) for name, field in schema["properties"].items()}
    plain = {"string": "x", "integer": 1, "boolean": True, "array": [], "object": {}}
    return "2026-11-01" if schema.get("format") == "date" else plain[schema["type"]]


@pytest.mark.parametrize("one", CHANGING, ids=lambda one: one.operation_id)
def test_no_body_is_a_failure_of_ours(signed_in: SignedIn, described: dict[str, Any], one: Endpoint) -> None:
    path = target(one, known=furnish(signed_in, described))
    every = list(variants(example(described, one)))
    bodies = sampled(every, CHANGING.index(one))
    for body in bodies:
        assert_not_ours(send(signed_in, one, path, body), body)
    assert len(every) >= len(NASTY)
    assert bodies


@pytest.mark.parametrize(
    "one", [one for one in ENDPOINTS if "{" in one.path], ids=lambda one: one.operation_id
)
def test_no_path_is_a_failure_of_ours(
    unchanged: SignedIn, services: EngineServices, described: dict[str, Any], one: Endpoint
) -> None:
    body = None if one.body is None else example(described, one)
    for value in PATHS:
        reply = send(unchanged, one, target(one, value), body)
        assert_not_ours(reply, value)
        assert one.method != "GET" or reply.status in {200, 404, 422}, (value, reply.text)


@pytest.mark.parametrize(
    "one", [one for one in ENDPOINTS if one.query is not None], ids=lambda one: one.operation_id
)
def test_no_query_is_a_failure_of_ours(
    unchanged: SignedIn, services: EngineServices, known: dict[str, str], one: Endpoint
) -> None:
    assert one.query is not None
    for name in one.query.model_fields:
        for value in [
            "",
            "x",
            "-1",
            "0",
            "9" * 50,
            "\x00",
            "\U0001f4a3",
            "#",
            "null",
            "true",
            "2026-02-30",
            "0001-01-01",
            "9999-12-31",
            "9999-12",
            "0001-01",
            "x" * 3_000,
        ]:
            query = f"?{name}={quote(value)}"
            assert_not_ours(send(unchanged, one, target(one, known=known), None, query), query)
