"""The OpenAPI 3.1 document, made of the declared endpoints and their schemas.

``python -m chalicelib.api.openapi docs/openapi.json`` writes it, and the table of routes
(``route_table.py``); a test compares both with the endpoints.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from chalicelib.api.answering import JSON
from chalicelib.api.authentication import SAFE_METHODS
from chalicelib.api.errors import phrase_of
from chalicelib.api.openapi_parts import (
    HEADERS,
    INFO,
    PARAMETERS,
    PROBLEM,
    REF,
    RESPONSES,
    SECURITY_SCHEMES,
    TAGS,
    example_of,
)
from chalicelib.api.routes import every_endpoint, table_text
from chalicelib.api.routing import Endpoint

JsonObject = dict[str, Any]
Mode = Literal["validation", "serialization"]
TABLE: Final = Path(__file__).with_name("route_table.py")
_PARAMETER: Final = re.compile(r"\{(\w+)\}")


@lru_cache(maxsize=1)
def document_text() -> str:
    """Return the document of all endpoints as JSON text, ending with a newline."""
    return json.dumps(document(every_endpoint()), indent=2, ensure_ascii=False) + "\n"


def document(endpoints: Iterable[Endpoint]) -> JsonObject:
    """Return the document of the endpoints."""
    every = list(endpoints)
    schemas = _Schemas(every)
    paths: dict[str, JsonObject] = {}
    for one in every:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schemas)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": INFO,
        "servers": [{"url": "/", "description": "The host that serves this document."}],
        "tags": [{"name": tag, "description": TAGS.get(tag, tag)} for tag in dict.fromkeys(map(_tag, every))],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "responses": RESPONSES,
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


class _Schemas:
    """The JSON Schemas of all models, under names that are unique in the document."""

    def __init__(self, endpoints: list[Endpoint]) -> None:
        wanted: list[tuple[type[BaseModel], Mode]] = []
        for one in endpoints:
            wanted += [(model, "validation") for model in (one.body, one.query) if model is not None]
            wanted += [(one.answer, "serialization")] if one.answer is not None else []
            wanted += [(model, "serialization") for model in one.also.values()]
        places, definitions = models_json_schema(list(dict.fromkeys(wanted)), ref_template=REF)
        self._names = {key: place["$ref"].rpartition("/")[2] for key, place in places.items()}
        self.definitions: JsonObject = definitions["$defs"]
        queries = {self._names[one.query, "validation"] for one in endpoints if one.query is not None}
        self.components = {name: schema for name, schema in self.definitions.items() if name not in queries}
        self.components["Problem"] = PROBLEM

    def ref(self, model: type[BaseModel], mode: Mode) -> JsonObject:
        """Return a reference to a model's schema."""
        return {"$ref": REF.format(model=self._names[model, mode])}

    def example(self, model: type[BaseModel], mode: Mode) -> Any:
        """Return an example made of the fields' examples; None where one is missing."""
        return example_of(self.ref(model, mode), self.definitions)

    def parameters(self, query: type[BaseModel]) -> list[JsonObject]:
        """Return a query model's fields as parameters."""
        schema = self.definitions[self._names[query, "validation"]]
        required = schema.get("required", [])
        return [
            {
                "name": name,
                "in": "query",
                "required": name in required,
                "schema": {key: value for key, value in field.items() if key != "description"},
                **({"description": field["description"]} if "description" in field else {}),
            }
            for name, field in schema["properties"].items()
        ]


def _tag(one: Endpoint) -> str:
    parts = one.path.split("/")
    return parts[2].partition(".")[0] if parts[1] == "v1" else parts[1]


def _operation(one: Endpoint, schemas: _Schemas) -> JsonObject:
    summary, _, more = one.description.partition("\n\n")
    operation: JsonObject = {
        "operationId": one.operation_id,
        "summary": " ".join(summary.split()),
        "tags": [_tag(one)],
        "x-permission": one.permission.value,
        **_field_permissions(one),
        "security": [] if one.public else [{"bearer": []}, _cookie_security(one)],
        "parameters": _parameters(one, schemas),
        "responses": _responses(one, schemas),
    }
    if more:
        operation["description"] = " ".join(more.split())
    if one.body is not None:
        content: JsonObject = {"schema": schemas.ref(one.body, "validation")}
        example = schemas.example(one.body, "validation")
        if example is not None:
            content["example"] = example
        operation["requestBody"] = {"required": True, "content": {JSON: content}}
    if one.raw and one.method not in SAFE_METHODS:
        operation["requestBody"] = {"content": {"*/*": {"schema": {"type": "string"}}}}
    return operation


