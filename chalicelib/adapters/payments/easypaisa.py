"""Easypaisa's hosted checkout, and its notice: an address of its own that we are to ask.

The notice is not signed. Anybody can send one, so it is only a hint: what is believed is the answer
of Easypaisa's own host, and that only where it is about our store.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from chalicelib.adapters.payments import reading
from chalicelib.adapters.payments.vendor import (
    Connect,
    Field,
    ask_json,
    check_fields,
    connecting,
    host_field,
    json_body,
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
    GatewayUnavailable,
    InvalidCredentials,
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

LIVE_HOST: Final = "easypay.easypaisa.com.pk"
TEST_HOST: Final = "easypaystg.easypaisa.com.pk"
CHECKOUT_PATH: Final = "/easypay/Index.jsf"
CONFIRM_PATH: Final = "/easypay/Confirm.jsf"
INQUIRY_PATH: Final = "/easypay-service/rest/v4/inquire-transaction"
ADDRESS_CHARS_MAX: Final = 500

# Nothing but lower-case host names, plain paths and plain queries: no user, port, fragment, escape.
_ADDRESS: Final = re.compile(
    r"https://([a-z0-9-]+(?:\.[a-z0-9-]+)+)((?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+)(?:\?[A-Za-z0-9._~=&-]*)?"
)
_HOST: Final = re.compile(r"(?:[a-z0-9-]{1,63}\.)+easypaisa\.com\.pk")
_HOSTS: Final = re.compile(rf"{_HOST.pattern}(?:,{_HOST.pattern}){{0,4}}")
_KEY: Final = re.compile(r"[ -~]{16}|[ -~]{24}|[ -~]{32}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~=+/-]{1,500}")
STATUSES: Final = {
    "PAID": NoticeStatus.PAID,
    "FAILED": NoticeStatus.FAILED,
    "DROPPED": NoticeStatus.FAILED,
    "EXPIRED": NoticeStatus.EXPIRED,
    "PENDING": NoticeStatus.PENDING,
}
SECRETS: Final = (
    Field("hash_key", _KEY, "16, 24 or 32 characters"),
    Field("inquiry_username", required=False),
    Field("inquiry_password", required=False),
)
SETTINGS: Final = (
    Field("store_id", re.compile(r"[0-9]{1,12}"), "the number of the store"),
    Field("account_number", re.compile(r"[0-9]{1,20}"), "the merchant's account number", required=False),
    Field(
        "payment_method",
        re.compile(r"(?:CC|MA|OTC|DD|QR)_PAYMENT_METHOD"),
        "a method such as MA_PAYMENT_METHOD",
        required=False,
    ),
    host_field(_HOST),
    Field(
        "notice_hosts", _HOSTS, "one to five hosts of the vendor's own domain, with commas", required=False
    ),
    path_field("checkout_path"),
    path_field("confirm_path"),
    path_field("inquiry_path"),
    path_field("notice_path"),
)


def merchant_hash(fields: Mapping[str, str], *, key: str) -> str:
    """Return ``merchantHashedReq``: base64 of AES-ECB with PKCS5 padding over ``k=v&…``, sorted by name.

    ECB is the vendor's choice. It stands for a signature here and hides nothing: the fields are beside
    it in the same form.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    padder = PKCS7(algorithms.AES.block_size).padder()
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields)).encode()
    encryptor = Cipher(algorithms.AES(key.encode()), modes.ECB()).encryptor()  # noqa: S305
    sealed = encryptor.update(padder.update(text) + padder.finalize()) + encryptor.finalize()
    return base64.b64encode(sealed).decode("ascii")


def rupees_text(amount: int) -> str:
    """Render paisa as Easypaisa has amounts: ``2499.0``, ``2499.5``, ``2499.55``."""
    text = format_minor(amount=amount, currency="PKR")
    return text.removesuffix("0")


