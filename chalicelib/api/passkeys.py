"""One's own passkeys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from chalicelib.api.passkey_parts import ChallengeOut, CreationOptionsOut, CredentialOut, NewPasskeyIn
from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import Line, Schema
from chalicelib.api.second_factor import ShownAgainIn
from chalicelib.domain.passkeys import PASSKEY_NAME_CHARS_MAX, Passkey
from chalicelib.domain.staff import Permission
from chalicelib.usecases import passkeys

PasskeyName = Annotated[
    Line, Field(min_length=1, max_length=PASSKEY_NAME_CHARS_MAX, examples=["Phone with the blue case"])
]


class PasskeyOut(Schema):
    """A passkey, by the name that its owner gave it."""

    passkey_id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None

    @classmethod
    def of(cls, passkey: Passkey) -> PasskeyOut:
        """Render a passkey."""
        return cls(
            passkey_id=passkey.passkey_id,
            name=passkey.name,
            created_at=passkey.created_at,
            last_used_at=passkey.used_at,
        )


class PasskeyList(Schema):
    """One's own passkeys, oldest first."""

    items: list[PasskeyOut]


class CreationOut(Schema):
    """What a device is asked to make a passkey of, good once and for five minutes, in this session."""

    options: CreationOptionsOut
    expires_at: datetime


class RegistrationIn(Schema):
    """A passkey that a device made, and what it is called."""

    name: PasskeyName
    passkey: NewPasskeyIn


class RegisteredOut(Schema):
    """The passkey, and recovery codes for when the device is lost, shown this once.

    There are none where a second factor was there before: those of then are still good.
    """

    passkey: PasskeyOut
    recovery_codes: list[str]


class PasskeyNameIn(Schema):
    """What a passkey is called."""

    name: PasskeyName


@endpoint("GET", "/v1/me/passkeys", permission=Permission.SELF, answer=PasskeyList, while_held=True)
def list_passkeys(request: Request) -> PasskeyList:
    """List one's own passkeys."""
    found = request.store.second_factors.find(staff_id=request.principal.actor_id)
    return PasskeyList(items=[PasskeyOut.of(one) for one in (found.passkeys if found else ())])


@endpoint(
    "POST",
    "/v1/me/passkey-options",
    permission=Permission.SELF,
    body=ShownAgainIn,
    answer=CreationOut,
    status=201,
    while_held=True,
)
def begin_passkey(request: Request) -> CreationOut:
    """Ask for what a device makes a passkey of; nothing changes until it comes back."""
    identity = request.services.identity
    again = request.body_as(ShownAgainIn).again(address=request.address)
    begun = passkeys.begin_registration(
        identity=identity, store=request.store, session=request.own_session, again=again, at=request.now
    )
    options = CreationOptionsOut.of(
        challenge=begun.challenge,
        party=identity.passkeys.party,
        company=begun.company,
        member=begun.member,
        handle=begun.handle,
        passkeys=begun.passkeys,
    )
    return CreationOut(options=options, expires_at=begun.challenge.expires_at)


@endpoint(
    "POST",
    "/v1/me/passkeys",
    permission=Permission.SELF,
    body=RegistrationIn,
    answer=RegisteredOut,
    status=201,
    while_held=True,
)
def add_passkey(request: Request) -> RegisteredOut:
    """Add a passkey that a device made; all other sessions end, and a mail says so."""
    body = request.body_as(RegistrationIn)
    passkey, codes = passkeys.finish_registration(
        identity=request.services.identity,
        store=request.store,
        session=request.own_session,
        name=body.name,
        sent=body.passkey.sent(),
        at=request.now,
        note=request.note("passkey.added", request.principal.actor_id),
    )
    return RegisteredOut(passkey=PasskeyOut.of(passkey), recovery_codes=list(codes))


@endpoint("POST", "/v1/me/passkey-challenges", permission=Permission.SELF, answer=ChallengeOut, status=201)
def ask_own_passkey(request: Request) -> ChallengeOut:
    """Ask for a challenge by which one shows a passkey once more, to change one's second factors."""
    identity = request.services.identity
    challenge, found = passkeys.ask_again(
        identity=identity, store=request.store, session=request.own_session, at=request.now
    )
    allowed = map(CredentialOut.of, found)
    return ChallengeOut.of(challenge=challenge, party=identity.passkeys.party, allowed=allowed)


@endpoint(
    "PATCH",
    "/v1/me/passkeys/{passkey_id}",
    permission=Permission.SELF,
    body=PasskeyNameIn,
    answer=PasskeyOut,
)
def rename_passkey(request: Request) -> PasskeyOut:
    """Give one's passkey another name."""
    passkey_id = request.path["passkey_id"]
    renamed = passkeys.rename_passkey(
        store=request.store,
        staff_id=request.principal.actor_id,
        passkey_id=passkey_id,
        name=request.body_as(PasskeyNameIn).name,
        note=request.note("passkey.renamed", request.principal.actor_id, passkey_id=passkey_id),
    )
    return PasskeyOut.of(renamed)


@endpoint(
    "POST",
    "/v1/me/passkeys/{passkey_id}/removal",
    permission=Permission.SELF,
    body=ShownAgainIn,
    status=204,
)
def remove_passkey(request: Request) -> Answer:
    """Take one's passkey off; all other sessions end, and a mail says so."""
    passkey_id = request.path["passkey_id"]
    passkeys.remove_passkey(
        identity=request.services.identity,
        store=request.store,
        session=request.own_session,
        passkey_id=passkey_id,
        again=request.body_as(ShownAgainIn).again(address=request.address),
        at=request.now,
        note=request.note("passkey.removed", request.principal.actor_id, passkey_id=passkey_id),
    )
    return Answer(None)
