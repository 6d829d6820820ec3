"""Signing in and out, and who is signed in."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydantic import Field

from chalicelib.api.authentication import TOKEN_CHARS_MAX, cookie_name
from chalicelib.api.passkey_parts import PasskeyIn
from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import Schema
from chalicelib.api.second_factor import Code, shown
from chalicelib.api.staff import StaffOut
from chalicelib.domain.emails import EMAIL_CHARS_MAX
from chalicelib.domain.passwords import PASSWORD_CHARS_MAX
from chalicelib.domain.staff import Permission, Principal, StaffMember
from chalicelib.domain.tenants import SUBDOMAIN_CHARS_MAX, Tenant
from chalicelib.observability import logger
from chalicelib.usecases import second_step, sessions

# What a browser keeps of us when somebody signs out; cookies are not named, for that would be those
# of the whole site, other companies' too.
CLEARED: Final = '"cache", "storage"'


class LogInIn(Schema):
    """Who signs in, and where."""

    subdomain: str = Field(max_length=SUBDOMAIN_CHARS_MAX, examples=["lahore-net"])
    email: str = Field(max_length=EMAIL_CHARS_MAX, examples=["ayesha@lahore-net.example"])
    password: str = Field(max_length=PASSWORD_CHARS_MAX, repr=False, examples=["three random words"])


class SessionOut(Schema):
    """A new session: for browsers it is in the cookie too, for programs it is the bearer token."""

    token: str = Field(description="Send as `Authorization: Bearer`.")
    csrf_token: str = Field(description="Send as `X-CSRF-Token` with changes by cookie.")
    expires_at: datetime
    second_factor_required: bool = Field(
        description="whether the session is good for putting a second factor on, and nothing else until then"
    )


class FactorAskedOut(Schema):
    """The password is right; `POST /v1/session-completions` takes the token with a second factor.

    The token is no session, and good for five minutes. `factors` are those that the person has.
    """

    second_step_token: str
    expires_at: datetime
    factors: list[str] = Field(examples=[["authenticator", "passkey", "recovery_code"]])

    @classmethod
    def of(cls, asked: sessions.FactorAsked) -> FactorAskedOut:
        """Render what signing in asks for."""
        return cls(second_step_token=asked.token, expires_at=asked.expires_at, factors=list(asked.factors))


class CompletionIn(Schema):
    """The token of the first step, and a code, or the answer of a passkey."""

    token: str = Field(min_length=1, max_length=TOKEN_CHARS_MAX, repr=False, examples=["mfa_..."])
    code: Code | None = Field(default=None, repr=False)
    passkey: PasskeyIn | None = None


class MyTenantOut(Schema):
    """The tenant one is signed in to."""

    tenant_id: str
    company: str
    subdomain: str
    currency: str
    time_zone: str


class MeOut(Schema):
    """Who is signed in, where, and what they may do."""

    staff: StaffOut
    tenant: MyTenantOut
    permissions: list[Permission]

    @classmethod
    def of(cls, tenant: Tenant, member: StaffMember, principal: Principal) -> MeOut:
        """Render a person with the tenant, and what their session may do."""
        return cls(
            staff=StaffOut.of(member),
            tenant=MyTenantOut(
                tenant_id=tenant.tenant_id,
                company=tenant.company,
                subdomain=tenant.subdomain,
                currency=tenant.currency,
                time_zone=tenant.time_zone,
            ),
            permissions=sorted(principal.permissions),
        )


@endpoint(
    "POST",
    "/v1/sessions",
    permission=Permission.PUBLIC,
    body=LogInIn,
    answer=SessionOut,
    status=201,
    also={202: FactorAskedOut},
)
def log_in(request: Request) -> Answer:
    """Sign in: a session by cookie, and the same token for bearer use; or 202, to ask for a second factor."""
    body = request.body_as(LogInIn)
    logged_in = sessions.log_in(
        identity=request.services.identity,
        subdomain=body.subdomain,
        email=body.email,
        password=body.password,
        address=request.address,
        user_agent=request.user_agent,
        at=request.now,
    )
    if isinstance(logged_in, sessions.FactorAsked):
        return Answer(FactorAskedOut.of(logged_in), status=202)
    return begun(request, logged_in)


@endpoint(
    "POST",
    "/v1/session-completions",
    permission=Permission.PUBLIC,
    body=CompletionIn,
    answer=SessionOut,
    status=201,
)
def complete_log_in(request: Request) -> Answer:
    """Sign in where a second factor is asked for, once the password was right."""
    body = request.body_as(CompletionIn)
    logged_in = second_step.complete_log_in(
        identity=request.services.identity,
        token=body.token,
        shown=shown(code=body.code, passkey=body.passkey),
        address=request.address,
        user_agent=request.user_agent,
        at=request.now,
        request_id=request.request_id,
    )
    return begun(request, logged_in)


@endpoint("DELETE", "/v1/sessions/current", permission=Permission.SELF, status=204, while_held=True)
def log_out(request: Request) -> Answer:
    """Sign out: the session ends at once."""
    sessions.log_out(sessions=request.services.sessions, session=request.own_session)
    return ended(request)


@endpoint("GET", "/v1/me", permission=Permission.SELF, answer=MeOut, while_held=True)
def get_me(request: Request) -> MeOut:
    """Return who is signed in, with their tenant and permissions."""
    tenant, member = request.store.profile_and_staff(staff_id=request.principal.actor_id)
    return MeOut.of(tenant, member, request.principal)


def begun(request: Request, logged_in: sessions.LoggedIn, *, portal: bool = False) -> Answer:
    """Return the answer that hands a new session out, and log whose it is: the request named nobody."""
    who = logged_in.session.principal
    facts = {"request_id": request.request_id, "operation": request.operation_id}
    logger().info("session began", extra={**facts, "tenant_id": who.tenant_id, "actor_id": who.actor_id})
    answer = SessionOut(
        token=logged_in.token,
        csrf_token=logged_in.csrf_token,
        expires_at=logged_in.session.expires_at,
        second_factor_required=logged_in.session.held,
    )
    return Answer(answer, headers={"Set-Cookie": _cookie(request, logged_in.token, portal=portal)})


def ended(request: Request, *, portal: bool = False) -> Answer:
    """Return the answer that takes a session's cookie back, and what the browser keeps of us."""
    cookie = _cookie(request, "", portal=portal)
    return Answer(None, headers={"Set-Cookie": f"{cookie}; Max-Age=0", "Clear-Site-Data": CLEARED})


def _cookie(request: Request, token: str, *, portal: bool) -> str:
    """Return a session cookie; it ends with the browser, and the server ends it before long."""
    secure = request.services.settings.cookie_secure
    flags = "Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
    return f"{cookie_name(secure=secure, portal=portal)}={token}; {flags}"
