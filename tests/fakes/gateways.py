"""Vendors of payment gateways as they speak: what each signs, and how its messages are altered."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import stripe

from chalicelib.adapters.payments import sandbox
from chalicelib.adapters.payments.easypaisa import Easypaisa
from chalicelib.adapters.payments.jazzcash import REPLY_NAMES, JazzCash, secure_hash
from chalicelib.adapters.payments.onebill import OneBill
from chalicelib.adapters.payments.payfast import PayFast, validation_hash
from chalicelib.adapters.payments.raast import Raast
from chalicelib.adapters.payments.reading import COMPACT_TIME, PAKISTAN
from chalicelib.adapters.payments.stripe import Stripe
from chalicelib.domain.gateways import CheckoutAsked, Credentials, Received
from chalicelib.domain.money import Money
from chalicelib.ports.gateways import PaymentGateway

NOW = datetime(2041, 5, 15, 9, 30, tzinfo=UTC)
REFERENCE = "R1234567890ABCDEFGHJ"
CONSUMER_NUMBER = "123450000000426"
AMOUNT = Money(249900, "PKR")
RETURN_URL = "https://ravi.example/pay/abc/result"
CALLBACK_URL = "https://api.example/v1/gateway-callbacks/abc"
NOTICE_ADDRESS = f"https://easypaystg.easypaisa.com.pk/easypay/ipn/{REFERENCE}"


def asked(**changes: Any) -> CheckoutAsked:
    """A checkout of 2,499 rupees that ends in half an hour."""
    usual = CheckoutAsked(
        reference=REFERENCE,
        amount=AMOUNT,
        description="Invoice INV-000042",
        return_url=RETURN_URL,
        callback_url=CALLBACK_URL,
        expires_at=NOW + timedelta(minutes=30),
        consumer_number=CONSUMER_NUMBER,
    )
    return replace(usual, **changes)


@dataclass
class FakeHost:
    """Answers requests from a list, or by a function, and remembers what was asked."""

    answers: Mapping[str, tuple[int, bytes]] = field(default_factory=dict)
    requests: list[tuple[str, str, Mapping[str, str], bytes]] = field(default_factory=list)
    hosts: list[Collection[str]] = field(default_factory=list)

    def connect(self, hosts: Collection[str]) -> FakeHost:
        self.hosts.append(hosts)
        return self

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, bytes]:
        self.requests.append((method, url, headers or {}, body))
        return self.answers.get(url, (404, b""))


def json_answer(**values: Any) -> tuple[int, bytes]:
    return 200, json.dumps(values).encode()


@dataclass(frozen=True)
class Vendor:
    """One vendor: a notice that a payment was made, and what of it counts."""

    gateway: PaymentGateway
    credentials: Credentials
    of_another_tenant: Credentials
    # The notice with this amount as the vendor writes it, at this time, and these fields changed or left out.
    paid: Callable[..., Received]
    # What the vendor's signature covers of a message, in a form in which the same meaning is equal.
    covered: Callable[[Received], object]
    # An amount of 2,499 rupees as the vendor writes it, and the fields that hold it.
    written: str = "249900"
    unsigned: Callable[[Received], Received] | None = None
    timed: bool = True
    # Whether zero, or digits of another script, could be written at all.
    amounts: tuple[str, ...] = (
        "-249900",
        "0",
        "2499.00",
        "٢٤٩٩٠٠",
        "9" * 15,
        "+249900",
        " 249900",
        "2e5",
        "",
    )


def _without(fields: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


# ---- JazzCash ------------------------------------------------------------------------------
JAZZCASH = Credentials({"password": "pass-4711", "salt": "0F5DD14AE2"}, {"merchant_id": "MC12345"})


def jazzcash_reply(*, amount: str = "249900", at: datetime = NOW, **changes: Any) -> Received:
    fields = _without(
        {
            "pp_Amount": amount,
            "pp_AuthCode": "",
            "pp_BillReference": REFERENCE,
            "pp_Language": "EN",
            "pp_MerchantID": "MC12345",
            "pp_ResponseCode": "000",
            "pp_ResponseMessage": "Thank you for using JazzCash",
            "pp_RetreivalReferenceNo": "410515123456",
            "pp_TxnCurrency": "PKR",
            "pp_TxnDateTime": at.astimezone(PAKISTAN).strftime(COMPACT_TIME),
            "pp_TxnRefNo": REFERENCE,
            "pp_TxnType": "MWALLET",
            "pp_Version": "1.1",
            "ppmpf_1": RETURN_URL,
        },
        **changes,
    )
    fields["pp_SecureHash"] = secure_hash(fields, salt="0F5DD14AE2").upper()
    return Received("POST", {}, "", urlencode(fields).encode())


def _form(raw: bytes | str) -> list[tuple[str, str]]:
    text = raw.decode("latin-1") if isinstance(raw, bytes) else raw
    return parse_qsl(text, keep_blank_values=True, encoding="latin-1")


def _jazzcash_covered(received: Received) -> object:
    """The values, in the order of names that the hash does not cover, and whose they are where it matters."""
    read = {"pp_Amount", "pp_MerchantID", "pp_ResponseCode", "pp_RetreivalReferenceNo", "pp_TxnCurrency"}
    read |= {"pp_TxnDateTime", "pp_TxnRefNo", "pp_SecureHash"}
    pairs = sorted((name, value) for name, value in _form(received.body) if value)
    pairs = [(name, value.lower() if name == "pp_SecureHash" else value) for name, value in pairs]
    unknown = [name for name, _ in pairs if name not in REPLY_NAMES]
    return [value for _, value in pairs], [one for one in pairs if one[0] in read], unknown


# ---- Easypaisa -----------------------------------------------------------------------------
EASYPAISA = Credentials({"hash_key": "0123456789ABCDEF"}, {"store_id": "12255"})


def easypaisa_answer(**changes: Any) -> tuple[int, bytes]:
    fields = {
        "order_id": REFERENCE,
        "store_id": "12255",
        "transaction_id": "70015",
        "transaction_amount": "2499.0",
        "transaction_status": "PAID",
    }
    return json_answer(**_without(fields, **changes))


def easypaisa(**changes: Any) -> Easypaisa:
    return Easypaisa(connect=FakeHost({NOTICE_ADDRESS: easypaisa_answer(**changes)}).connect)


def easypaisa_notice(address: str = NOTICE_ADDRESS) -> Received:
    return Received("GET", {}, urlencode({"url": address}), b"")


# ---- PayFast -------------------------------------------------------------------------------
PAYFAST = Credentials({"secured_key": "key-Q3wan82UVtL5"}, {"merchant_id": "102"})


def payfast_notice(*, amount: str = "2499.00", at: datetime = NOW, **changes: Any) -> Received:
    fields = _without(
        {
            "transaction_id": "a1b2c3",
            "err_code": "000",
            "err_msg": "Success",
            "basket_id": REFERENCE,
            "order_date": "2041-05-15",
            "transaction_amount": amount,
        },
        **changes,
    )
    fields.setdefault(
        "validation_hash",
        validation_hash(
            basket_id=fields.get("basket_id", ""),
            secured_key="key-Q3wan82UVtL5",
            merchant_id="102",
            err_code=fields.get("err_code", ""),
        ),
    )
    return Received("GET", {}, urlencode(fields), b"")


def _payfast_covered(received: Received) -> object:
    signed = {"basket_id", "err_code", "validation_hash"}
    return sorted(
        (n, v.lower() if n == "validation_hash" else v) for n, v in _form(received.query) if n in signed
    )


# ---- 1Bill ---------------------------------------------------------------------------------
ONEBILL = Credentials(
    {"username": "1link", "password": "word-4711"},
    {"prefix": "12345", "allowed_addresses": "203.0.113.7,198.51.100.0/24"},
)


def onebill_payment(*, amount: str = "000000249900", at: datetime = NOW, **changes: Any) -> Received:
    there = at.astimezone(PAKISTAN)
    fields = _without(
        {
            "consumer_number": CONSUMER_NUMBER,
            "tran_auth_id": "123456",
            "transaction_amount": amount,
            "tran_date": f"{there:%Y%m%d}",
            "tran_time": f"{there:%H%M%S}",
            "bank_mnemonic": "HBL00001",
            "reserved": "as it came",
        },
        **changes,
    )
    headers = {"username": "1link", "password": "word-4711", "content-type": "application/json"}
    return Received("POST", headers, "", json.dumps(fields).encode(), "203.0.113.7", "BillPayment")


# ---- Stripe --------------------------------------------------------------------------------
STRIPE = Credentials({"secret_key": "sk_test_4711abc", "webhook_secret": "whsec_4711abcdef"})


def stripe_event(kind: str, about: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """An event in the shape that Stripe's documentation has."""
    return {
        "id": "evt_1",
        "object": "event",
        "api_version": "2026-01-28",
        "created": int(NOW.timestamp()),
        "livemode": False,
        "type": kind,
        "data": {"object": dict(about), **changes.pop("data", {})},
        **changes,
    }


