"""The calculation of an invoice line in plain words, for support staff and subscribers.

The codes come from ``domain.charges``, which lists them; they are kept with the line. Besides, ``m`` is
a line entered by hand, ``n:500/2000`` and ``nd:15/30`` are credits of an amount and of days of a line. A
code that is not known here is shown as it is, for an invoice must always be readable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from chalicelib.domain.accounts import ChargeKind
from chalicelib.domain.invoices import InvoiceLine
from chalicelib.domain.money import format_minor
from chalicelib.domain.taxes import RATE_PER_UNIT, TaxAmount, TaxBase


def calculation(*, line: InvoiceLine, currency: str) -> tuple[str, ...]:
    """Return how a line came to its amounts, one step each, in the order of the calculation.

    Amounts are decimals in the currency's digits, without its code.
    """
    told = [in_words(code=code, currency=currency) for code in line.trace]
    before = sum(not code.startswith(_AFTER_DAYS) for code in line.trace)
    days = [] if line.kind is not ChargeKind.RECURRING else [_days(line)]
    taxes = [_tax(tax, currency) for tax in line.taxes]
    return (*told[:before], *days, *told[before:], *taxes)


# What is applied to the price of the days; it stands last in a trace.
_AFTER_DAYS: Final = ("d:", "q", "b:", "t:", "x:", "incl", "r:")


def _days(line: InvoiceLine) -> str:
    if line.billed_days == line.full_days:
        return f"the whole period of {line.full_days} {_plural('day', line.full_days)}"
    return f"{line.billed_days} of {line.full_days} {_plural('day', line.full_days)}"


def _tax(tax: TaxAmount, currency: str) -> str:
    base = "the net" if tax.base is TaxBase.NET else "the net and the taxes before it"
    amount = format_minor(amount=tax.amount, currency=currency)
    return f"{tax.code} {percent(millionths=tax.rate_millionths)} of {base}: {amount}"


def is_known(*, code: str) -> bool:
    """Whether a code can be put into words."""
    return any(pattern.match(code) for pattern, _ in _WORDS)


def in_words(*, code: str, currency: str) -> str:
    """Return what a code means; the code itself where nobody knows."""
    for pattern, words in _WORDS:
        found = pattern.match(code)
        if found is not None:
            return words(found.groups(), currency)
    return code


def percent(*, millionths: int) -> str:
    """Render a rate exactly: 195,000 is ``19.5 %``."""
    whole, part = divmod(abs(millionths), RATE_PER_UNIT // 100)
    decimals = f".{part:04d}".rstrip("0").rstrip(".")
    return f"{'-' if millionths < 0 else ''}{whole}{decimals} %"


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"


Words = Callable[[Sequence[str], str], str]


def _discount(found: Sequence[str], currency: str) -> str:
    return f"discount {found[0]} took {format_minor(amount=int(found[1]), currency=currency)}"


def _bundle(found: Sequence[str], _currency: str) -> str:
    return f"{found[0]} of {found[1]} parts of the bundle's price"


def _tax_row(found: Sequence[str], _currency: str) -> str:
    group, starts_on, jurisdiction = found
    place = f"for {jurisdiction}" if jurisdiction else "for every place"
    return f"tax row {group} from {starts_on} {place}"


def _validity(found: Sequence[str], _currency: str) -> str:
    start, end = (f"{one[:4]}-{one[4:6]}-{one[6:8]} {one[9:11]}:{one[11:13]} UTC" for one in found)
    return f"valid from {start} until {end}"


def _rounding(found: Sequence[str], currency: str) -> str:
    return f"rounded to a multiple of {format_minor(amount=int(found[0]), currency=currency)}"


def _credited(found: Sequence[str], currency: str) -> str:
    part, whole = (format_minor(amount=int(one), currency=currency) for one in found)
    return f"credit of {part} of the line's {whole}, its taxes in proportion"


def _limited(found: Sequence[str], currency: str) -> str:
    part, whole = (format_minor(amount=int(one), currency=currency) for one in found)
    return f"{part} of {whole}: the rest was given back or written off before"


_WORDS: Final[tuple[tuple[re.Pattern[str], Words], ...]] = tuple(
    (re.compile(rf"{pattern}\Z", re.ASCII | re.DOTALL), words)
    for pattern, words in (
        (r"e(\d+)", lambda found, _: f"price of edition {found[0]}"),
        (r"p:(.*)", lambda found, _: f"phase {found[0]}"),
        (r"own", lambda _found, _: "price of the subscription's own"),
        (r"pause:(\d+)", lambda found, _: f"paused: {percent(millionths=int(found[0]))} of the price"),
        (r"d:(.*):(-?\d+)", _discount),
        (r"q(\d+)", lambda found, _: f"quantity {found[0]}"),
        (r"b:(\d+)/(\d+)", _bundle),
        (r"v:[\d.]+:(\d{8}T\d{4}Z):(\d{8}T\d{4}Z)", _validity),
        (r"c:(.*)", lambda found, _: f"charge {found[0]}"),
        (r"t:([^:]*):([^:]*):([^:]*)", _tax_row),
        (r"x:([^:]*):(.*)", lambda found, _: f"no {found[0]}: exemption certificate {found[1]}"),
        (r"incl", lambda _found, _: "taxes are contained in the price"),
        (r"r:(\d+)", _rounding),
        (r"m", lambda _found, _: "entered by hand"),
        (r"n:(-?\d+)/(-?\d+)", _credited),
        (r"nl:(-?\d+)/(-?\d+)", _limited),
        (r"nd:(\d+)/(\d+)", lambda found, _: f"credit of {found[0]} of the line's {found[1]} days"),
    )
)
