"""What a browser is given when somebody signs in over HTTPS, and what the log is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chalicelib.api.request import Request
from chalicelib.api.sessions import begun
from chalicelib.domain.staff import Principal, Role
from chalicelib.ports.identity import Session
from chalicelib.usecases.sessions import LoggedIn

AT = datetime(2041, 5, 15, 9, tzinfo=UTC)
TOKEN, CSRF = "ses_secret", "csrf_secret"


def over_https() -> Request:
    settings = SimpleNamespace(cookie_secure=True)
    asked: Any = SimpleNamespace(
        services=SimpleNamespace(settings=settings), request_id="r-1", operation_id="log_in"
    )
    return cast(Request, asked)


def logged_in() -> LoggedIn:
    session = Session(
        session_id="sss_1",
        token_hash="hash",
        principal=Principal("ten_1", "stf_1", Role.OWNER),
        csrf_hash="hash",
        created_at=AT,
        idle_expires_at=AT + timedelta(hours=12),
        expires_at=AT + timedelta(days=7),
    )
    return LoggedIn(TOKEN, CSRF, session)


def test_the_cookie_is_for_this_host_over_https_and_not_for_scripts() -> None:
    answer = begun(over_https(), logged_in())

    cookie = answer.headers["Set-Cookie"]
    assert cookie == f"__Host-session={TOKEN}; Path=/; HttpOnly; SameSite=Lax; Secure"


def test_the_log_tells_whose_session_began_and_by_which_way(capsys: pytest.CaptureFixture[str]) -> None:
    begun(over_https(), logged_in())

    out = capsys.readouterr().out
    line = json.loads(out)
    assert (line["message"], line["operation"], line["request_id"]) == ("session began", "log_in", "r-1")
    assert (line["tenant_id"], line["actor_id"]) == ("ten_1", "stf_1")
    assert TOKEN not in out
    assert CSRF not in out
