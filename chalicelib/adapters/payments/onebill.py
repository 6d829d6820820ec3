"""1LINK's 1Bill and Kuickpay: banks ask us what is to be paid, and tell us that it was.

Nothing is signed. A request is believed for its user name and password, compared in constant time,
and for the address that it comes from; what it says is as good as TLS and these. Field case, padding,
the zone of ``tran_time`` and some codes differ by biller: they are settings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from ipaddress import ip_address, ip_network
from typing import Any, Final
from zoneinfo import ZoneInfo

from chalicelib.adapters.payments import reading
from chalicelib.adapters.payments.vendor import (
    SECONDS,
    Field,
    check_fields,
    json_body,
    refuse_other_currency,
)
from chalicelib.domain.billers import Bill, BillCode, BillInquiry, check_consumer_number
from chalicelib.domain.gateways import (
    Checkout,
    CheckoutAsked,
    Credentials,
    GatewayKind,
    GatewayRefused,
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
from chalicelib.domain.money import Money

# A bank that could not reach us says it again the next day.
TOLERANCE_SECONDS: Final = 259_200
NAME_CHARS: Final = 30
ECHO_CHARS_MAX: Final = 200
NETWORKS_MAX: Final = 10
# Wider than any bank's: nobody leaves the list open by mistake.
PREFIX_BITS_MIN: Final = {4: 16, 6: 32}
OWN_DIGITS: Final = "10"
_NUMBER: Final = re.compile(r"[0-9]{12,18}")
_AUTH_ID: Final = re.compile(r"[0-9A-Za-z]{6}")
_AMOUNT: Final = re.compile(r"[0-9]{12}")
_DAY: Final = re.compile(r"[0-9]{8}")
_TIME: Final = re.compile(r"[0-9]{6}")
_BANK: Final = re.compile(r"[A-Za-z0-9]{0,12}")
SECRETS: Final = (
    Field("username"),
    # Nothing else is secret about a bank's request.
    Field("password", re.compile(r"[!-~]{8,100}"), "8 to 100 characters, without blanks"),
)
SETTINGS: Final = (
    Field("prefix", re.compile(r"[0-9]{5}"), "the five digits of the biller"),
    Field("own_digits", re.compile(r"[789]|1[0-3]"), "7 to 13", required=False),
    Field("allowed_addresses", re.compile(r"[0-9a-f.:/,]{7,400}"), "addresses and networks, with commas"),
    Field("timezone", re.compile(r"UTC|Asia/Karachi"), "UTC or Asia/Karachi", required=False),
    Field("field_case", re.compile(r"published|lower|pascal"), "published, lower or pascal", required=False),
    Field("padding", re.compile(r"blanks|none"), "blanks or none", required=False),
    Field("repeated_code", re.compile(r"00|03"), "00 or 03", required=False),
    Field("already_paid_code", re.compile(r"00|06"), "00 or 06", required=False),
    Field("tolerance_seconds", SECONDS, "seconds, 1 to 9999999", required=False),
)
_OUTCOMES: Final = {
    Outcome.DONE: BillCode.DONE,
    Outcome.REPEATED: BillCode.DUPLICATE,
    Outcome.PARKED: BillCode.DONE,
    Outcome.REFUSED: BillCode.INVALID,
    Outcome.MALFORMED: BillCode.INVALID,
}


class OneBill:
    """The biller's side of 1Bill; the whole of it fills ``BillerGateway`` as well."""

    kind = GatewayKind.ONEBILL
    currencies = frozenset({"PKR"})
    refunds = False
    refunds_by_key = False

    def check_credentials(self, *, credentials: Credentials) -> None:
        """Raise InvalidCredentials for what can never work."""
        check_fields(credentials, secrets=SECRETS, settings=SETTINGS)
        networks = credentials.settings["allowed_addresses"].split(",")
        if len(networks) > NETWORKS_MAX or not all(_is_narrow(one) for one in networks):
            raise InvalidCredentials(
                "allowed_addresses takes up to ten addresses or networks of a bank, with commas between",
                param="settings.allowed_addresses",
            )

    def begin(self, *, asked: CheckoutAsked, credentials: Credentials, now: datetime) -> Checkout:
        """Return the number to enter in any bank's app; the bank asks us for the amount."""
        refuse_other_currency(asked, currencies=self.currencies)
        if not asked.consumer_number:
            raise GatewayRefused("the subscriber has no consumer number yet")
        check_consumer_number(
            number=asked.consumer_number,
            prefix=credentials.settings["prefix"],
            own_digits=int(credentials.settings.get("own_digits") or OWN_DIGITS),
        )
        return Checkout(Step.SHOW, fields={"consumer_number": asked.consumer_number})

    def read(self, *, received: Received, credentials: Credentials, now: datetime) -> Sequence[Notice]:
        """Return what a BillPayment tells. ``reference`` is the consumer number: banks know no other."""
        if received.tail.lower() not in {"", "billpayment"}:
            raise NoticeMalformed("the address is not BillPayment's")
        fields = _believed(received, credentials=credentials)
        number = _formed(fields, "consumer_number", _NUMBER)
        auth_id = _formed(fields, "tran_auth_id", _AUTH_ID)
        day, time = _formed(fields, "tran_date", _DAY), _formed(fields, "tran_time", _TIME)
        zone = ZoneInfo(credentials.settings.get("timezone") or "Asia/Karachi")
        at = reading.compact_time(day + time, zone=zone, param="tran_time")
        tolerance = int(credentials.settings.get("tolerance_seconds") or TOLERANCE_SECONDS)
        reading.check_time(at, now=now, past_seconds=tolerance)
        amount = reading.paisa(_formed(fields, "transaction_amount", _AMOUNT), param="transaction_amount")
        return [
            Notice(
                # The six digits of a bank's authorisation come again; with the second they do not.
                event_id=f"{number}:{auth_id}:{day}:{time}",
                reference=number,
                status=NoticeStatus.PAID,
                amount=amount,
                vendor_id=auth_id,
                occurred_at=at,
            )
        ]

    def parse_inquiry(self, *, received: Received, credentials: Credentials) -> BillInquiry:
        """Return a BillInquiry's question, its sender checked.

        Raises NoticeRefused or NoticeMalformed.
        """
        fields = _believed(received, credentials=credentials)
        return BillInquiry(_formed(fields, "consumer_number", _NUMBER), bank=_bank(fields))

    def answer_inquiry(
        self, *, code: BillCode, bill: Bill | None, received: Received, credentials: Credentials
    ) -> VendorAnswer:
        """Return the answer to a BillInquiry; ``bill`` is None where the code is not DONE.

        A bill in another currency, or of more digits than an answer has, is refused.
        """
        if bill is not None and not _is_tellable(bill):
            code, bill = BillCode.REFUSED, None
        padded = credentials.settings.get("padding", "blanks") != "none"
        values = _inquiry_values(code=code, bill=bill, padded=padded)
        return _answer({**values, "reserved": _echo(received)}, credentials=credentials)

    def answer_payment(self, *, code: BillCode, received: Received, credentials: Credentials) -> VendorAnswer:
        """Return the answer to a BillPayment, codes as the biller's profile has them."""
        told = code
        if code is BillCode.DUPLICATE:
            told = BillCode(credentials.settings.get("repeated_code") or code)
        if code is BillCode.ALREADY_PAID:
            told = BillCode(credentials.settings.get("already_paid_code") or code)
        return _answer(_payment_values(told, received), credentials=credentials)

    def answer(self, *, outcome: Outcome, received: Received) -> VendorAnswer:
        """Return a payment's answer in the published profile; ``answer_payment`` has the tenant's."""
        if outcome is Outcome.TRY_AGAIN:
            return VendorAnswer(503, body=json_body({"response_Code": BillCode.INVALID.value}).decode())
        return VendorAnswer(200, body=json_body(_payment_values(_OUTCOMES[outcome], received)).decode())

    def inquire(self, *, reference: str, vendor_id: str, credentials: Credentials, now: datetime) -> Notice:
        """Raise NotSupported."""
        raise NotSupported("banks cannot be asked: look at 1LINK's settlement report")

    def refund(self, *, asked: RefundAsked, credentials: Credentials, now: datetime) -> RefundMade:
        """Raise NotSupported."""
        raise NotSupported("a payment by 1Bill is given back by the bank")


