"""The one address of the platform on one machine: the API, a landing page and the mailbox.

Started by the runner as a child, with the functions' environment:
``python -m chalicelib.local.front_door``. ``/v1/*`` goes to the Chalice app in this process.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from chalicelib.api.answering import SECURITY_HEADERS
from chalicelib.api.routes import by_path
from chalicelib.local.gateway import BODY_BYTES_MAX, Answer, Gateway, problem
from chalicelib.local.mailbox import MailboxError, read_mailbox, read_texts
from chalicelib.local.pages import landing_page, mail_page, mailbox_page, message_page

HOST = "127.0.0.1"
IDLE_S = 75
DRAIN_BYTES_MAX = 64 * 1024 * 1024  # read and dropped, so that a refused client sees the answer
READ_CHUNK_BYTES = 64 * 1024
CHUNK_LINE_BYTES_MAX = 1024
EXIT_PORT_IN_USE = 98
# What the app answers; whoever sees the last parts of the others may pay by them, so no line has them.
API_PREFIX = "/v1"
PAGE_PREFIXES = ("/pay/", "/sandbox-pay/")
SITE_PATHS = ("/privacy", "/terms", "/cookies", "/signup", "/policies/")
CALLBACKS = "/v1/gateway-callbacks/"
MAIL_PATH = re.compile(r"/mailbox/(\d{1,9})")
# Written here, or (RFC 6797, section 7.2) not for an address without TLS.
NOT_PASSED_ON = ("content-length", "connection", "strict-transport-security")
BROKEN_LINE = re.compile(r"[\r\n\0]")
PAGE_HEADERS = {
    **SECURITY_HEADERS,
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
}


def is_of_the_app(path: str) -> bool:
    """Whether the app answers a path, and not this server's own pages."""
    return path == API_PREFIX or path.startswith((f"{API_PREFIX}/", *PAGE_PREFIXES, *SITE_PATHS))


@dataclass(frozen=True)
class Site:
    """What the handler serves."""

    gateway: Gateway
    base_url: str
    engine_url: str
    demo: Mapping[str, str]

    def page(self, path: str) -> Answer:
        """The HTML page at ``path`` (decoded)."""
        try:
            if path == "/":
                return _html(200, self._landing())
            if path == "/mailbox":
                mails, texts = read_mailbox(self.engine_url), read_texts(self.engine_url)
                return _html(200, mailbox_page(mails, texts))
            if found := MAIL_PATH.fullmatch(path):
                return self._mail(int(found[1]))
        except MailboxError:
            text = "The engine does not answer. Is the platform still running?"
            return _html(503, message_page("No mailbox", text))
        return _html(404, message_page("Not found", "There is nothing at this address."))

    def _landing(self) -> str:
        return landing_page(
            base_url=self.base_url,
            engine_url=self.engine_url,
            demo=self.demo,
            routes=[(", ".join(sorted(methods)), path) for path, methods in sorted(by_path().items())],
            mails=len(read_mailbox(self.engine_url)),
        )

    def _mail(self, number: int) -> Answer:
        mails = read_mailbox(self.engine_url)
        if 1 <= number <= len(mails):
            return _html(200, mail_page(mails[number - 1]))
        return _html(404, message_page("No such mail", f"There is no mail number {number}."))


