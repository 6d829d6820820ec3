"""Email addresses: the plain ASCII form that every mail system takes (RFC 5321, dot-atom)."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from chalicelib.domain.errors import InvalidValue

EMAIL_CHARS_MAX: Final = 254
LOCAL_PART_CHARS_MAX: Final = 64

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LABEL}\Z", re.ASCII)


class InvalidEmail(InvalidValue):
    """The text is not an email address."""

    code = "invalid_email"


class LinkNotAllowed(InvalidValue):
    """A name holds a web address."""

    code = "link_not_allowed"


def check_email(*, email: str, param: str = "email") -> str:
    """Return the address without surrounding blanks, or raise InvalidEmail."""
    cleaned = email.strip()
    too_long = len(cleaned) > EMAIL_CHARS_MAX or len(cleaned.partition("@")[0]) > LOCAL_PART_CHARS_MAX
    if too_long or not _EMAIL.match(cleaned):
        raise InvalidEmail("this is not an email address such as name@example.com", param=param)
    return cleaned


def check_no_link(*, text: str, param: str) -> None:
    """Raise LinkNotAllowed where a text that goes into our mails holds what readers make a link of."""
    if has_link(text=text):
        raise LinkNotAllowed("web addresses are not allowed here", param=param)


def has_link(*, text: str) -> bool:
    """Whether readers of a mail make a link of something in a text."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "://" in plain or "www." in plain
