"""People who work for the tenant, as the store keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.domain.staff import StaffMember
    from chalicelib.ports.store import Write


class Staff(Protocol):
    """People who work for the tenant."""

    def get(self, *, staff_id: str) -> StaffMember:
        """Return the person, or raise NotFound."""

    def find_by_email(self, *, email: str) -> StaffMember | None:
        """Return the person with the address, or None."""

    def add(self, *, member: StaffMember) -> Sequence[Write]:
        """Describe adding a person; refused with EmailTaken."""

    def change(self, *, before: StaffMember, after: StaffMember) -> Sequence[Write]:
        """Describe a change; refused with StaleVersion."""
