"""The portal: how subscribers sign in, and what they are told of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from chalicelib.domain.contacts import (
    PHONE_DIGITS_MIN,
    code_key,
    normal_digits,
    normal_email,
)
from chalicelib.domain.emails import EMAIL_CHARS_MAX
from chalicelib.domain.errors import Conflict, DomainError, InvalidValue
from chalicelib.domain.permissions import PORTAL_PERMISSIONS, SUBSCRIBER
from chalicelib.domain.staff import Principal

# What people type to say who they are: their code with the ISP, an address or a phone number.
LOGIN_CHARS_MAX: Final = EMAIL_CHARS_MAX
# Of one address or number; where there are more, each signs in by its own code with the ISP.
ACCOUNTS_PER_CONTACT_MAX: Final = 5
CODE_DIGITS: Final = 6
CODE_LIFE: Final = timedelta(minutes=5)
CODE_TRIES_MAX: Final = 5
ACTIVATION_LIFE: Final = timedelta(hours=72)
# An ISP that has just signed up, which any stranger may, sends less.
NEW_ISP: Final = timedelta(days=14)
PORTAL_IDLE: Final = timedelta(minutes=30)
PORTAL_LIFE: Final = timedelta(hours=12)


class PortalOff(DomainError):
    """The ISP has switched the portal off."""

    code = "portal_off"


class CodeNotValid(InvalidValue):
    """The code is not the one that was sent, or not any more: all answer alike."""

    code = "code_not_valid"


class CannotBeReached(Conflict):
    """There is no address, or no number that SMS go to, on file."""

    code = "cannot_be_reached"


class TextsOff(Conflict):
    """The ISP sends no SMS, or nobody does on this stage."""

    code = "sms_off"


@dataclass(frozen=True, slots=True)
class PortalAccess:
    """How a subscriber signs in: ``password_hash`` is Argon2id in PHC form, empty where none is set.

    ``version`` is 0 where nothing is stored yet.
    """

    subscriber_id: str
    password_hash: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class SentCode:
    """A code that was sent somewhere, and whom it lets in.

    ``digest`` is that of the code, ``sent_to`` that of the address or number.
    """

    digest: str
    sent_to: str
    subscriber_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AskedCodes:
    """The codes that were sent for one asking: one for each address, none where there is nobody."""

    tenant_id: str
    challenge_hash: str
    sent: tuple[SentCode, ...]


def portal_principal(*, tenant_id: str, subscriber_id: str) -> Principal:
    """Return who a subscriber is: one's own, and nothing else."""
    return Principal(tenant_id, subscriber_id, SUBSCRIBER, PORTAL_PERMISSIONS)


def login_key(*, login: str) -> str:
    """Return the form under which tries are counted: one, however that which is looked up is written."""
    text = login.strip()
    if "@" in text:
        return normal_email(email=text)
    return login_number(login=text) or code_key(code=text)


def login_number(*, login: str) -> str:
    """Return the digits of a login that is a phone number, in the form it is looked up, or an empty text.

    Whatever has a letter is none: who puts letters between the digits would be counted anew for each.
    """
    digits = "" if any(map(str.isalpha, login)) else normal_digits(text=login)
    return digits if len(digits) >= PHONE_DIGITS_MIN else ""


def words_of(*, texts: Sequence[str]) -> tuple[str, ...]:
    """Return what a password may not be made of, where there is any."""
    return tuple(text.partition("@")[0] for text in texts if text)


def masked_email(*, email: str) -> str:
    """Return an address by which its owner knows it: ``a***@mail.example``."""
    name, _, host = email.partition("@")
    return f"{name[:1]}***@{host}" if host else ""


def masked_phone(*, phone: str) -> str:
    """Return the last three digits of a number."""
    digits = normal_digits(text=phone)
    return f"***{digits[-3:]}" if digits else ""
