"""Headers of every answer, and what pages of other origins may do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.api.answering import SECURITY_HEADERS, rendered
from chalicelib.api.request import Answer
from chalicelib.api.routes import every_endpoint
from chalicelib.usecases.origins import REMEMBERED_FOR
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.integration.conftest import SignedIn, fresh_subdomain

PATHS = sorted({one.path for one in every_endpoint()})
CORS = "Access-Control-"


def fresh_origin() -> str:
    return f"https://{fresh_subdomain()}.example.com"


def allow(who: SignedIn, *origins: str) -> Reply:
    version = who.api.get("/v1/tenant").json["version"]
    return who.api.patch(
        "/v1/tenant", json={"allowed_origins": origins}, headers={"If-Match": f'"{version}"'}
    )


POLICY = "Content-Security-Policy"


def test_a_page_runs_no_script_and_is_in_no_frame(api: ApiClient) -> None:
    page = api.get("/pay/nobodys")

    directives = {one.strip().partition(" ")[::2] for one in page.headers[POLICY].split(";")}
    assert {("default-src", "'none'"), ("frame-ancestors", "'none'"), ("base-uri", "'none'")} <= directives
    assert not {name for name, _ in directives} & {"script-src", "connect-src", "frame-src"}


def told(answer: Reply) -> dict[str, str]:
    """What an answer says to a browser of other origins' pages."""
    return {name.removeprefix(CORS): value for name, value in answer.headers.items() if name.startswith(CORS)}


def preflight(api: ApiClient, path: str, origin: str, method: str = "GET") -> Reply:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return api.request("OPTIONS", path, headers=asked)


@pytest.mark.parametrize("path", PATHS)
def test_every_address_answers_with_the_security_headers(api: ApiClient, path: str) -> None:
    target = path.replace("{", "").replace("}", "")
    for method in ("GET", "POST", "DELETE", "OPTIONS"):
        answer = api.request(method, target)
        expected = dict(SECURITY_HEADERS)
        if answer.headers.get("Content-Type", "").startswith("text/html"):  # a page may have styles and forms
            policy = answer.headers["Content-Security-Policy"]
            assert "unsafe" not in policy
            for directive in ("default-src", "base-uri", "frame-ancestors"):
                assert f"{directive} 'none'" in policy
            assert answer.headers["Referrer-Policy"] in {"no-referrer", "same-origin"}
            expected |= {
                name: answer.headers[name] for name in ("Content-Security-Policy", "Referrer-Policy")
            }
        assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == expected


def test_the_gateways_own_answers_have_them_too(api: ApiClient) -> None:
    for answer in (api.get("/v1/nothing/here"), api.request("TRACE", "/v1/me")):
        assert answer.status in {404, 405}
        assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_every_answer_forbids_scripts_objects_bases_forms_and_frames(api: ApiClient) -> None:
    none = ("default-src", "object-src", "base-uri", "form-action", "frame-ancestors")
    for answer in (api.get("/v1/health"), api.get("/v1/nothing/here")):
        directives = {one.strip() for one in answer.headers["Content-Security-Policy"].split(";")}
        assert directives == {*(f"{name} 'none'" for name in none), "sandbox"}


@pytest.mark.parametrize("name", ["Authorization", "If-Match", "Idempotency-Key", "Origin", "X-Other"])
@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b=c", "a\nb", "a\rb", "a\0b", "a\r\n"])
def test_a_header_with_a_line_break_is_refused(signed_in: SignedIn, name: str, value: str) -> None:
    refused = signed_in.api.get("/v1/me", headers={name: value})

    assert refused.problem == (400, "invalid_header", None)
    assert "Set-Cookie" not in refused.headers


@pytest.mark.parametrize("headers", [{"X-A": "a\r\nb"}, {"X-A": ["a", "b\nc"]}, {"X-A\r\nB": "a"}])
def test_no_answer_of_ours_can_hold_a_line_break(headers: dict[str, str]) -> None:
    with pytest.raises(AssertionError, match="header"):
        rendered(Answer(None, headers), status=200, request_id="r")


def test_no_page_may_read_an_answer_unless_its_tenant_allows_it(signed_in: SignedIn) -> None:
    answer = signed_in.api.get("/v1/me", headers={"Origin": fresh_origin()})

    assert (answer.status, told(answer)) == (200, {})
    assert signed_in.api.get("/v1/tenant").json["allowed_origins"] == []


