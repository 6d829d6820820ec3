"""What a tenant collects online: its gateways, collections, the events heard of, and parked notices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.errors import Conflict

if TYPE_CHECKING:
    from chalicelib.domain.gateway_collections import Collection, CollectionState
    from chalicelib.domain.gateways import Credentials, GatewayKind
    from chalicelib.domain.parked_notices import ParkedNotice, ParkedState
    from chalicelib.ports.store import Page, Write


class EventKnown(Conflict):
    """The event was handled before, or at the same moment."""

    code = "event_known"


class CollectionTaken(Conflict):
    """Another collection of the invoice began at the same moment."""

    code = "collection_taken"


class NumberTaken(Conflict):
    """Another consumer number was given at the same moment."""

    code = "number_taken"


@dataclass(frozen=True, slots=True)
class GatewaySetUp:
    """A gateway as a tenant set it up; ``repr`` shows no secret.

    ``callback_token`` is the last part of the address that the vendor calls. ``version`` is 0 for one
    that is not stored yet.
    """

    kind: GatewayKind
    enabled: bool
    credentials: Credentials
    callback_token: str = field(repr=False)
    version: int = 0


@dataclass(frozen=True, slots=True)
class FoundCallback:
    """Whose callback address it is."""

    tenant_id: str
    kind: GatewayKind


class Gateways(Protocol):
    """A tenant's gateways."""

    def all(self) -> tuple[GatewaySetUp, ...]:
        """Return every gateway that is set up: one round trip."""

    def find(self, *, kind: GatewayKind) -> GatewaySetUp | None:
        """Return the gateway, or None."""

    def save(self, *, before: GatewaySetUp | None, after: GatewaySetUp) -> Sequence[Write]:
        """Describe setting one up or changing it, its callback address too; refused with StaleVersion."""

    def remove(self, *, gateway: GatewaySetUp) -> Sequence[Write]:
        """Describe forgetting it, its secrets and callback address; refused with StaleVersion."""


class CallbackFinder(Protocol):
    """The callback addresses of every tenant."""

    def find(self, *, token_hash: str) -> FoundCallback | None:
        """Return whose it is, or None: one read."""


class Collections(Protocol):
    """A tenant's collections, and the events that were handled."""

    def get(self, *, collection_id: str) -> Collection:
        """Return a collection, or raise NotFound."""

    def by_reference(self, *, reference: str) -> Collection | None:
        """Return the collection of a reference, or None."""

    def at_invoice(self, *, account_id: str, invoice_id: str) -> Collection | None:
        """Return the collection that was last begun for an invoice, over or not, or None."""

    def of_account(self, *, account_id: str, limit: int, after: str | None) -> Page[Collection]:
        """Return an account's collections, the newest first."""

    def in_state(
        self, *, state: CollectionState | None, at: datetime, limit: int, after: str | None
    ) -> Page[Collection]:
        """Return the tenant's collections in a state, or all, the newest first."""

    def under_way(self, *, limit: int) -> Iterator[Collection]:
        """Yield collections that are open or pending, their time over or not: the oldest of each first."""

    def any_under_way(self, *, kind: GatewayKind, at: datetime) -> bool:
        """Whether a collection of a gateway is open, or the vendor works at it."""

    def page_token(self, *, collection: Collection) -> str:
        """Return the token of a collection's own page: always the same, and nobody can guess it."""

    def add(self, *, collection: Collection, instead_of: Collection | None) -> Sequence[Write]:
        """Describe beginning one, in the place of the one before at the invoice.

        Refused with CollectionTaken.
        """

    def change(self, *, before: Collection, after: Collection) -> Sequence[Write]:
        """Describe a change; refused with StaleVersion."""

    def heard(self, *, kind: GatewayKind, event_id: str) -> bool:
        """Whether an event was handled."""

    def hear(self, *, kind: GatewayKind, event_id: str, at: datetime) -> Write:
        """Describe that an event is handled, once and for all; refused with EventKnown."""


class ParkedNotices(Protocol):
    """Notices that wait for a person."""

    def get(self, *, notice_id: str) -> ParkedNotice:
        """Return one, or raise NotFound."""

    def list(self, *, state: ParkedState | None, limit: int, after: str | None) -> Page[ParkedNotice]:
        """Return a page, the newest first; with a state it may be short and yet go on."""

    def add(self, *, parked: ParkedNotice) -> Write:
        """Describe parking one."""

    def resolve(self, *, after: ParkedNotice) -> Write:
        """Describe a decision; refused with NoticeResolved where there was one before."""


class ConsumerNumbers(Protocol):
    """Numbers by which banks pay subscribers' bills; each is somebody's for good."""

    def of(self, *, account_id: str) -> str:
        """Return a subscriber's number, or the empty text."""

    def account_of(self, *, number: str) -> str | None:
        """Return whose a number is, or None."""

    def each(self) -> Iterator[tuple[str, str]]:
        """Yield every number and whose it is, in the order of numbers."""

    def next_serial(self) -> int:
        """Return the serial that no number was made of yet, from 1 on."""

    def give(self, *, account_id: str, number: str, serial: int, before: str) -> Sequence[Write]:
        """Describe giving a number to a subscriber in the place of the one before, "" for none.

        Refused with NumberTaken.
        """
