"""PayFast (Pakistan): a token, its form, and a notice that signs basket and code alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, quote

import pytest

from chalicelib.adapters.payments.payfast import PayFast, validation_hash
from chalicelib.domain.gateways import (
    GatewayRefused,
    Notice,
    NoticeMalformed,
    NoticeRefused,
    NoticeStatus,
    NotSupported,
    Received,
    RefundAsked,
)
from chalicelib.domain.money import Money
from tests.fakes.gateways import (
    AMOUNT,
    CALLBACK_URL,
    NOW,
    PAYFAST,
    REFERENCE,
    RETURN_URL,
    FakeHost,
    asked,
    json_answer,
    payfast_notice,
)

TOKEN = "https://ipguat.apps.net.pk/Ecommerce/api/Transaction/GetAccessToken"


def read(received: Received) -> Notice:
    (notice,) = PayFast(connect=FakeHost().connect).read(received=received, credentials=PAYFAST, now=NOW)
    return notice


def test_the_hash_is_sha_256_over_the_four() -> None:
    # printf '%s' 'BASKET|KEY|102|000' | sha256sum
    found = validation_hash(basket_id="BASKET", secured_key="KEY", merchant_id="102", err_code="000")

    assert found == "f54a3df15763d01677d2e7361d2d594b63c6a13a9275d939df83e3d1acde49b7"


def test_a_token_is_asked_for_and_goes_into_the_form() -> None:
    host = FakeHost({TOKEN: json_answer(ACCESS_TOKEN="tok-1")})
    checkout = PayFast(connect=host.connect).begin(asked=asked(), credentials=PAYFAST, now=NOW)

    _, _, headers, body = host.requests[0]
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(body.decode()) == {
        "MERCHANT_ID": ["102"],
        "SECURED_KEY": ["key-Q3wan82UVtL5"],
        "BASKET_ID": [REFERENCE],
        "TXNAMT": ["2499.00"],
        "CURRENCY_CODE": ["PKR"],
    }
    assert checkout.url == "https://ipguat.apps.net.pk/Ecommerce/api/Transaction/PostTransaction"
    fields = checkout.fields
    assert (fields["TOKEN"], fields["BASKET_ID"], fields["TXNAMT"]) == ("tok-1", REFERENCE, "2499.00")
    assert (fields["SUCCESS_URL"], fields["CHECKOUT_URL"]) == (RETURN_URL, CALLBACK_URL)
    assert "key-Q3wan82UVtL5" not in "".join(fields.values())


@pytest.mark.parametrize(
    "answer", [json_answer(), json_answer(ACCESS_TOKEN=""), json_answer(ACCESS_TOKEN=7), (401, b"")]
)
def test_without_a_token_there_is_no_form(answer: tuple[int, bytes]) -> None:
    with pytest.raises(GatewayRefused):
        PayFast(connect=FakeHost({TOKEN: answer}).connect).begin(asked=asked(), credentials=PAYFAST, now=NOW)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("000", NoticeStatus.PAID),
        ("00", NoticeStatus.PAID),
        ("0", NoticeStatus.FAILED),
        ("97", NoticeStatus.FAILED),
    ],
)
def test_codes_mean_paid_or_failed(code: str, status: NoticeStatus) -> None:
    notice = read(payfast_notice(err_code=code, err_msg="Told so"))

    assert notice.status is status
    assert notice.reason == ("" if status is NoticeStatus.PAID else f"{code} Told so")


def test_what_is_told_and_not_signed_makes_no_other_event() -> None:
    """Or one payment, told again with another transaction's id, would be two."""
    told = read(payfast_notice())
    again = read(payfast_notice(transaction_id="zzz", amount="1.00"))

    assert not told.signed_amount
    assert (told.amount, again.amount) == (AMOUNT, Money(100, "PKR"))
    assert told.event_id == again.event_id


def test_a_notice_comes_as_a_query_or_as_a_form() -> None:
    in_query = payfast_notice()
    in_body = Received("POST", {}, "", in_query.query.encode())

    assert read(in_query) == read(in_body)
    with pytest.raises(NoticeRefused):
        read(replace(in_query, body=in_query.query.encode()))


@pytest.mark.parametrize(
    "changes", [{"basket_id": "r1"}, {"basket_id": ""}, {"err_code": ""}, {"err_code": "0 0"}]
)
def test_what_is_signed_and_cannot_be_read_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(NoticeMalformed):
        read(payfast_notice(**changes))


def test_no_amount_told_is_none_and_not_nothing() -> None:
    assert read(payfast_notice(transaction_amount=None)).amount is None


def test_a_field_twice_is_refused_in_whatever_order() -> None:
    query = payfast_notice().query
    for more in ("err_code=97", "basket_id=" + quote(REFERENCE)):
        for both in (f"{query}&{more}", f"{more}&{query}"):
            with pytest.raises(NoticeRefused):
                read(Received("GET", {}, both, b""))


def test_what_payfast_has_no_interface_for_says_so() -> None:
    gateway = PayFast(connect=FakeHost().connect)
    with pytest.raises(NotSupported):
        gateway.inquire(reference=REFERENCE, vendor_id="", credentials=PAYFAST, now=NOW + timedelta(1))
    with pytest.raises(NotSupported):
        gateway.refund(asked=RefundAsked("r", REFERENCE, "", AMOUNT), credentials=PAYFAST, now=NOW)
