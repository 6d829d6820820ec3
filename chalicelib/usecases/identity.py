"""What signing up and signing in work with."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from chalicelib.ports.identity import (
    Attempts,
    Authenticator,
    OneTimeTokens,
    PasskeyVerifier,
    Registry,
    Sessions,
    Tokens,
)
from chalicelib.ports.services import Ids, Mail, Mailer, MailNotSent, Passwords
from chalicelib.ports.store import Stores


@dataclass(frozen=True, slots=True)
class Identity:
    """The ports, wired together once; ``pages_url`` is where the public pages are, for mails."""

    registry: Registry
    stores: Stores
    sessions: Sessions
    one_time_tokens: OneTimeTokens
    attempts: Attempts
    tokens: Tokens
    passwords: Passwords
    authenticator: Authenticator
    passkeys: PasskeyVerifier
    ids: Ids
    mailer: Mailer
    pages_url: str


def tell(*, identity: Identity, mail: Mail) -> bool:
    """Send a mail that nothing hangs on; return whether it was taken."""
    with suppress(MailNotSent):
        identity.mailer.send(mail=mail)
        return True
    return False
