"""What every request goes through, whatever it asks for: shape, limits, refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from pynamodb.exceptions import GetError

from chalicelib.api.reading import BODY_BYTES_MAX
from chalicelib.api.routes import every_endpoint
from chalicelib.store.tenants import TenantItem
from tests.fakes.api_client import ApiClient
from tests.integration.conftest import EngineServices, SignedIn, fresh_subdomain, sign_up_body
from tests.integration.staffing import Company

ENDPOINTS = every_endpoint()

JSON = {"Content-Type": "application/json"}
ADDRESSES = sorted({one.path for one in ENDPOINTS})


def test_every_answer_carries_its_request_id_and_the_security_headers(api: ApiClient) -> None:
    for answer in (api.get("/v1/health"), api.get("/v1/me"), api.post("/v1/health")):
        assert answer.headers["X-Request-Id"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "max-age=" in answer.headers["Strict-Transport-Security"]


def test_a_refusal_names_its_request_and_not_one_that_the_client_chose(api: ApiClient) -> None:
    refused = api.get("/v1/me", headers={"X-Request-Id": "mine"})

    assert refused.json["request_id"] == refused.headers["X-Request-Id"] != "mine"


def test_alive_and_ready(api: ApiClient) -> None:
    assert api.get("/v1/health").json == {"status": "ok", "checks": None}
    ready = api.get("/v1/health?ready=true")
    assert (ready.status, ready.json) == (
        200,
        {"status": "ok", "checks": {"database": "ok", "keys": "ok"}},
    )


def test_an_unknown_address_is_not_found(api: ApiClient) -> None:
    unknown = api.get("/v1/nothing/here")
    assert unknown.problem == (404, "not_found", None)
    assert unknown.headers["X-Request-Id"] == unknown.json["request_id"]
    assert api.get("/v1/health/x").problem == (404, "not_found", None)
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert api.request(method, "/v1/nothing/here").problem == (404, "not_found", None)
    head = api.request("HEAD", "/v1/nothing/here")
    assert (head.status, head.body) == (404, b"")


def test_an_unknown_address_is_a_line_in_the_log_that_does_not_name_it(
    api: ApiClient, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    unknown = api.get("/v1/people/ayesha@example.com")

    out = capsys.readouterr().out
    line = json.loads(out)
    assert (line["operation"], line["status"], line["code"]) == ("none", 404, "not_found")
    assert line["request_id"] == unknown.json["request_id"]
    assert "ayesha" not in out


@pytest.mark.parametrize("path", ["/v1/health/", "/v1/tenant/"])
def test_a_slash_at_the_end_makes_no_difference(signed_in: SignedIn, path: str) -> None:
    assert signed_in.api.get(path).json == signed_in.api.get(path.removesuffix("/")).json


@pytest.mark.parametrize(
    "path", ["/v1/subscribers//documents", "/v1//health", "/v1/./health", "/v1/%68ealth"]
)
def test_a_path_is_not_made_to_fit(signed_in: SignedIn, path: str) -> None:
    unknown = signed_in.api.get(path)
    assert unknown.problem == (404, "not_found", None)
    assert unknown.json["message"] == "There is nothing at this address."


def test_an_encoded_slash_is_part_of_its_parameter(
    signed_in: SignedIn, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    signed_in.api.get("/v1/subscribers/sub_1%2Fdocuments")
    signed_in.api.get("/v1/subscribers/sub_1/documents")

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["operation"] for line in lines] == ["get_subscriber", "list_subscriber_documents"]


@pytest.mark.parametrize("path", ADDRESSES)
def test_a_wrong_method_is_refused_at_every_address(api: ApiClient, path: str) -> None:
    target = path.replace("{", "").replace("}", "")
    allowed = {one.method for one in ENDPOINTS if one.path == path}

    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - allowed:
        refused = api.request(method, target)
        assert refused.problem == (405, "method_not_allowed", None)
        assert set(refused.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    "path", sorted({one.path for one in ENDPOINTS if one.method == "GET" and not one.public})
)
def test_nothing_but_the_public_routes_answers_strangers(api: ApiClient, path: str) -> None:
    assert api.get(path.replace("{", "").replace("}", "")).problem == (401, "not_signed_in", None)


def test_head_is_get_without_the_body(signed_in: SignedIn) -> None:
    head = signed_in.api.request("HEAD", "/v1/tenant")

    assert (head.status, head.body) == (200, b"")
    assert head.headers["ETag"] == signed_in.api.get("/v1/tenant").headers["ETag"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1, 2",
        b"nonsense",
        b"\xff\xfe{}",
        b'{"a": \xe9}',
        b'{"company": "\\ud800"}',
        b'{"company": NaN}',
        b'{"company": -Infinity}',
        b'{"company": 1, "company": 2}',
        b'{"owner": {"name": 1, "name": 2}}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"fiscal_year_start_month": ' + b"9" * 5_000 + b"}",
        b'\xef\xbb\xbf{"company": "x"}',
    ],
)
def test_what_is_not_json_is_refused(api: ApiClient, body: bytes) -> None:
    assert api.post("/v1/signups", body=body, headers=JSON).problem == (400, "malformed_json", None)


def test_deep_but_balanced_json_is_refused(api: ApiClient) -> None:
    body = b'{"company": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"

    assert api.post("/v1/signups", body=body, headers=JSON).status in {400, 422}


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"7", b"true"])
def test_a_body_that_is_no_object_is_refused(api: ApiClient, body: bytes) -> None:
    assert api.post("/v1/signups", body=body, headers=JSON).problem == (422, "invalid_type", None)


@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"],
)
def test_a_body_that_is_not_declared_as_json_is_refused(api: ApiClient, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}

    refused = api.post("/v1/signups", body=b"{}", headers=headers)

    assert refused.problem == (415, "unsupported_media_type", "Content-Type")


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON;charset=UTF-8"]
)
def test_json_in_utf_8_is_read(api: ApiClient, content_type: str) -> None:
    body = json.dumps(sign_up_body(fresh_subdomain(), company="لاہور نیٹ"), ensure_ascii=False).encode()

    created = api.post("/v1/signups", body=body, headers={"Content-Type": content_type})

    assert (created.status, created.json["tenant"]["company"]) == (201, "لاہور نیٹ")


@pytest.mark.parametrize("size", [BODY_BYTES_MAX + 1, 10 * 1024 * 1024])
def test_a_body_above_the_limit_is_refused(api: ApiClient, signed_in: SignedIn, size: int) -> None:
    body = b'"' + b"x" * (size - 2) + b'"'

    for answer in (
        api.post("/v1/signups", body=body, headers=JSON),
        signed_in.api.patch("/v1/tenant", body=body, headers=JSON),
    ):
        assert answer.problem == (413, "body_too_large", None)


def test_a_body_where_none_belongs_is_refused(signed_in: SignedIn) -> None:
    refused = signed_in.api.delete("/v1/sessions/current", json={"a": 1})

    assert refused.problem == (400, "bad_request", None)
    assert signed_in.api.get("/v1/me").status == 200


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("ready=maybe", "invalid_value", "ready"),
        ("ready=", "invalid_value", "ready"),
        ("ready=true&ready=false", "repeated_parameter", "ready"),
        ("other=1", "unknown_field", "other"),
        ("ready=true&Ready=true", "unknown_field", "Ready"),
    ],
)
def test_an_unknown_repeated_or_malformed_parameter_is_refused(
    api: ApiClient, query: str, code: str, param: str
) -> None:
    assert api.get(f"/v1/health?{query}").problem == (422, code, param)


def test_a_query_has_a_limited_number_of_parameters(api: ApiClient) -> None:
    query = "&".join(f"p{number}=1" for number in range(1_000))

    assert api.get(f"/v1/health?{query}").problem == (400, "bad_request", None)


@pytest.mark.parametrize(
    "code", ["%00", "%0d%0aSet-Cookie:%20a=b", "%FF", "%e2%80%8b", "%2e%2e%2f", "%25", "a%2Fb", "%", "%zz"]
)
def test_what_a_path_may_hold_is_never_a_failure_of_ours(signed_in: SignedIn, code: str) -> None:
    body = {"name": "x", "rows": [{"starts_on": "2026-07-01", "components": []}]}

    answer = signed_in.api.put(f"/v1/tenant/tax-groups/{code}", json=body, headers={"If-Match": '"2"'})

    assert answer.status in {404, 422}
    assert answer.code
    assert not [value for value in answer.headers.values() if "\r" in str(value) or "\n" in str(value)]


def test_a_path_is_decoded_once(signed_in: SignedIn) -> None:
    body = {"name": "x", "rows": [{"starts_on": "2026-07-01", "components": []}]}
    url = "/v1/tenant/tax-groups/{}"

    once = signed_in.api.put(url.format("%69nternet"), json=body, headers={"If-Match": '"2"'})
    twice = signed_in.api.put(url.format("%2569nternet"), json=body, headers={"If-Match": '"3"'})

    assert once.json["tax_groups"][0]["code"] == "internet"
    assert twice.problem == (422, "invalid_tax_group", "code")


def test_a_failure_of_ours_tells_no_particulars(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the secret of the house")

    monkeypatch.setattr(TenantItem, "get", broken)

    failed = signed_in.api.get("/v1/tenant")

    assert failed.problem == (500, "internal_error", None)
    assert "secret" not in failed.text
    logged = capsys.readouterr().out
    assert failed.json["request_id"] in logged
    assert "ZeroDivisionError" in logged
    assert "secret of the house" not in logged


@pytest.mark.parametrize(
    ("outage", "code"),
    [
        (EndpointConnectionError(endpoint_url="http://kms"), "temporarily_unavailable"),
        (ReadTimeoutError(endpoint_url="http://kms"), "temporarily_unavailable"),
        (GetError("no answer", cause=EndpointConnectionError(endpoint_url="http://db")), "store_unavailable"),
    ],
)
def test_a_service_that_is_away_is_a_503(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch, outage: Exception, code: str
) -> None:
    def away(*_: object, **__: object) -> None:
        raise outage

    monkeypatch.setattr(TenantItem, "get", away)

    failed = signed_in.api.get("/v1/tenant")

    assert failed.problem == (503, code, None)
    assert failed.headers["Retry-After"] == "1"


def test_a_request_is_one_line_in_the_log_without_personal_data_or_tokens(
    signed_in: SignedIn, api: ApiClient, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    signed_in.api.get("/v1/me")
    api.get(f"/v1/me?email={signed_in.email}", headers={"Cookie": f"session={signed_in.token}"})
    api.post("/v1/signups/verify", json={"token": "svt_secret", "password": "a secret"})
    credentials = {"subdomain": signed_in.subdomain, "email": signed_in.email, "password": "wrong password"}
    api.post("/v1/sessions", json=credentials)

    out = capsys.readouterr().out
    lines: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]

    assert [line["operation"] for line in lines] == ["get_me", "get_me", "verify_sign_up", "log_in"]
    assert [line["status"] for line in lines] == [200, 422, 422, 401]
    assert lines[0]["tenant_id"] == lines[1]["tenant_id"] == signed_in.tenant_id
    me = signed_in.api.get("/v1/me").json["staff"]["staff_id"]
    assert [line.get("actor_id") for line in lines] == [me, me, None, None]
    assert [line.get("code") for line in lines] == [
        None,
        "unknown_field",
        "token_not_valid",
        "wrong_credentials",
    ]
    assert lines[0]["request_id"]
    assert lines[0]["duration_ms"] >= 0
    for secret in (
        signed_in.token,
        signed_in.email,
        "Ayesha",
        "svt_secret",
        "a secret",
        "wrong password",
        api.caller,
    ):
        assert secret not in out


def test_a_refused_permission_is_logged_with_who_asked(
    signed_in: SignedIn, api: ApiClient, services: EngineServices, capsys: pytest.CaptureFixture[str]
) -> None:
    auditor = Company(signed_in, services, api).join("auditor")
    capsys.readouterr()

    assert auditor.api.get("/v1/tenant").status == 200
    assert auditor.api.post("/v1/exports", headers={"Idempotency-Key": "k"}).code == "permission_denied"

    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["operation"], line["status"], line["code"]) == ("create_export", 403, "permission_denied")
    assert (line["tenant_id"], line["actor_id"]) == (signed_in.tenant_id, auditor.staff_id)


def test_the_openapi_document_is_served(api: ApiClient, services: EngineServices) -> None:
    served = api.get("/v1/openapi.json")

    assert (served.status, served.headers["Content-Type"]) == (200, "application/json")
    assert served.json["openapi"].startswith("3.1.")
    assert set(served.json["paths"]) == set(ADDRESSES)
