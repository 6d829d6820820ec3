"""An authenticator in software: it makes passkeys and signs, as a phone and its browser would.

What it gives are the bytes of WebAuthn Level 3 (6.1, 6.5), in the JSON of ``toJSON``; ES256 and no
attestation. Everything about an answer can be made wrong.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
Json = dict[str, Any]


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class SoftwareAuthenticator:
    """One passkey of one device; ``step`` is what its counter goes on by, 0 for those that never count."""

    origin: str
    step: int = 1
    flags: int = PRESENT | VERIFIED
    rp_id: str | None = None
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    handle: str = ""
    counter: int = 0

    def but(self, **changes: Any) -> SoftwareAuthenticator:
        """The same passkey on a device that is otherwise, with a counter of its own."""
        return replace(self, **changes)

    def create(self, options: Json, **changes: str) -> Json:
        """Answer ``navigator.credentials.create``; ``changes`` are of what the browser says."""
        self.handle = options["user"]["id"]
        attested = bytes(16) + len(self.credential_id).to_bytes(2) + self.credential_id + self._cose()
        data = self._data(options["rp"]["id"], self.flags | ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {
            "clientDataJSON": self._client("webauthn.create", options["challenge"], changes),
            "attestationObject": b64(attestation),
            "authenticatorData": b64(data),
            "publicKeyAlgorithm": -7,
            "transports": ["internal", "hybrid"],
        }
        return self._named(response)

    def get(self, options: Json, **changes: str) -> Json:
        """Answer ``navigator.credentials.get``."""
        data = self._data(options["rpId"], self.flags)
        client = self._client("webauthn.get", options["challenge"], changes)
        signature = self.key.sign(data + sha256(unb64(client)).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": client,
            "authenticatorData": b64(data),
            "signature": b64(signature),
            "userHandle": self.handle or None,
        }
        return self._named(response)

    def _named(self, response: Json) -> Json:
        name = b64(self.credential_id)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }

    def _data(self, rp_id: str, flags: int) -> bytes:
        self.counter += self.step
        party = sha256((self.rp_id or rp_id).encode()).digest()
        return party + bytes([flags]) + self.counter.to_bytes(4)

    def _client(self, kind: str, challenge: str, changes: dict[str, str]) -> str:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return b64(json.dumps(said | changes).encode())

    def _cose(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})
