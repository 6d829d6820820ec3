"""Receipts that collectors give in the field, which may reach us days later and more than once.

Each has an identifier that the collector's device made, a UUID (RFC 9562): the same identifier with
the same content is the same receipt, for ever. ``taken_at`` is when the money was taken, by the
device's clock; the receipt is dated the day that it is recorded, as every document is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.money import Money

RECEIPTS_PER_REQUEST_MAX: Final = 50
# Clocks of devices are ahead by so much at most, and a device is away for so long at most.
AHEAD_MAX: Final = timedelta(minutes=5)
AWAY_MAX: Final = timedelta(days=30)


class ReceiptRepeated(Conflict):
    """A receipt with this identifier is recorded already."""

    code = "receipt_repeated"


class TakenAtRefused(InvalidValue):
    """The receipt was taken in the future, or longer ago than devices are away."""

    code = "taken_at_refused"


class ReceiptState(StrEnum):
    """What became of one receipt of a request."""

    RECORDED = "recorded"
    REPEATED = "repeated"
    CONFLICT = "conflict"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class FieldReceipt:
    """A receipt as the collector's device has it."""

    receipt_id: str
    subscriber_id: str
    amount: Money
    taken_at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class KeptReceipt:
    """A receipt that is recorded, as ``document_id``."""

    receipt_id: str
    subscriber_id: str
    amount: Money
    taken_at: datetime
    document_id: str

    def same(self, *, receipt: FieldReceipt, note: str) -> bool:
        """Whether the receipt says what was recorded; ``note`` is the document's."""
        mine = (self.subscriber_id, self.amount, self.taken_at, note)
        return mine == (receipt.subscriber_id, receipt.amount, receipt.taken_at, receipt.note)


def check_taken_at(*, taken_at: datetime, at: datetime) -> None:
    """Raise TakenAtRefused for what a clock that is right, and a device that comes home, do not say."""
    if taken_at > at + AHEAD_MAX:
        raise TakenAtRefused("the receipt was taken in the future: set the device's clock", param="taken_at")
    if taken_at < at - AWAY_MAX:
        message = f"receipts are sent within {AWAY_MAX.days} days: the office records this one"
        raise TakenAtRefused(message, param="taken_at")
