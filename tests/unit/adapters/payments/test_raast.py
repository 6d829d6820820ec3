"""Raast: the text of a QR code, which anybody's reader of such codes can take apart."""

from __future__ import annotations

import pytest

from chalicelib.adapters.payments.raast import Raast, crc16
from chalicelib.domain.gateways import (
    Credentials,
    GatewayRefused,
    InvalidCredentials,
    NoticeRefused,
    NotSupported,
    Received,
    RefundAsked,
    Step,
)
from chalicelib.domain.money import Money
from tests.fakes.gateways import AMOUNT, NOW, REFERENCE, asked

IBAN = "PK36SCBL0000001123456702"
BY_IBAN = Credentials({}, {"iban": IBAN, "merchant_name": "Ravi Broadband", "city": "Lahore"})


def taken_apart(text: str) -> dict[str, str]:
    found = {}
    while text:
        length = int(text[2:4])
        found[text[:2]], text = text[4 : 4 + length], text[4 + length :]
    return found


def test_the_checksum_is_the_one_of_the_catalogue_and_of_emvcos_example() -> None:
    assert crc16(b"123456789") == "29B1"
    example = (
        "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN"
        "5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031565502016233030412340603***"
        "0708A60086670902ME91320016A011223344998877070812345678"
        "6304"
    )
    assert crc16(example.encode()) == "A13A"


def test_a_code_holds_account_amount_and_reference() -> None:
    checkout = Raast().begin(asked=asked(), credentials=BY_IBAN, now=NOW)

    text = checkout.fields["qr"]
    found = taken_apart(text)
    assert checkout.step is Step.SHOW
    assert (found["00"], found["01"], found["53"], found["54"], found["58"]) == (
        "01",
        "12",
        "586",
        "2499.00",
        "PK",
    )
    assert taken_apart(found["26"]) == {"01": IBAN}
    assert (found["59"], found["60"]) == ("Ravi Broadband", "Lahore")
    assert taken_apart(found["62"]) == {"05": REFERENCE}
    assert found["63"] == crc16(text[:-4].encode())
    assert checkout.fields["account"] == IBAN


def test_template_and_identifier_are_settings() -> None:
    settings = {
        "alias": "03001234567",
        "template_tag": "28",
        "template_id": "PK.RAAST",
        "category_code": "4899",
    }
    credentials = Credentials({}, {**settings, "merchant_name": "Ravi", "city": "Lahore"})
    Raast().check_credentials(credentials=credentials)
    found = taken_apart(Raast().begin(asked=asked(), credentials=credentials, now=NOW).fields["qr"])

    assert taken_apart(found["28"]) == {"00": "PK.RAAST", "01": "03001234567"}
    assert found["52"] == "4899"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"iban": IBAN, "alias": "03001234567"},
        {"iban": IBAN[:-1] + "3"},
        {"iban": "DE89370400440532013000"},
    ],
)
def test_one_account_that_can_be_is_needed(settings: dict[str, str]) -> None:
    credentials = Credentials({}, {**settings, "merchant_name": "Ravi", "city": "Lahore"})
    with pytest.raises(InvalidCredentials) as refused:
        Raast().check_credentials(credentials=credentials)
    assert refused.value.param == "settings.iban"


def test_an_amount_that_does_not_fit_is_refused() -> None:
    with pytest.raises(GatewayRefused):
        Raast().begin(asked=asked(amount=Money(10**13, "PKR")), credentials=BY_IBAN, now=NOW)


def test_nothing_that_comes_is_raasts_and_nothing_can_be_asked() -> None:
    with pytest.raises(NoticeRefused):
        Raast().read(received=Received("POST", {}, "", b"{}"), credentials=BY_IBAN, now=NOW)
    with pytest.raises(NotSupported):
        Raast().inquire(reference=REFERENCE, vendor_id="", credentials=BY_IBAN, now=NOW)
    with pytest.raises(NotSupported):
        Raast().refund(asked=RefundAsked("r", REFERENCE, "", AMOUNT), credentials=BY_IBAN, now=NOW)
