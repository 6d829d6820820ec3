"""Codes of vouchers: unguessable, told from typing errors; and where the vouchers of a batch stand."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import DomainError
from chalicelib.domain.vouchers import (
    ALPHABET,
    BATCH_LOST_AFTER,
    CODE_CHARS,
    BatchCounts,
    BatchState,
    InvalidBatch,
    Voucher,
    VoucherBatch,
    VoucherCodeMistyped,
    VoucherState,
    check_batch,
    check_redeemable,
    code_of,
    counts_of,
    shown_code,
    typed_code,
)

TODAY = date(2041, 5, 15)
BATCH = VoucherBatch(
    batch_id="vcb_01JD0000000000000000000000",
    number=7,
    count=10,
    currency="PKR",
    amount=50_000,
    package_id="",
    expires_on=TODAY,
    created_by="stf_1",
    created_at=datetime(2041, 5, 1, tzinfo=UTC),
    state=BatchState.READY,
    made=10,
)
numbers = st.integers(1, 5_000)
places = st.integers(0, CODE_CHARS - 1)


def test_a_code_has_eighty_bits_that_nobody_can_derive_without_the_secret() -> None:
    assert math.log2(len(ALPHABET)) * (CODE_CHARS - 1) > 80
    codes = {code_of(seed="one", number=number) for number in range(1, 5_001)}
    assert len(codes) == 5_000
    assert codes.isdisjoint(code_of(seed="two", number=number) for number in range(1, 5_001))
    # Every character occurs at every place: none is spent on what could be foreseen.
    assert all({code[place] for code in codes} == set(ALPHABET) for place in range(CODE_CHARS))
    assert set(ALPHABET).isdisjoint("01ILOSU")


@given(number=numbers)
def test_a_code_is_read_whatever_its_case_and_grouping(number: int) -> None:
    code = code_of(seed="secret", number=number)

    assert typed_code(text=shown_code(code=code)) == code
    assert typed_code(text=f"  {code.lower()} ") == code
    assert typed_code(text=" ".join(code)) == code


@given(number=numbers, place=places, other=st.sampled_from(ALPHABET))
def test_one_wrong_character_is_told(number: int, place: int, other: str) -> None:
    code = code_of(seed="secret", number=number)
    wrong = code[:place] + other + code[place + 1 :]

    if wrong != code:
        with pytest.raises(VoucherCodeMistyped):
            typed_code(text=wrong)


@given(number=numbers, first=places, second=places)
def test_two_characters_that_changed_places_are_told(number: int, first: int, second: int) -> None:
    letters = list(code_of(seed="secret", number=number))
    letters[first], letters[second] = letters[second], letters[first]
    wrong = "".join(letters)

    if wrong != code_of(seed="secret", number=number):
        with pytest.raises(VoucherCodeMistyped):
            typed_code(text=wrong)


@pytest.mark.parametrize(
    "text", ["", "-", "0" * 18, "2" * 17, "2" * 19, "💰" * 18, "2" * 100_000, "O1L-" * 5]
)
def test_what_is_no_code_is_told(text: str) -> None:
    with pytest.raises(VoucherCodeMistyped):
        typed_code(text=text)


def test_a_serial_number_names_one_voucher_of_one_batch() -> None:
    assert BATCH.serial(number=10) == "0007-00010"
    assert BATCH.number_of(serial="0007-00010") == 10
    for other in ("0007-00011", "0007-00000", "0008-00001", "7-1", "0007-1", "0007-0000٣", "", "x"):
        assert BATCH.number_of(serial=other) is None


def test_counts_sum_to_what_was_made_before_and_after_the_last_day_and_when_void() -> None:
    batch = replace(BATCH, redeemed=3, voided=2)
    void = replace(batch, voided_at=BATCH.created_at)

    assert counts_of(batch=batch, today=TODAY) == BatchCounts(open=5, redeemed=3, void=2, expired=0)
    late = TODAY + timedelta(days=1)
    assert counts_of(batch=batch, today=late) == BatchCounts(open=0, redeemed=3, void=2, expired=5)
    assert counts_of(batch=void, today=late) == BatchCounts(open=0, redeemed=3, void=7, expired=0)
    making = replace(batch, state=BatchState.MAKING)
    assert counts_of(batch=making, today=TODAY) == BatchCounts(0, 0, 0, 0)


def test_a_voucher_is_redeemed_through_its_last_day_while_nothing_speaks_against_it() -> None:
    voucher, late = Voucher(BATCH.batch_id, 1), TODAY + timedelta(days=1)
    refusals = {}
    for state, batch_state, void, today in itertools.product(
        VoucherState, BatchState, (None, BATCH.created_at), (TODAY, late)
    ):
        batch = replace(BATCH, state=batch_state, voided_at=void)
        try:
            check_redeemable(batch=batch, voucher=replace(voucher, state=state), today=today)
        except DomainError as error:
            refusals[state, batch_state, void is None, today] = error.code
        else:
            assert (state, batch_state, void, today) == (VoucherState.OPEN, BatchState.READY, None, TODAY)

    ready = BatchState.READY
    assert refusals[VoucherState.OPEN, ready, True, late] == "voucher_expired"
    assert refusals[VoucherState.OPEN, ready, False, TODAY] == "voucher_void"
    assert refusals[VoucherState.VOID, ready, True, TODAY] == "voucher_void"
    assert refusals[VoucherState.REDEEMED, ready, True, TODAY] == "voucher_redeemed"
    # A batch that is not complete is as if it were not there.
    assert {code for (_, one, _, _), code in refusals.items() if one is not ready} == {"voucher_unknown"}


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"count": 0}, "count"),
        ({"count": 5_001}, "count"),
        ({"amount": 0}, "value"),
        ({"package_id": "pkg_1"}, "value"),
        ({"expires_on": TODAY - timedelta(days=1)}, "expires_on"),
        ({"expires_on": TODAY + timedelta(days=5 * 366 + 1)}, "expires_on"),
    ],
)
def test_a_batch_that_makes_no_sense_is_refused(changes: dict[str, object], param: str) -> None:
    sound = {"count": 1, "amount": 1, "package_id": "", "expires_on": TODAY, "today": TODAY}
    check_batch(**sound)  # type: ignore[arg-type]

    with pytest.raises(InvalidBatch) as refused:
        check_batch(**sound | changes)  # type: ignore[arg-type]

    assert refused.value.param == param


def test_a_batch_whose_worker_is_silent_is_lost_unless_it_ended() -> None:
    making = replace(BATCH, state=BatchState.MAKING, updated_at=BATCH.created_at)
    later = BATCH.created_at + BATCH_LOST_AFTER

    assert making.lost(at=later)
    assert not making.lost(at=later - timedelta(seconds=1))
    assert not BATCH.lost(at=later)
