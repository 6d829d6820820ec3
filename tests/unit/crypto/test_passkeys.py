"""The check of passkeys' answers, without a database."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from chalicelib.crypto.passkeys import NOBODYS_KEY, WebauthnPasskeys
from chalicelib.domain.passkeys import RelyingParty, SentPasskey, WrongPasskey
from tests.fakes.authenticator import SoftwareAuthenticator, b64

ORIGIN = "https://console.example.com"
PASSKEYS = WebauthnPasskeys(party=RelyingParty("console.example.com", ORIGIN))


def answer(device: SoftwareAuthenticator) -> SentPasskey:
    sent = device.get({"rpId": "console.example.com", "challenge": b64(b"wch_1")})
    return SentPasskey(sent["id"], sent)


def test_the_key_that_is_nobodys_signs_nobody_in_though_anybody_can_sign_for_it() -> None:
    device = SoftwareAuthenticator(ORIGIN, key=ec.derive_private_key(1, ec.SECP256R1()))

    assert PASSKEYS.asserted(sent=answer(device), challenge="wch_1", public_key=NOBODYS_KEY) == 1
    with pytest.raises(WrongPasskey):
        PASSKEYS.asserted(sent=answer(device), challenge="wch_1", public_key=None)


def test_an_answer_says_which_challenge_it_is_to() -> None:
    assert PASSKEYS.challenge_of(sent=answer(SoftwareAuthenticator(ORIGIN))) == "wch_1"
    for broken in ("", "AA", "e30", "bnVsbA", "\u00e9"):
        with pytest.raises(WrongPasskey):
            PASSKEYS.challenge_of(sent=SentPasskey("id", {"response": {"clientDataJSON": broken}}))
