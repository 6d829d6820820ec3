"""Which passwords are accepted: length, not composition (NIST SP 800-63B, 5.1.1.2).

What everybody tries first is refused: the words that belong to the account, and the entries of
``refused_passwords.txt``, also with digits or marks around them, with digits for letters, and
repeated. Of these more than 3,000 are long enough to be accepted otherwise (OWASP ASVS 5.0, 6.2.4).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

from chalicelib.domain.errors import InvalidValue

PASSWORD_CHARS_MIN: Final = 12
PASSWORD_CHARS_MAX: Final = 128
WORD_CHARS_MIN: Final = 4
DISTINCT_CHARS_MIN: Final = 5

_LIST: Final = "refused_passwords.txt"
_DIGITS: Final = "0123456789"
# What people write for letters, hoping that nobody else does.
_WRITTEN: Final = str.maketrans("0134578@$!", "oieastbasi")
_COMMON: Final = ("password", "passw0rd", "qwerty", "letmein", "welcome", "123456", "abcdef", "iloveyou")


class WeakPassword(InvalidValue):
    """The password is too short, too long, or the first that anybody would try."""

    code = "weak_password"


def normal_password(*, password: str) -> str:
    """Return the form that is hashed, so that two keyboards give the same password."""
    return unicodedata.normalize("NFKC", password)


def check_password(*, password: str, known: Sequence[str], param: str = "password") -> None:
    """Raise WeakPassword unless the password is 12 to 128 characters and hard to guess.

    ``known`` are the words that belong to the account: names, company, email, subdomain. A
    password is refused when little of it is left without them and the most common ones.
    """
    length = len(normal_password(password=password))
    if not PASSWORD_CHARS_MIN <= length <= PASSWORD_CHARS_MAX:
        message = f"a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"
        raise WeakPassword(message, param=param)
    left = _letters(password)
    words = sorted({word for text in (*known, *_COMMON) for word in _words(text)}, key=len, reverse=True)
    for word in words:
        left = left.replace(word, "")
    if len(set(password)) < DISTINCT_CHARS_MIN or len(left.strip("0123456789")) < WORD_CHARS_MIN:
        raise _easy(param)
    if any(form in refused_passwords() for form in _forms(password)):
        raise _easy(param)


def _easy(param: str) -> WeakPassword:
    return WeakPassword("this password is too easy to guess: take a few words at random", param=param)


@cache
def refused_passwords() -> frozenset[str]:
    """Return what is refused: lower case, letters and digits alone. Read when first asked for."""
    text = files("chalicelib.domain").joinpath(_LIST).read_text(encoding="utf-8")
    return frozenset(text.split())


def _forms(password: str) -> Iterator[str]:
    """Yield what the password is without its ornaments."""
    folded = normal_password(password=password).casefold()
    for letters in (_letters(folded), _letters(folded.strip(f"{_DIGITS}!@$#*.-_ ").translate(_WRITTEN))):
        for bare in (letters, letters.strip(_DIGITS)):
            yield bare
            yield from _unit(bare)


def _unit(text: str) -> Iterator[str]:
    """Yield what a text is the repetition of, if it is one."""
    place = (text + text).find(text, 1)
    if 0 < place < len(text):
        yield text[:place]


def _words(text: str) -> list[str]:
    """Return the text's words that are long enough to matter, and the whole without blanks."""
    spaced = "".join(char if char.isalnum() else " " for char in normal_password(password=text).casefold())
    return [word for word in (*spaced.split(), _letters(text)) if len(word) >= WORD_CHARS_MIN]


def _letters(text: str) -> str:
    return "".join(char for char in normal_password(password=text).casefold() if char.isalnum())
