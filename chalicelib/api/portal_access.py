"""Subscribers sign in to the portal: by password, or by a code that is sent to them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from chalicelib.api.authentication import TOKEN_CHARS_MAX
from chalicelib.api.me import NewPassword
from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import Line, Schema
from chalicelib.api.sessions import SessionOut, begun
from chalicelib.domain.contacts import CODE_CHARS_MAX
from chalicelib.domain.passwords import PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN
from chalicelib.domain.portal import CODE_DIGITS, LOGIN_CHARS_MAX
from chalicelib.domain.staff import Permission
from chalicelib.domain.tenants import SUBDOMAIN_CHARS_MAX
from chalicelib.usecases import portal_codes, portal_passwords, portal_sessions
from chalicelib.usecases.sessions import LoggedIn

Subdomain = Annotated[str, Field(max_length=SUBDOMAIN_CHARS_MAX, examples=["lahore-net"])]
Login = Annotated[
    Line,
    Field(
        min_length=1,
        max_length=LOGIN_CHARS_MAX,
        description="the subscriber's user name (its code with the ISP), phone number or email address",
        examples=["A-1042"],
    ),
]
Token = Annotated[str, Field(min_length=1, max_length=TOKEN_CHARS_MAX, repr=False)]


class PortalLogInIn(Schema):
    """Who signs in, and at which ISP."""

    subdomain: Subdomain
    login: Login
    password: str = Field(max_length=PASSWORD_CHARS_MAX, repr=False, examples=["three random words"])


class PortalCodeIn(Schema):
    """Whom a code is sent to."""

    subdomain: Subdomain
    login: Login


class PortalCodeAskedOut(Schema):
    """The request was taken; the answer is the same whether or not there is anybody to send a code to.

    The challenge is brought with the code: `POST /v1/portal/code-completions`.
    """

    challenge: str
    expires_at: datetime


class PortalCodeCompletionIn(Schema):
    """The challenge, and the code that was sent; with a password that is set too."""

    challenge: Token = Field(examples=["pch_..."])
    code: str = Field(
        min_length=1, max_length=CODE_DIGITS, repr=False, description="six digits", examples=["492039"]
    )
    password: str | None = Field(
        default=None, min_length=PASSWORD_CHARS_MIN, max_length=PASSWORD_CHARS_MAX, repr=False
    )


class PortalAccountOut(Schema):
    """One of the accounts that a code is good for."""

    username: str = Field(description="the subscriber's code with the ISP")
    name: str


class PortalChoiceOut(Schema):
    """The code was right, and several accounts share its address or number.

    `POST /v1/portal/account-choices` takes the token with one of the user names. It is no session.
    """

    choice_token: str
    accounts: list[PortalAccountOut]
    expires_at: datetime


class PortalChoiceIn(Schema):
    """Which of the accounts; with a password that is set too."""

    token: Token = Field(examples=["pcc_..."])
    username: Line = Field(min_length=1, max_length=CODE_CHARS_MAX, examples=["A-1042"])
    password: str | None = Field(
        default=None, min_length=PASSWORD_CHARS_MIN, max_length=PASSWORD_CHARS_MAX, repr=False
    )


class PortalActivationIn(Schema):
    """The code that the ISP had sent, and the password to be set."""

    token: Token = Field(examples=["pac_..."])
    password: NewPassword


@endpoint(
    "POST",
    "/v1/portal/sessions",
    permission=Permission.PUBLIC,
    body=PortalLogInIn,
    answer=SessionOut,
    status=201,
)
def portal_log_in(request: Request) -> Answer:
    """Sign a subscriber in to the portal: a session by cookie, and the same token for bearer use."""
    body = request.body_as(PortalLogInIn)
    logged_in = portal_sessions.portal_log_in(
        portal=request.services.portal,
        subdomain=body.subdomain,
        login=body.login,
        password=body.password,
        asking=asking(request),
    )
    return begun(request, logged_in, portal=True)


@endpoint(
    "POST",
    "/v1/portal/codes",
    permission=Permission.PUBLIC,
    body=PortalCodeIn,
    answer=PortalCodeAskedOut,
    status=202,
)
def ask_portal_code(request: Request) -> PortalCodeAskedOut:
    """Send a subscriber a code for signing in, by SMS or mail, if there is one; the answer does not tell."""
    body = request.body_as(PortalCodeIn)
    asked = portal_codes.ask_code(
        portal=request.services.portal, subdomain=body.subdomain, login=body.login, asking=asking(request)
    )
    return PortalCodeAskedOut(challenge=asked.challenge, expires_at=asked.expires_at)


@endpoint(
    "POST",
    "/v1/portal/code-completions",
    permission=Permission.PUBLIC,
    body=PortalCodeCompletionIn,
    answer=SessionOut,
    status=201,
    also={202: PortalChoiceOut},
)
def complete_portal_code(request: Request) -> Answer:
    """Sign in with a code; or 202, which asks for one of several accounts."""
    body = request.body_as(PortalCodeCompletionIn)
    found = portal_codes.use_code(
        portal=request.services.portal,
        challenge=body.challenge,
        code=body.code,
        password=body.password,
        asking=asking(request),
    )
    return begun(request, found, portal=True) if isinstance(found, LoggedIn) else _choice(found)


@endpoint(
    "POST",
    "/v1/portal/account-choices",
    permission=Permission.PUBLIC,
    body=PortalChoiceIn,
    answer=SessionOut,
    status=201,
)
def choose_portal_account(request: Request) -> Answer:
    """Sign in to one of the accounts that a code was good for."""
    body = request.body_as(PortalChoiceIn)
    logged_in = portal_codes.choose_account(
        portal=request.services.portal,
        token=body.token,
        username=body.username,
        password=body.password,
        asking=asking(request),
    )
    return begun(request, logged_in, portal=True)


@endpoint("POST", "/v1/portal/activations", permission=Permission.PUBLIC, body=PortalActivationIn, status=204)
def activate_portal_access(request: Request) -> Answer:
    """Set a password by the code that the ISP had sent. All sessions end; it signs nobody in."""
    body = request.body_as(PortalActivationIn)
    portal_passwords.activate(
        portal=request.services.portal, token=body.token, password=body.password, asking=asking(request)
    )
    return Answer(None)


def asking(request: Request) -> portal_sessions.Asking:
    """Return the request as far as sign-in needs it."""
    return portal_sessions.Asking(
        address=request.address,
        at=request.now,
        user_agent=request.user_agent,
        request_id=request.request_id,
    )


def _choice(found: portal_codes.AccountChoice) -> Answer:
    accounts = [PortalAccountOut(username=one.code, name=one.contact.name) for one in found.accounts]
    choice = PortalChoiceOut(choice_token=found.token, accounts=accounts, expires_at=found.expires_at)
    return Answer(choice, status=202)
