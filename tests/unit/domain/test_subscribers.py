"""Codes, contacts and the forms under which people are looked up."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.accounts import invoice_id, parse_invoice_id, parse_subscription_id, subscription_id
from chalicelib.domain.cards import CardNumberRefused
from chalicelib.domain.contacts import (
    Contact,
    InvalidCode,
    check_area,
    check_code,
    check_contact,
    code_key,
    normal_digits,
    normal_email,
    normal_national_id,
)
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.identifiers import MalformedId

ULID = "01JD0000000000000000000000"


@pytest.mark.parametrize("code", ["1", "LHR-00042", "user@isp", "a/b.c_d", "x" * 40, "  A1  "])
def test_a_code_is_letters_digits_and_few_marks(code: str) -> None:
    assert check_code(code=code) == code.strip()


@pytest.mark.parametrize("code", ["", " ", "x" * 41, "-1", "=1", "@x", "a b", "a#b", "ä", "a\n", "a\x00"])
def test_any_other_code_is_refused(code: str) -> None:
    if code.strip() != code and code.strip():
        assert check_code(code=code) == code.strip()
        return
    with pytest.raises(InvalidCode):
        check_code(code=code)


@given(st.text(max_size=60))
def test_a_code_that_is_accepted_is_plain_ascii_and_has_one_key(text: str) -> None:
    try:
        code = check_code(code=text)
    except InvalidCode:
        return
    assert code.isascii()
    assert code.isprintable()
    assert check_code(code=code) == code
    assert code_key(code=code.upper()) == code_key(code=code.lower())


@given(st.builds(Contact, *(st.text(max_size=50) for _ in range(7))))
def test_a_contact_that_is_accepted_is_accepted_again_as_it_is(contact: Contact) -> None:
    try:
        cleaned = check_contact(contact=contact)
    except InvalidValue as error:
        named = error.param in {"name", "email", "phone", "address", "national_id", "tax_id", "note"}
    else:
        named = True
        assert check_contact(contact=cleaned) == cleaned
    assert named


def test_a_note_may_have_lines_and_a_name_may_not() -> None:
    assert check_contact(contact=Contact(note="a\nb")).note == "a\nb"
    with pytest.raises(InvalidValue):
        check_contact(contact=Contact(name="a\nb"))


@pytest.mark.parametrize("field", ["name", "address", "note", "tax_id", "national_id"])
def test_card_numbers_are_refused_everywhere(field: str) -> None:
    with pytest.raises(CardNumberRefused):
        check_contact(contact=Contact(**{field: "4111 1111 1111 1111"}))
    with pytest.raises(CardNumberRefused):
        check_area(area="4111 1111 1111 1111")


@pytest.mark.parametrize("text", ["+92 300 1234567", "0092-300-1234567", "0300 1234567", "(0300) 123-4567"])
def test_a_pakistani_phone_is_one_number_however_it_is_written(text: str) -> None:
    assert normal_digits(text=text) == "03001234567"


def test_lookups_fold_case_blanks_and_marks() -> None:
    assert normal_email(email=" A.B@X.Example ") == "a.b@x.example"
    assert normal_national_id(text="35202-1234567-1") == "3520212345671"
    assert normal_national_id(text="ab 12 34 56 c") == "ab123456c"


def test_who_is_billed_is_nobody_where_nothing_is_known() -> None:
    assert Contact(email="a@b.example").recipient is None
    recipient = Contact(address="House 1").recipient
    assert recipient is not None
    assert recipient.address == "House 1"


@given(st.integers(1, 9999))
def test_a_subscription_id_reads_back(slot: int) -> None:
    value = subscription_id(account_id=f"sbr_{ULID}", slot=slot)

    assert parse_subscription_id(value=value) == (f"sbr_{ULID}", slot)


@given(st.text(max_size=60) | st.from_regex(rf"(sbn|inv)_{ULID}-\w{{1,10}}(-\w{{1,5}})?", fullmatch=True))
def test_an_identifier_has_one_form_only(text: str) -> None:
    try:
        account_id, slot = parse_subscription_id(value=text)
    except MalformedId:
        return
    assert subscription_id(account_id=account_id, slot=slot) == text


@given(st.dates(date(2000, 1, 1), date(2200, 1, 1)), st.integers(1, 255))
def test_an_invoice_id_reads_back(day: date, slot: int) -> None:
    value = invoice_id(account_id=f"sbr_{ULID}", period_start=day, slot=slot)

    assert parse_invoice_id(value=value) == (f"sbr_{ULID}", f"{day:%Y%m%d}-{slot}")
