"""Dates and amounts as people type them, refused with an example of how they are written."""

from __future__ import annotations

import argparse
from datetime import date

from chalicelib.cli.client import CliError
from chalicelib.domain.money import InvalidAmount, parse_decimal


def date_given(text: str) -> str:
    """Return an ISO date; an argparse ``type``."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-11-01") from None


def price_given(text: str, *, currency: str) -> dict[str, object]:
    """Return the API's amount for ``--price``, or raise CliError."""
    try:
        price = parse_decimal(text=text, currency=currency)
    except InvalidAmount as error:
        raise CliError(f"--price: {error.message}; write it without commas, such as 1649.00") from None
    if price.amount < 0:
        raise CliError(f"--price: {text!r} is less than nothing; a price is 0 or more, such as 1649.00")
    return {"amount": price.amount, "currency": currency}
