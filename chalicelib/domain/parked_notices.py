"""Notices of gateways that nothing can be done with by itself: a person decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from chalicelib.domain.errors import Conflict
from chalicelib.domain.gateways import GatewayKind, NoticeStatus
from chalicelib.domain.money import Money

WHY_CHARS_MAX: Final = 300
WHY_CHARS_MIN: Final = 3
# Of a message's raw text; more is cut off.
RAW_CHARS_MAX: Final = 16_000


class NoticeResolved(Conflict):
    """Somebody decided on the notice before."""

    code = "notice_resolved"


class NotMoney(Conflict):
    """Only money that came in can be assigned to a subscriber: its amount is known, and it was paid."""

    code = "no_payment_to_assign"


class ParkedState(StrEnum):
    """Whether a person decided, and how."""

    WAITING = "waiting"
    ASSIGNED = "assigned"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class ParkedNotice:
    """A notice that was believed, and waits for a person.

    ``reason`` is why: a refusal's code, or ``unknown_reference``, ``other_gateway``,
    ``amount_differs``, ``currency_differs``, ``cancelled``, ``paid_before``,
    ``recorded_by_hand`` (from the vendor's file), ``account_ended`` (of the company), or the notice's own
    status where that is of money that goes back. ``account_id`` and ``collection_id`` are known where the
    reference is.
    ``receipt_id`` is what assigning made, ``why`` what somebody wrote for dismissing.
    """

    notice_id: str
    gateway: GatewayKind
    reason: str
    status: NoticeStatus
    reference: str
    vendor_id: str
    amount: Money | None
    arrived_at: datetime
    account_id: str = ""
    collection_id: str = ""
    raw: str = field(default="", repr=False)
    state: ParkedState = ParkedState.WAITING
    resolved_by: str = ""
    resolved_at: datetime | None = None
    receipt_id: str = ""
    why: str = ""


def check_waiting(*, parked: ParkedNotice) -> None:
    """Raise NoticeResolved unless it waits."""
    if parked.state is not ParkedState.WAITING:
        raise NoticeResolved(f"the notice is {parked.state} already")


def money_of(*, parked: ParkedNotice) -> Money:
    """Return the money that came in, or raise NotMoney."""
    if parked.status is not NoticeStatus.PAID or parked.amount is None:
        raise NotMoney("this tells of no money that came in, or not of how much")
    return parked.amount
