"""Who is asking: a session by cookie, with its CSRF token for changes, or by bearer; a key; or support."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.api.errors import CsrfRejected, NotSignedIn
from chalicelib.bootstrap import Services
from chalicelib.crypto.tokens import token_hash
from chalicelib.domain.staff import Principal
from chalicelib.ports.identity import Session
from chalicelib.usecases.sessions import resume

SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
TOKEN_CHARS_MAX: Final = 100
KEY_PREFIX: Final = "key_"
SUPPORT_PREFIX: Final = "sup_"


@dataclass(frozen=True)
class SignedIn:
    """The principal, and the session that said so; a program with a key has none, nor platform support."""

    principal: Principal
    session: Session | None = None


def cookie_name(*, secure: bool) -> str:
    """Return the session cookie's name; browsers take the prefix over HTTPS alone."""
    return "__Host-session" if secure else "session"


def authenticate(*, services: Services, headers: Mapping[str, str], method: str, now: datetime) -> SignedIn:
    """Return who is asking, or raise NotSignedIn, or CsrfRejected for a change by cookie alone."""
    token, by_cookie = _token(headers, secure=services.settings.cookie_secure)
    if token.startswith(KEY_PREFIX) and not by_cookie:
        return SignedIn(_program(services, token, now))
    if token.startswith(SUPPORT_PREFIX) and not by_cookie:
        return SignedIn(_support(services, token, now))
    session = resume(sessions=services.sessions, token_hash=token_hash(token), at=now)
    if session is None:
        raise NotSignedIn("the session has ended: sign in again")
    if by_cookie and method not in SAFE_METHODS:
        given = token_hash(headers.get("x-csrf-token", ""))
        if not hmac.compare_digest(given, session.csrf_hash):
            raise CsrfRejected("send the session's CSRF token", param="X-CSRF-Token")
    return SignedIn(session.principal, session)


def _program(services: Services, token: str, now: datetime) -> Principal:
    from chalicelib.usecases.api_keys import recognise

    found = recognise(
        finder=services.key_finder, stores=services.stores, token_hash=token_hash(token), at=now
    )
    if found is None:
        raise NotSignedIn("there is no such key, or it has ended")
    return found


def _support(services: Services, token: str, now: datetime) -> Principal:
    from chalicelib.usecases.support import recognise

    found = recognise(ports=services.support, token_hash=token_hash(token), at=now)
    if found is None:
        raise NotSignedIn("there is no such access, or it has ended")
    return found


def _token(headers: Mapping[str, str], *, secure: bool) -> tuple[str, bool]:
    scheme, _, bearer = headers.get("authorization", "").strip().partition(" ")
    if scheme:
        token, by_cookie = (bearer.strip() if scheme.lower() == "bearer" else ""), False
    else:
        token, by_cookie = _cookie(headers.get("cookie", ""), cookie_name(secure=secure)), True
    if not token or len(token) > TOKEN_CHARS_MAX:
        raise NotSignedIn("sign in first")
    return token, by_cookie


def _cookie(header: str, name: str) -> str:
    for part in header.split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value.strip()
    return ""
