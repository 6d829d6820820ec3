"""What operations about consent have in common: the signal, the cookies, and where a form may come from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

from chalicelib.api.authentication import read_cookie
from chalicelib.api.errors import CsrfRejected
from chalicelib.api.request import Request
from chalicelib.domain.consent_cookies import (
    CONSENT,
    CONSENT_SECONDS,
    NEEDS,
    VisitorChoice,
    decode_choice,
    encode_choice,
    not_allowed,
    visitor_standing,
)
from chalicelib.domain.consent_texts import Category
from chalicelib.domain.consents import Means, Standing
from chalicelib.usecases.consents import Answered

SIGNAL: Final = "sec-gpc"


def gpc_of(request: Request) -> bool:
    """Whether the browser sends Global Privacy Control."""
    return request.headers.get(SIGNAL, "").strip() == "1"


def cookie_of(request: Request, name: str) -> str:
    """Return the value of a cookie of ours; empty for none."""
    return read_cookie(request.headers, _full_name(request, name))


def choice_of(request: Request) -> VisitorChoice | None:
    """Return what the visitor's browser keeps of their choice."""
    return decode_choice(value=cookie_of(request, CONSENT))


def standing_here(request: Request) -> Standing:
    """Return what the visitor's cookie allows now."""
    return visitor_standing(choice=choice_of(request), at=request.now, gpc=gpc_of(request))


def answered(request: Request, *, agreed: Collection[Category], text: str, how: Means) -> Answered:
    """Return a choice as this request makes it."""
    return Answered(
        agreed=agreed,
        text=text,
        how=how,
        gpc=gpc_of(request),
        browser=request.device.family,
        at=request.now,
    )


def set_cookie(request: Request, name: str, value: str, *, seconds: int) -> str:
    """Return a ``Set-Cookie`` of ours, out of the reach of scripts; 0 seconds take the cookie back."""
    secure = "; Secure" if request.services.settings.cookie_secure else ""
    full = _full_name(request, name)
    return f"{full}={value}; Path=/; HttpOnly; SameSite=Lax{secure}; Max-Age={seconds}"


def taken_back(request: Request, standing: Standing) -> list[str]:
    """Return what takes back the cookies that the browser holds and that are not allowed."""
    held = frozenset(name for name in NEEDS if cookie_of(request, name))
    return [set_cookie(request, name, "", seconds=0) for name in not_allowed(held=held, standing=standing)]


def kept(request: Request, choice: VisitorChoice) -> list[str]:
    """Return what has the browser keep a choice, and drop at once what it does not allow."""
    now = visitor_standing(choice=choice, at=request.now, gpc=gpc_of(request))
    mine = set_cookie(request, CONSENT, encode_choice(choice=choice), seconds=CONSENT_SECONDS)
    return [mine, *taken_back(request, now)]


def cookies_set(cookies: list[str]) -> Mapping[str, str | list[str]]:
    """Return the headers of an answer that sets cookies, if any."""
    return {"Set-Cookie": cookies} if cookies else {}


def check_same_origin(request: Request) -> None:
    """Raise CsrfRejected for a form that another site's page sends.

    Browsers say where a request comes from (Fetch Metadata, or else ``Origin``); what says
    neither is no browser, and has no cookies that somebody else could use.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        ours = site in {"same-origin", "none"}
    else:
        origin = request.headers.get("origin")
        known = {request.headers.get("host"), urlsplit(request.services.settings.public_base_url).netloc}
        # Not taken apart: it may be anything, and an address that is none raises.
        ours = origin is None or origin.partition("://")[2] in known - {""}
    if not ours:
        raise CsrfRejected("this form can be sent from its own page alone", param="Origin")


def _full_name(request: Request, name: str) -> str:
    return f"__Host-{name}" if request.services.settings.cookie_secure else name
