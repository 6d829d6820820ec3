"""What is stored of requests about people's data, and of the erasures that came of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.staff import is_staff

if TYPE_CHECKING:
    from chalicelib.domain.breaches import Breach, Touched
    from chalicelib.domain.privacy_requests import PrivacyRequest, RequestState
    from chalicelib.ports.audit import AuditEntry
    from chalicelib.ports.store import Page, Write


@dataclass(frozen=True, slots=True)
class Erased:
    """An entry of the erasure ledger: who was erased by which request, by identifiers alone.

    ``done_at`` is None while the erasure goes on.
    """

    subject_id: str
    request_id: str
    begun_at: datetime
    done_at: datetime | None = None

    @property
    def of_staff(self) -> bool:
        """Whether it is of who worked for the ISP, and not of a subscriber."""
        return is_staff(identifier=self.subject_id)


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item of an account, its attributes by name, sealed ones opened; credentials are left out."""

    kind: str
    key: str
    values: Mapping[str, object]


class PrivacyRequests(Protocol):
    """A tenant's privacy requests, and its erasure ledger."""

    def get(self, *, request_id: str) -> PrivacyRequest:
        """Return the request, or raise NotFound."""

    def list(self, *, state: RequestState | None, limit: int, after: str | None) -> Page[PrivacyRequest]:
        """Return a page of all requests, or of those of a state, the newest first."""

    def list_waiting(self, *, limit: int, after: str | None) -> Page[PrivacyRequest]:
        """Return a page of the requests that are open or have a mail to be sent, those due first first."""

    def of_subject(self, *, subject_id: str) -> tuple[PrivacyRequest, ...]:
        """Return the newest requests of a person, the newest first: ``OWN_LISTED_MAX`` at most."""

    def each_of(self, *, subject_id: str) -> Iterator[PrivacyRequest]:
        """Yield every request of a person, the newest first."""

    def add(self, *, request: PrivacyRequest) -> Sequence[Write]:
        """Describe adding a request."""

    def change(self, *, before: PrivacyRequest, after: PrivacyRequest) -> Sequence[Write]:
        """Describe a change; refused with StaleVersion."""

    def sealed(self, *, text: str, token_hash: str) -> str:
        """Return a text as a queue or a token's subject may carry it."""

    def opened(self, *, sealed: str, token_hash: str) -> str:
        """Read what ``sealed`` wrote."""

    def held(self) -> bool:
        """Whether a legal hold keeps all that there is of the tenant."""

    def is_erased(self, *, subject_id: str) -> bool:
        """Whether the erasure ledger has a person: the erasure was begun."""

    def erasures(self) -> Iterator[Erased]:
        """Yield the erasure ledger."""

    def note_erasure(self, *, erased: Erased) -> Write:
        """Describe keeping an entry of the erasure ledger."""


class SubjectData(Protocol):
    """Everything that is filed under a subscriber, to be shown to them or taken away."""

    def items(self, *, account_id: str) -> Iterator[StoredItem]:
        """Yield every item of an account, in the order of keys."""

    def entries_about(self, *, subject_id: str, since: datetime) -> Iterator[AuditEntry]:
        """Yield audit entries whose object is a subscriber's or their own, and those by them, oldest first.

        Of a member of staff: those about them and those by them.
        """

    def touched(self, *, since: datetime, before: datetime) -> Iterator[Touched]:
        """Yield who did what to which object in a window, of the audit log, oldest first."""

    def erase_items(self, *, account_id: str) -> Iterator[Write]:
        """Yield the writes that take away what an erasure takes of an account's items beside the person."""

    def erase_choices(self, *, subject_id: str) -> Iterator[Write]:
        """Yield the writes that take away what a person agreed to, and of which policies they were told."""

    def erase_entries(self, *, subject_id: str, since: datetime) -> Iterator[Write]:
        """Yield the writes that take a person out of the audit entries about them and by them."""

    def erase_answers(self, *, subject_id: str) -> Iterator[Write]:
        """Yield the writes that empty personal fields of answers kept for idempotency keys."""


class Breaches(Protocol):
    """A tenant's register of breaches."""

    def get(self, *, breach_id: str) -> Breach:
        """Return the breach, or raise NotFound."""

    def list(self, *, limit: int, after: str | None) -> Page[Breach]:
        """Return a page, the newest first."""

    def add(self, *, breach: Breach) -> Write:
        """Describe adding a breach."""

    def change(self, *, before: Breach, after: Breach) -> Write:
        """Describe a change; refused with StaleVersion."""


class PrivacyStores(Protocol):
    """The part of a tenant's store that is about people's rights in their data."""

    @property
    def privacy(self) -> PrivacyRequests:
        """Requests about people's data."""

    @property
    def breaches(self) -> Breaches:
        """The register of breaches."""

    @property
    def subject_data(self) -> SubjectData:
        """Everything that is filed under a person."""
