"""Strict readers of what vendors send: each refuses what two readers could take differently.

What is read before its signature is known raises NoticeRefused; what is read of a believed message
raises NoticeMalformed, whose ``param`` names the field.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote_to_bytes
from zoneinfo import ZoneInfo

from chalicelib.domain.cards import masked_card_numbers
from chalicelib.domain.gateways import NoticeMalformed, NoticeRefused, NoticeTooOld
from chalicelib.domain.money import AMOUNT_MINOR_MAX, InvalidAmount, Money, parse_decimal

BODY_BYTES_MAX: Final = 1 << 18
FIELDS_MAX: Final = 60
REASON_CHARS_MAX: Final = 120
# References of ours, as ``CheckoutAsked.reference`` has them.
REFERENCE: Final = re.compile(r"[A-Z][A-Z0-9]{19}")
# Clocks of two machines differ by so much at most.
CLOCK_SECONDS_MAX: Final = 300
PAKISTAN: Final = ZoneInfo("Asia/Karachi")
COMPACT_TIME: Final = "%Y%m%d%H%M%S"

_PAIR: Final = re.compile(rb"([A-Za-z0-9_]{1,40})=((?:[A-Za-z0-9*._~+:/,;@!$'()?=-]|%[0-9A-Fa-f]{2})*)")
_PAISA: Final = re.compile(r"[0-9]{1,14}")
_RUPEES: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,2})?")
_COMPACT_TIME: Final = re.compile(r"[0-9]{14}")


def bounded(body: bytes) -> bytes:
    """Return a body that is not too long, or raise NoticeRefused."""
    if len(body) > BODY_BYTES_MAX:
        raise NoticeRefused("the message is too long")
    return body


def form_fields(raw: bytes) -> dict[str, str]:
    """Read ``a=1&b=2`` (a form's body, or a query), each name once, values in UTF-8.

    Raises NoticeRefused for anything else: a name that comes twice, a stray percent sign, bytes that are
    no UTF-8, control characters.
    """
    pairs = bounded(raw).split(b"&") if raw else []
    if len(pairs) > FIELDS_MAX:
        raise NoticeRefused("the message has too many fields")
    fields: dict[str, str] = {}
    for pair in pairs:
        found = _PAIR.fullmatch(pair)
        if found is None:
            raise NoticeRefused("the message is no form")
        name = found[1].decode("ascii")
        if name in fields:
            raise NoticeRefused("a field of the message comes twice")
        fields[name] = _form_value(found[2])
    return fields


def _form_value(raw: bytes) -> str:
    try:
        value = unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise NoticeRefused("a field of the message is not UTF-8") from None
    if any(char < " " or char == "\x7f" for char in value):
        raise NoticeRefused("a field of the message has a control character")
    return value


def json_object(raw: bytes) -> dict[str, Any]:
    """Read one JSON object in UTF-8, no name twice anywhere in it, or raise NoticeMalformed."""
    try:
        found = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_each_name_once, parse_constant=_no_such_number
        )
    except (ValueError, RecursionError):
        raise NoticeMalformed("the message is no JSON that can be read in one way only") from None
    if not isinstance(found, dict):
        raise NoticeMalformed("the message is no JSON object")
    return found


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _no_such_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number")


def text_of(fields: Mapping[str, Any], name: str) -> str:
    """Return a field that must be there as text, or raise NoticeMalformed."""
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise NoticeMalformed(f"{name} is missing", param=name)
    return value


def reference_of(fields: Mapping[str, Any], name: str) -> str:
    """Return a field that must be a reference of ours, or raise NoticeMalformed."""
    value = text_of(fields, name)
    if not REFERENCE.fullmatch(value):
        raise NoticeMalformed(f"{name} is no reference of ours", param=name)
    return value


def paisa(text: str, *, param: str) -> Money:
    """Read digits as paisa: ``249900`` is 2,499 rupees. Raises NoticeMalformed for zero too."""
    if not _PAISA.fullmatch(text) or not 0 < int(text) <= AMOUNT_MINOR_MAX:
        raise NoticeMalformed(f"{param} is no amount in paisa", param=param)
    return Money(int(text), "PKR")


def rupees(text: str, *, param: str) -> Money:
    """Read rupees with up to two decimals: ``2499.0``. Raises NoticeMalformed for zero too."""
    try:
        amount = parse_decimal(text=text, currency="PKR") if _RUPEES.fullmatch(text) else None
    except InvalidAmount:
        amount = None
    if amount is None or amount.amount <= 0:
        raise NoticeMalformed(f"{param} is no amount in rupees", param=param)
    return amount


def compact_time(text: str, *, zone: ZoneInfo, param: str) -> datetime:
    """Read ``yyyyMMddHHmmss`` of a zone as an instant in UTC, or raise NoticeMalformed."""
    if not _COMPACT_TIME.fullmatch(text):
        raise NoticeMalformed(f"{param} is no time", param=param)
    try:
        return datetime.strptime(text, COMPACT_TIME).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NoticeMalformed(f"{param} is no time", param=param) from None


def check_time(at: datetime, *, now: datetime, past_seconds: int) -> None:
    """Raise NoticeTooOld for an instant further back than that, or further ahead than clocks differ."""
    if not timedelta(seconds=-CLOCK_SECONDS_MAX) <= now - at <= timedelta(seconds=past_seconds):
        raise NoticeTooOld("the message is not of this time")


def same(one: str, other: str) -> bool:
    """Compare two texts in a time that does not tell where they differ."""
    return hmac.compare_digest(_bytes(one), _bytes(other))


def _bytes(text: str) -> bytes:
    # Half of a character is no UTF-8, but what a vendor's JSON can hold, or a header.
    return text.encode("utf-8", "surrogatepass")


def told(*parts: object) -> str:
    """Return what a vendor said as one line of bounded length, for people to read."""
    text = " ".join(str(part) for part in parts if part)
    return masked_card_numbers(text="".join(char for char in text if char.isprintable()))[:REASON_CHARS_MAX]
