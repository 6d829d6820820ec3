"""Who is asking: a session by cookie, with its CSRF token for changes, or by bearer; a key; or support.

Subscribers have sessions, tokens and a cookie of their own kind: theirs is looked at by the portal's
operations alone, and the other one by all others.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from chalicelib.api.errors import CsrfRejected, NotSignedIn
from chalicelib.bootstrap import Services
from chalicelib.crypto.tokens import token_hash
from chalicelib.domain.portal import PORTAL_IDLE
from chalicelib.domain.second_factor import SecondFactorRequired
from chalicelib.domain.staff import Principal
from chalicelib.ports.identity import Session
from chalicelib.usecases.sessions import SESSION_IDLE, resume

SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
TOKEN_CHARS_MAX: Final = 100
KEY_PREFIX: Final = "key_"
PORTAL_PREFIX: Final = "prt_"
SUPPORT_PREFIX: Final = "sup_"


@dataclass(frozen=True)
class SignedIn:
    """The principal, and the session that said so; a program with a key has none, nor platform support."""

    principal: Principal
    session: Session | None = None


def cookie_name(*, secure: bool, portal: bool = False) -> str:
    """Return the session cookie's name; browsers take the prefix over HTTPS alone."""
    name = "portal" if portal else "session"
    return f"__Host-{name}" if secure else name


def authenticate(
    *, services: Services, headers: Mapping[str, str], method: str, now: datetime, portal: bool = False
) -> SignedIn:
    """Return who is asking, or raise NotSignedIn, or CsrfRejected for a change by cookie alone.

    ``portal``: the operation is one of the portal's.
    """
    cookie = cookie_name(secure=services.settings.cookie_secure, portal=portal)
    token, by_cookie = _token(headers, cookie)
    if token.startswith(KEY_PREFIX) and not by_cookie:
        return SignedIn(_program(services, token, now))
    if token.startswith(SUPPORT_PREFIX) and not by_cookie:
        return SignedIn(_support(services, token, now))
    of_portal = portal if by_cookie else token.startswith(PORTAL_PREFIX)
    session = _session(services, token, now, of_portal=of_portal)
    if session is None:
        raise NotSignedIn("the session has ended: sign in again")
    if by_cookie and method not in SAFE_METHODS:
        given = token_hash(headers.get("x-csrf-token", ""))
        if not hmac.compare_digest(given, session.csrf_hash):
            raise CsrfRejected("send the session's CSRF token", param="X-CSRF-Token")
    return SignedIn(session.principal, session)


def _session(services: Services, token: str, now: datetime, *, of_portal: bool) -> Session | None:
    if of_portal:
        sessions, idle = services.portal_sessions, PORTAL_IDLE
    else:
        sessions, idle = services.sessions, SESSION_IDLE
    return resume(sessions=sessions, token_hash=token_hash(token), at=now, idle=idle)


class Operation(Protocol):
    """What an operation is, as far as sessions that may not do everything go."""

    @property
    def method(self) -> str:
        """The method of HTTP."""

    @property
    def operation_id(self) -> str:
        """Its name."""

    @property
    def while_held(self) -> bool:
        """Whether it serves to put a second factor on."""


def check_held(*, services: Services, session: Session, operation: Operation) -> None:
    """Raise what stands in the way of a session that may not do everything, as its company stands now.

    SecondFactorRequired while the company asks for what the person of a held session lacks;
    TenantInRecovery for what is not possible in recovery; NotSignedIn where that is over.
    """
    if operation.while_held and not session.read_only:
        return
    tenant = services.stores.of(tenant_id=session.principal.tenant_id).profile()
    if session.read_only:
        from chalicelib.api.recovery import check_read_only

        check_read_only(tenant=tenant, operation=operation)
    if session.held and tenant.mfa_required and not operation.while_held:
        raise SecondFactorRequired


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


def _token(headers: Mapping[str, str], cookie: str) -> tuple[str, bool]:
    scheme, _, bearer = headers.get("authorization", "").strip().partition(" ")
    if scheme:
        token, by_cookie = (bearer.strip() if scheme.lower() == "bearer" else ""), False
    else:
        token, by_cookie = read_cookie(headers, cookie), True
    if not token or len(token) > TOKEN_CHARS_MAX:
        raise NotSignedIn("sign in first")
    return token, by_cookie


def read_cookie(headers: Mapping[str, str], name: str) -> str:
    """Return a cookie's value; empty for none."""
    for part in headers.get("cookie", "").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value.strip()
    return ""
