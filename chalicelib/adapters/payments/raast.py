"""Raast: a QR code with amount and reference; staff confirm what reached the bank.

No public interface was found, so nothing is told to us, and nothing can be asked. The text follows
EMVCo's merchant-presented mode: two digits of a tag, two of a length, the value, and CRC-16 last.
Which template Raast's wallets read is not verified: it is a setting.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from chalicelib.adapters.payments.vendor import Field, check_fields, plain_answer, refuse_other_currency
from chalicelib.domain.gateways import (
    Checkout,
    CheckoutAsked,
    Credentials,
    GatewayKind,
    GatewayRefused,
    InvalidCredentials,
    Notice,
    NoticeRefused,
    NotSupported,
    Outcome,
    Received,
    RefundAsked,
    RefundMade,
    Step,
    VendorAnswer,
)
from chalicelib.domain.money import format_minor

TEMPLATE_TAG: Final = "26"
AMOUNT_CHARS_MAX: Final = 13
_IBAN: Final = re.compile(r"PK[0-9]{2}[A-Z]{4}[A-Z0-9]{16}")
SETTINGS: Final = (
    Field("iban", _IBAN, "an IBAN of Pakistan, 24 characters without blanks", required=False),
    Field(
        "alias", re.compile(r"[A-Za-z0-9@._+-]{3,50}"), "a Raast alias of 3 to 50 characters", required=False
    ),
    Field("merchant_name", re.compile(r"[!-~](?:[ -~]{0,23}[!-~])?"), "a name of up to 25 characters"),
    Field("city", re.compile(r"[!-~](?:[ -~]{0,13}[!-~])?"), "a city of up to 15 characters"),
    Field("category_code", re.compile(r"[0-9]{4}"), "the four digits of ISO 18245", required=False),
    Field("template_tag", re.compile(r"2[6-9]|[34][0-9]|5[01]"), "a tag from 26 to 51", required=False),
    Field("template_id", re.compile(r"[A-Za-z0-9.]{1,32}"), "the scheme's identifier", required=False),
)


def crc16(data: bytes) -> str:
    """Return CRC-16/CCITT-FALSE as four upper-case hexadecimal digits (EMVCo's last element)."""
    value = 0xFFFF
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1) ^ 0x1021 if value & 0x8000 else value << 1
        value &= 0xFFFF
    return f"{value:04X}"


def element(tag: str, value: str) -> str:
    """Return one element: tag, length, value."""
    assert 0 < len(value) < 100, "EMVCo counts a length in two digits"
    return f"{tag}{len(value):02d}{value}"


def iban_is_valid(iban: str) -> bool:
    """Tell whether an IBAN's check digits are right (ISO 13616: modulo 97)."""
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1


class Raast:
    """Raast by QR code, confirmed by staff."""

    kind = GatewayKind.RAAST
    currencies = frozenset({"PKR"})
    refunds = False
    refunds_by_key = False

    def check_credentials(self, *, credentials: Credentials) -> None:
        """Raise InvalidCredentials for what can never work: one of ``iban`` and ``alias`` is needed."""
        check_fields(credentials, secrets=(), settings=SETTINGS)
        iban, alias = credentials.settings.get("iban"), credentials.settings.get("alias")
        if bool(iban) == bool(alias):
            raise InvalidCredentials("one of iban and alias is needed, and not both", param="settings.iban")
        if iban and not iban_is_valid(iban):
            raise InvalidCredentials("the IBAN's check digits are wrong", param="settings.iban")

    def begin(self, *, asked: CheckoutAsked, credentials: Credentials, now: datetime) -> Checkout:
        """Return the text of the QR code and what to enter by hand where it cannot be scanned."""
        refuse_other_currency(asked, currencies=self.currencies)
        settings = credentials.settings
        account = settings.get("iban") or settings["alias"]
        amount = format_minor(amount=asked.amount.amount, currency="PKR")
        if len(amount) > AMOUNT_CHARS_MAX:
            raise GatewayRefused("the amount is too large for a QR code")
        template = element("00", settings["template_id"]) if settings.get("template_id") else ""
        text = "".join(
            (
                element("00", "01"),
                element("01", "12"),  # for one payment: it holds an amount
                element(settings.get("template_tag") or TEMPLATE_TAG, template + element("01", account)),
                element("52", settings.get("category_code") or "4814"),  # telecommunication services
                element("53", "586"),
                element("54", amount),
                element("58", "PK"),
                element("59", settings["merchant_name"]),
                element("60", settings["city"]),
                element("62", element("05", asked.reference)),
                "6304",
            )
        )
        return Checkout(
            Step.SHOW,
            fields={
                "qr": text + crc16(text.encode()),
                "account": account,
                "account_title": settings["merchant_name"],
                "amount": amount,
                "reference": asked.reference,
            },
        )

    def read(self, *, received: Received, credentials: Credentials, now: datetime) -> Sequence[Notice]:
        """Raise NoticeRefused: Raast tells nothing, so nothing that comes is its."""
        raise NoticeRefused("Raast sends no notices: staff confirm what reached the bank")

    def answer(self, *, outcome: Outcome, received: Received) -> VendorAnswer:
        """Say it by status."""
        return plain_answer(outcome)

    def inquire(self, *, reference: str, vendor_id: str, credentials: Credentials, now: datetime) -> Notice:
        """Raise NotSupported."""
        raise NotSupported("Raast cannot be asked: look at the bank's statement")

    def refund(self, *, asked: RefundAsked, credentials: Credentials, now: datetime) -> RefundMade:
        """Raise NotSupported."""
        raise NotSupported("money received by Raast is given back by the bank")


def make(*, local: bool) -> Raast:  # noqa: ARG001 - it asks nobody
    """Return the adapter."""
    return Raast()
