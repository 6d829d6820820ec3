"""Subscribers: the ISP's customers as people."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from chalicelib.domain.accounts import Account
from chalicelib.domain.errors import Conflict, InvalidValue

CODE_CHARS_MAX: Final = 40
NAME_CHARS_MAX: Final = 120
ADDRESS_CHARS_MAX: Final = 300
NOTE_CHARS_MAX: Final = 1000
AREA_CHARS_MAX: Final = 60

_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@/-]*\Z", re.ASCII)


class InvalidCode(InvalidValue):
    """The subscriber code is empty, too long, or has characters that a code may not have."""

    code = "invalid_code"


class CodeTaken(Conflict):
    """Another subscriber of this tenant has the code."""

    code = "code_taken"


@dataclass(frozen=True, slots=True)
class Contact:
    """Personal data of a subscriber; every field is encrypted at rest."""

    name: str = ""
    email: str = ""
    phone: str = ""
    address: str = ""
    national_id: str = ""
    tax_id: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A customer: the person, and the account with its subscriptions.

    ``code`` is the ISP's own customer number, unique in the tenant. ``version`` is the
    profile's; the account counts its own.
    """

    subscriber_id: str
    code: str
    area: str
    contact: Contact
    account: Account
    archived: bool
    created_at: datetime
    version: int = 1


@dataclass(frozen=True, slots=True)
class SubscriberSummary:
    """One row of a list."""

    subscriber_id: str
    code: str
    name: str
    area: str
    status: str
    archived: bool
    package_ids: tuple[str, ...] = field(default=())


def check_code(*, code: str) -> str:
    """Return the code without surrounding blanks, or raise InvalidCode."""
    cleaned = code.strip()
    if not cleaned or len(cleaned) > CODE_CHARS_MAX or not _CODE.match(cleaned):
        raise InvalidCode(
            f"a code is 1 to {CODE_CHARS_MAX} letters, digits or . _ @ / - and starts with a letter or digit",
            param="code",
        )
    return cleaned


def normal_email(*, email: str) -> str:
    """Return the form under which an email address is looked up."""
    return unicodedata.normalize("NFKC", email).strip().casefold()


def normal_digits(*, text: str) -> str:
    """Return a phone number's or national id's digits, the form under which it is looked up.

    A leading international prefix of Pakistan is reduced to the national ``0`` form, so that
    ``+92 300 1234567`` and ``0300-1234567`` are one number.
    """
    digits = "".join(char for char in text if char.isascii() and char.isdigit())
    digits = digits.removeprefix("00")
    return f"0{digits[2:]}" if digits.startswith("92") and len(digits) == 12 else digits


def area_key(*, area: str) -> str:
    """Return the form under which areas are compared."""
    return " ".join(area.split()).casefold()
