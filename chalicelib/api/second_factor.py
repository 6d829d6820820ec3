"""One's own second factor: the authenticator, and the recovery codes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from chalicelib.api.passkey_parts import PasskeyIn
from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import Schema
from chalicelib.domain.passwords import PASSWORD_CHARS_MAX
from chalicelib.domain.second_factor import CODE_CHARS_MAX, SecondFactor
from chalicelib.domain.staff import Permission
from chalicelib.usecases import second_factor
from chalicelib.usecases.factor_changes import Again
from chalicelib.usecases.factors import Shown

Password = Annotated[str, Field(max_length=PASSWORD_CHARS_MAX, repr=False, examples=["three random words"])]
Code = Annotated[
    str,
    Field(
        min_length=1,
        max_length=CODE_CHARS_MAX,
        description="six digits of the authenticator, or a recovery code",
        examples=["492039"],
    ),
]


class SecondFactorOut(Schema):
    """What signing in asks for besides the password, since when, and how many recovery codes are left."""

    on: bool
    authenticator: bool
    passkeys: int
    created_at: datetime | None
    recovery_codes_left: int

    @classmethod
    def of(cls, factor: SecondFactor | None) -> SecondFactorOut:
        """Render a second factor, or that there is none."""
        if factor is None or not factor.on:
            return cls(on=False, authenticator=False, passkeys=0, created_at=None, recovery_codes_left=0)
        return cls(
            on=True,
            authenticator=factor.confirmed,
            passkeys=len(factor.passkeys),
            created_at=factor.created_at,
            recovery_codes_left=len(factor.recovery),
        )


class ShownAgainIn(Schema):
    """One's password, and where one has a second factor that too: a code, or the answer of a passkey.

    `POST /v1/me/passkey-challenges` gives the challenge that a passkey answers.
    """

    password: Password
    code: Code | None = Field(default=None, repr=False)
    passkey: PasskeyIn | None = None

    def again(self, *, address: str) -> Again:
        """Return the use case's value."""
        return Again(self.password, shown(code=self.code, passkey=self.passkey), address)


def shown(*, code: str | None, passkey: PasskeyIn | None) -> Shown:
    """Return the use case's value."""
    return Shown(code, passkey.sent() if passkey else None)


class EnrolmentOut(Schema):
    """The secret of a new second factor, shown this once; in force when a code of it came back."""

    secret: str = Field(description="Base32, to be typed where no picture can be taken.")
    otpauth_uri: str = Field(description="What a QR code for the authenticator holds.")


class CodeIn(Schema):
    """A code of the new authenticator."""

    code: Code = Field(repr=False)


class RecoveryCodesOut(Schema):
    """Codes for when the device is lost, shown this once; each is good for one use.

    There are none where a second factor was there before: those of then are still good.
    """

    recovery_codes: list[str]


@endpoint("GET", "/v1/me/second-factor", permission=Permission.SELF, answer=SecondFactorOut, while_held=True)
def get_second_factor(request: Request) -> SecondFactorOut:
    """Show what signing in asks for besides the password."""
    found = request.store.second_factors.find(staff_id=request.principal.actor_id)
    return SecondFactorOut.of(found)


@endpoint(
    "POST",
    "/v1/me/second-factor",
    permission=Permission.SELF,
    body=ShownAgainIn,
    answer=EnrolmentOut,
    status=201,
    while_held=True,
)
def begin_second_factor(request: Request) -> EnrolmentOut:
    """Make a secret for an authenticator; nothing changes until a code of it confirms it."""
    begun = second_factor.begin_enrolment(
        identity=request.services.identity,
        store=request.store,
        session=request.own_session,
        again=request.body_as(ShownAgainIn).again(address=request.address),
        at=request.now,
        note=request.note("second_factor.begun", request.principal.actor_id),
    )
    return EnrolmentOut(secret=begun.secret, otpauth_uri=begun.uri)


@endpoint(
    "POST",
    "/v1/me/second-factor/confirmation",
    permission=Permission.SELF,
    body=CodeIn,
    answer=RecoveryCodesOut,
    while_held=True,
)
def confirm_second_factor(request: Request) -> RecoveryCodesOut:
    """Put the authenticator on by a code of it; all other sessions end, and a mail says so."""
    codes = second_factor.confirm_enrolment(
        identity=request.services.identity,
        store=request.store,
        session=request.own_session,
        code=request.body_as(CodeIn).code,
        at=request.now,
        note=request.note("second_factor.on", request.principal.actor_id),
    )
    return RecoveryCodesOut(recovery_codes=list(codes))


@endpoint(
    "POST",
    "/v1/me/second-factor/recovery-codes",
    permission=Permission.SELF,
    body=ShownAgainIn,
    answer=RecoveryCodesOut,
)
def renew_recovery_codes(request: Request) -> RecoveryCodesOut:
    """Make new recovery codes; the ones before are worthless."""
    codes = second_factor.renew_recovery_codes(
        identity=request.services.identity,
        store=request.store,
        session=request.own_session,
        again=request.body_as(ShownAgainIn).again(address=request.address),
        at=request.now,
        note=request.note("recovery_codes.renewed", request.principal.actor_id),
    )
    return RecoveryCodesOut(recovery_codes=list(codes))


@endpoint("POST", "/v1/me/second-factor/removal", permission=Permission.SELF, body=ShownAgainIn, status=204)
def take_off_second_factor(request: Request) -> Answer:
    """Take the authenticator off; all other sessions end, and a mail says so."""
    second_factor.take_off(
        identity=request.services.identity,
        store=request.store,
        session=request.own_session,
        again=request.body_as(ShownAgainIn).again(address=request.address),
        at=request.now,
        note=request.note("second_factor.off", request.principal.actor_id),
    )
    return Answer(None)
