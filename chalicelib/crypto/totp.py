"""Codes of authenticators (RFC 6238) and recovery codes; pyotp is imported by who first needs it."""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import datetime
from typing import Final

from chalicelib.domain.second_factor import CODE_DIGITS, CODE_SECONDS, CODE_SKEW_STEPS

# RFC 4226, 4: the secret is as long as the output of HMAC-SHA-1.
SECRET_BYTES: Final = 20
# More than 112 bits, so that a digest without salt is enough (OWASP ASVS 5.0, 6.5.2).
RECOVERY_BYTES: Final = 15
RECOVERY_GROUP_CHARS: Final = 6


class TotpAuthenticator:
    """SHA-1, six digits, thirty seconds: what every authenticator knows."""

    def new_secret(self) -> str:
        """Return a new secret in Base32."""
        return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()

    def uri(self, *, secret: str, account: str, issuer: str) -> str:
        """Return the ``otpauth`` address that an authenticator reads, as text or as a QR code."""
        from pyotp import TOTP

        totp = TOTP(secret, digits=CODE_DIGITS, interval=CODE_SECONDS)
        return totp.provisioning_uri(name=account, issuer_name=issuer)

    def step_of(self, *, secret: str, code: str, at: datetime) -> int | None:
        """Return the time step that the code is of, the present one or a neighbour; or None.

        Every step is compared, whichever fits, so that time tells nothing.
        """
        from pyotp import TOTP

        totp = TOTP(secret, digits=CODE_DIGITS, interval=CODE_SECONDS)
        now, found = int(at.timestamp()) // CODE_SECONDS, None
        for step in range(now - CODE_SKEW_STEPS, now + CODE_SKEW_STEPS + 1):
            if hmac.compare_digest(totp.generate_otp(step), code):
                found = step
        return found

    def new_recovery_code(self) -> str:
        """Return a recovery code of 120 random bits, in groups that people can read."""
        text = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
        groups = range(0, len(text), RECOVERY_GROUP_CHARS)
        return "-".join(text[start : start + RECOVERY_GROUP_CHARS] for start in groups)
