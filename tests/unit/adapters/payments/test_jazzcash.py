"""JazzCash: its hash, its form, its replies, and what is asked of it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from chalicelib.adapters.payments.jazzcash import REPLY_NAMES, JazzCash, secure_hash
from chalicelib.domain.gateways import (
    Credentials,
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
)
from chalicelib.domain.money import Money
from tests.fakes.gateways import (
    JAZZCASH,
    NOW,
    REFERENCE,
    RETURN_URL,
    FakeHost,
    asked,
    jazzcash_reply,
    json_answer,
)

INQUIRY = "https://sandbox.jazzcash.com.pk/ApplicationAPI/API/PaymentInquiry/Inquire"
REFUNDS = Credentials(JAZZCASH.secrets, {**JAZZCASH.settings, "refund_path": "/refund"})
REFUND = RefundAsked("rf_1", REFERENCE, "410515123456", Money(1000, "PKR"))


def read(received: Received, credentials: Credentials = JAZZCASH) -> Notice:
    (notice,) = JazzCash(connect=FakeHost().connect).read(received=received, credentials=credentials, now=NOW)
    return notice


def test_the_hash_is_the_one_of_the_published_vector() -> None:
    fields = {"pp_Amount": "2995", "pp_MerchantID": "MER123", "pp_Password": "A48cvE28", "pp_BankID": ""}

    assert (
        secure_hash({**fields, "pp_SecureHash": "x", "other": "y"}, salt="0F5DD14AE2")
        == "c7689cda7474eb1adcd343fd0c0b676bad0ba66361cc46db589bdb0da4c1c867"
    )


def test_the_form_is_signed_in_pakistans_time_and_in_paisa() -> None:
    checkout = JazzCash(connect=FakeHost().connect).begin(asked=asked(), credentials=JAZZCASH, now=NOW)

    assert (
        checkout.url == "https://sandbox.jazzcash.com.pk/CustomerPortal/transactionmanagement/merchantform/"
    )
    fields = dict(checkout.fields)
    assert fields["pp_Amount"] == "249900"
    assert (fields["pp_TxnDateTime"], fields["pp_TxnExpiryDateTime"]) == ("20410515143000", "20410515150000")
    assert fields["pp_TxnRefNo"] == REFERENCE
    assert fields["pp_SecureHash"] == secure_hash(fields, salt="0F5DD14AE2")
    assert "0F5DD14AE2" not in "".join(fields.values())


def test_a_live_tenant_is_led_to_the_live_host() -> None:
    live = Credentials(JAZZCASH.secrets, JAZZCASH.settings, live=True)
    checkout = JazzCash(connect=FakeHost().connect).begin(asked=asked(), credentials=live, now=NOW)

    assert checkout.url.startswith("https://payments.jazzcash.com.pk/")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("000", NoticeStatus.PAID),
        ("121", NoticeStatus.PAID),
        ("124", NoticeStatus.PENDING),
        ("157", NoticeStatus.PENDING),
        ("199", NoticeStatus.FAILED),
        ("115", NoticeStatus.FAILED),
    ],
)
def test_codes_mean_paid_pending_or_failed(code: str, status: NoticeStatus) -> None:
    notice = read(jazzcash_reply(pp_ResponseCode=code, pp_ResponseMessage="Told so"))

    assert notice.status is status
    assert notice.reason == ("" if status is NoticeStatus.PAID else f"{code} Told so")
    assert notice.occurred_at == NOW


def test_no_renaming_of_fields_makes_another_message() -> None:
    """The hash does not cover the names."""
    said: dict[str, Any] = {
        "pp_ResponseCode": "199",
        "pp_SettlementExpiry": "20410515000000",
        "pp_CNIC": "345678",
    }
    received = jazzcash_reply(**said, pp_MobileNumber="000")
    fields = dict(parse_qsl(received.body.decode()))
    told, tried = read(received), 0

    for old in fields:
        for new in REPLY_NAMES - fields.keys():
            renamed = {new if name == old else name: value for name, value in fields.items()}
            try:
                found = read(Received("POST", {}, "", urlencode(renamed).encode()))
            except (NoticeRefused, NoticeMalformed):
                continue
            tried += 1
            assert found == told
    assert tried


def test_a_value_that_holds_two_is_refused() -> None:
    """Joined by an ampersand, two values of the hash could be one."""
    with pytest.raises(NoticeRefused):
        read(jazzcash_reply(pp_ResponseMessage="Failed&000"))


@pytest.mark.parametrize(
    "changes",
    [
        {"pp_TxnRefNo": None},
        {"pp_TxnRefNo": "r1234567890abcdefghj"},
        {"pp_ResponseCode": None},
        {"pp_ResponseCode": "\u0660\u0660\u0660"},
        {"pp_Amount": None},
        {"pp_TxnCurrency": "USD"},
        {"pp_TxnDateTime": None},
        {"pp_TxnDateTime": "20410230000000"},
        {"pp_TxnDateTime": "٢٠٤١٠٥١٥١٤٣٠٠٠"},
    ],
)
def test_what_is_signed_and_cannot_be_read_is_told_from_what_is_not_believed(changes: dict[str, Any]) -> None:
    with pytest.raises(NoticeMalformed):
        read(jazzcash_reply(**changes))


@pytest.mark.parametrize("changes", [{"pp_MerchantID": "MC99999"}, {"pp_Later": "x"}, {"other": "x"}])
def test_what_is_not_ours_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(NoticeRefused):
        read(jazzcash_reply(**changes))


@pytest.mark.parametrize(("ago", "believed"), [(timedelta(hours=47), True), (timedelta(hours=49), False)])
def test_a_payer_may_take_two_days(*, ago: timedelta, believed: bool) -> None:
    if believed:
        assert read(jazzcash_reply(at=NOW - ago)).occurred_at == NOW - ago
    else:
        with pytest.raises(NoticeRefused):
            read(jazzcash_reply(at=NOW - ago))


def test_how_long_a_payer_may_take_is_a_setting() -> None:
    short = Credentials(JAZZCASH.secrets, {**JAZZCASH.settings, "tolerance_seconds": "60"})
    with pytest.raises(NoticeRefused):
        read(jazzcash_reply(at=NOW - timedelta(seconds=61)), short)


def test_the_payer_is_led_on_only_to_where_we_had_it_signed() -> None:
    gateway = JazzCash(connect=FakeHost().connect)

    led = gateway.answer(outcome=Outcome.DONE, received=jazzcash_reply())
    assert (led.status, dict(led.headers)) == (303, {"Location": RETURN_URL})
    forged = gateway.answer(outcome=Outcome.REFUSED, received=jazzcash_reply(ppmpf_1="https://evil.example/"))
    assert (forged.status, dict(forged.headers)) == (400, {})
    for back in ("javascript:alert(1)", "https://a.example/ b", ""):
        assert gateway.answer(outcome=Outcome.DONE, received=jazzcash_reply(ppmpf_1=back)).status == 200


def test_an_inquiry_is_signed_and_tells_the_same_event_as_the_reply() -> None:
    answer = {"pp_ResponseCode": "000", "pp_PaymentResponseCode": "121", "pp_RetrievalReferenceNo": "4105"}
    signed = {**answer, "pp_SecureHash": secure_hash(answer, salt="0F5DD14AE2")}
    host = FakeHost({INQUIRY: json_answer(**signed)})
    notice = JazzCash(connect=host.connect).inquire(
        reference=REFERENCE, vendor_id="", credentials=JAZZCASH, now=NOW
    )

    assert (notice.status, notice.vendor_id, notice.amount) == (NoticeStatus.PAID, "4105", None)
    assert notice.event_id == read(jazzcash_reply()).event_id
    sent = json.loads(host.requests[0][3])
    assert sent["pp_SecureHash"] == secure_hash(sent, salt="0F5DD14AE2")
    assert host.hosts == [["sandbox.jazzcash.com.pk"]]


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        ((500, b""), GatewayUnavailable),
        ((200, b"<html>"), GatewayUnavailable),
        (json_answer(pp_ResponseCode="000"), GatewayUnavailable),
        (
            json_answer(pp_ResponseCode="000", pp_PaymentResponseCode="121", pp_SecureHash="no"),
            GatewayUnavailable,
        ),
        ((403, b""), GatewayRefused),
        (json_answer(pp_ResponseCode="115"), GatewayRefused),
    ],
)
def test_an_inquiry_that_is_not_answered_says_nothing_of_the_payment(
    answer: tuple[int, bytes], raised: type[Exception]
) -> None:
    with pytest.raises(raised):
        JazzCash(connect=FakeHost({INQUIRY: answer}).connect).inquire(
            reference=REFERENCE, vendor_id="", credentials=JAZZCASH, now=NOW
        )


def test_refunds_are_off_until_the_tenant_enters_where() -> None:
    with pytest.raises(NotSupported):
        JazzCash(connect=FakeHost().connect).refund(asked=REFUND, credentials=JAZZCASH, now=NOW)


@pytest.mark.parametrize(("code", "pending"), [("000", False), ("157", True)])
def test_a_refund_is_made_or_pending(*, code: str, pending: bool) -> None:
    answer = json_answer(pp_ResponseCode=code, pp_RetreivalReferenceNo="7")
    host = FakeHost({"https://sandbox.jazzcash.com.pk/refund": answer})
    made = JazzCash(connect=host.connect).refund(asked=REFUND, credentials=REFUNDS, now=NOW)

    assert (made.vendor_id, made.pending) == ("7", pending)
    assert json.loads(host.requests[0][3])["pp_Amount"] == "1000"


def test_a_refund_that_is_refused_says_why() -> None:
    host = FakeHost({"https://sandbox.jazzcash.com.pk/refund": json_answer(pp_ResponseCode="430")})
    with pytest.raises(GatewayRefused, match="430"):
        JazzCash(connect=host.connect).refund(asked=REFUND, credentials=REFUNDS, now=NOW)


def test_times_before_there_was_a_zone_are_no_crash() -> None:
    with pytest.raises(NoticeMalformed):
        read(jazzcash_reply(pp_TxnDateTime="00010101000000"))
