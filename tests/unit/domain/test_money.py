"""Amounts: exact, of one currency, split without loss."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.domain.money import (
    AMOUNT_MINOR_MAX,
    CURRENCY_DIGITS,
    CurrencyMismatch,
    InvalidAmount,
    Money,
    UnknownCurrency,
    format_minor,
    parse_decimal,
    round_half_up,
    split_largest_remainder,
)

amounts = st.integers(-AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX)
weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=40)


@given(amounts, weights)
def test_the_parts_of_a_split_sum_to_the_whole_and_none_is_a_unit_off(amount: int, chosen: list[int]) -> None:
    assume(sum(chosen) > 0)

    parts = split_largest_remainder(amount=amount, weights=chosen)

    assert sum(parts) == amount
    for part, weight in zip(parts, chosen, strict=True):
        assert abs(part - Fraction(amount * weight, sum(chosen))) < 1
        assert part * amount >= 0


@given(amounts, weights)
def test_a_part_of_no_weight_gets_nothing(amount: int, chosen: list[int]) -> None:
    parts = split_largest_remainder(amount=amount, weights=[*chosen, 0, 1])

    assert parts[-2] == 0


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**9))
def test_rounding_is_half_away_from_zero_and_symmetric(numerator: int, denominator: int) -> None:
    rounded = round_half_up(numerator=numerator, denominator=denominator)

    exact = Fraction(numerator, denominator)
    assert abs(rounded - exact) <= Fraction(1, 2)
    assert round_half_up(numerator=-numerator, denominator=denominator) == -rounded
    if abs(rounded - exact) == Fraction(1, 2):
        assert abs(rounded) > abs(exact)


@given(amounts, st.sampled_from(sorted(CURRENCY_DIGITS)))
def test_what_is_written_reads_back(amount: int, currency: str) -> None:
    assert parse_decimal(text=format_minor(amount=amount, currency=currency), currency=currency) == Money(
        amount, currency
    )


@given(st.text(max_size=40))
def test_text_reads_as_a_decimal_or_is_refused(text: str) -> None:
    try:
        found = parse_decimal(text=text, currency="PKR")
    except InvalidAmount:
        return
    assert Decimal(text.strip()) * 100 == found.amount


@pytest.mark.parametrize("text", ["1e3", "1,000", "NaN", "Infinity", "0x10", "1.234", "--1", "", "1" * 40])
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(InvalidAmount):
        parse_decimal(text=text, currency="PKR")


def test_digits_follow_the_currency() -> None:
    assert format_minor(amount=-5, currency="PKR") == "-0.05"
    assert format_minor(amount=1500, currency="JPY") == "1500"
    assert format_minor(amount=1500, currency="KWD") == "1.500"
    with pytest.raises(UnknownCurrency):
        format_minor(amount=1, currency="XXX")


def test_currencies_never_mix() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, "PKR") + Money(1, "USD")
