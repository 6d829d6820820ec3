"""A client of the API over HTTPS with the standard library only: nothing of ours stands between."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Response:
    """What came back: status, headers (lower-case names) and body."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Api:
    """Calls paths below ``base_url``; with a ``token`` as its bearer."""

    def __init__(self, base_url: str, *, ca_file: str, token: str | None = None) -> None:
        self.base_url = base_url
        self.ca_file = ca_file
        self.token = token
        self._trust = ssl.create_default_context(cafile=ca_file)

    def signed_in(self, token: str) -> Api:
        """The same API with a session."""
        return Api(self.base_url, ca_file=self.ca_file, token=token)

    def get(self, path: str) -> Response:
        return self.call("GET", path)

    def post(self, path: str, body: object = None, **headers: str) -> Response:
        return self.call("POST", path, body, **headers)

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Response:
        """Send ``body`` as JSON where there is one; headers by name with underscores."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent["Content-Type"] = "application/json"
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        data = json.dumps(body).encode() if body is not None else None
        return self.send(method, self.base_url + path, data, sent)

    def send(self, method: str, url: str, data: bytes | None, headers: dict[str, str]) -> Response:
        """Send bytes to any address, for example a presigned one."""
        request = urllib.request.Request(url, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, context=self._trust, timeout=60) as answer:
                return _response(answer.status, answer)
        except urllib.error.HTTPError as error:
            return _response(error.code, error)


def _response(status: int, answer: Any) -> Response:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Response(status, headers, answer.read())
