"""Amounts of money: integer minor units with a currency, and the only rounding there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from chalicelib.domain.errors import InvalidValue

# ISO 4217 minor-unit digits of the currencies that are not 2 and of those we name; an
# unknown code is refused rather than guessed.
_TWO_DIGITS: Final = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD "
    "GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD "
    "MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP "
    "PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS "
    "TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW ZWG"
)
CURRENCY_DIGITS: Final[dict[str, int]] = {
    **dict.fromkeys(_TWO_DIGITS.split(), 2),
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
}

# Largest amount of one posting: above any bill, far below what 64-bit sums could overflow.
AMOUNT_MINOR_MAX: Final = 10**13
# Messages quote so much of what was given.
SHOWN_CHARS_MAX: Final = 40


class UnknownCurrency(InvalidValue):
    """The code is not an ISO 4217 currency that we bill in."""

    code = "unknown_currency"


class CurrencyMismatch(InvalidValue):
    """Two currencies met in one sum."""

    code = "currency_mismatch"


class InvalidAmount(InvalidValue):
    """The amount has too many digits, is out of range, or is not a number."""

    code = "invalid_amount"


def currency_digits(*, currency: str) -> int:
    """Return the minor-unit digits (0 to 3) of an ISO 4217 code, or raise UnknownCurrency."""
    try:
        return CURRENCY_DIGITS[currency]
    except KeyError:
        raise UnknownCurrency(f"{_shown(currency)} is not a currency we bill in", param="currency") from None


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """``amount`` minor units (paisa, cents) of ``currency``; may be negative in the ledger."""

    amount: int
    currency: str

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount - other.amount, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"cannot mix {self.currency} and {other.currency}")

    def __str__(self) -> str:
        return f"{format_minor(amount=self.amount, currency=self.currency)} {self.currency}"


def format_minor(*, amount: int, currency: str) -> str:
    """Render minor units as a plain decimal: 164900 PKR is ``1649.00``."""
    digits = currency_digits(currency=currency)
    if digits == 0:
        return str(amount)
    whole, part = divmod(abs(amount), 10**digits)
    return f"{'-' if amount < 0 else ''}{whole}.{part:0{digits}d}"


def _shown(text: str) -> str:
    """Return text as messages quote it: what comes in may have any length."""
    return repr(text if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}…")


def parse_decimal(*, text: str, currency: str) -> Money:
    """Read a plain decimal such as ``1649.00`` in the currency's own digits.

    Raises InvalidAmount for exponents, thousands separators, NaN, too many digits or
    magnitudes above ``AMOUNT_MINOR_MAX``.
    """
    cleaned = text.strip()
    if not cleaned or len(cleaned) > 32 or any(char not in "+-.0123456789" for char in cleaned):
        raise InvalidAmount(f"{_shown(text)} is not a plain decimal number")
    try:
        minor = Decimal(cleaned).scaleb(currency_digits(currency=currency))
    except InvalidOperation:
        raise InvalidAmount(f"{_shown(text)} is not a plain decimal number") from None
    if minor != minor.to_integral_value():
        raise InvalidAmount(f"{_shown(text)} has more digits than {currency} has")
    if abs(minor) > AMOUNT_MINOR_MAX:
        raise InvalidAmount(f"{_shown(text)} is out of range")
    return Money(int(minor), currency)


def round_half_up(*, numerator: int, denominator: int) -> int:
    """Divide two integers, half away from zero, without ever leaving the integers."""
    assert denominator > 0, "a rate has a positive denominator"
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))


def split_largest_remainder(*, amount: int, weights: Sequence[int]) -> list[int]:
    """Split ``amount`` in proportion to ``weights`` so that the parts sum to the whole.

    Largest remainder first, earlier parts first on a tie (Hamilton's method).
    """
    total = sum(weights)
    assert total > 0, "not all weights are zero"
    assert min(weights) >= 0, "weights are non-negative"
    sign = -1 if amount < 0 else 1
    shares = [divmod(abs(amount) * weight, total) for weight in weights]
    parts = [share for share, _ in shares]
    missing = abs(amount) - sum(parts)
    by_remainder = sorted(range(len(weights)), key=lambda index: (-shares[index][1], index))
    for index in by_remainder[:missing]:
        parts[index] += 1
    return [sign * part for part in parts]
