"""What the portal makes of what people type, and shows of what is on file."""

from __future__ import annotations

import pytest

from chalicelib.adapters.sms.numbers import LibPhoneNumbers
from chalicelib.domain.permissions import GRANTABLE, ROLE_PERMISSIONS, Permission
from chalicelib.domain.portal import login_key, login_number, masked_email, masked_phone, portal_principal


@pytest.mark.parametrize(
    "login",
    [
        "0300-1234567",
        "0300 1234567",
        "+92 300 1234567",
        "00923001234567",
        "(0300) 123.4567",
        "0300_1234567",
        "0300\u00a01234567",
    ],
)
def test_a_number_is_counted_as_one_however_it_is_written(login: str) -> None:
    assert login_key(login=login) == "03001234567"


def test_codes_and_addresses_are_counted_without_case() -> None:
    assert login_key(login=" A-1042 ") == "a-1042"
    assert login_key(login="Ali@Mail.example") == "ali@mail.example"
    assert login_key(login="1042") == "1042"


@pytest.mark.parametrize("login", ["0300x1234567", "tel:03001234567", "A-03001234567", "1042", "", "ali"])
def test_what_has_letters_or_few_digits_is_no_number(login: str) -> None:
    assert login_number(login=login) == ""


def test_a_contact_is_shown_so_that_its_owner_knows_it() -> None:
    assert masked_email(email="ali.raza@mail.example") == "a***@mail.example"
    assert masked_phone(phone="+92 300 1234567") == "***567"
    assert (masked_email(email=""), masked_phone(phone="")) == ("", "")


def test_a_subscriber_may_nothing_but_their_own() -> None:
    principal = portal_principal(tenant_id="ten_1", subscriber_id="sbr_1")

    assert principal.permissions == {Permission.PORTAL_SELF}
    assert not [role for role, granted in ROLE_PERMISSIONS.items() if Permission.PORTAL_SELF in granted]
    assert Permission.PORTAL_SELF not in GRANTABLE


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("0300-1234567", "PK", "+923001234567"),
        ("+92 300 1234567", "PK", "+923001234567"),
        ("+92 300 1234567", "DE", None),
        ("+1 876 210 1234", "US", None),
        ("0900 12345", "PK", None),
        ("042-35761234", "PK", None),
        ("0151 23456789", "DE", "+4915123456789"),
        ("(201) 555-0123", "US", "+12015550123"),
        ("12345", "PK", None),
        ("0300", "PK", None),
        ("no number", "PK", None),
        ("0300-1234567", "XX", None),
    ],
)
def test_sms_go_to_mobile_numbers_as_they_are_dialled_at_home(
    text: str, country: str, number: str | None
) -> None:
    assert LibPhoneNumbers().for_sms(text=text, country=country) == number
