"""Consents, states of policies and totals of activity, as the store keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.errors import Conflict

if TYPE_CHECKING:
    from datetime import date, datetime

    from chalicelib.domain.activity import Area, Total
    from chalicelib.domain.consents import Consent
    from chalicelib.domain.policies import Document, PolicyState, PolicyVersion
    from chalicelib.ports.store import Write


class MailedAlready(Conflict):
    """The person was mailed, or is being mailed, about this version."""

    code = "mailed_already"


class Consents(Protocol):
    """Choices of people; each is appended, and the newest one counts."""

    def newest(self, *, subject_id: str) -> Consent | None:
        """Return what somebody chose last, or None."""

    def history(self, *, subject_id: str, limit: int) -> tuple[Consent, ...]:
        """Return their choices, newest first."""

    def append(self, *, subject_id: str, consent: Consent) -> Sequence[Write]:
        """Describe a choice; refused with Busy where another was made since its ``previous``."""


class OwnConsents(Consents, Protocol):
    """Choices of a tenant's staff and subscribers."""

    def choosers(self) -> Iterator[str]:
        """Yield who ever chose, by identifier."""


class VisitorConsents(Consents, Protocol):
    """Choices of visitors, found by the hash of the token in their cookie."""

    def commit(self, *writes: Write) -> None:
        """Make all writes in one transaction, or raise the ``refused`` of the first that fails."""


class PolicyStates(Protocol):
    """Of which versions of policies people were told, and which they accepted."""

    def of_person(self, *, staff_id: str) -> Mapping[tuple[Document, str], PolicyState]:
        """Return what is known of a person, by document and version."""

    def claim_mail(self, *, staff_id: str, version: PolicyVersion, at: datetime) -> Write:
        """Describe that a person is mailed now; refused with MailedAlready."""

    def give_up_mail(self, *, staff_id: str, version: PolicyVersion) -> Write:
        """Describe that the mail was not taken, so that it is to be sent again."""

    def dismiss(self, *, staff_id: str, version: PolicyVersion, at: datetime) -> Write:
        """Describe that a person has seen a notice; the first time stays."""

    def accept(self, *, staff_id: str, version: PolicyVersion, at: datetime) -> Write:
        """Describe that a person accepted a version; the first time stays."""

    def told(self) -> frozenset[tuple[Document, str]]:
        """Return the versions of which everybody of the tenant was told who is to be."""

    def all_told(self, *, version: PolicyVersion, at: datetime) -> Write:
        """Describe that this is so for a version."""


class Activity(Protocol):
    """Totals of a day; nobody's name is with them."""

    def add(self, *, area: Area, on: date, counts: Mapping[tuple[str, str], int]) -> None:
        """Add to totals, by kind and name."""

    def totals(self, *, since: date, until: date) -> tuple[Total, ...]:
        """Return the totals of days from ``since`` to ``until``, both included."""


class OwnPrivacy(Protocol):
    """The part of a tenant's store that is about consent, policies and activity."""

    @property
    def consents(self) -> OwnConsents:
        """What staff and subscribers agreed to."""

    @property
    def policy_states(self) -> PolicyStates:
        """Of which versions of policies staff were told."""

    @property
    def activity(self) -> Activity:
        """How often pages and features were used."""
