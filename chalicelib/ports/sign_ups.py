"""Sign-ups that nobody confirmed yet, as the stores keep them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PendingSignUp:
    """A sign-up that waits to be confirmed: what finds all of it, and nothing of who it was.

    ``digest`` finds the owner by their address, and does not tell it.
    """

    tenant_id: str
    subdomain: str
    owner_id: str
    digest: str
    created_at: datetime


class SignUps(Protocol):
    """The platform's list of sign-ups that nobody confirmed yet."""

    def before(self, *, created_before: datetime) -> Iterator[PendingSignUp]:
        """Yield those that are older than an instant, the oldest first."""

    def let_go(self, *, sign_up: PendingSignUp) -> bool:
        """Give its subdomain back where it still has it; return False where it was confirmed after all."""

    def delete_all(self, *, sign_up: PendingSignUp) -> None:
        """Delete every item of a tenant that did not come to be; raises Busy where it was confirmed."""

    def forget(self, *, sign_up: PendingSignUp) -> None:
        """Take it off the list; absent is fine."""
