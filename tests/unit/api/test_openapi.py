"""The API's description: valid, the same as the committed file, and true of the routes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from chalicelib.api.openapi import TABLE, document, document_text
from chalicelib.api.reading import read_body
from chalicelib.api.routes import every_endpoint, table_text
from chalicelib.domain.staff import Permission

ENDPOINTS = every_endpoint()

COMMITTED = Path(__file__).resolve().parents[3] / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(ENDPOINTS)


def operations(described: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in described["paths"].values() for operation in path.values()]


def test_the_document_is_valid_openapi_3_1(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1.")
    assert list(OpenAPIV31SpecValidator(described).iter_errors()) == []


def test_the_committed_file_is_up_to_date() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == document_text(), "run `make openapi` and commit the file"


def test_the_table_of_routes_is_up_to_date() -> None:
    assert TABLE.read_text(encoding="utf-8") == table_text(), "run `make openapi` and commit the files"


def test_a_request_imports_the_module_of_its_endpoint_and_no_other() -> None:
    program = (
        "import sys, app; before = set(sys.modules)\n"
        "from chalicelib.api.routes import find\n"
        "assert find('GET', '/v1/health') is not None\n"
        "print([one for one in sys.modules if one.startswith('chalicelib.api.')])"
    )

    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert "chalicelib.api.health" in told
    assert "chalicelib.api.subscribers" not in told


def test_every_operation_names_its_permission_and_its_refusals(described: dict[str, Any]) -> None:
    for operation in operations(described):
        assert operation["x-permission"] in set(Permission), operation["operationId"]
        assert (operation["security"] == []) == (operation["x-permission"] == "public")
        assert {"400", "500", "503"} <= set(operation["responses"]), operation["operationId"]
        if operation["security"]:
            assert {"401", "403"} <= set(operation["responses"]), operation["operationId"]


def test_a_change_by_cookie_needs_a_csrf_token(described: dict[str, Any]) -> None:
    assert {"cookie": [], "csrf": []} in described["paths"]["/v1/tenant"]["patch"]["security"]
    assert {"cookie": []} in described["paths"]["/v1/tenant"]["get"]["security"]


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    for reference in references(described):
        place: Any = described
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [found for one in value.values() for found in references(one)]
    return [found for one in value for found in references(one)] if isinstance(value, list) else []


def test_examples_are_accepted(described: dict[str, Any]) -> None:
    shown = 0
    for one in ENDPOINTS:
        body = described["paths"][one.path][one.method.lower()].get("requestBody")
        if body is None or "example" not in body["content"].get("application/json", {}):
            continue
        example = json.dumps(body["content"]["application/json"]["example"]).encode()
        read_body(example, content_type="application/json", model=one.body)
        shown += 1
    assert shown >= 3
