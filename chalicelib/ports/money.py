"""What a tenant's store keeps of money besides documents: cases, refunds under way, events, settlements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.ports.store import Page, Write

if TYPE_CHECKING:
    from chalicelib.domain.chargebacks import Chargeback
    from chalicelib.domain.receipt_refunds import GatewayRefund
    from chalicelib.ports.receipt_mails import ReceiptMails
    from chalicelib.ports.settlements import Settlements


class Chargebacks(Protocol):
    """Cases by which payers' banks took payments back."""

    def find(self, *, channel: str, case_id: str) -> Chargeback | None:
        """Return the case of a channel, or None."""

    def list(self, *, limit: int, after: str | None) -> Page[Chargeback]:
        """Return a page of cases, by channel and case."""

    def add(self, *, case: Chargeback) -> Write:
        """Describe adding a case; refused with ChargedBackAlready."""

    def win(self, *, case: Chargeback, journal_id: str) -> Write:
        """Describe that a case was won; refused with NoChargeback where it was before."""


class GatewayRefunds(Protocol):
    """Refunds that a gateway is asked for."""

    def get(self, *, refund_id: str) -> GatewayRefund:
        """Return the refund, or raise NotFound."""

    def list(self, *, limit: int, after: str | None) -> Page[GatewayRefund]:
        """Return a page of all, in the order of the refunds' identifiers."""

    def pending(self, *, limit: int, after: str | None) -> Page[GatewayRefund]:
        """Return a page of those whose end is not known."""

    def add(self, *, refund: GatewayRefund) -> Sequence[Write]:
        """Describe adding a refund that is under way."""

    def change(self, *, before: GatewayRefund, after: GatewayRefund) -> Sequence[Write]:
        """Describe a change; refused with StaleVersion where it is not as it was read."""


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """Something that others are to do because of what was written with it.

    ``details`` are identifiers and plain values, nothing personal. ``position`` is its place in the order.
    """

    position: str
    kind: str
    about: str
    at: datetime
    details: Mapping[str, object] = field(default_factory=dict)


class Outbox(Protocol):
    """Events of a tenant in the order of time, kept for thirty days."""

    def add(self, *, kind: str, about: str, details: Mapping[str, object]) -> Write:
        """Describe adding an event, in the transaction of what it tells of."""

    def read(self, *, before: datetime, limit: int, after: str | None) -> Page[OutboxEvent]:
        """Return events from before an instant, after a position, the oldest first.

        An event has its place before its transaction is written, so that of two writers the later
        may be seen first: who keeps a position reads what is older than a transaction takes.
        """


class MoneyBooks(Protocol):
    """Repositories of money of one tenant."""

    @property
    def chargebacks(self) -> Chargebacks:
        """Chargebacks, by case."""

    @property
    def gateway_refunds(self) -> GatewayRefunds:
        """Refunds that a gateway is asked for."""

    @property
    def outbox(self) -> Outbox:
        """Events for others."""

    @property
    def receipt_mails(self) -> ReceiptMails:
        """Receipts to be mailed."""

    @property
    def settlements(self) -> Settlements:
        """Files of gateways and banks, compared with the payments."""
