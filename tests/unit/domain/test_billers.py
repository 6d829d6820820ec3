"""Consumer numbers: one a subscriber, and no neighbour's by a slip of the finger."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.billers import InvalidConsumerNumber, check_consumer_number, consumer_number
from chalicelib.domain.cards import holds_card_number

SERIALS = st.integers(1, 10**6 - 1)


def check(number: str, *, prefix: str = "12345", own_digits: int = 7) -> None:
    check_consumer_number(number=number, prefix=prefix, own_digits=own_digits)


def test_a_number_is_prefix_serial_and_check_digit() -> None:
    assert consumer_number(prefix="12345", serial=42, own_digits=10) == "123450000000426"
    check("123450000000426", own_digits=10)


@given(SERIALS, st.integers(0, 11), st.integers(1, 9))
def test_one_wrong_digit_is_found(serial: int, place: int, more: int) -> None:
    number = consumer_number(prefix="12345", serial=serial, own_digits=7)
    check(number)
    wrong = number[:place] + str((int(number[place]) + more) % 10) + number[place + 1 :]

    with pytest.raises(InvalidConsumerNumber):
        check(wrong)


@given(SERIALS, st.integers(5, 10))
def test_swapped_neighbours_are_found_but_for_nine_and_nought(serial: int, place: int) -> None:
    number = consumer_number(prefix="12345", serial=serial, own_digits=7)
    one, other = number[place], number[place + 1]
    if one != other and {one, other} != {"0", "9"}:
        with pytest.raises(InvalidConsumerNumber):
            check(number[:place] + other + one + number[place + 2 :])


@given(st.integers(10000, 99999), st.integers(1, 10**12 - 1))
def test_no_number_passes_for_a_payment_card(prefix: int, serial: int) -> None:
    for own_digits in range(7, 14):
        if serial < 10 ** (own_digits - 1):
            number = consumer_number(prefix=str(prefix), serial=serial, own_digits=own_digits)
            assert not holds_card_number(text=number)


@pytest.mark.parametrize(
    ("prefix", "serial", "own_digits"),
    [
        ("1234", 1, 7),
        ("1234x", 1, 7),
        ("١٢٣٤٥", 1, 7),
        ("12345", 0, 7),
        ("12345", 10**6, 7),
        ("12345", 1, 6),
        ("12345", 1, 14),
    ],
)
def test_what_cannot_be_a_number_is_refused(prefix: str, serial: int, own_digits: int) -> None:
    with pytest.raises(InvalidConsumerNumber):
        consumer_number(prefix=prefix, serial=serial, own_digits=own_digits)


@pytest.mark.parametrize(
    "number", ["", "12345", "54321000014", "1234500000424", "12345 000042", "١٢٣٤٥٠٠٠٠٠٤٢"]
)
def test_another_billers_number_is_none_of_ours(number: str) -> None:
    with pytest.raises(InvalidConsumerNumber):
        check(number)