class Easypaisa:
    """Easypaisa's hosted checkout, in two steps, and its notices."""

    kind = GatewayKind.EASYPAISA
    currencies = frozenset({"PKR"})
    refunds = False
    refunds_by_key = False

    def __init__(self, *, connect: Connect) -> None:
        self._connect = connect

    def check_credentials(self, *, credentials: Credentials) -> None:
        """Raise InvalidCredentials for what can never work."""
        check_fields(credentials, secrets=SECRETS, settings=SETTINGS)
        given = [
            credentials.secrets.get("inquiry_username"),
            credentials.secrets.get("inquiry_password"),
            credentials.settings.get("account_number"),
        ]
        if any(given) and not all(given):
            raise InvalidCredentials(
                "inquiries need inquiry_username, inquiry_password and account_number",
                param="settings.account_number",
            )

    def begin(self, *, asked: CheckoutAsked, credentials: Credentials, now: datetime) -> Checkout:
        """Return the form of the first step; the payer comes back for the second (``next_step``)."""
        refuse_other_currency(asked, currencies=self.currencies)
        fields = {
            "amount": rupees_text(asked.amount.amount),
            "autoRedirect": "1",
            "expiryDate": asked.expires_at.astimezone(reading.PAKISTAN).strftime("%Y%m%d %H%M%S"),
            "orderRefNum": asked.reference,
            "postBackURL": asked.return_url,
            "storeId": credentials.settings["store_id"],
        }
        if method := credentials.settings.get("payment_method"):
            fields["paymentMethod"] = method
        fields["merchantHashedReq"] = merchant_hash(fields, key=credentials.secrets["hash_key"])
        path = credentials.settings.get("checkout_path") or CHECKOUT_PATH
        return Checkout(Step.POST_FORM, url=f"https://{_host(credentials)}{path}", fields=fields)

    def next_step(self, *, query: str, asked: CheckoutAsked, credentials: Credentials) -> Checkout | None:
        """Return the form that confirms a checkout, where the payer came back with a token for it."""
        try:
            token = reading.form_fields(query.encode()).get("auth_token", "")
        except NoticeRefused:
            return None
        if not _TOKEN.fullmatch(token):
            return None
        path = credentials.settings.get("confirm_path") or CONFIRM_PATH
        return Checkout(
            Step.POST_FORM,
            url=f"https://{_host(credentials)}{path}",
            fields={"auth_token": token, "postBackURL": asked.return_url},
        )

    def read(self, *, received: Received, credentials: Credentials, now: datetime) -> Sequence[Notice]:
        """Ask the address that a notice names, if it is Easypaisa's own, and return what it tells."""
        if received.method != "GET" or received.body:
            raise NoticeRefused("the message is no notice")
        fields = reading.form_fields(received.query.encode("utf-8", "replace"))
        if fields.keys() != {"url"}:
            raise NoticeRefused("the notice has other fields than url")
        hosts = notice_hosts(credentials)
        path = credentials.settings.get("notice_path") or "/"
        address = own_address(fields["url"], hosts=hosts, path=path)
        status, body = self._connect(hosts).request("GET", address, headers={"Accept": "application/json"})
        if status != 200:
            raise GatewayUnavailable(f"Easypaisa answered with status {status}")
        return [_notice(reading.json_object(body), credentials=credentials)]

    def answer(self, *, outcome: Outcome, received: Received) -> VendorAnswer:
        """Say it by status."""
        return plain_answer(outcome)

    def inquire(self, *, reference: str, vendor_id: str, credentials: Credentials, now: datetime) -> Notice:
        """Ask by our reference, where the tenant has a user name for inquiries."""
        username = credentials.secrets.get("inquiry_username")
        if not username:
            raise NotSupported("inquiries are not set up: enter secrets.inquiry_username and the others")
        host = _host(credentials)
        pair = f"{username}:{credentials.secrets['inquiry_password']}"
        answer = ask_json(
            self._connect([host]),
            f"https://{host}{credentials.settings.get('inquiry_path') or INQUIRY_PATH}",
            body=json_body(
                {
                    "orderId": reference,
                    "storeId": credentials.settings["store_id"],
                    "accountNum": credentials.settings["account_number"],
                }
            ),
            content_type="application/json",
            headers={"Credentials": base64.b64encode(pair.encode()).decode("ascii")},
        )
        if answer.get("responseCode") != "0000":
            raise GatewayRefused(reading.told("Easypaisa refused the inquiry:", answer.get("responseCode")))
        try:
            return _told(
                reference=reference,
                status=reading.text_of(answer, "transactionStatus"),
                amount=answer.get("transactionAmount"),
                vendor_id=answer.get("transactionId"),
            )
        except NoticeMalformed:
            raise GatewayUnavailable("Easypaisa's answer cannot be read") from None

    def refund(self, *, asked: RefundAsked, credentials: Credentials, now: datetime) -> RefundMade:
        """Raise NotSupported."""
        raise NotSupported("Easypaisa's refunds are made in its own portal")


def make(*, local: bool) -> Easypaisa:
    """Return the adapter."""
    return Easypaisa(connect=connecting(local=local))


def notice_hosts(credentials: Credentials) -> frozenset[str]:
    """Return the hosts that a notice may name: the one of the checkout, and those of the settings."""
    more = credentials.settings.get("notice_hosts", "")
    return frozenset({_host(credentials), *(one for one in more.split(",") if one)})


def own_address(text: str, *, hosts: frozenset[str], path: str = "/") -> str:
    """Return an address that is one of these hosts' own and begins with a path, or raise NoticeRefused."""
    found = _ADDRESS.fullmatch(text) if len(text) <= ADDRESS_CHARS_MAX else None
    if found is None or found[1] not in hosts or not found[2].startswith(path):
        raise NoticeRefused("the notice names an address that is not Easypaisa's")
    return text


def _notice(fields: Mapping[str, Any], *, credentials: Credentials) -> Notice:
    # Whoever has a store of their own can pay themselves under a reference of ours.
    if str(fields.get("store_id", "")) != credentials.settings["store_id"]:
        raise NoticeRefused("the notice is about another store")
    return _told(
        reference=reading.reference_of(fields, "order_id"),
        status=reading.text_of(fields, "transaction_status"),
        amount=fields.get("transaction_amount"),
        vendor_id=fields.get("transaction_id"),
    )


def _told(*, reference: str, status: str, amount: object, vendor_id: object) -> Notice:
    found = STATUSES.get(status)
    if found is None:
        raise NoticeMalformed("there is no such transaction status", param="transaction_status")
    return Notice(
        event_id=f"{reference}:{found.value}",
        reference=reference,
        status=found,
        amount=reading.rupees(str(amount), param="transaction_amount") if amount is not None else None,
        vendor_id=reading.told(vendor_id)[:40],
        reason="" if found is NoticeStatus.PAID else status,
    )


def _host(credentials: Credentials) -> str:
    return credentials.settings.get("host") or (LIVE_HOST if credentials.live else TEST_HOST)
