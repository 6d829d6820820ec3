"""Cookies of consent over HTTPS, and what says that a form is of another site."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chalicelib.api.consent_parts import check_same_origin, cookie_of, set_cookie
from chalicelib.api.errors import CsrfRejected
from chalicelib.api.request import Request

NOW = datetime(2041, 5, 15, tzinfo=UTC)


def request(**headers: str) -> Request:
    settings = SimpleNamespace(cookie_secure=True, public_base_url="https://console.example")
    services = cast("Any", SimpleNamespace(settings=settings))
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(services, request_id="r", now=NOW, operation_id="o", path={}, headers=sent)


def test_a_cookie_over_https_is_for_this_host_and_not_for_scripts() -> None:
    assert set_cookie(request(), "theme", "dark", seconds=60) == (
        "__Host-theme=dark; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60"
    )
    assert cookie_of(request(cookie="theme=light; __Host-theme=dark"), "theme") == "dark"


@pytest.mark.parametrize(
    "headers",
    [
        {},  # a program
        {"sec_fetch_site": "same-origin", "origin": "null"},
        {"origin": "https://api.example", "host": "api.example"},
        {"origin": "https://console.example", "host": "api.example"},
    ],
)
def test_a_form_of_ours_is_taken(headers: dict[str, str]) -> None:
    check_same_origin(request(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "same-site", "origin": "https://api.example", "host": "api.example"},
        {"sec_fetch_site": "cross-site"},
        {"origin": "https://evil.example", "host": "api.example"},
        {"origin": "null"},
        {"origin": "null", "host": ""},
        {"origin": "http://[", "host": "api.example"},
    ],
)
def test_a_form_of_another_site_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(CsrfRejected):
        check_same_origin(request(**headers))