def make(*, local: bool) -> OneBill:  # noqa: ARG001 - it asks nobody
    """Return the adapter."""
    return OneBill()


def _believed(received: Received, *, credentials: Credentials) -> dict[str, Any]:
    """Return the fields by their names in lower case, after who sends them was checked."""
    headers = received.headers
    known = reading.same(headers.get("username", ""), credentials.secrets["username"])
    right = reading.same(headers.get("password", ""), credentials.secrets["password"])
    if not (known and right):
        raise NoticeRefused("user name or password is wrong")
    if not _is_allowed(received.address, allowed=credentials.settings["allowed_addresses"]):
        raise NoticeRefused("the address is not among those allowed")
    if received.method != "POST" or received.query:
        raise NoticeRefused("the message is not posted")
    found = reading.json_object(reading.bounded(received.body))
    fields = {name.lower(): value for name, value in found.items()}
    if len(fields) != len(found):
        raise NoticeMalformed("a field comes twice")
    return fields


def _is_allowed(address: str, *, allowed: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in ip_network(one) for one in allowed.split(","))


def _is_narrow(text: str) -> bool:
    try:
        network = ip_network(text)
    except ValueError:
        return False
    return network.prefixlen >= PREFIX_BITS_MIN[network.version]


def _formed(fields: Mapping[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = reading.text_of(fields, name)
    if not form.fullmatch(value):
        raise NoticeMalformed(f"{name} is not of its form", param=name)
    return value


def _bank(fields: Mapping[str, Any]) -> str:
    value = fields.get("bank_mnemonic", "")
    if not isinstance(value, str) or not _BANK.fullmatch(value.strip()):
        raise NoticeMalformed("bank_mnemonic is not of its form", param="bank_mnemonic")
    return value.strip()


def _echo(received: Received) -> str:
    """Return what the request has in ``reserved``, which banks want back as it came."""
    try:
        fields = reading.json_object(received.body)
    except NoticeMalformed:
        return ""
    value = next((value for name, value in fields.items() if name.lower() == "reserved"), "")
    fit = isinstance(value, str) and len(value) <= ECHO_CHARS_MAX and value.isprintable()
    return str(value) if fit else ""


def _payment_values(code: BillCode, received: Received) -> dict[str, str]:
    return {"response_Code": code.value, "Identification_parameter": "", "reserved": _echo(received)}


def _inquiry_values(*, code: BillCode, bill: Bill | None, padded: bool) -> dict[str, str]:
    """Return the fields of an inquiry's answer, in their published order and widths."""
    paid = bill.amount_paid if bill else None
    values = {
        "response_Code": code.value,
        "consumer_Detail": _name(bill.name if bill else "", padded=padded),
        "bill_status": bill.status.value if bill else "",
        "due_date": f"{bill.due_on:%Y%m%d}" if bill else "",
        "amount_within_dueDate": _signed(bill.amount_within_due) if bill else "",
        "amount_after_dueDate": _signed(bill.amount_after_due) if bill else "",
        "billing_month": f"{bill.billing_month:%y%m}" if bill else "",
        "date_paid": _day(bill.paid_on if bill else None),
        "amount_paid": f"{paid.amount:012d}" if paid else "",
        "tran_auth_Id": bill.auth_id if bill else "",
    }
    if not padded:
        return values
    return {name: value.ljust(_WIDTHS[name]) for name, value in values.items()}


_WIDTHS: Final = {
    "response_Code": 2,
    "consumer_Detail": NAME_CHARS,
    "bill_status": 1,
    "due_date": 8,
    "amount_within_dueDate": 14,
    "amount_after_dueDate": 14,
    "billing_month": 4,
    "date_paid": 8,
    "amount_paid": 12,
    "tran_auth_Id": 6,
}


def _name(name: str, *, padded: bool) -> str:
    text = "".join(char for char in name if char.isprintable())[:NAME_CHARS]
    return text.ljust(NAME_CHARS) if padded else text.strip()


def _day(day: date | None) -> str:
    return f"{day:%Y%m%d}" if day else ""


def _signed(amount: Money) -> str:
    return f"+{amount.amount:013d}"


def _is_tellable(bill: Bill) -> bool:
    amounts = (bill.amount_within_due, bill.amount_after_due, bill.amount_paid or Money(0, "PKR"))
    return all(one.currency == "PKR" and 0 <= one.amount < 10**12 for one in amounts)


def _answer(values: Mapping[str, str], *, credentials: Credentials) -> VendorAnswer:
    case = credentials.settings.get("field_case", "published")
    named = {_cased(name, case): value for name, value in values.items()}
    return VendorAnswer(200, body=json_body(named).decode())


def _cased(name: str, case: str) -> str:
    if case == "lower":
        return name.lower()
    if case == "pascal":
        return "_".join(part[:1].upper() + part[1:] for part in name.split("_"))
    return name
