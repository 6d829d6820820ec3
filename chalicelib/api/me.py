"""One's own password and sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import Schema
from chalicelib.api.sessions import SessionOut, begun
from chalicelib.api.signups import TOKEN_CHARS_MAX, AcceptedOut
from chalicelib.domain.emails import EMAIL_CHARS_MAX
from chalicelib.domain.passwords import PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN
from chalicelib.domain.staff import Permission
from chalicelib.domain.tenants import SUBDOMAIN_CHARS_MAX
from chalicelib.usecases import own_sessions, passwords
from chalicelib.usecases.asked_mails import ask_mail

NewPassword = Annotated[
    str,
    Field(
        min_length=PASSWORD_CHARS_MIN,
        max_length=PASSWORD_CHARS_MAX,
        examples=["four random words now"],
        repr=False,
    ),
]


class OwnSessionOut(Schema):
    """A session of one's own: on what kind of device, in which network, and when it was used last."""

    session_id: str
    current: bool
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime
    device: str
    network: str

    @classmethod
    def of(cls, own: own_sessions.OwnSession, current: str) -> OwnSessionOut:
        """Render a session."""
        one = own.listed
        return cls(
            session_id=one.session_id,
            current=one.session_id == current,
            created_at=one.created_at,
            expires_at=one.expires_at,
            last_used_at=own.used_at,
            device=one.device.family,
            network=one.device.network,
        )


class OwnSessionList(Schema):
    """One's own sessions, newest first."""

    items: list[OwnSessionOut]


class PasswordIn(Schema):
    """The password as it is, and as it is to be."""

    current: str = Field(max_length=PASSWORD_CHARS_MAX, repr=False, examples=["three random words"])
    password: NewPassword


class ResetIn(Schema):
    """Whose password is forgotten."""

    subdomain: str = Field(max_length=SUBDOMAIN_CHARS_MAX, examples=["lahore-net"])
    email: str = Field(max_length=EMAIL_CHARS_MAX, examples=["ayesha@lahore-net.example"])


class ResetCompletionIn(Schema):
    """The code from the mail, and the new password."""

    token: str = Field(min_length=1, max_length=TOKEN_CHARS_MAX)
    password: NewPassword


@endpoint("GET", "/v1/me/sessions", permission=Permission.SELF, answer=OwnSessionList)
def list_own_sessions(request: Request) -> OwnSessionList:
    """List one's own sessions."""
    current = request.own_session.session_id
    found = own_sessions.own_sessions(
        sessions=request.services.sessions, session=request.own_session, at=request.now
    )
    return OwnSessionList(items=[OwnSessionOut.of(one, current) for one in found])


@endpoint("DELETE", "/v1/me/sessions", permission=Permission.SELF, status=204)
def end_other_sessions(request: Request) -> Answer:
    """End all of one's own sessions but this one, at once."""
    own_sessions.end_other_sessions(
        sessions=request.services.sessions,
        store=request.store,
        session=request.own_session,
        note=request.note("sessions.ended", request.principal.actor_id),
    )
    return Answer(None)


@endpoint("DELETE", "/v1/me/sessions/{session_id}", permission=Permission.SELF, status=204)
def end_own_session(request: Request) -> Answer:
    """End one of one's own sessions at once."""
    own_sessions.end_own_session(
        sessions=request.services.sessions,
        store=request.store,
        session=request.own_session,
        session_id=request.path["session_id"],
        note=request.note("session.ended", request.principal.actor_id),
    )
    return Answer(None)


@endpoint(
    "POST", "/v1/me/password", permission=Permission.SELF, body=PasswordIn, answer=SessionOut, status=201
)
def change_password(request: Request) -> Answer:
    """Change one's own password: a new session takes the place of all others, and a mail says so."""
    body = request.body_as(PasswordIn)
    logged_in = passwords.change_password(
        identity=request.services.identity,
        store=request.store,
        principal=request.principal,
        current=body.current,
        password=body.password,
        at=request.now,
        note=request.note("password.changed", request.principal.actor_id),
        device=request.device,
    )
    return begun(request, logged_in)


@endpoint(
    "POST",
    "/v1/password-resets",
    permission=Permission.PUBLIC,
    body=ResetIn,
    answer=AcceptedOut,
    status=202,
)
def ask_password_reset(request: Request) -> AcceptedOut:
    """Mail a code for a new password, if there is such an account; the answer does not tell."""
    body = request.body_as(ResetIn)
    ask_mail(
        identity=request.services.identity,
        queue=request.services.mail_queue,
        kind=passwords.RESET_MAIL,
        subdomain=body.subdomain,
        email=body.email,
        address=request.address,
        at=request.now,
        request_id=request.request_id,
    )
    return AcceptedOut()


@endpoint(
    "POST",
    "/v1/password-reset-completions",
    permission=Permission.PUBLIC,
    body=ResetCompletionIn,
    status=204,
)
def complete_password_reset(request: Request) -> Answer:
    """Set a new password by the code that was mailed. All sessions end; it signs nobody in."""
    body = request.body_as(ResetCompletionIn)
    passwords.complete_reset(
        identity=request.services.identity,
        token=body.token,
        password=body.password,
        address=request.address,
        at=request.now,
        request_id=request.request_id,
    )
    return Answer(None)
