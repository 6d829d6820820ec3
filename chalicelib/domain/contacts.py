"""How a subscriber is named and reached: what is taken, and what makes two writings of it one."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, fields
from typing import Final

from chalicelib.domain.cards import refuse_card_number
from chalicelib.domain.emails import EMAIL_CHARS_MAX, check_email
from chalicelib.domain.errors import InvalidValue

CODE_CHARS_MAX: Final = 40
NAME_CHARS_MAX: Final = 120
ADDRESS_CHARS_MAX: Final = 300
NOTE_CHARS_MAX: Final = 1000
AREA_CHARS_MAX: Final = 60
PHONE_CHARS_MAX: Final = 40
PHONE_DIGITS_MIN: Final = 5
PHONE_DIGITS_MAX: Final = 17
ID_NUMBER_CHARS_MAX: Final = 40
DEALER_ID_CHARS_MAX: Final = 40
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@/-]*\Z", re.ASCII)


class InvalidCode(InvalidValue):
    """The subscriber code is empty, too long, or has characters that a code may not have."""

    code = "invalid_code"


class InvalidDealerId(InvalidValue):
    """What names a dealer is written like a code."""

    code = "invalid_dealer_id"


class InvalidContact(InvalidValue):
    """A contact field is too long, or is not what it should be; ``param`` names it."""

    code = "invalid_contact"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is billed, as law requires it on the invoice: a snapshot that never changes."""

    name: str
    address: str = ""
    tax_id: str = ""


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

    @property
    def recipient(self) -> Recipient | None:
        """Who is billed, as an invoice shows it; None where nothing is known."""
        if not (self.name or self.address or self.tax_id):
            return None
        return Recipient(name=self.name, address=self.address, tax_id=self.tax_id)


def check_code(*, code: str) -> str:
    """Return the code without surrounding blanks, or raise InvalidCode."""
    cleaned = code.strip()
    if not cleaned or len(cleaned) > CODE_CHARS_MAX or not _CODE.match(cleaned):
        raise InvalidCode(
            f"a code is 1 to {CODE_CHARS_MAX} letters, digits or . _ @ / - and starts with a letter or digit",
            param="code",
        )
    return cleaned


def code_key(*, code: str) -> str:
    """Return the form under which codes are unique, listed and searched: case does not count."""
    return code.strip().casefold()


_CHARS_MAX: Final[dict[str, int]] = {
    "name": NAME_CHARS_MAX,
    "email": EMAIL_CHARS_MAX,
    "phone": PHONE_CHARS_MAX,
    "address": ADDRESS_CHARS_MAX,
    "national_id": ID_NUMBER_CHARS_MAX,
    "tax_id": ID_NUMBER_CHARS_MAX,
    "note": NOTE_CHARS_MAX,
}


def check_contact(*, contact: Contact) -> Contact:
    """Return the contact as it is stored, or raise InvalidContact, InvalidEmail or CardNumberRefused.

    Every field is normalised (NFC) and trimmed; all but the note are one line. Empty is fine.
    """
    cleaned = {one.name: _clean(getattr(contact, one.name), one.name) for one in fields(contact)}
    if cleaned["email"]:
        check_email(email=cleaned["email"])
    digits = normal_digits(text=cleaned["phone"])
    if cleaned["phone"] and not PHONE_DIGITS_MIN <= len(digits) <= PHONE_DIGITS_MAX:
        message = f"a phone number has {PHONE_DIGITS_MIN} to {PHONE_DIGITS_MAX} digits"
        raise InvalidContact(message, param="phone")
    if cleaned["national_id"] and not normal_national_id(text=cleaned["national_id"]):
        raise InvalidContact("a national id has letters or digits", param="national_id")
    return Contact(**cleaned)


def _clean(text: str, name: str) -> str:
    cleaned = _composed(text.strip(), _CHARS_MAX[name])
    if len(cleaned) > _CHARS_MAX[name]:
        raise InvalidContact(f"{name} has at most {_CHARS_MAX[name]} characters", param=name)
    allowed = "\n\t" if name == "note" else ""
    if any(unicodedata.category(char) in {"Cc", "Cs"} and char not in allowed for char in cleaned):
        raise InvalidContact("control characters are not allowed", param=name)
    refuse_card_number(text=cleaned, param=name)
    return cleaned


def _composed(text: str, chars_max: int) -> str:
    """Return text in NFC, or as it is where it is too long in any form: composing takes its time."""
    return text if len(text) > 4 * chars_max else unicodedata.normalize("NFC", text).strip()


def check_area(*, area: str) -> str:
    """Return the area with single blanks, or raise InvalidValue."""
    cleaned = _composed(" ".join(area.split()), AREA_CHARS_MAX)
    if len(cleaned) > AREA_CHARS_MAX:
        raise InvalidValue(f"an area has at most {AREA_CHARS_MAX} characters", param="area")
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in cleaned):
        raise InvalidValue("control characters are not allowed", param="area")
    refuse_card_number(text=cleaned, param="area")
    return cleaned


def check_dealer_id(*, dealer_id: str) -> str:
    """Return what names a dealer, or nothing, or raise InvalidDealerId or CardNumberRefused."""
    cleaned = dealer_id.strip()
    if cleaned and (len(cleaned) > DEALER_ID_CHARS_MAX or not _CODE.match(cleaned)):
        message = f"a dealer is named by 1 to {DEALER_ID_CHARS_MAX} letters, digits, and . _ @ / -"
        raise InvalidDealerId(message, param="dealer_id")
    refuse_card_number(text=cleaned, param="dealer_id")
    return cleaned


def normal_email(*, email: str) -> str:
    """Return the form under which an email address is looked up."""
    return unicodedata.normalize("NFKC", email).strip().casefold()


def mailbox_of(*, email: str) -> str:
    """Return one name for addresses that may be one mailbox's: what follows a plus, and dots, are left out.

    Not every provider delivers so: it is for counting mails, never for finding people.
    """
    local, _, domain = normal_email(email=email).partition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"


def normal_digits(*, text: str) -> str:
    """Return a phone number's digits, the form under which it is looked up.

    A leading international prefix of Pakistan is reduced to the national ``0`` form, so that
    ``+92 300 1234567`` and ``0300-1234567`` are one number.
    """
    digits = "".join(char for char in text if char.isascii() and char.isdigit())
    digits = digits.removeprefix("00")
    return f"0{digits[2:]}" if digits.startswith("92") and len(digits) == 12 else digits


def normal_national_id(*, text: str) -> str:
    """Return a national id's letters and digits, the form under which it is looked up."""
    return "".join(char for char in unicodedata.normalize("NFKC", text) if char.isalnum()).casefold()


def looks_personal(*, text: str) -> bool:
    """Whether a text looks like an email, or a phone number or national id: digits without letters.

    A customer code of digits looks like them, too.
    """
    number = normal_national_id(text=text)
    digits = sum(map(str.isdigit, number))
    return "@" in text or (digits >= PHONE_DIGITS_MIN and not any(map(str.isalpha, number)))


def area_key(*, area: str) -> str:
    """Return the form under which areas are compared."""
    return " ".join(area.split()).casefold()
