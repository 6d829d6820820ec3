"""Bills that banks ask for and pay by a consumer number, the platform being the biller (1Bill, Kuickpay).

A consumer number is one subscriber's for good: the five digits of the biller's prefix, then 7 to 13
digits. A bank asks first what is to be paid (an *inquiry*), then says that it was paid. Amounts are
minor units with their currency; dates are the tenant's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.money import Money

PREFIX_DIGITS: Final = 5
OWN_DIGITS_MIN: Final = 7
OWN_DIGITS_MAX: Final = 13
_PREFIX: Final = re.compile(r"[0-9]{5}")
_NUMBER: Final = re.compile(r"[0-9]{12,18}")
_LUHN_OF_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


class InvalidConsumerNumber(InvalidValue):
    """A consumer number, its prefix, or its serial is not of the form that billers have."""

    code = "invalid_consumer_number"


class BillStatus(StrEnum):
    """What a bank is told of a bill: unpaid, paid, or blocked."""

    UNPAID = "U"
    PAID = "P"
    BLOCKED = "B"


class BillCode(StrEnum):
    """What a bank is told of its request; each comes with HTTP status 200."""

    DONE = "00"
    NOT_FOUND = "01"
    REFUSED = "02"
    DUPLICATE = "03"
    INVALID = "04"
    ALREADY_PAID = "06"


@dataclass(frozen=True, slots=True)
class BillInquiry:
    """A bank's question what is to be paid under a number, after its sender was checked."""

    consumer_number: str
    bank: str = ""


@dataclass(frozen=True, slots=True)
class Bill:
    """The answer to an inquiry.

    ``name`` is what the payer is shown of whose bill it is. Amounts are not negative. ``paid_on``,
    ``amount_paid`` and ``auth_id`` are of the last payment, where the bill is paid.
    """

    name: str
    status: BillStatus
    due_on: date
    amount_within_due: Money
    amount_after_due: Money
    billing_month: date
    paid_on: date | None = None
    amount_paid: Money | None = None
    auth_id: str = ""


def consumer_number(*, prefix: str, serial: int, own_digits: int) -> str:
    """Return the number of a subscriber: prefix, serial with leading zeros, and a check digit.

    The check digit finds one wrong digit and most swapped neighbours, so that nobody pays a
    neighbour's bill by mistake. It is Luhn's and five: so no number passes for a payment card.
    Raises InvalidConsumerNumber where the serial (from 1) does not fit into ``own_digits`` (7 to 13).
    """
    if not _PREFIX.fullmatch(prefix):
        raise InvalidConsumerNumber("a prefix has five digits", param="prefix")
    if not OWN_DIGITS_MIN <= own_digits <= OWN_DIGITS_MAX:
        raise InvalidConsumerNumber("a consumer number has 7 to 13 digits of its own", param="own_digits")
    if not 0 < serial < 10 ** (own_digits - 1):
        raise InvalidConsumerNumber("the serial does not fit into the digits", param="serial")
    body = f"{prefix}{serial:0{own_digits - 1}d}"
    return f"{body}{_check_digit(body)}"


def check_consumer_number(*, number: str, prefix: str, own_digits: int) -> None:
    """Raise InvalidConsumerNumber for a number that ``consumer_number`` cannot have made."""
    formed = _NUMBER.fullmatch(number) and len(number) == PREFIX_DIGITS + own_digits
    if not formed or not number.startswith(prefix):
        raise InvalidConsumerNumber("this is no consumer number of this biller", param="consumer_number")
    if number[-1] != _check_digit(number[:-1]):
        raise InvalidConsumerNumber("the check digit is wrong", param="consumer_number")


def _check_digit(body: str) -> str:
    # From the right, every other digit is doubled, the one next to the check digit first.
    total = sum(
        _LUHN_OF_DOUBLED[int(digit)] if place % 2 == 0 else int(digit)
        for place, digit in enumerate(reversed(body))
    )
    return str((5 - total) % 10)
