"""Payment card numbers: found, so that they are refused wherever text comes in.

ISO/IEC 7812: an issuer's leading digits, a length that the issuer uses, and the Luhn check
digit last. Digits may stand in groups between single blanks or hyphens. Thirteen digits are
left alone: no scheme issues such cards any more, and a Pakistani national id has thirteen.
"""

from __future__ import annotations

import re
from typing import Final

from chalicelib.domain.errors import InvalidValue

DIGITS_MAX: Final = 19
MASK: Final = "[card number]"
_RUN: Final = re.compile(r"[0-9]+(?:[ -][0-9]+)*")
_CARD: Final = re.compile(
    r"4(?:\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d{4}|2[2-7]\d{4})\d{10}"  # Mastercard, and PayPak among 22 to 27
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-59]|[689]\d)\d{11}(?:\d{2,5})?"  # Diners Club
    r"|35(?:2[89]|[3-8]\d)\d{12}(?:\d{3})?"  # JCB
    r"|(?:50|5[6-9]|6\d)\d{14}(?:\d{2,3})?"  # Maestro, Discover, UnionPay, RuPay
    r"|81\d{14}(?:\d{3})?"  # UnionPay
    r"|9792\d{12}",  # Troy
    re.ASCII,
)


class CardNumberRefused(InvalidValue):
    """The text holds what looks like a payment card number, which is never stored."""

    code = "card_number_refused"


def holds_card_number(*, text: str) -> bool:
    """Whether a payment card number stands in the text, alone or among other groups of digits."""
    if len(text) < 14:
        return False
    for run in _RUN.finditer(text):
        groups = run.group().replace("-", " ").split(" ")
        if any(_begins_card(groups, first) for first in range(len(groups))):
            return True
    return False


def masked_card_numbers(*, text: str) -> str:
    """Return the text with each run of digits that holds a card number taken out."""
    if not holds_card_number(text=text):
        return text
    return _RUN.sub(lambda run: MASK if holds_card_number(text=run.group()) else run.group(), text)


def refuse_card_number(*, text: str, param: str | None = None) -> None:
    """Raise CardNumberRefused where a payment card number stands in the text."""
    if holds_card_number(text=text):
        raise CardNumberRefused("card numbers are never stored: take it out", param=param)


def _begins_card(groups: list[str], first: int) -> bool:
    digits = ""
    for group in groups[first : first + DIGITS_MAX]:
        if len(group) > DIGITS_MAX:
            return False
        digits += group
        if len(digits) > DIGITS_MAX:
            return False
        if _is_card(digits):
            return True
    return False


def _is_card(digits: str) -> bool:
    if not _CARD.fullmatch(digits):
        return False
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
