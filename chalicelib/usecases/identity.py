"""What signing up and signing in work with."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.ports.identity import Attempts, OneTimeTokens, Registry, Sessions, Tokens
from chalicelib.ports.services import Ids, Mailer, Passwords
from chalicelib.ports.store import Stores


@dataclass(frozen=True, slots=True)
class Identity:
    """The ports, wired together once; ``public_base_url`` is the console's address, for mails."""

    registry: Registry
    stores: Stores
    sessions: Sessions
    one_time_tokens: OneTimeTokens
    attempts: Attempts
    tokens: Tokens
    passwords: Passwords
    ids: Ids
    mailer: Mailer
    public_base_url: str
