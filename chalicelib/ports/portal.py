"""What the portal stores: how subscribers sign in, and the codes that were sent to them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.domain.portal import AskedCodes, PortalAccess, SentCode
    from chalicelib.ports.store import Write


class PortalUsers(Protocol):
    """How one tenant's subscribers sign in."""

    def candidates(self, *, login: str) -> tuple[str, ...]:
        """Return whom a login may mean: one by code, else those of an address or number.

        None where there are more than ``ACCOUNTS_PER_CONTACT_MAX``; archived ones are left out. The
        same three round trips whoever there is.
        """

    def access(self, *, subscriber_id: str) -> PortalAccess:
        """Return how somebody signs in: one round trip, whether or not there is such a subscriber."""

    def save(self, *, before: PortalAccess, after: PortalAccess) -> Write:
        """Describe a change; refused with StaleVersion where the version is not ``before``'s."""

    def unmoved(self, *, access: PortalAccess) -> Write:
        """Describe the condition that it is as it was read; refused with StaleVersion."""

    def served(self, *, subscriber_id: str) -> Write:
        """Describe the condition that the subscriber is not archived; refused with StaleVersion."""

    def sealed_login(self, *, login: str, challenge_hash: str) -> str:
        """Return a login as a queue may carry it."""

    def opened_login(self, *, sealed: str, challenge_hash: str) -> str:
        """Read what ``sealed_login`` wrote."""

    def code_digest(self, *, code: str, challenge_hash: str) -> str:
        """Return the digest of a code under the tenant's key: six digits alone would be guessed."""

    def sent_to(self, *, address: str) -> str:
        """Return the digest of an address or number in its normal form."""


class PortalCodes(Protocol):
    """Codes that were sent, by the hash of the challenge that their asker was given."""

    def begin(self, *, challenge_hash: str, tenant_id: str, expires_at: datetime) -> None:
        """Store an asking for which nothing was sent yet: one round trip."""

    def sent(self, *, asked: AskedCodes, expires_at: datetime) -> Sequence[Write]:
        """Describe what was sent for an asking; codes sent to the same address before are worthless."""

    def tried(self, *, challenge_hash: str, at: datetime) -> AskedCodes | None:
        """Count a try, atomically, and return what was sent: one round trip.

        None where there is no such asking, or it is over, or was tried too often.
        """

    def spend(self, *, asked: AskedCodes, sent: SentCode) -> Sequence[Write]:
        """Describe using a code up; refused with CodeNotValid where it was used, or is not the newest."""