def stripe_session(**changes: Any) -> dict[str, Any]:
    return {
        "id": "cs_test_1",
        "object": "checkout.session",
        "amount_total": 249900,
        "currency": "pkr",
        "client_reference_id": REFERENCE,
        "metadata": {"reference": REFERENCE},
        "payment_intent": "pi_1",
        "payment_status": "paid",
        "status": "complete",
        **changes,
    }


def stripe_signed(
    event: Mapping[str, Any] | str, *, at: datetime = NOW, secret: str = "whsec_4711abcdef"
) -> Received:
    """A message signed by Stripe's own package."""
    body = event if isinstance(event, str) else json.dumps(event)
    header = stripe.WebhookSignature.generate_signature_header(body, secret, timestamp=int(at.timestamp()))
    return Received("POST", {"stripe-signature": header}, "", body.encode())


def stripe_paid(*, amount: str = "249900", at: datetime = NOW, **changes: Any) -> Received:
    # Written as it stands, so that what is no JSON number can be tried too.
    session = _without(stripe_session(amount_total="@"), **changes)
    body = json.dumps(stripe_event("checkout.session.completed", session)).replace('"@"', amount or '""')
    return stripe_signed(body, at=at)


def _signed_covered(received: Received, name: str) -> object:
    header = received.headers.get(name, "")
    found = re.fullmatch(r"t=([0-9]+),v1=([0-9a-f]+)", header)
    return (int(found[1]), found[2], received.body) if found else (header, received.body)


