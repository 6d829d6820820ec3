"""Challenges that passkeys answer: good once, for five minutes, for whom and what they were given out.

A challenge is a one-time token of ours, so it is stored as a digest and found by what the answer
says that it answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.domain.passkeys import SentPasskey, WrongPasskey
from chalicelib.ports.store import TenantStore, Write
from chalicelib.usecases.identity import Identity

CHALLENGE_LIFE: Final = timedelta(minutes=5)


class Purpose(StrEnum):
    """What an answer to a challenge is for; for one, it is worthless for the others."""

    REGISTRATION = "passkey-registration"
    SHOWN_AGAIN = "passkey-shown-again"
    SECOND_STEP = "passkey-second-step"
    LOG_IN = "passkey-log-in"


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge given out; ``text`` is what the device signs."""

    text: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """For whom a challenge is, what for, and what it is bound to: a session, or an attempt to sign in."""

    purpose: Purpose
    staff_id: str
    bound_to: str = ""

    def subject(self, *, tenant_id: str) -> dict[str, str]:
        """Return what is stored with the challenge."""
        return {"tenant_id": tenant_id, "staff_id": self.staff_id, "bound_to": self.bound_to}


def give_challenge(*, identity: Identity, store: TenantStore, asked: Asked, at: datetime) -> Challenge:
    """Give a challenge out: one round trip."""
    given = Challenge(identity.tokens.new(prefix="wch"), at + CHALLENGE_LIFE)
    store.commit(
        identity.one_time_tokens.issue(
            token_hash=identity.tokens.hash(token=given.text),
            purpose=asked.purpose,
            subject=asked.subject(tenant_id=store.tenant_id),
            expires_at=given.expires_at,
        )
    )
    return given


def answered_challenge(
    *, identity: Identity, store: TenantStore, asked: Asked, sent: SentPasskey, at: datetime
) -> tuple[str, Write]:
    """Return the challenge that was answered, and describe using it up; or raise WrongPasskey.

    Whether the answer is right is still to be checked.
    """
    text = identity.passkeys.challenge_of(sent=sent)
    token_hash = identity.tokens.hash(token=text)
    found = identity.one_time_tokens.find(token_hash=token_hash, purpose=asked.purpose, at=at)
    if found != asked.subject(tenant_id=store.tenant_id):
        raise WrongPasskey
    return text, identity.one_time_tokens.spend(token_hash=token_hash, purpose=asked.purpose)