class BadRequestError(Exception):
    """The request cannot be read as HTTP; ``answer`` says why, and the connection ends."""

    code = "bad_request"

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "isp-billing"
    timeout = IDLE_S
    disable_nagle_algorithm = True  # else each answer waits some 40 ms for an ACK
    wbufsize = 64 * 1024
    server: Server

    def _serve(self) -> None:
        started = time.perf_counter()
        try:
            answer = self._answer(self._read_body())
        except BadRequestError as error:
            self.close_connection = True
            answer = error.answer
        self._send(answer)
        if self.server.access_log:
            took_ms = (time.perf_counter() - started) * 1000
            path = without_tokens(self.path)
            print(f"{self.command} {path} {answer.status} {took_ms:.0f} ms", flush=True)

    do_GET = do_HEAD = do_POST = do_PUT = _serve  # noqa: N815
    do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def handle_expect_100(self) -> bool:
        """Refuse a body that is too large before it is sent."""
        try:
            self._body_length()
        except BadRequestError as error:
            self.close_connection = True
            self._send(error.answer)
            return False
        answered: bool = super().handle_expect_100()
        self.wfile.flush()  # else the client waits before it sends the body
        return answered

    def version_string(self) -> str:
        """Nothing about Python."""
        return self.server_version

    def log_message(self, *_: Any) -> None:
        """Quiet: one line a request is written by ``_serve``."""

    def _answer(self, body: bytes) -> Answer:
        path = unquote(urlsplit(self.path).path)
        if not self.path.startswith("/") or not _is_local(self.headers.get("Host", "")):
            text = "This server answers for 127.0.0.1 and localhost only."
            return problem(status=421, code="misdirected", message=text)
        site = self.server.site
        if is_of_the_app(path):
            return site.gateway.handle(
                method=self.command,
                target=self.path,
                headers=dict(self.headers.items()),
                body=body,
                caller=self.client_address[0],
            )
        if self.command not in ("GET", "HEAD"):
            text = f"{self.command} is not possible here."
            allow = {"Allow": "GET, HEAD"}
            return problem(status=405, code="method_not_allowed", message=text, headers=allow)
        return site.page(path)

    def _read_body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._read_chunks()
        try:
            return self.rfile.read(self._body_length())
        except BadRequestError:
            self._drain(int(self.headers.get("Content-Length", "0") or 0))
            raise

    def _body_length(self) -> int:
        text = self.headers.get("Content-Length", "0").strip()
        if not text.isascii() or not text.isdigit():
            self.headers.replace_header("Content-Length", "0")
            raise BadRequestError(_bad("The length of the body is not a number."))
        if int(text) > BODY_BYTES_MAX:
            raise BadRequestError(_too_large())
        return int(text)

    def _read_chunks(self) -> bytes:
        body = bytearray()
        total = 0
        while size := self._chunk_size():
            total += size
            if total > DRAIN_BYTES_MAX:
                raise BadRequestError(_too_large())
            chunk = self.rfile.read(size)
            self.rfile.readline(CHUNK_LINE_BYTES_MAX)
            if total <= BODY_BYTES_MAX:
                body += chunk
        while self.rfile.readline(CHUNK_LINE_BYTES_MAX).strip():
            pass  # trailers
        if total > BODY_BYTES_MAX:
            raise BadRequestError(_too_large())
        return bytes(body)

    def _chunk_size(self) -> int:
        line = self.rfile.readline(CHUNK_LINE_BYTES_MAX).split(b";")[0].strip()
        try:
            return int(line, 16)
        except ValueError as error:
            raise BadRequestError(_bad("The chunked body cannot be read.")) from error

    def _drain(self, length: int) -> None:
        left = min(length, DRAIN_BYTES_MAX)
        while left > 0 and (dropped := len(self.rfile.read(min(left, READ_CHUNK_BYTES)))):
            left -= dropped

    def _send(self, answer: Answer) -> None:
        if any(BROKEN_LINE.search(f"{name}{value}") for name, value in _lines(answer)):
            text = "Something went wrong on our side."
            answer = problem(status=500, code="internal_error", message=text)
        self.send_response(answer.status)
        for name, value in _lines(answer):
            if name.lower() not in NOT_PASSED_ON:
                self.send_header(name, value)
        bodiless = answer.status in (204, 304)
        if not bodiless:
            self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and not bodiless:
            self.wfile.write(answer.body)


class Server(ThreadingHTTPServer):
    """A thread a connection; threads do not hold the end of the process."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, site: Site, *, port: int, access_log: bool = False) -> None:
        self.site = site
        self.access_log = access_log
        super().__init__((HOST, port), Handler)

    def handle_error(self, *_: Any) -> None:
        """A client that went away is no news; anything else is one line."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            print(f"front door: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


def without_tokens(target: str) -> str:
    """Return the path of a request as a line may have it: without query, and without tokens in it."""
    path = target.split("?", 1)[0]
    for prefix in (*PAGE_PREFIXES, CALLBACKS):
        if path.startswith(prefix):
            return f"{prefix}…"
    return path


def _lines(answer: Answer) -> list[tuple[str, str]]:
    """The headers of an answer, one for each value."""
    return [
        (name, one)
        for name, value in answer.headers.items()
        for one in (value if isinstance(value, list) else [value])
    ]


def _is_local(host: str) -> bool:
    """Refusing other names keeps a foreign web page from reading the mailbox (DNS rebinding)."""
    name = (urlsplit(f"//{host}").hostname or "") if host else HOST
    return name in (HOST, "localhost", "::1") or name.endswith(".localhost")


def _html(status: int, text: str) -> Answer:
    return Answer(status, PAGE_HEADERS, text.encode("utf-8"))


def _bad(message: str) -> Answer:
    return problem(status=400, code="bad_request", message=message)


def _too_large() -> Answer:
    text = f"A request body has at most {BODY_BYTES_MAX} bytes."
    return problem(status=413, code="body_too_large", message=text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--engine-url", required=True)
    parser.add_argument("--demo", type=Path, help="JSON file with what to show as demo log-in")
    return parser.parse_args()


def main() -> int:
    """Serve until SIGTERM or SIGINT, or until the runner is gone."""
    options = _options()
    demo = json.loads(options.demo.read_text()) if options.demo else {}
    gateway = Gateway(importlib.import_module("app").app)
    base_url = f"http://{HOST}:{options.port}"
    site = Site(gateway=gateway, base_url=base_url, engine_url=options.engine_url, demo=demo)
    try:
        server = Server(site, port=options.port, access_log=True)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return EXIT_PORT_IN_USE
    for signum in (signal.SIGTERM, signal.SIGINT):
        # shutdown() waits for the loop that this very thread runs
        signal.signal(signum, lambda *_: threading.Thread(target=server.shutdown).start())
    threading.Thread(target=_watch_parent, args=[os.getppid(), server], daemon=True).start()
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    return 0


def _watch_parent(parent_pid: int, server: Server) -> None:
    while os.getppid() == parent_pid:
        time.sleep(1.0)
    server.shutdown()


if __name__ == "__main__":
    sys.exit(main())
