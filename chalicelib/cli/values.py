"""Dates and amounts as people type them, refused with an example of how they are written."""

from __future__ import annotations

import argparse
from datetime import date
from typing import Any

from chalicelib.cli.client import CliError
from chalicelib.domain.money import InvalidAmount, parse_decimal


def date_given(text: str) -> str:
    """Return an ISO date; an argparse ``type``."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-11-01") from None


def amount_given(text: str, *, currency: str, name: str) -> dict[str, Any]:
    """Return the API's amount for what somebody paid or is given, or raise CliError."""
    try:
        amount = parse_decimal(text=text, currency=currency)
    except InvalidAmount as error:
        raise CliError(f"{name}: {error.message}; write it without commas, such as 1649.00") from None
    return {"amount": amount.amount, "currency": currency}


def price_given(text: str, *, currency: str) -> dict[str, Any]:
    """Return the API's amount for ``--price``, or raise CliError."""
    price = amount_given(text, currency=currency, name="--price")
    if price["amount"] < 0:
        raise CliError(f"--price: {text!r} is less than nothing; a price is 0 or more, such as 1649.00")
    return price
