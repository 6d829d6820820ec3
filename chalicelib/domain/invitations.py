"""Invitations to work for a tenant: by mail, for one use, for a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.errors import Conflict
from chalicelib.domain.staff import Scope

INVITATION_LIFE: Final = timedelta(hours=72)
INVITATIONS_MAX: Final = 100


class AlreadyInvited(Conflict):
    """There is an invitation to this address: send it again, or withdraw it."""

    code = "already_invited"


class TooManyInvitations(Conflict):
    """As many invitations are open as may be."""

    code = "too_many_invitations"


@dataclass(frozen=True, slots=True)
class Invitation:
    """Who is invited, to which role, and by whom.

    ``token_hash`` is that of the code that was mailed last: sending again makes the ones before
    it worthless. An expired invitation stays until it is withdrawn or sent again.
    """

    invitation_id: str
    email: str
    role: str
    scope: Scope
    invited_by: str
    token_hash: str
    created_at: datetime
    expires_at: datetime
    version: int = 1

    def expired(self, *, at: datetime) -> bool:
        """Whether its code is worthless by now."""
        return at >= self.expires_at
