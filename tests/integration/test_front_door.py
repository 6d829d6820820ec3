"""The front door over real HTTP, with a small app behind it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from chalice.app import Chalice, MultiDict, Request, Response

from chalicelib.local.front_door import Server, Site
from chalicelib.local.gateway import BODY_BYTES_MAX, Gateway
from tests.fixtures_engine import EngineHandle

pytestmark = pytest.mark.enable_socket
JSON = {"Content-Type": "application/json"}
PROBLEM_KEYS = {"type", "title", "status", "code", "message", "param", "request_id"}


def small_app() -> Chalice:
    app = Chalice(app_name="small", configure_logs=False)

    @app.route("/{proxy+}", methods=["GET", "HEAD", "POST", "DELETE"])
    def answer() -> Response:
        request = app.current_request
        assert request is not None
        assert request.uri_params is not None
        if request.method == "DELETE":
            return Response("", status_code=204)
        if request.uri_params["proxy"] == "v1/broken":
            return Response("", headers={"X-One": ["a", "b\r\nX-Split: c"]})
        headers: dict[str, str | list[str]] = {
            "Content-Type": "application/json",
            "Set-Cookie": ["a=1", "b=2"],
        }
        return Response(json.dumps(told_of(request)), headers=headers)

    return app


def told_of(request: Request) -> dict[str, Any]:
    return {
        "path": (request.uri_params or {})["proxy"],
        "query": (request.query_params or MultiDict({"q": []})).getlist("q"),
        "bytes": len(request.raw_body),
        "address": request.context["identity"]["sourceIp"],
        "request_id": request.context["requestId"],
        "forwarded": request.headers["x-forwarded-for"],
    }


@pytest.fixture(scope="module")
def port(engine: EngineHandle) -> Iterator[int]:
    site = Site(
        gateway=Gateway(small_app()),
        base_url="http://127.0.0.1",
        engine_url=engine.url,
        demo={"E-mail": "owner@demo.example"},
    )
    server = Server(site, port=0)
    thread = threading.Thread(target=server.serve_forever, args=[0.05])
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def client(port: int) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    yield connection
    connection.close()


def ask(
    client: http.client.HTTPConnection, method: str, path: str, body: Any = None, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    client.request(method, path, body, {**JSON, **headers})
    response = client.getresponse()
    return response, response.read()


def assert_problem(response: http.client.HTTPResponse, body: bytes, status: int, code: str) -> None:
    problem = json.loads(body)
    assert (response.status, problem["status"], problem["code"]) == (status, status, code)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert set(problem) == PROBLEM_KEYS


def test_the_api_is_served_with_what_api_gateway_would_tell(client: http.client.HTTPConnection) -> None:
    response, body = ask(client, "POST", "/v1/echo/a%20b?q=1&q=2", b'{"x":1}')

    told = json.loads(body)
    assert response.status == 200
    assert told["path"] == "v1/echo/a%20b"
    assert told["bytes"] == 7
    assert told["query"] == ["1", "2"]
    assert told["address"] == told["forwarded"] == "127.0.0.1"
    assert len(told["request_id"]) == 36
    assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]


def test_a_forwarded_address_is_never_the_callers_own_claim(client: http.client.HTTPConnection) -> None:
    _, body = ask(client, "GET", "/v1/echo/a", **{"X-Forwarded-For": "203.0.113.9"})

    assert json.loads(body)["address"] == "127.0.0.1"


def test_an_empty_body_is_text(client: http.client.HTTPConnection) -> None:
    _, body = ask(client, "POST", "/v1/echo/a", b"")

    assert json.loads(body)["bytes"] == 0


def test_one_connection_carries_many_requests_of_all_kinds(client: http.client.HTTPConnection) -> None:
    for _ in range(3):
        assert ask(client, "GET", "/v1/echo/a")[0].status == 200
        assert ask(client, "HEAD", "/v1/echo/a")[1] == b""
        assert ask(client, "DELETE", "/v1/nothing")[0].status == 204
        assert ask(client, "POST", "/v1/echo/a", b"x" * 300_000)[0].status == 200
        assert ask(client, "GET", "/nowhere")[0].status == 404


def test_a_method_that_no_path_has_is_a_problem(client: http.client.HTTPConnection) -> None:
    assert_problem(*ask(client, "PATCH", "/v1/echo/a"), 404, "not_found")


@pytest.mark.parametrize(
    ("target", "path"),
    [("/v1/a%2Fb/c+d", "v1/a%2Fb/c+d"), ("/v1/a/", "v1/a"), ("/v1/a//b", "v1/a//b"), ("/v1/a;b", "v1/a;b")],
)
def test_a_path_is_handed_on_as_it_was_sent(
    client: http.client.HTTPConnection, target: str, path: str
) -> None:
    assert json.loads(ask(client, "GET", target)[1])["path"] == path


def test_a_body_at_the_limit_passes_and_one_above_is_413(client: http.client.HTTPConnection) -> None:
    _, body = ask(client, "POST", "/v1/echo/a", b"x" * BODY_BYTES_MAX)
    assert json.loads(body)["bytes"] == BODY_BYTES_MAX

    assert_problem(*ask(client, "POST", "/v1/echo/a", b"x" * (BODY_BYTES_MAX + 1)), 413, "body_too_large")
    assert ask(client, "GET", "/v1/echo/a")[0].status == 200


def test_a_chunked_body_is_put_together_and_limited(client: http.client.HTTPConnection) -> None:
    _, body = ask(client, "POST", "/v1/echo/a", iter([b"x" * 1000] * 50))
    assert json.loads(body)["bytes"] == 50_000

    megabytes = iter([b"x" * (1024 * 1024)] * 12)
    assert_problem(*ask(client, "POST", "/v1/echo/a", megabytes), 413, "body_too_large")


def test_an_expected_100_is_answered_at_once_and_refused_when_too_large(port: int) -> None:
    def first_line(length: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
            raw.sendall(
                b"POST /v1/echo/a HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\n"
                b"Content-Length: %d\r\n\r\n" % length
            )
            return raw.recv(100).split(b"\r\n")[0]

    assert first_line(10) == b"HTTP/1.1 100 Continue"
    assert first_line(BODY_BYTES_MAX + 1).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("length", [b"abc", b"-1", b"1 0", b"\xb2"])
def test_a_senseless_length_is_400(port: int, length: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
        raw.sendall(b"POST /v1/echo/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " + length + b"\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400")


def test_another_host_name_is_refused(client: http.client.HTTPConnection) -> None:
    assert_problem(*ask(client, "GET", "/mailbox", Host="evil.example"), 421, "misdirected")
    assert ask(client, "GET", "/mailbox", Host="acme.localhost:8000")[0].status == 200


def test_the_pages(client: http.client.HTTPConnection, engine: EngineHandle) -> None:
    ses = engine.client("sesv2")
    ses.create_email_identity(EmailIdentity="door.example")
    link = "http://127.0.0.1:8000/verify?token=abc"
    ses.send_email(
        FromEmailAddress="a@door.example",
        Destination={"ToAddresses": ["b@isp.example"]},
        Content={"Simple": {"Subject": {"Data": "The door"}, "Body": {"Text": {"Data": f"Go: {link}"}}}},
    )

    landing = ask(client, "GET", "/")[1].decode()
    mailbox = ask(client, "GET", "/mailbox")[1].decode()
    number = mailbox.split('href="/mailbox/')[1].split('"')[0]
    response, mail = ask(client, "GET", f"/mailbox/{number}")

    assert "owner@demo.example" in landing
    assert "The door" in mailbox
    assert f'href="{link}"' in mail.decode()
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/mailbox/0", "/mailbox/99999", "/mailbox/x", "/..%2fetc", "/v1x"])
def test_what_is_not_there_is_404(client: http.client.HTTPConnection, path: str) -> None:
    assert ask(client, "GET", path)[0].status == 404


def test_a_page_takes_no_post(client: http.client.HTTPConnection) -> None:
    assert_problem(*ask(client, "POST", "/mailbox", b"{}"), 405, "method_not_allowed")


def test_pages_and_refusals_carry_the_security_headers_without_hsts(
    client: http.client.HTTPConnection,
) -> None:
    for method, path in (("GET", "/"), ("GET", "/mailbox"), ("GET", "/nothing"), ("PATCH", "/v1/echo/a")):
        response, _ = ask(client, method, path)
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert "Strict-Transport-Security" not in response.headers


def test_an_answer_with_a_line_break_in_a_header_is_not_passed_on(
    client: http.client.HTTPConnection,
) -> None:
    response, body = ask(client, "GET", "/v1/broken")

    assert_problem(response, body, 500, "internal_error")
    assert "X-Split" not in response.headers
