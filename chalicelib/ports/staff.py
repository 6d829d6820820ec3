"""People who work for the tenant, as the store keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.domain.invitations import Invitation
    from chalicelib.domain.roles import CustomRole
    from chalicelib.domain.second_factor import SecondFactor
    from chalicelib.domain.staff import StaffMember
    from chalicelib.ports.store import Page, Write


class Staff(Protocol):
    """People who work for the tenant."""

    def get(self, *, staff_id: str) -> StaffMember:
        """Return the person, or raise NotFound."""

    def find_by_email(self, *, email: str) -> StaffMember | None:
        """Return the person with the address, or None."""

    def digest(self, *, email: str) -> str:
        """Return what finds an address, and does not tell it to who lacks the tenant's key."""

    def find_by_digest(self, *, digest: str) -> StaffMember | None:
        """Return the person with the address of the digest, or None."""

    def list(self, *, limit: int, after: str | None) -> Page[StaffMember]:
        """Return a page, oldest first."""

    def count(self) -> int:
        """Return how many people there are."""

    def unmoved(self, *, member: StaffMember) -> Write:
        """Describe the condition that the person is as they were read; refused with StaleVersion."""

    def add(self, *, member: StaffMember) -> Sequence[Write]:
        """Describe adding a person; refused with EmailTaken."""

    def change(self, *, before: StaffMember, after: StaffMember) -> Sequence[Write]:
        """Describe a change; refused with StaleVersion."""


class Roles(Protocol):
    """Roles of the tenant's own."""

    def get(self, *, role_id: str) -> CustomRole:
        """Return the role, or raise NotFound."""

    def all(self) -> tuple[CustomRole, ...]:
        """Return every role, oldest first."""

    def add(self, *, role: CustomRole) -> Sequence[Write]:
        """Describe adding a role; refused with RoleNameTaken."""

    def change(self, *, before: CustomRole, after: CustomRole) -> Sequence[Write]:
        """Describe a change; refused with StaleVersion, also where the role was given or taken meanwhile."""

    def remove(self, *, role: CustomRole) -> Sequence[Write]:
        """Describe removing a role; refused with RoleInUse where somebody has it."""

    def hand(self, *, role_id: str, people: int) -> Write:
        """Describe that so many more (or fewer) people have a role; refused with TooManyHolders."""

    def unmoved(self, *, role: CustomRole) -> Write:
        """Describe the condition that the role's permissions are as read; refused with StaleVersion."""


class SecondFactors(Protocol):
    """Second factors of staff."""

    def find(self, *, staff_id: str) -> SecondFactor | None:
        """Return what the person's codes are checked against, or None."""

    def save(
        self, *, before: SecondFactor | None, after: SecondFactor, refused: Exception | None = None
    ) -> Write:
        """Describe a change; refused where another was made since ``before`` was read.

        It is refused with WrongCode, unless it is said with what.
        """

    def remove(self, *, before: SecondFactor, refused: Exception | None = None) -> Write:
        """Describe taking it off; refused, as ``save`` is, where it changed since it was read."""

    def handle(self, *, staff_id: str) -> str:
        """Return what names a person to their devices: opaque, Base64url, the same for all of them."""

    def decoy_seed(self, *, email: str) -> str:
        """Return what an address's decoys are made of; who lacks the tenant's key cannot."""


class Invitations(Protocol):
    """Invitations that nobody has taken up yet."""

    def get(self, *, invitation_id: str) -> Invitation:
        """Return the invitation, or raise NotFound."""

    def all(self) -> tuple[Invitation, ...]:
        """Return every invitation, oldest first."""

    def add(self, *, invitation: Invitation) -> Write:
        """Describe adding an invitation."""

    def change(self, *, before: Invitation, after: Invitation) -> Write:
        """Describe a change; refused with StaleVersion."""

    def remove(self, *, invitation: Invitation) -> Write:
        """Describe removing an invitation; refused with StaleVersion."""
