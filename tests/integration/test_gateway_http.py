"""What a vendor's host answers is bounded, and a redirect is not followed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chalicelib.adapters.payments.http import ANSWER_BYTES_MAX, GatewayHttp
from chalicelib.domain.gateways import GatewayUnavailable


class Vendor(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = {
            "/fine": (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", b"fine"),
            "/chunked": (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                b"2\r\nfi\r\n2\r\nne\r\n0\r\n\r\n",
            ),
            "/away": (b"HTTP/1.1 302 Found\r\nLocation: /fine\r\nContent-Length: 0\r\n\r\n", b""),
            "/half": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"fine"),
            "/long": (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * (ANSWER_BYTES_MAX + 1)),
            "/none": (b"", b""),
        }
        for part in parts[self.path.partition("?")[0]]:
            self.wfile.write(part)
        self.close_connection = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        told = self.headers["Content-Type"].encode() + b" " + body
        self.wfile.write(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n" % len(told) + told)
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def vendor() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def ask(url: str, method: str = "GET", **given: object) -> tuple[int, bytes]:
    return GatewayHttp(allowed_hosts=(), local=True).request(method, url, **given)  # type: ignore[arg-type]


def test_answers_are_given_as_they_came(vendor: str) -> None:
    assert ask(f"{vendor}/fine?a=b") == (200, b"fine")
    assert ask(f"{vendor}/chunked") == (200, b"fine")
    assert ask(f"{vendor}/away")[0] == 302
    sent = ask(f"{vendor}/in", "POST", headers={"Content-Type": "text/plain"}, body=b"a=1")
    assert sent == (201, b"text/plain a=1")


@pytest.mark.parametrize("path", ["half", "long", "none"])
def test_no_whole_answer_is_none(vendor: str, path: str) -> None:
    with pytest.raises(GatewayUnavailable):
        ask(f"{vendor}/{path}")


def test_nobody_there_is_an_outage(vendor: str) -> None:
    with pytest.raises(GatewayUnavailable):
        ask("http://127.0.0.1:1/")
