"""The parts of the OpenAPI document that are not made of endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from chalicelib.api.answering import PROBLEM_JSON
from chalicelib.api.errors import phrase_of

JsonObject = dict[str, Any]
REF: Final = "#/components/schemas/{model}"

INFO: Final[JsonObject] = {
    "title": "ISP Billing",
    "version": "1",
    "summary": "The platform on which Internet Service Providers run their business.",
    "description": (
        "JSON in UTF-8. Amounts are integer minor units with a currency, times are RFC 3339 in UTC, "
        "dates are ISO 8601 in the tenant's time zone. Every refusal is problem details (RFC 9457) "
        "with a stable `code`, the `param` at fault, and the `request_id` that our logs have too. "
        "Lists come in pages, continued by `cursor`. Fields that are not described here are refused."
    ),
}

TAGS: Final[dict[str, str]] = {
    "health": "Whether the service works.",
    "openapi": "This document.",
    "signups": "Signing up an ISP.",
    "sessions": "Signing in and out.",
    "me": "Who is signed in.",
    "tenant": "The ISP's own settings and taxes.",
    "packages": "What the ISP sells.",
    "subscribers": "The ISP's customers and their subscriptions.",
    "subscriber-searches": "Looking for customers by what no address may hold.",
    "invoices": "Issued invoices.",
    "billing": "Billing runs.",
    "portal": "What subscribers do themselves.",
    "gateways": "Payment gateways of the ISP.",
    "gateway-callbacks": "Where payment gateways tell what became of payments.",
    "collections": "Collecting through a gateway.",
    "parked-notices": "What gateways told of and nobody could place.",
    "pay": "The pages on which an invoice is paid by its link.",
    "sandbox-pay": "The page of the sandbox, a gateway that takes no money.",
    "consents": "What is asked, and what visitors agreed to.",
    "activity": "How often pages and features are used, without anybody's name.",
    "policies": "The platform's policies, and what staff saw and accepted of them.",
    "privacy": "The public page on privacy.",
    "terms": "The public page of the terms.",
    "cookies": "The public page on which a visitor chooses.",
    "signup": "The public pages on which an ISP signs up.",
    "imports": "Importing subscribers from a file.",
    "exports": "Exporting all data as a file.",
}

PROBLEM: Final[JsonObject] = {
    "title": "Problem",
    "description": "Problem details (RFC 9457).",
    "type": "object",
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string", "examples": ["Unprocessable Content"]},
        "status": {"type": "integer", "examples": [422]},
        "code": {"type": "string", "description": "Stable, for programs.", "examples": ["unknown_field"]},
        "message": {"type": "string", "description": "For people.", "examples": ["no such field"]},
        "param": {
            "type": ["string", "null"],
            "description": "The input at fault: a header, a query parameter, or a dotted path into the body.",
            "examples": ["owner.email"],
        },
        "request_id": {"type": "string"},
        "errors": {
            "description": "Where more than one field is wrong: what is wrong with each, `param` first.",
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "param": {"type": ["string", "null"]},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
                "required": ["param", "code", "message"],
            },
        },
    },
    "required": ["type", "title", "status", "code", "message", "param", "request_id"],
}

_REFUSALS: Final[dict[int, str]] = {
    400: "The request cannot be read: malformed JSON, a malformed header, a body where none belongs.",
    401: "Not signed in, or the credentials are wrong.",
    403: "The role does not grant this, the CSRF token is missing, the address is not verified, or there is "
    "no second factor where the company asks for one.",
    404: "There is nothing of this name for this tenant.",
    409: "It contradicts what is stored; `code` says how.",
    412: "The record changed since it was read: `If-Match` names an older version.",
    413: "The body is too large.",
    415: "The body is not declared as application/json.",
    422: "A field is missing, unknown, of the wrong type, or not allowed; `param` names it.",
    428: "`If-Match` is missing.",
    429: "Too many requests or attempts; `Retry-After` says for how many seconds.",
    500: "A failure of ours.",
    503: "The database is busy or away; nothing was changed, so try again after `Retry-After` seconds.",
}

RESPONSES: Final[JsonObject] = {
    f"Problem{status}": {
        "description": f"{phrase_of(status)}. {text}",
        "headers": {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}},
        "content": {PROBLEM_JSON: {"schema": {"$ref": REF.format(model="Problem")}}},
    }
    for status, text in _REFUSALS.items()
}

HEADERS: Final[JsonObject] = {
    "RateLimit": {
        "description": "What remains (`r`) of each limit, and for how many seconds (`t`).",
        "schema": {"type": "string"},
        "example": '"address";r=1199;t=42, "account";r=599;t=42, "tenant";r=2999;t=42',
    },
    "RateLimitPolicy": {
        "description": "The limits: requests (`q`) within a window of seconds (`w`).",
        "schema": {"type": "string"},
        "example": '"address";q=1200;w=60, "account";q=600;w=60, "tenant";q=3000;w=60',
    },
    "RequestId": {
        "description": "Finds the request in our logs.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Version": {
        "description": "The record's version, for `If-Match`.",
        "schema": {"type": "string", "examples": ['"3"']},
    },
    "Replayed": {
        "description": "`true` where this is the kept answer of an earlier request with the same key.",
        "schema": {"type": "string", "const": "true"},
    },
}

_KEY: Final[JsonObject] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A key of your choice: repeated with the same body it repeats the answer, not the effect.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}

PARAMETERS: Final[JsonObject] = {
    "IdempotencyKey": {**_KEY, "required": False},
    "IdempotencyKeyRequired": {**_KEY, "required": True},
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "required": True,
        "description": "The version that was read, as its ETag.",
        "schema": {"type": "string", "pattern": '^"[1-9][0-9]{0,14}"$', "examples": ['"3"']},
    },
}

SECURITY_SCHEMES: Final[JsonObject] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The session's token, for programs; no CSRF token is needed.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-session",
        "description": "The session of a browser; plain `session` where the service runs over http.",
    },
    "portal": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-portal",
        "description": "A subscriber's session in a browser; plain `portal` where the service is plain http.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "The session's CSRF token, with every change by cookie.",
    },
}


def example_of(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    """Return an example made of the required fields' examples; None where one is missing."""
    if "$ref" in schema:
        return example_of(definitions[str(schema["$ref"]).rpartition("/")[2]], definitions)
    for key in ("examples", "enum"):
        if key in schema:
            return schema[key][0]
    if "const" in schema or "default" in schema:
        return schema.get("const", schema.get("default"))
    if schema.get("type") == "array":
        item = example_of(schema["items"], definitions)
        return None if item is None else [item]
    if schema.get("type") != "object":
        return None
    shown = {
        name: example_of(field, definitions)
        for name, field in schema.get("properties", {}).items()
        if name in schema.get("required", []) or "examples" in field
    }
    return None if not shown or None in shown.values() else shown
