"""JazzCash: its own page, led to by a form and back by a form, both signed by HMAC-SHA256.

The hash covers the values of the fields and not their names, joined by ``&``. So a reply is believed
only where no value holds an ``&``, every name is one that replies have, and each value that counts has
its own form: the values could not be given other names without breaking one of these.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from chalicelib.adapters.payments import reading
from chalicelib.adapters.payments.vendor import (
    BELIEVED,
    SECONDS,
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

LIVE_HOST: Final = "payments.jazzcash.com.pk"
TEST_HOST: Final = "sandbox.jazzcash.com.pk"
FORM_PATH: Final = "/CustomerPortal/transactionmanagement/merchantform/"
INQUIRY_PATH: Final = "/ApplicationAPI/API/PaymentInquiry/Inquire"
# A reply carries the time of the request, and a payer may take the whole life of a collection.
TOLERANCE_SECONDS: Final = 172_800
RETURN_CHARS_MAX: Final = 255

PAID: Final = frozenset({"000", "121"})
PENDING: Final = frozenset({"124", "157"})
REPLY_NAMES: Final = frozenset(
    "pp_Amount pp_AuthCode pp_BankID pp_BillReference pp_CNIC pp_DiscountedAmount pp_Language "
    "pp_MerchantID pp_MobileNumber pp_ProductID pp_ResponseCode pp_ResponseMessage "
    "pp_RetreivalReferenceNo pp_SecureHash pp_SettlementExpiry pp_SubMerchantID pp_SubMerchantId "
    "pp_TxnCurrency pp_TxnDateTime pp_TxnRefNo pp_TxnType pp_Version "
    "ppmpf_1 ppmpf_2 ppmpf_3 ppmpf_4 ppmpf_5".split()
)
_SIGNED: Final = re.compile(r"pp(?:mpf)?_[A-Za-z0-9]+")
_CODE: Final = re.compile(r"[0-9]{3}")
_RETURN_URL: Final = re.compile(r"https?://[!-%'-~]+")
SECRETS: Final = (Field("password"), Field("salt"))
SETTINGS: Final = (
    Field("merchant_id", re.compile(r"[A-Za-z0-9]{1,20}"), "the merchant id, letters and digits"),
    Field("version", re.compile(r"[0-9]\.[0-9]"), "a version such as 1.1", required=False),
    host_field(re.compile(r"(?:[a-z0-9-]{1,63}\.)+jazzcash\.com\.pk")),
    path_field("form_path"),
    path_field("inquiry_path"),
    path_field("refund_path"),
    Field("tolerance_seconds", SECONDS, "seconds, 1 to 9999999", required=False),
)


def secure_hash(fields: Mapping[str, Any], *, salt: str) -> str:
    """Return ``pp_SecureHash`` of fields: HMAC-SHA256 in lower-case hexadecimal, keyed by the salt.

    The message is the salt and the values of the non-empty ``pp_`` and ``ppmpf_`` fields, the hash
    itself excepted, in the order of their names, joined by ``&``.
    """
    names = sorted(name for name in fields if _SIGNED.fullmatch(name) and name != "pp_SecureHash")
    message = "&".join([salt, *(str(fields[name]) for name in names if fields[name])])
    return hmac.new(salt.encode(), message.encode("utf-8", "surrogatepass"), sha256).hexdigest()


class JazzCash:
    """JazzCash's hosted page, and its inquiry and refund interfaces."""

    kind = GatewayKind.JAZZCASH
    currencies = frozenset({"PKR"})
    refunds = True
    refunds_by_key = False

    def __init__(self, *, connect: Connect) -> None:
        self._connect = connect

    def check_credentials(self, *, credentials: Credentials) -> None:
        """Raise InvalidCredentials for what can never work."""
        check_fields(credentials, secrets=SECRETS, settings=SETTINGS)

    def begin(self, *, asked: CheckoutAsked, credentials: Credentials, now: datetime) -> Checkout:
        """Return the signed form. JazzCash knows a payment by our reference, which it takes once."""
        refuse_other_currency(asked, currencies=self.currencies)
        settings = credentials.settings
        back = asked.return_url
        fields = {
            "pp_Version": settings.get("version") or "1.1",
            "pp_TxnType": "",
            "pp_Language": "EN",
            "pp_MerchantID": settings["merchant_id"],
            "pp_SubMerchantID": "",
            # The vendor wants it in the form. It signs nothing: the salt does, which never leaves us.
            "pp_Password": credentials.secrets["password"],
            "pp_BankID": "",
            "pp_ProductID": "",
            "pp_TxnRefNo": asked.reference,
            "pp_Amount": str(asked.amount.amount),
            "pp_TxnCurrency": "PKR",
            "pp_TxnDateTime": _pakistan(now),
            "pp_BillReference": asked.reference,
            "pp_Description": re.sub(r"[^A-Za-z0-9 .,-]", " ", asked.description)[:200],
            "pp_TxnExpiryDateTime": _pakistan(asked.expires_at),
            "pp_ReturnURL": asked.callback_url,
            # Comes back signed: where the payer is led on to, for the reply comes through the browser.
            "ppmpf_1": back if _RETURN_URL.fullmatch(back) and len(back) <= RETURN_CHARS_MAX else "",
        }
        fields["pp_SecureHash"] = secure_hash(fields, salt=credentials.secrets["salt"])
        url = f"https://{_host(credentials)}{settings.get('form_path') or FORM_PATH}"
        return Checkout(Step.POST_FORM, url=url, fields=fields)

    def read(self, *, received: Received, credentials: Credentials, now: datetime) -> Sequence[Notice]:
        """Return what a reply tells; it comes as a form, posted by the payer's browser.

        What is checked of time is ``pp_TxnDateTime``, that of our own request, which the reply repeats:
        JazzCash signs no time of its own.
        """
        if received.method != "POST" or received.query:
            raise NoticeRefused("the message is no posted form")
        fields = reading.form_fields(received.body)
        _believe(fields, credentials=credentials)
        at = reading.compact_time(
            reading.text_of(fields, "pp_TxnDateTime"), zone=reading.PAKISTAN, param="pp_TxnDateTime"
        )
        tolerance = int(credentials.settings.get("tolerance_seconds") or TOLERANCE_SECONDS)
        reading.check_time(at, now=now, past_seconds=tolerance)
        if fields.get("pp_TxnCurrency") != "PKR":
            raise NoticeMalformed("the currency is not PKR", param="pp_TxnCurrency")
        return [
            _notice(
                fields,
                reference=reading.reference_of(fields, "pp_TxnRefNo"),
                code="pp_ResponseCode",
                message="pp_ResponseMessage",
                at=at,
            )
        ]

    def answer(self, *, outcome: Outcome, received: Received) -> VendorAnswer:
        """Lead the payer on to the return address that came back signed, or say it in a word."""
        if outcome in BELIEVED:
            back = reading.form_fields(received.body).get("ppmpf_1", "")
            if _RETURN_URL.fullmatch(back):
                return VendorAnswer(303, headers={"Location": back}, content_type="text/plain; charset=utf-8")
        return plain_answer(outcome)

    def inquire(self, *, reference: str, vendor_id: str, credentials: Credentials, now: datetime) -> Notice:
        """Ask by our reference. The inquiry tells no amount, and its answer need not be signed."""
        fields = self._ask(
            {"pp_TxnRefNo": reference},
            path=credentials.settings.get("inquiry_path") or INQUIRY_PATH,
            credentials=credentials,
        )
        if fields.get("pp_ResponseCode") != "000":
            raise GatewayRefused(reading.told("JazzCash refused the inquiry:", fields.get("pp_ResponseCode")))
        try:
            return _notice(
                {**fields, "pp_RetreivalReferenceNo": fields.get("pp_RetrievalReferenceNo", "")},
                reference=reference,
                code="pp_PaymentResponseCode",
                message="pp_PaymentResponseMessage",
                at=None,
            )
        except NoticeMalformed:
            raise GatewayUnavailable("JazzCash's answer cannot be read") from None

    def refund(self, *, asked: RefundAsked, credentials: Credentials, now: datetime) -> RefundMade:
        """Give money back, where the tenant has entered the path of the refunds they agreed on.

        JazzCash knows no key of a request, so it is asked once (``refunds_by_key``).
        """
        path = credentials.settings.get("refund_path")
        if not path:
            raise NotSupported("refunds are not set up: enter settings.refund_path, or refund by hand")
        fields = self._ask(
            {
                "pp_TxnRefNo": asked.reference,
                "pp_Amount": str(asked.amount.amount),
                "pp_TxnCurrency": asked.amount.currency,
            },
            path=path,
            credentials=credentials,
        )
        code = str(fields.get("pp_ResponseCode", ""))
        if code not in PAID | PENDING:
            raise GatewayRefused(reading.told("JazzCash refused the refund:", code))
        return RefundMade(
            str(fields.get("pp_RetreivalReferenceNo") or asked.reference), pending=code in PENDING
        )

    def _ask(self, asked: Mapping[str, str], *, path: str, credentials: Credentials) -> dict[str, Any]:
        host = _host(credentials)
        fields = {
            **asked,
            "pp_MerchantID": credentials.settings["merchant_id"],
            "pp_Password": credentials.secrets["password"],
        }
        salt = credentials.secrets["salt"]
        fields["pp_SecureHash"] = secure_hash(fields, salt=salt)
        answer = ask_json(
            self._connect([host]),
            f"https://{host}{path}",
            body=json_body(fields),
            content_type="application/json",
        )
        told = answer.get("pp_SecureHash")
        if told and not reading.same(str(told).lower(), secure_hash(answer, salt=salt)):
            raise GatewayUnavailable("JazzCash's answer has a wrong hash")
        return answer


