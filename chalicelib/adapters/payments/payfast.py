"""PayFast (Pakistan): a token, its own page, and a notice whose hash covers basket and code only.

``validation_hash`` is SHA-256 over ``basket_id|secured_key|merchant_id|err_code``. So the amount and
the transaction's id are told and not signed: the amount is compared with our own, and an event is
named by what is signed alone, or one notice could be told again as another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final
from urllib.parse import urlencode

from chalicelib.adapters.payments import reading
from chalicelib.adapters.payments.vendor import (
    Connect,
    Field,
    ask_json,
    check_fields,
    connecting,
    host_field,
    path_field,
    plain_answer,
    refuse_other_currency,
)
from chalicelib.domain.gateways import (
    Checkout,
    CheckoutAsked,
    Credentials,
    GatewayKind,
    GatewayRefused,
    Notice,
    NoticeMalformed,
    NoticeRefused,
    NoticeStatus,
    NotSupported,
    Outcome,
    Received,
    RefundAsked,
    RefundMade,
    Step,
    VendorAnswer,
)
from chalicelib.domain.money import format_minor

LIVE_HOST: Final = "ipg1.apps.net.pk"
TEST_HOST: Final = "ipguat.apps.net.pk"
TOKEN_PATH: Final = "/Ecommerce/api/Transaction/GetAccessToken"  # noqa: S105 - an address, and no token
FORM_PATH: Final = "/Ecommerce/api/Transaction/PostTransaction"
FORM: Final = "application/x-www-form-urlencoded"
PAID: Final = frozenset({"000", "00"})
_CODE: Final = re.compile(r"[A-Za-z0-9_]{1,10}")
SECRETS: Final = (
    Field("secured_key", re.compile(r"[!-{}~]{1,200}"), "the secured key, without blanks or |"),
)
SETTINGS: Final = (
    Field("merchant_id", re.compile(r"[0-9]{1,12}"), "the merchant's number"),
    Field("merchant_name", required=False),
    host_field(re.compile(r"(?:[a-z0-9-]{1,63}\.)+(?:apps\.net\.pk|gopayfast\.com)")),
    path_field("token_path"),
    path_field("form_path"),
)


def validation_hash(*, basket_id: str, secured_key: str, merchant_id: str, err_code: str) -> str:
    """Return a notice's hash: SHA-256 in lower-case hexadecimal over the four, joined by ``|``."""
    return sha256(f"{basket_id}|{secured_key}|{merchant_id}|{err_code}".encode()).hexdigest()


class PayFast:
    """PayFast's hosted page. Refunds and inquiries are made in its own portal."""

    kind = GatewayKind.PAYFAST
    currencies = frozenset({"PKR"})
    refunds = False
    refunds_by_key = False

    def __init__(self, *, connect: Connect) -> None:
        self._connect = connect

    def check_credentials(self, *, credentials: Credentials) -> None:
        """Raise InvalidCredentials for what can never work."""
        check_fields(credentials, secrets=SECRETS, settings=SETTINGS)

    def begin(self, *, asked: CheckoutAsked, credentials: Credentials, now: datetime) -> Checkout:
        """Ask for a token and return the form; the basket is our reference, the token new each time."""
        refuse_other_currency(asked, currencies=self.currencies)
        settings = credentials.settings
        amount = format_minor(amount=asked.amount.amount, currency="PKR")
        return Checkout(
            Step.POST_FORM,
            url=f"https://{_host(credentials)}{settings.get('form_path') or FORM_PATH}",
            fields={
                "CURRENCY_CODE": "PKR",
                "MERCHANT_ID": settings["merchant_id"],
                "MERCHANT_NAME": settings.get("merchant_name") or settings["merchant_id"],
                "TOKEN": self._token(asked.reference, amount=amount, credentials=credentials),
                "PROCCODE": "00",
                "TRAN_TYPE": "ECOMM_PURCHASE",
                "TXNAMT": amount,
                "TXNDESC": asked.description[:200],
                "BASKET_ID": asked.reference,
                "ORDER_DATE": now.astimezone(reading.PAKISTAN).strftime("%Y-%m-%d %H:%M:%S"),
                "SUCCESS_URL": asked.return_url,
                "FAILURE_URL": asked.return_url,
                "CHECKOUT_URL": asked.callback_url,
                "CUSTOMER_EMAIL_ADDRESS": "",
                "CUSTOMER_MOBILE_NO": "",
                "VERSION": "1.0",
                # PayFast reads nothing from it; it wants some text there.
                "SIGNATURE": asked.reference,
            },
        )

    def _token(self, reference: str, *, amount: str, credentials: Credentials) -> str:
        host = _host(credentials)
        answer = ask_json(
            self._connect([host]),
            f"https://{host}{credentials.settings.get('token_path') or TOKEN_PATH}",
            body=urlencode(
                {
                    "MERCHANT_ID": credentials.settings["merchant_id"],
                    "SECURED_KEY": credentials.secrets["secured_key"],
                    "BASKET_ID": reference,
                    "TXNAMT": amount,
                    "CURRENCY_CODE": "PKR",
                }
            ).encode(),
            content_type=FORM,
        )
        token = answer.get("ACCESS_TOKEN")
        if not isinstance(token, str) or not token:
            raise GatewayRefused("PayFast gave no token: look at merchant_id and secured_key")
        return token

    def read(self, *, received: Received, credentials: Credentials, now: datetime) -> Sequence[Notice]:
        """Return what a notice tells; it comes in a query or as a form, and says no time that is signed."""
        if received.query and received.body:
            raise NoticeRefused("the message has fields in two places")
        fields = reading.form_fields(received.body or received.query.encode("utf-8", "replace"))
        basket, code = fields.get("basket_id", ""), fields.get("err_code", "")
        expected = validation_hash(
            basket_id=basket,
            secured_key=credentials.secrets["secured_key"],
            merchant_id=credentials.settings["merchant_id"],
            err_code=code,
        )
        if not reading.same(fields.get("validation_hash", "").lower(), expected):
            raise NoticeRefused("the hash is wrong")
        if not _CODE.fullmatch(code):
            raise NoticeMalformed("err_code is no code", param="err_code")
        reference = reading.reference_of(fields, "basket_id")
        status = NoticeStatus.PAID if code in PAID else NoticeStatus.FAILED
        amount = fields.get("transaction_amount")
        return [
            Notice(
                event_id=f"{reference}:{status.value}",
                reference=reference,
                status=status,
                amount=reading.rupees(amount, param="transaction_amount") if amount else None,
                vendor_id=reading.told(fields.get("transaction_id"))[:40],
                reason="" if status is NoticeStatus.PAID else reading.told(code, fields.get("err_msg")),
                signed_amount=False,
            )
        ]

    def answer(self, *, outcome: Outcome, received: Received) -> VendorAnswer:
        """Say it by status."""
        return plain_answer(outcome)

    def inquire(self, *, reference: str, vendor_id: str, credentials: Credentials, now: datetime) -> Notice:
        """Raise NotSupported."""
        raise NotSupported("PayFast is asked in its own portal")

    def refund(self, *, asked: RefundAsked, credentials: Credentials, now: datetime) -> RefundMade:
        """Raise NotSupported."""
        raise NotSupported("PayFast's refunds are made in its own portal")


def make(*, local: bool) -> PayFast:
    """Return the adapter."""
    return PayFast(connect=connecting(local=local))


def _host(credentials: Credentials) -> str:
    return credentials.settings.get("host") or (LIVE_HOST if credentials.live else TEST_HOST)
