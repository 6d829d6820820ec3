"""Signing in by a passkey: alone, or after the password."""

from __future__ import annotations

from pydantic import Field

from chalicelib.api.authentication import TOKEN_CHARS_MAX
from chalicelib.api.passkey_parts import ChallengeOut, CredentialOut, PasskeyIn
from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import Schema
from chalicelib.api.sessions import SessionOut, begun
from chalicelib.domain.emails import EMAIL_CHARS_MAX
from chalicelib.domain.staff import Permission
from chalicelib.domain.tenants import SUBDOMAIN_CHARS_MAX
from chalicelib.usecases import passkey_log_in, second_step


class WhoIn(Schema):
    """Who signs in, and where."""

    subdomain: str = Field(max_length=SUBDOMAIN_CHARS_MAX, examples=["lahore-net"])
    email: str = Field(max_length=EMAIL_CHARS_MAX, examples=["ayesha@lahore-net.example"])


class PasskeyLogInIn(WhoIn):
    """Who signs in, and the answer of their passkey."""

    passkey: PasskeyIn


class SecondStepIn(Schema):
    """The token of the first step."""

    token: str = Field(min_length=1, max_length=TOKEN_CHARS_MAX, repr=False, examples=["mfa_..."])


@endpoint(
    "POST",
    "/v1/passkey-challenges",
    permission=Permission.PUBLIC,
    body=WhoIn,
    answer=ChallengeOut,
    status=201,
)
def ask_passkey_log_in(request: Request) -> ChallengeOut:
    """Ask for a challenge to sign in with; it does not tell whether there is such an account or a passkey."""
    body, identity = request.body_as(WhoIn), request.services.identity
    challenge, offered = passkey_log_in.ask_log_in(
        identity=identity,
        subdomain=body.subdomain,
        email=body.email,
        address=request.address,
        at=request.now,
    )
    allowed = (CredentialOut(id=one) for one in offered)
    return ChallengeOut.of(challenge=challenge, party=identity.passkeys.party, allowed=allowed)


@endpoint(
    "POST",
    "/v1/passkey-sessions",
    permission=Permission.PUBLIC,
    body=PasskeyLogInIn,
    answer=SessionOut,
    status=201,
)
def log_in_with_passkey(request: Request) -> Answer:
    """Sign in by a passkey's answer, without the password: the device verified who it is."""
    body = request.body_as(PasskeyLogInIn)
    logged_in = passkey_log_in.log_in_with_passkey(
        identity=request.services.identity,
        subdomain=body.subdomain,
        email=body.email,
        sent=body.passkey.sent(),
        address=request.address,
        user_agent=request.user_agent,
        at=request.now,
        request_id=request.request_id,
    )
    return begun(request, logged_in)


@endpoint(
    "POST",
    "/v1/session-completion-challenges",
    permission=Permission.PUBLIC,
    body=SecondStepIn,
    answer=ChallengeOut,
    status=201,
)
def ask_second_step_passkey(request: Request) -> ChallengeOut:
    """Ask for a challenge for one's passkey, once the password was right."""
    identity = request.services.identity
    challenge, found = second_step.ask_passkey(
        identity=identity,
        token=request.body_as(SecondStepIn).token,
        address=request.address,
        at=request.now,
    )
    allowed = map(CredentialOut.of, found)
    return ChallengeOut.of(challenge=challenge, party=identity.passkeys.party, allowed=allowed)
