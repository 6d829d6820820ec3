"""Passkeys as browsers have them: the JSON of WebAuthn Level 3 (sections 5.1 and 5.4), in its own names.

What is asked is what ``PublicKeyCredential.parseCreationOptionsFromJSON`` and
``parseRequestOptionsFromJSON`` take, and what is answered is what ``toJSON`` of a credential gives.
Bytes are Base64url without padding.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from chalicelib.api.schemas import Schema
from chalicelib.domain.passkeys import ALGORITHMS, Passkey, RelyingParty, SentPasskey, base64url
from chalicelib.domain.staff import StaffMember
from chalicelib.usecases.challenges import CHALLENGE_LIFE, Challenge

# A credential's identifier has at most 1,023 bytes (WebAuthn Level 3, 4).
ID_CHARS_MAX: Final = 1_364
CLIENT_DATA_CHARS_MAX: Final = 4_000
# With the certificates of a security key that says whose make it is.
ATTESTATION_CHARS_MAX: Final = 30_000
TRANSPORTS_MAX: Final = 10
TRANSPORT_CHARS_MAX: Final = 20
_TIMEOUT_MS: Final = CHALLENGE_LIFE.seconds * 1000

Type = Annotated[Literal["public-key"], Field(examples=["public-key"])]
Id = Annotated[
    str, Field(min_length=1, max_length=ID_CHARS_MAX, pattern=r"^[A-Za-z0-9_-]+$", examples=["aGFuZGxl"])
]
ClientData = Annotated[str, Field(max_length=CLIENT_DATA_CHARS_MAX, examples=["e30"])]
Bytes = Annotated[str, Field(max_length=ATTESTATION_CHARS_MAX, examples=["AAAA"])]
Attachment = Annotated[str, Field(max_length=TRANSPORT_CHARS_MAX, examples=["platform"])]
Transports = Annotated[
    list[Annotated[str, Field(max_length=TRANSPORT_CHARS_MAX, pattern=r"^[a-z-]+$", examples=["internal"])]],
    Field(max_length=TRANSPORTS_MAX),
]
Extensions = Annotated[dict[str, Any], Field(description="not looked at", examples=[{}])]


class AttestedIn(Schema):
    """What a device made; the last three say once more what the second says, and are not looked at."""

    clientDataJSON: ClientData
    attestationObject: Bytes
    transports: Transports = Field(default_factory=list)
    authenticatorData: Bytes | None = None
    publicKey: Bytes | None = None
    publicKeyAlgorithm: int | None = None


class NewPasskeyIn(Schema):
    """A passkey that a device made (RegistrationResponseJSON)."""

    id: Id
    rawId: Id
    type: Type
    response: AttestedIn
    authenticatorAttachment: Attachment | None = None
    clientExtensionResults: Extensions = Field(default_factory=dict)

    def sent(self) -> SentPasskey:
        """Return the domain's value."""
        return SentPasskey(self.id, self.model_dump(), transports=tuple(self.response.transports))


class AssertedIn(Schema):
    """What a device answered."""

    clientDataJSON: ClientData
    authenticatorData: Bytes
    signature: Bytes
    userHandle: Id | None = None
    attestationObject: Bytes | None = None


class PasskeyIn(Schema):
    """A passkey's answer to a challenge (AuthenticationResponseJSON)."""

    id: Id
    rawId: Id
    type: Type
    response: AssertedIn
    authenticatorAttachment: Attachment | None = None
    clientExtensionResults: Extensions = Field(default_factory=dict)

    def sent(self) -> SentPasskey:
        """Return the domain's value."""
        return SentPasskey(self.id, self.model_dump(), user_handle=self.response.userHandle)


class CredentialOut(Schema):
    """A credential that may answer, or that a device has already."""

    id: str
    type: Literal["public-key"] = "public-key"
    transports: list[str] = Field(default_factory=list)

    @classmethod
    def of(cls, passkey: Passkey) -> CredentialOut:
        """Render a passkey."""
        return cls(id=passkey.credential_id, transports=list(passkey.transports))


class PartyOut(Schema):
    """Whom passkeys are for."""

    id: str
    name: str


class UserOut(Schema):
    """Whose passkey it will be; ``id`` is opaque."""

    id: str
    name: str
    displayName: str


class AlgorithmOut(Schema):
    """An algorithm that we check."""

    type: Literal["public-key"] = "public-key"
    alg: int


class SelectionOut(Schema):
    """What a device has to do."""

    residentKey: Literal["preferred"] = "preferred"
    requireResidentKey: Literal[False] = False
    userVerification: Literal["required"] = "required"


class CreationOptionsOut(Schema):
    """What ``navigator.credentials.create`` is asked for (PublicKeyCredentialCreationOptionsJSON)."""

    rp: PartyOut
    user: UserOut
    challenge: str
    pubKeyCredParams: list[AlgorithmOut]
    timeout: int
    excludeCredentials: list[CredentialOut]
    authenticatorSelection: SelectionOut
    attestation: Literal["none"] = "none"

    @classmethod
    def of(
        cls,
        *,
        challenge: Challenge,
        party: RelyingParty,
        company: str,
        member: StaffMember,
        handle: str,
        passkeys: Iterable[Passkey],
    ) -> CreationOptionsOut:
        """Render what makes a passkey of a person's."""
        return cls(
            rp=PartyOut(id=party.rp_id, name=company),
            user=UserOut(id=handle, name=member.email, displayName=member.name),
            challenge=base64url(raw=challenge.text.encode()),
            pubKeyCredParams=[AlgorithmOut(alg=alg) for alg in ALGORITHMS],
            timeout=_TIMEOUT_MS,
            excludeCredentials=[CredentialOut.of(one) for one in passkeys],
            authenticatorSelection=SelectionOut(),
        )


class RequestOptionsOut(Schema):
    """What ``navigator.credentials.get`` is asked for (PublicKeyCredentialRequestOptionsJSON)."""

    rpId: str
    challenge: str
    allowCredentials: list[CredentialOut]
    timeout: int
    userVerification: Literal["required"] = "required"


class ChallengeOut(Schema):
    """A challenge for a passkey, good once and for five minutes."""

    options: RequestOptionsOut
    expires_at: datetime

    @classmethod
    def of(
        cls, *, challenge: Challenge, party: RelyingParty, allowed: Iterable[CredentialOut]
    ) -> ChallengeOut:
        """Render a challenge, and which credentials may answer it."""
        options = RequestOptionsOut(
            rpId=party.rp_id,
            challenge=base64url(raw=challenge.text.encode()),
            allowCredentials=list(allowed),
            timeout=_TIMEOUT_MS,
        )
        return cls(options=options, expires_at=challenge.expires_at)
