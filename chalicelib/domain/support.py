"""Break-glass: a person of the platform's operator enters a tenant, for a reason and for a time.

What that gives is a credential of its own, apart from the person's session, which lives no longer
than that session. The tenant sees who, why, until when, and what was done.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.domain.emails import check_no_link
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.permissions import SUPPORT_READS, SUPPORT_WRITES, Permission
from chalicelib.domain.staff import Principal

REASON_CHARS_MIN: Final = 10
REASON_CHARS_MAX: Final = 500
MINUTES_MIN: Final = 5
MINUTES_MAX: Final = 240
MINUTES_DEFAULT: Final = 60
# Of all people of the operator together: whoever needs more at once ends one.
OPEN_ENTRIES_MAX: Final = 20
SUPPORT_ROLE: Final = "platform_support"


class TooManyEntries(Conflict):
    """The operator's people have entered as many tenants as they may at once."""

    code = "too_many_entries"


class EndedBy(StrEnum):
    """What ended an access; a session that ended, however that came, takes its accesses with it."""

    PERSON = "person"
    OPERATOR = "operator"
    TENANT = "tenant"
    TIME_LIMIT = "time_limit"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class SupportAccess:
    """One entering of one tenant by one person of the operator; ``until`` is its time limit.

    ``token_hash`` and ``session_hash`` are the digests of its own token and of that of the session
    that opened it. ``ended_by_id`` is who of the staff ended it, where somebody did.
    """

    access_id: str
    tenant_id: str
    subdomain: str
    operator_id: str
    staff_id: str
    name: str
    reason: str
    write: bool
    opened_at: datetime
    until: datetime
    token_hash: str
    session_hash: str
    ended_at: datetime | None = None
    ended_by: EndedBy | None = None
    ended_by_id: str = ""

    def ended(self, *, by: EndedBy, at: datetime, staff_id: str = "") -> SupportAccess:
        """Return the access after its end, which is never behind its time limit."""
        return replace(self, ended_at=min(at, self.until), ended_by=by, ended_by_id=staff_id)

    def standing(self, *, session_lives: bool, at: datetime) -> SupportAccess:
        """Return the access as it stands: over where its time or its session is, whoever noted it."""
        if self.ended_at is not None:
            return self
        if at >= self.until:
            return self.ended(by=EndedBy.TIME_LIMIT, at=self.until)
        return self if session_lives else self.ended(by=EndedBy.SESSION, at=at)


def check_reason(*, reason: str) -> str:
    """Return the reason without surrounding blanks, or raise InvalidValue."""
    cleaned = " ".join(reason.split())
    if not REASON_CHARS_MIN <= len(cleaned) <= REASON_CHARS_MAX:
        message = f"a reason has {REASON_CHARS_MIN} to {REASON_CHARS_MAX} characters"
        raise InvalidValue(message, param="reason")
    check_no_link(text=cleaned, param="reason")
    return cleaned


def time_limit(*, at: datetime, minutes: int, session_ends_at: datetime) -> datetime:
    """Return until when an access lasts that is opened at an instant, or raise InvalidValue."""
    if not MINUTES_MIN <= minutes <= MINUTES_MAX:
        raise InvalidValue(f"an access lasts {MINUTES_MIN} to {MINUTES_MAX} minutes", param="minutes")
    return min(at + timedelta(minutes=minutes), session_ends_at)


def support_actor(*, staff_id: str, access_id: str) -> str:
    """Return who the tenant's audit log names for what is done under an access."""
    return f"{SUPPORT_ROLE}/{staff_id}/{access_id}"


def support_principal(*, tenant_id: str, staff_id: str, access_id: str, write: bool) -> Principal:
    """Return who platform support is in the tenant that it entered."""
    granted: frozenset[Permission] = SUPPORT_READS | (SUPPORT_WRITES if write else frozenset())
    actor_id = support_actor(staff_id=staff_id, access_id=access_id)
    return Principal(tenant_id, actor_id, SUPPORT_ROLE, granted, access_id=access_id)
