"""Answers of browsers for passkeys, checked by webauthn, which is imported by who first needs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from chalicelib.domain.passkeys import (
    ALGORITHMS,
    NewCredential,
    RelyingParty,
    SentPasskey,
    WrongPasskey,
    base64url,
)

if TYPE_CHECKING:
    from webauthn.registration.verify_registration_response import VerifiedRegistration

V = TypeVar("V")

# COSE of the base point of P-256, for checks that must take as long as those of a key that is there:
# whatever it signs is refused, and anybody could sign for it.
NOBODYS_KEY: Final = bytes.fromhex(
    "a5010203262001"
    "2158206b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "2258204fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)


class WebauthnPasskeys:
    """Passkeys of one relying party, whose devices verify their user."""

    def __init__(self, *, party: RelyingParty) -> None:
        self._party = party

    @property
    def party(self) -> RelyingParty:
        """Whom passkeys are for."""
        return self._party

    def challenge_of(self, *, sent: SentPasskey) -> str:
        """Return which challenge an answer is to, or raise WrongPasskey; nothing else of it is checked."""
        from webauthn.helpers import base64url_to_bytes, parse_client_data_json

        def read() -> str:
            data = parse_client_data_json(base64url_to_bytes(sent.sent["response"]["clientDataJSON"]))
            return data.challenge.decode("ascii")

        return _checked(read)

    def registered(self, *, sent: SentPasskey, challenge: str) -> NewCredential:
        """Return the credential that a device made for the challenge and us, or raise WrongPasskey."""
        from webauthn import verify_registration_response
        from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography
        from webauthn.helpers.cose import COSEAlgorithmIdentifier

        def verify() -> VerifiedRegistration:
            made = verify_registration_response(
                credential=dict(sent.sent),
                expected_challenge=challenge.encode(),
                expected_rp_id=self._party.rp_id,
                expected_origin=self._party.origin,
                require_user_verification=True,
                supported_pub_key_algs=list(map(COSEAlgorithmIdentifier, ALGORITHMS)),
            )
            # A key that cannot be read would be found out when its owner is locked out.
            decoded_public_key_to_cryptography(decode_credential_public_key(made.credential_public_key))
            return made

        verified = _checked(verify)
        # The browser names the credential once more, outside of what the device made.
        if base64url(raw=verified.credential_id) != sent.credential_id:
            raise WrongPasskey
        return NewCredential(sent.credential_id, verified.credential_public_key, verified.sign_count)

    def asserted(self, *, sent: SentPasskey, challenge: str, public_key: bytes | None) -> int:
        """Return the counter of an answer to the challenge that the key signed for us, or raise WrongPasskey.

        Without a key the same is done with one that is nobody's, and the answer is wrong whatever it is.
        """
        from webauthn import verify_authentication_response

        verified = _checked(
            lambda: verify_authentication_response(
                credential=dict(sent.sent),
                expected_challenge=challenge.encode(),
                expected_rp_id=self._party.rp_id,
                expected_origin=self._party.origin,
                credential_public_key=public_key or NOBODYS_KEY,
                # The library compares counters before it looks at the signature; whoever calls
                # this compares them afterwards, so that only the key itself raises the alarm.
                credential_current_sign_count=0,
                require_user_verification=True,
            )
        )
        if public_key is None:
            raise WrongPasskey
        return int(verified.new_sign_count)


def _checked(check: Callable[[], V]) -> V:
    """Return what a check of bytes from outside comes to; whatever it stumbles over, they are wrong."""
    try:
        return check()
    except Exception as error:
        raise WrongPasskey from error