def make(*, local: bool) -> JazzCash:
    """Return the adapter."""
    return JazzCash(connect=connecting(local=local))


def _believe(fields: Mapping[str, str], *, credentials: Credentials) -> None:
    """Raise NoticeRefused for a reply that JazzCash did not sign, or that could be read otherwise."""
    expected = secure_hash(fields, salt=credentials.secrets["salt"])
    if not reading.same(fields.get("pp_SecureHash", "").lower(), expected):
        raise NoticeRefused("the hash is wrong")
    if not fields.keys() <= REPLY_NAMES or any("&" in value for value in fields.values()):
        raise NoticeRefused("the hash does not say which value is whose")
    if fields.get("pp_MerchantID") != credentials.settings["merchant_id"]:
        raise NoticeRefused("the message is another merchant's")


def _notice(
    fields: Mapping[str, Any], *, reference: str, code: str, message: str, at: datetime | None
) -> Notice:
    found = reading.text_of(fields, code)
    if not _CODE.fullmatch(found):
        raise NoticeMalformed(f"{code} is no code", param=code)
    status = (
        NoticeStatus.PAID
        if found in PAID
        else NoticeStatus.PENDING
        if found in PENDING
        else NoticeStatus.FAILED
    )
    amount = fields.get("pp_Amount")
    return Notice(
        # By what became of it, and not by code or retrieval number: a reply and an inquiry tell the
        # same payment with different ones, and JazzCash takes a reference once.
        event_id=f"{reference}:{status.value}",
        reference=reference,
        status=status,
        amount=reading.paisa(str(amount), param="pp_Amount") if amount or at else None,
        vendor_id=reading.told(fields.get("pp_RetreivalReferenceNo"))[:40],
        occurred_at=at,
        reason="" if status is NoticeStatus.PAID else reading.told(found, fields.get(message)),
    )


def _host(credentials: Credentials) -> str:
    return credentials.settings.get("host") or (LIVE_HOST if credentials.live else TEST_HOST)


def _pakistan(at: datetime) -> str:
    return at.astimezone(reading.PAKISTAN).strftime(reading.COMPACT_TIME)