def _cookie_security(one: Endpoint) -> JsonObject:
    cookie: JsonObject = {"portal" if one.of_portal else "cookie": []}
    return cookie if one.method in SAFE_METHODS else {**cookie, "csrf": []}


def _parameters(one: Endpoint, schemas: _Schemas) -> list[JsonObject]:
    found: list[JsonObject] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PARAMETER.findall(one.path)
    ]
    found += schemas.parameters(one.query) if one.query is not None else []
    if one.idempotent:
        which = "IdempotencyKeyRequired" if one.idempotency_required else "IdempotencyKey"
        found.append({"$ref": f"#/components/parameters/{which}"})
    if one.if_match:
        found.append({"$ref": "#/components/parameters/IfMatch"})
    return found


def _responses(one: Endpoint, schemas: _Schemas) -> JsonObject:
    names = ["RequestId", "RateLimit", "RateLimitPolicy"]
    done: JsonObject = {"description": phrase_of(one.status)}
    if one.answer is not None:
        done["content"] = {JSON: {"schema": schemas.ref(one.answer, "serialization")}}
        names += ["Version"] if "version" in one.answer.model_fields else []
    names += ["Replayed"] if one.idempotent else []
    done["headers"] = {_header_name(name): {"$ref": f"#/components/headers/{name}"} for name in names}
    return (
        ({} if one.raw else {str(one.status): done})
        | _also(one, schemas)
        | {str(status): {"$ref": f"#/components/responses/{name}"} for status, name in _problems(one).items()}
        | _raw(one)
    )


def _also(one: Endpoint, schemas: _Schemas) -> JsonObject:
    """Return the answers that the operation has besides its usual one."""
    return {
        str(status): {
            "description": phrase_of(status),
            "content": {JSON: {"schema": schemas.ref(model, "serialization")}},
            "headers": {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}},
        }
        for status, model in one.also.items()
    }


def _raw(one: Endpoint) -> JsonObject:
    """Return the answers that an operation makes by itself, by status: of a media type, or of none."""
    headers = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    return {
        str(status): {
            "description": phrase_of(status),
            "headers": headers,
            **({"content": {media_type: {"schema": {"type": "string"}}}} if media_type else {}),
        }
        for status, media_type in one.raw.items()
    }


def _header_name(name: str) -> str:
    names = {"RequestId": "X-Request-Id", "Version": "ETag", "Replayed": "Idempotent-Replayed"}
    return names.get(name) or {"RateLimit": "RateLimit", "RateLimitPolicy": "RateLimit-Policy"}[name]


# Public operations that take a password, and say 401 where it is wrong.
_PASSWORDS: Final = frozenset({"/v1/sessions", "/v1/portal/sessions", "/v1/signups/verify"})


def _problems(one: Endpoint) -> Mapping[int, str]:
    """Return the refusals that this operation has besides the default."""
    changes = one.method not in SAFE_METHODS
    possible = {
        400: True,
        401: not one.public or one.path in _PASSWORDS,
        403: not one.public or "sessions" in one.path or one.path.startswith("/v1/portal/"),
        404: "{" in one.path,
        409: changes and one.body is not None,
        412: one.if_match,
        413: one.body is not None,
        415: one.body is not None,
        422: one.body is not None or one.query is not None or "{" in one.path,
        428: one.if_match,
        429: True,
        500: True,
        503: True,
    }
    return {status: f"Problem{status}" for status, wanted in possible.items() if wanted}


def _field_permissions(one: Endpoint) -> JsonObject:
    """Return what fields of the body ask for besides, where any do."""
    asked = {name: permission.value for name, permission in one.field_permissions.items()}
    return {"x-field-permissions": asked} if asked else {}


def main(arguments: list[str]) -> int:
    """Write the document to the named file, and the table of routes; or the document to standard output."""
    if arguments:
        Path(arguments[0]).write_text(document_text(), encoding="utf-8")
        TABLE.write_text(table_text(), encoding="utf-8")
    else:
        sys.stdout.write(document_text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