# ---- the sandbox ---------------------------------------------------------------------------
SANDBOX = Credentials({"signing_secret": "secret-of-the-sandbox"})


def sandbox_paid(*, amount: str = "249900", at: datetime = NOW, **changes: Any) -> Received:
    fields = {
        "id": "sbx_1",
        "reference": REFERENCE,
        "status": "paid",
        "amount": "@",
        "currency": "PKR",
        "transaction": "sbxt_1",
        "created": int(NOW.timestamp()),
        "reason": "",
    }
    body = json.dumps(_without(fields, **changes)).replace('"@"', amount or '""').encode()
    header = sandbox.signature(body=body, credentials=SANDBOX, at=at)
    return Received("POST", {"sandbox-signature": header}, "", body)


def vendors() -> dict[str, Vendor]:
    """Every vendor whose messages are believed for a signature, or for who sends them."""
    return {
        "jazzcash": Vendor(
            JazzCash(connect=FakeHost().connect),
            JAZZCASH,
            Credentials({"password": "pass-4711", "salt": "another"}, {"merchant_id": "MC12345"}),
            jazzcash_reply,
            _jazzcash_covered,
            unsigned=lambda one: replace(
                one, body=re.sub(rb"pp_SecureHash=[^&]*", b"pp_SecureHash=", one.body)
            ),
        ),
        "payfast": Vendor(
            PayFast(connect=FakeHost().connect),
            PAYFAST,
            Credentials({"secured_key": "another"}, {"merchant_id": "102"}),
            payfast_notice,
            _payfast_covered,
            written="2499.00",
            unsigned=lambda one: replace(one, query=one.query.partition("&validation_hash")[0]),
            timed=False,
            amounts=("-2499.00", "0", "0.00", "2499.001", "٢٤٩٩", "9" * 15, "+2499", " 2499", "2e5"),
        ),
        "onebill": Vendor(
            OneBill(),
            ONEBILL,
            Credentials({"username": "1link", "password": "another"}, ONEBILL.settings),
            onebill_payment,
            lambda one: (one.headers.get("username"), one.headers.get("password"), one.address),
            written="000000249900",
            unsigned=lambda one: replace(one, headers={}),
            amounts=("-00000249900", "000000000000", "000002499.00", "٠٠٠٠٠٠٢٤٩٩٠٠", "9" * 15, "249900", ""),
        ),
        "stripe": Vendor(
            Stripe(connect=FakeHost().connect),
            STRIPE,
            Credentials({"secret_key": "sk_test_4711abc", "webhook_secret": "whsec_another1"}),
            stripe_paid,
            lambda one: _signed_covered(one, "stripe-signature"),
            unsigned=lambda one: replace(one, headers={}),
            amounts=("-249900", "0", "2499.5", '"٢٤٩٩٠٠"', "9" * 15, '"249900"', "true", "null", "1e400"),
        ),
        "sandbox": Vendor(
            sandbox.SandboxGateway(),
            SANDBOX,
            Credentials({"signing_secret": "secret-of-another-one"}),
            sandbox_paid,
            lambda one: _signed_covered(one, "sandbox-signature"),
            unsigned=lambda one: replace(one, headers={}),
            amounts=("-249900", "0", "2499.5", '"٢٤٩٩٠٠"', "9" * 15, '"249900"', "true", "null", "1e400"),
        ),
    }


def raast() -> Raast:
    return Raast()
