"""HTTP for the command line: the standard library's own, with clear errors."""

from __future__ import annotations

import http.client
import json
import signal
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urlencode, urlsplit

from chalicelib.cli.wording import Names, option_of, said

TIMEOUT_SECONDS: Final = 60.0
CHUNK_BYTES: Final = 1 << 20
PAGE_ITEMS: Final = 200
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class CliError(Exception):
    """What went wrong, for people; ``exit_code`` says it to programs."""

    exit_code = 1


class Refused(CliError):
    """The platform refused the request: a problem by RFC 9457."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        self.code = str(problem.get("code") or f"http_{status}")
        super().__init__(self.told({}))

    def told(self, names: Names) -> str:
        """Return each reason, with what it is about in the words of the command that was run."""
        errors = self.problem.get("errors") or [self.problem]
        return "; ".join(dict.fromkeys(_reason(one, self.code, names) for one in errors))


def _reason(problem: Mapping[str, Any], code: str, names: Names) -> str:
    code = str(problem.get("code") or code)
    message = str(problem.get("message") or problem.get("title") or "refused")
    param = problem.get("param")
    where = f" ({option_of(code=code, param=str(param), names=names)})" if param else ""
    return f"{said(code=code, message=message)}{where} [{code}]"


class NotSignedIn(CliError):
    """There is no session, or it has ended."""

    exit_code = 4


class Unreachable(CliError):
    """The platform does not answer."""

    exit_code = 3


class Interrupted(CliError):
    """Ctrl-C; the message says what goes on."""

    exit_code = 128 + signal.SIGINT


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token elsewhere."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Client:
    """The API at ``base_url``; without a token only public addresses answer."""

    base_url: str
    token: str | None = None
    timeout: float = TIMEOUT_SECONDS

    def get(self, path: str, **query: object) -> Any:
        """GET; parameters that are None are left out."""
        given = {name: _text(value) for name, value in _given(query).items()}
        return self._call("GET", f"{path}?{urlencode(given)}" if given else path)

    def post(self, path: str, body: object = None, *, key: str | None = None) -> Any:
        """POST; ``key`` is sent as Idempotency-Key."""
        return self._call("POST", path, body, {"Idempotency-Key": key} if key else {})

    def put(self, path: str, body: object) -> Any:
        """PUT."""
        return self._call("PUT", path, body)

    def delete(self, path: str) -> Any:
        """DELETE."""
        return self._call("DELETE", path)

    def items(self, path: str, *, limit: int | None, **query: object) -> Iterator[Any]:
        """Yield the items of a list, page by page; at most ``limit`` of them."""
        return _paged(lambda page: self.get(path, **page, **query), limit)

    def found(self, path: str, *, limit: int | None, **asked: object) -> Iterator[Any]:
        """Yield what a search finds, as ``items``; what is asked for is in the body, not in the address."""
        return _paged(lambda page: self.post(path, _given({**page, **asked})), limit)

    def _call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        request = urllib.request.Request(f"{self.base_url}{path}", method=method)  # noqa: S310 - checked
        request.add_header("Accept", "application/json")
        request.add_header("User-Agent", "ispbilling")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with _opened(request, self.timeout) as answer:
            data = answer.read()
        try:
            return json.loads(data) if data else None
        except ValueError:
            message = f"{self.base_url} answered something that is no JSON: is it the platform's address?"
            raise Unreachable(message) from None


def upload(*, url: str, headers: Mapping[str, str], path: Path, timeout: float) -> None:
    """PUT a file to a presigned URL, without the token."""
    with path.open("rb") as file:
        size = path.stat().st_size
        request = urllib.request.Request(url, data=file, method="PUT")  # noqa: S310 - the platform's own
        for name, value in headers.items():
            request.add_header(name, value)
        request.add_header("Content-Length", str(size))
        with _opened(request, timeout):
            return


def download(*, url: str, out: IO[bytes], timeout: float) -> int:
    """GET a presigned URL into a file, without the token; return its bytes."""
    request = urllib.request.Request(url)  # noqa: S310 - the platform's own
    written = 0
    with _opened(request, timeout) as answer:
        while chunk := answer.read(CHUNK_BYTES):
            out.write(chunk)
            written += len(chunk)
    return written


def check_url(url: str) -> str:
    """Return the address without a slash at its end; refuse what would show the token to others."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise CliError(f"{url!r} is not an address such as https://billing.example.com")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise CliError("use https: over http the password and token could be read on the way")
    return url.rstrip("/")


def some(
    ask: Callable[..., Iterator[Any]], path: str, *, limit: int | None, **asked: object
) -> tuple[list[Any], bool]:
    """Return at most ``limit`` items (None: all) of a client's list or search, and whether there are more."""
    found = list(ask(path, limit=None if limit is None else limit + 1, **asked))
    return found[:limit], limit is not None and len(found) > limit


def _paged(ask: Callable[[dict[str, Any]], Any], limit: int | None) -> Iterator[Any]:
    left, cursor = limit, None
    while left is None or left > 0:
        size = PAGE_ITEMS if left is None else min(PAGE_ITEMS, left)
        page = ask({"limit": size, "cursor": cursor})
        yield from page["items"]
        left = None if left is None else left - len(page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _given(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _opened(request: urllib.request.Request, timeout: float) -> http.client.HTTPResponse:
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        answer: http.client.HTTPResponse = opener.open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(error) from None
    except (urllib.error.URLError, http.client.HTTPException, ssl.SSLError, OSError) as error:
        place = urlsplit(request.full_url)
        reason = getattr(error, "reason", None) or error
        start = " `make run` starts it on this machine." if place.hostname in LOOPBACK else ""
        told = f"{place.netloc} does not answer ({reason}): is the platform running there?{start}"
        raise Unreachable(told) from None
    return answer


def _refusal(error: urllib.error.HTTPError) -> CliError:
    try:
        problem = json.loads(error.read(CHUNK_BYTES))
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    if error.code == 401 and problem.get("code") == "not_signed_in":
        return NotSignedIn("you are not signed in, or the session has ended: run `login`")
    return Refused(error.code, {"message": f"the answer is HTTP {error.code}", **problem})