def test_a_page_of_an_allowed_origin_may_ask_and_read(signed_in: SignedIn) -> None:
    origin = fresh_origin()
    assert allow(signed_in, origin).json["allowed_origins"] == [origin]

    asked = preflight(signed_in.api, "/v1/tenant", origin, "PATCH")
    answer = signed_in.api.get("/v1/tenant", headers={"Origin": origin})
    refused = signed_in.api.get("/v1/nothing-of-ours/x", headers={"Origin": origin})
    absent = signed_in.api.get("/v1/packages/pkg_none", headers={"Origin": origin})

    assert (asked.status, asked.body) == (204, b"")
    assert told(asked) == {
        "Allow-Origin": origin,
        "Allow-Methods": "GET, PATCH",
        "Allow-Headers": "Authorization, Content-Type, Idempotency-Key, If-Match",
        "Max-Age": "600",
    }
    assert told(answer)["Allow-Origin"] == told(absent)["Allow-Origin"] == origin
    assert "ETag" in told(answer)["Expose-Headers"]
    assert told(refused) == {}


def test_no_page_ever_gets_credentials_or_a_wildcard(signed_in: SignedIn) -> None:
    origin = fresh_origin()
    allow(signed_in, origin)

    for answer in (
        preflight(signed_in.api, "/v1/me", origin),
        signed_in.api.get("/v1/me", headers={"Origin": origin}),
    ):
        assert "Allow-Credentials" not in told(answer)
        assert "*" not in " ".join(told(answer).values())
        assert answer.headers["Vary"] == "Origin"


def test_a_page_that_another_tenant_allows_reads_nothing_of_this_one(
    signed_in: SignedIn, other_tenant: SignedIn
) -> None:
    origin = fresh_origin()
    allow(other_tenant, origin)

    # A preflight knows no tenant: what it grants is to ask, not to read.
    assert told(preflight(signed_in.api, "/v1/me", origin))["Allow-Origin"] == origin
    assert told(signed_in.api.get("/v1/me", headers={"Origin": origin})) == {}
    assert told(other_tenant.api.get("/v1/me", headers={"Origin": origin}))["Allow-Origin"] == origin


def test_the_match_is_exact(signed_in: SignedIn) -> None:
    origin = fresh_origin()
    allow(signed_in, origin)

    for near in (
        f"{origin}.evil.example",
        f"{origin}:8443",
        origin.replace("https", "http"),
        origin.upper(),
        f"{origin}/",
        origin.replace("https://", "https://evil."),
        "null",
        "*",
    ):
        assert told(signed_in.api.get("/v1/me", headers={"Origin": near})) == {}
        assert told(preflight(signed_in.api, "/v1/me", near)) == {}


def test_what_is_taken_back_ends_within_a_minute(signed_in: SignedIn, clock: FakeClock) -> None:
    origin = fresh_origin()
    allow(signed_in, origin)
    assert told(signed_in.api.get("/v1/me", headers={"Origin": origin}))

    assert allow(signed_in).json["allowed_origins"] == []
    clock.advance(REMEMBERED_FOR)

    assert told(signed_in.api.get("/v1/me", headers={"Origin": origin})) == {}
    assert told(preflight(signed_in.api, "/v1/me", origin)) == {}


def test_whoever_is_not_signed_in_yet_can_read_why(signed_in: SignedIn, api: ApiClient) -> None:
    origin = fresh_origin()
    allow(signed_in, origin)

    refused = api.get("/v1/me", headers={"Origin": origin})

    assert refused.problem == (401, "not_signed_in", None)
    assert told(refused)["Allow-Origin"] == origin


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "https://*.example.com",
        "http://portal.example.com",
        "https://portal.example.com/",
        "https://portal.example.com:443",
        "https://Portal.example.com",
        "https://localhost",
        "https://a@portal.example.com",
        "https://portal.example.com\r\nX: y",
        "https://portal.example.com\n",
        "javascript:alert(1)",
        "",
    ],
)
def test_what_is_no_origin_is_refused(signed_in: SignedIn, origin: str) -> None:
    assert allow(signed_in, origin).problem == (422, "invalid_origin", "allowed_origins")


def test_an_origin_given_twice_is_one_and_ten_are_the_most(signed_in: SignedIn) -> None:
    origin = fresh_origin()
    assert allow(signed_in, origin, origin, "http://localhost:3000").json["allowed_origins"] == [
        "http://localhost:3000",
        origin,
    ]
    assert allow(signed_in, *(fresh_origin() for _ in range(11))).status == 422


def test_asking_of_pages_costs_a_round_trip_a_minute(
    signed_in: SignedIn, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.store.origins import DynamoOrigins

    asked: list[str] = []
    real = DynamoOrigins.tenants

    def counted(self: DynamoOrigins, *, origin: str) -> frozenset[str]:
        asked.append(origin)
        return real(self, origin=origin)

    monkeypatch.setattr(DynamoOrigins, "tenants", counted)
    origin = fresh_origin()
    for _ in range(3):
        signed_in.api.get("/v1/me", headers={"Origin": origin})
    clock.advance(REMEMBERED_FOR + timedelta(seconds=1))
    signed_in.api.get("/v1/me", headers={"Origin": origin})

    assert asked == [origin, origin]
