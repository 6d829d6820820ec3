"""1Bill: who may ask, and the two answers, character by character."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.adapters.payments.onebill import OneBill
from chalicelib.domain.billers import Bill, BillCode, BillStatus, InvalidConsumerNumber
from chalicelib.domain.gateways import (
    Credentials,
    GatewayRefused,
    InvalidCredentials,
    Notice,
    NoticeMalformed,
    NoticeRefused,
    NotSupported,
    Outcome,
    Received,
    RefundAsked,
    Step,
)
from chalicelib.domain.money import Money
from chalicelib.ports.gateways import BillerGateway
from tests.fakes.gateways import AMOUNT, CONSUMER_NUMBER, NOW, ONEBILL, REFERENCE, asked, onebill_payment

GATEWAY: BillerGateway = OneBill()
UNPAID = Bill(
    name="Ali Raza",
    status=BillStatus.UNPAID,
    due_on=date(2041, 5, 20),
    amount_within_due=Money(250000, "PKR"),
    amount_after_due=Money(262500, "PKR"),
    billing_month=date(2041, 5, 1),
)


def read(received: Received, credentials: Credentials = ONEBILL) -> Notice:
    (notice,) = GATEWAY.read(received=received, credentials=credentials, now=NOW)
    return notice


def inquiry(body: dict[str, Any] | None = None) -> Received:
    fields = {"consumer_number": CONSUMER_NUMBER, "bank_mnemonic": "HBL00001", "reserved": "as it came"}
    return replace(onebill_payment(), body=json.dumps(body or fields).encode(), tail="BillInquiry")


def with_settings(**settings: str) -> Credentials:
    return Credentials(ONEBILL.secrets, {**ONEBILL.settings, **settings})


def answered(
    bill: Bill | None, code: BillCode = BillCode.DONE, credentials: Credentials = ONEBILL
) -> dict[str, str]:
    answer = GATEWAY.answer_inquiry(code=code, bill=bill, received=inquiry(), credentials=credentials)
    assert (answer.status, answer.content_type) == (200, "application/json")
    found: dict[str, str] = json.loads(answer.body)
    return found


def test_the_payer_is_shown_the_number_to_enter() -> None:
    checkout = GATEWAY.begin(asked=asked(), credentials=ONEBILL, now=NOW)

    assert (checkout.step, dict(checkout.fields)) == (Step.SHOW, {"consumer_number": CONSUMER_NUMBER})
    assert GATEWAY.begin(asked=asked(), credentials=ONEBILL, now=NOW + timedelta(1)) == checkout


@pytest.mark.parametrize(
    ("number", "raised"), [("", GatewayRefused), ("123450000000425", InvalidConsumerNumber)]
)
def test_a_number_that_is_none_is_not_shown(number: str, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        GATEWAY.begin(asked=asked(consumer_number=number), credentials=ONEBILL, now=NOW)


def test_a_payment_is_one_event_by_number_authorisation_day_and_time() -> None:
    notice = read(onebill_payment())

    assert notice.event_id == f"{CONSUMER_NUMBER}:123456:20410515:143000"
    assert (notice.amount, notice.reference, notice.vendor_id) == (AMOUNT, CONSUMER_NUMBER, "123456")
    assert notice.occurred_at == NOW
    assert read(onebill_payment(tran_auth_id="123457")).event_id != notice.event_id


def test_the_zone_of_a_payments_time_is_the_billers() -> None:
    received = onebill_payment(tran_date="20410515", tran_time="093000")

    assert read(received, with_settings(timezone="UTC")).occurred_at == datetime(
        2041, 5, 15, 9, 30, tzinfo=UTC
    )
    assert read(received).occurred_at == datetime(2041, 5, 15, 4, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("address", "believed"),
    [
        ("203.0.113.7", True),
        ("198.51.100.200", True),
        ("203.0.113.8", False),
        ("198.51.101.1", False),
        ("", False),
        ("203.0.113.7, 198.51.100.1", False),
        ("::ffff:203.0.113.7", False),
    ],
)
def test_only_the_addresses_entered_may_ask(*, address: str, believed: bool) -> None:
    for one in (replace(onebill_payment(), address=address), replace(inquiry(), address=address)):
        if believed:
            assert ask(one)
        else:
            with pytest.raises(NoticeRefused):
                ask(one)


def ask(received: Received) -> object:
    if received.tail == "BillInquiry":
        return GATEWAY.parse_inquiry(received=received, credentials=ONEBILL)
    return read(received)


@pytest.mark.parametrize("name", ["username", "password"])
@pytest.mark.parametrize("value", [None, "", "another", "1LINK", "WORD-4711", "wörd"])
def test_user_name_and_password_are_both_checked_first(name: str, value: str | None) -> None:
    for one in (onebill_payment(), inquiry()):
        headers = {key: text for key, text in {**one.headers, name: value}.items() if text is not None}
        with pytest.raises(NoticeRefused):
            ask(replace(one, headers=headers, body=b"not even JSON"))


@pytest.mark.parametrize(
    "changes",
    [
        {"consumer_number": None},
        {"consumer_number": "12345"},
        {"consumer_number": 123450000000426},
        {"consumer_number": "١٢٣٤٥٠٠٠٠٠٠٠٤٢٦"},
        {"tran_auth_id": "12345"},
        {"tran_date": "2041-05-15"},
        {"tran_date": "2041051", "tran_time": "5143000"},
        {"tran_date": "20410230"},
        {"tran_time": "250000"},
        {"transaction_amount": None},
    ],
)
def test_a_payment_that_cannot_be_read_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(NoticeMalformed):
        read(onebill_payment(**changes))


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"consumer_number":"1","consumer_number":"2"}', b'{"a":NaN}', b"\xff", b"[" * 9000],
)
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    for one in (onebill_payment(), inquiry()):
        with pytest.raises(NoticeMalformed):
            ask(replace(one, body=body))


def test_field_names_come_in_any_case_but_once() -> None:
    fields = json.loads(onebill_payment().body)
    shouted = replace(
        onebill_payment(), body=json.dumps({name.upper(): v for name, v in fields.items()}).encode()
    )
    assert read(shouted) == read(onebill_payment())

    twice = replace(onebill_payment(), body=json.dumps({**fields, "TRAN_AUTH_ID": "654321"}).encode())
    with pytest.raises(NoticeMalformed):
        read(twice)


def test_an_inquiry_is_no_payment() -> None:
    with pytest.raises(NoticeMalformed):
        read(inquiry())
    with pytest.raises(NoticeMalformed):
        read(replace(onebill_payment(), tail="BillInquiry"))


def test_an_inquiry_asks_for_a_number() -> None:
    found = GATEWAY.parse_inquiry(received=inquiry(), credentials=ONEBILL)

    assert (found.consumer_number, found.bank) == (CONSUMER_NUMBER, "HBL00001")
    with pytest.raises(NoticeMalformed):
        GATEWAY.parse_inquiry(received=inquiry({"consumer_number": "12"}), credentials=ONEBILL)


def test_an_unpaid_bill_is_answered_in_fixed_widths() -> None:
    assert answered(UNPAID) == {
        "response_Code": "00",
        "consumer_Detail": "Ali Raza                      ",
        "bill_status": "U",
        "due_date": "20410520",
        "amount_within_dueDate": "+0000000250000",
        "amount_after_dueDate": "+0000000262500",
        "billing_month": "4105",
        "date_paid": " " * 8,
        "amount_paid": " " * 12,
        "tran_auth_Id": " " * 6,
        "reserved": "as it came",
    }


def test_a_paid_bill_says_when_how_much_and_by_which_authorisation() -> None:
    paid = replace(
        UNPAID,
        status=BillStatus.PAID,
        paid_on=date(2041, 5, 14),
        amount_paid=Money(250000, "PKR"),
        auth_id="123456",
        name="A name of more than thirty characters",
    )
    found = answered(paid)

    assert found["bill_status"] == "P"
    assert (found["date_paid"], found["amount_paid"], found["tran_auth_Id"]) == (
        "20410514",
        "000000250000",
        "123456",
    )
    assert len(found["consumer_Detail"]) == 30


def test_a_number_that_is_not_found_has_no_bill() -> None:
    found = answered(None, BillCode.NOT_FOUND)

    assert found["response_Code"] == "01"
    assert {name for name, value in found.items() if value.strip()} == {"response_Code", "reserved"}


@pytest.mark.parametrize("amount", [Money(250000, "USD"), Money(-1, "PKR"), Money(10**12, "PKR")])
def test_a_bill_that_a_bank_cannot_be_told_is_refused(amount: Money) -> None:
    for bill in (
        replace(UNPAID, amount_within_due=amount),
        replace(UNPAID, amount_after_due=amount),
        replace(UNPAID, amount_paid=amount),
    ):
        assert answered(bill)["response_Code"] == "02"


@pytest.mark.parametrize(
    ("case", "names"),
    [
        ("published", {"response_Code", "consumer_Detail", "amount_within_dueDate", "tran_auth_Id"}),
        ("lower", {"response_code", "consumer_detail", "amount_within_duedate", "tran_auth_id"}),
        ("pascal", {"Response_Code", "Consumer_Detail", "Amount_Within_DueDate", "Tran_Auth_Id"}),
    ],
)
def test_the_case_of_field_names_is_the_billers(case: str, names: set[str]) -> None:
    assert names <= answered(UNPAID, credentials=with_settings(field_case=case)).keys()


def test_blanks_can_be_left_out() -> None:
    found = answered(UNPAID, credentials=with_settings(padding="none"))

    assert (found["consumer_Detail"], found["date_paid"]) == ("Ali Raza", "")


@pytest.mark.parametrize(
    ("code", "settings", "told"),
    [
        (BillCode.DONE, {}, "00"),
        (BillCode.DUPLICATE, {}, "03"),
        (BillCode.DUPLICATE, {"repeated_code": "00"}, "00"),
        (BillCode.ALREADY_PAID, {}, "06"),
        (BillCode.ALREADY_PAID, {"already_paid_code": "00"}, "00"),
        (BillCode.REFUSED, {}, "02"),
    ],
)
def test_a_payment_is_answered_by_code_with_status_200(
    code: BillCode, settings: dict[str, str], told: str
) -> None:
    answer = GATEWAY.answer_payment(
        code=code, received=onebill_payment(), credentials=with_settings(**settings)
    )

    assert answer.status == 200
    assert json.loads(answer.body) == {
        "response_Code": told,
        "Identification_parameter": "",
        "reserved": "as it came",
    }


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(Outcome.DONE, "00"), (Outcome.REPEATED, "03"), (Outcome.PARKED, "00"), (Outcome.MALFORMED, "04")],
)
def test_without_a_profile_the_published_one_answers(outcome: Outcome, code: str) -> None:
    answer = GATEWAY.answer(outcome=outcome, received=onebill_payment(reserved="\u0000" * 9))

    assert json.loads(answer.body) == {"response_Code": code, "Identification_parameter": "", "reserved": ""}


@pytest.mark.parametrize(
    "addresses",
    ["0.0.0.0/0", "203.0.0.0/8", "2001:db8::/16", "203.0.113.7/24", "203.0.113", ",", "203.0.113.7,"],
)
def test_the_list_of_addresses_is_not_left_open(addresses: str) -> None:
    with pytest.raises(InvalidCredentials) as refused:
        GATEWAY.check_credentials(credentials=with_settings(allowed_addresses=addresses))
    assert refused.value.param == "settings.allowed_addresses"


def test_banks_are_not_asked() -> None:
    with pytest.raises(NotSupported):
        GATEWAY.inquire(reference=REFERENCE, vendor_id="", credentials=ONEBILL, now=NOW)
    with pytest.raises(NotSupported):
        GATEWAY.refund(asked=RefundAsked("r", REFERENCE, "", AMOUNT), credentials=ONEBILL, now=NOW)
