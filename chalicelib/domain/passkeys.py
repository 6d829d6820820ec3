"""Passkeys: credentials of a person's devices (WebAuthn Level 3), as we keep and name them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.staff import check_staff_name

PASSKEYS_MAX: Final = 10
PASSKEY_NAME_CHARS_MAX: Final = 60
# Algorithms of COSE (RFC 9053) in the order that we like them: what phones, security keys and Windows
# Hello make.
EDDSA: Final = -8
ES256: Final = -7
RS256: Final = -257
ALGORITHMS: Final = (EDDSA, ES256, RS256)
# Those of phones, laptops, password managers and security keys.
_DECOY_ID_BYTES: Final = (16, 20, 32, 64)
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})


class WrongPasskey(InvalidValue):
    """The passkey is none of this person's, or its answer is not right: all answer alike."""

    code = "wrong_passkey"

    def __init__(self) -> None:
        super().__init__("this passkey, or its answer, is not accepted", param="passkey")


class CounterWentBack(WrongPasskey):
    """The answer is right, but the device counts less than before: somebody may have copied the passkey."""


class TooManyPasskeys(Conflict):
    """The person has as many passkeys as they may have."""

    code = "too_many_passkeys"


class PasskeyThere(Conflict):
    """The person has this passkey already."""

    code = "passkey_there"


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Whom passkeys are for: the host name that they are bound to, and the origin that may use them."""

    rp_id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey of a person; ``credential_id`` is Base64url, ``public_key`` is COSE.

    ``sign_count`` is what its device counted at the last use; many never count, and say 0.
    """

    passkey_id: str
    name: str
    credential_id: str
    public_key: bytes = field(repr=False)
    sign_count: int
    created_at: datetime
    transports: tuple[str, ...] = ()
    used_at: datetime | None = None

    def used(self, *, sign_count: int, at: datetime) -> Passkey:
        """Return it after a use, or raise CounterWentBack (WebAuthn Level 3, 7.2, step 22)."""
        if (sign_count or self.sign_count) and sign_count <= self.sign_count:
            raise CounterWentBack
        return replace(self, sign_count=sign_count, used_at=at)


@dataclass(frozen=True, slots=True)
class SentPasskey:
    """What a browser answered, in its own JSON (WebAuthn Level 3, 5.1); nothing of it is checked yet."""

    credential_id: str
    sent: Mapping[str, Any] = field(repr=False)
    user_handle: str | None = None
    transports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewCredential:
    """What a device made: the identifier in Base64url, the public key in COSE, and its counter."""

    credential_id: str
    public_key: bytes = field(repr=False)
    sign_count: int


def relying_party(*, base_url: str) -> RelyingParty:
    """Return whom passkeys are for, where the console has this address.

    Browsers make no passkeys for an IP address: on one machine the page is opened as localhost.
    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    name = "localhost" if host in _LOOPBACK else host
    port = f":{parts.port}" if parts.port and parts.port != _DEFAULT_PORTS.get(parts.scheme) else ""
    return RelyingParty(rp_id=name, origin=f"{parts.scheme}://{name}{port}")


def check_passkey_name(*, name: str) -> str:
    """Return the name as it is stored, or raise InvalidValue."""
    cleaned = check_staff_name(name=name)
    if len(cleaned) > PASSKEY_NAME_CHARS_MAX:
        raise InvalidValue(f"a passkey's name has at most {PASSKEY_NAME_CHARS_MAX} characters", param="name")
    return cleaned


def base64url(*, raw: bytes) -> str:
    """Return Base64url without padding, as WebAuthn's JSON has it."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def offered_ids(*, passkeys: Sequence[Passkey], seed: str) -> tuple[str, ...]:
    """Return as many credential identifiers for everybody, the person's own among decoys of the seed.

    The seed is keyed, so who lacks the key cannot tell which are decoys, or whether all of them are.
    """
    own = [one.credential_id for one in passkeys]
    return tuple(sorted(own + [_decoy(seed, place) for place in range(len(own), PASSKEYS_MAX)]))


def _decoy(seed: str, place: int) -> str:
    parts = (sha256(f"{seed}|{place}|{part}".encode()).digest() for part in range(3))
    first, *rest = b"".join(parts)
    return base64url(raw=bytes(rest[: _DECOY_ID_BYTES[first % len(_DECOY_ID_BYTES)]]))
