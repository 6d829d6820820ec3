"""Plans and how much of them is used, as the use cases see them kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.errors import Conflict
from chalicelib.domain.plans import Enrolment, PlanTerms

if TYPE_CHECKING:
    from chalicelib.domain.tenants import Tenant
    from chalicelib.ports.store import Write


class EnrolledAlready(Conflict):
    """The tenant is on a plan already."""

    code = "enrolled_already"


class CountedAlready(Conflict):
    """The usage of this month is charged already."""

    code = "counted_already"


@dataclass(frozen=True, slots=True)
class Standing:
    """A tenant, its plan (None for none), and how many subscribers it has, archived ones apart."""

    tenant: Tenant
    enrolment: Enrolment | None
    subscribers: int


class Plans(Protocol):
    """A tenant's own plan and counts; for the operator's tenant also the terms of the plans it sells."""

    def standing(self) -> Standing:
        """Return the tenant with its plan and how many subscribers it has; or raise NotFound."""

    def counted(self, *, more: int, of: str) -> Write:
        """Describe counting subscribers that come (or go: negative); ``of`` spreads the counting."""

    def active_subscribers(self, *, at: datetime) -> int:
        """Count the subscribers with an active subscription or running prepaid service, page by page."""

    def enrol(self, *, before: Enrolment | None, after: Enrolment) -> Sequence[Write]:
        """Describe putting the tenant on a plan, or a change of that.

        Refused with EnrolledAlready, or StaleVersion.
        """

    def terms(self) -> tuple[PlanTerms, ...]:
        """Return the terms of the plans that this tenant sells."""

    def put_terms(self, *, terms: PlanTerms) -> Sequence[Write]:
        """Describe keeping the terms of a plan."""

    def charged(self, *, account_id: str, month: date, active: int) -> Write:
        """Describe that the usage of a month is charged to an account; refused with CountedAlready."""
