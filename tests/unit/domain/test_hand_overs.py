"""Handing over, the day's end, receipts of the field and the route sheet: the rules by themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.domain.errors import DomainError
from chalicelib.domain.field_receipts import AHEAD_MAX, AWAY_MAX, TakenAtRefused, check_taken_at
from chalicelib.domain.funds import Fund, FundKind, InsufficientFunds, WrongFund, collector_fund
from chalicelib.domain.hand_overs import (
    CountChanged,
    HandOver,
    HandOverEnded,
    HandOverState,
    NotCounted,
    OwnHandOver,
    check_accepted,
    confirmed,
    counted,
    ended,
    entry_of,
)
from chalicelib.domain.ledger import TrialBalance, Turnover, trial_balance
from chalicelib.domain.profit_and_loss import profit_and_loss
from chalicelib.domain.route_sheet import map_link
from chalicelib.domain.till_closings import check_reason

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
COLLECTOR = "stf_01JD0000000000000000000000"
TILL = Fund("fnd_01JD0000000000000000000001", FundKind.OFFICE, "PKR", name="Till", channel="cash", version=1)
OFFERED = HandOver("hov_01JD0000000000000000000000", COLLECTOR, "PKR", 500, AT)
COUNTED = counted(hand_over=OFFERED, amount=450, by="stf_2", office=TILL)
HANDS = replace(collector_fund(staff_id=COLLECTOR, currency="PKR"), balance=500, version=3)


def test_what_was_counted_moves_when_both_agree() -> None:
    check_accepted(hand_over=COUNTED, amount=450)

    entry = entry_of(hand_over=COUNTED, hands=HANDS, office=TILL)
    after = confirmed(hand_over=COUNTED, at=AT)

    assert [(one.account, one.amount) for one in entry.postings] == [
        ("cash:in_hand", -450),
        ("cash:cash", 450),
    ]
    assert (after.state, after.counted, after.version) == (HandOverState.CONFIRMED, 450, 3)


def test_nothing_is_agreed_by_one_alone() -> None:
    with pytest.raises(OwnHandOver):
        counted(hand_over=OFFERED, amount=500, by=COLLECTOR, office=TILL)
    with pytest.raises(NotCounted):
        check_accepted(hand_over=OFFERED, amount=500)
    with pytest.raises(CountChanged):
        check_accepted(hand_over=COUNTED, amount=500)
    with pytest.raises(WrongFund):
        counted(hand_over=OFFERED, amount=500, by="stf_2", office=HANDS)
    with pytest.raises(InsufficientFunds):
        entry_of(hand_over=COUNTED, hands=replace(HANDS, balance=449), office=TILL)


@pytest.mark.parametrize(
    "over",
    [confirmed(hand_over=COUNTED, at=AT), ended(hand_over=OFFERED, state=HandOverState.REFUSED, at=AT)],
)
def test_a_hand_over_ends_once(over: HandOver) -> None:
    with pytest.raises(HandOverEnded):
        counted(hand_over=over, amount=450, by="stf_2", office=TILL)
    with pytest.raises(HandOverEnded):
        check_accepted(hand_over=over, amount=450)
    with pytest.raises(HandOverEnded):
        ended(hand_over=over, state=HandOverState.WITHDRAWN, at=AT)


def test_a_difference_has_a_reason() -> None:
    assert check_reason(reason=" change ", difference=-1) == "change"
    assert check_reason(reason="", difference=0) == ""
    for reason in ("", "  x ", "x" * 301):
        with pytest.raises(DomainError):
            check_reason(reason=reason, difference=1)


def test_a_device_is_a_little_ahead_and_a_month_away_at_most() -> None:
    check_taken_at(taken_at=AT + AHEAD_MAX, at=AT)
    check_taken_at(taken_at=AT - AWAY_MAX, at=AT)
    for taken_at in (AT + AHEAD_MAX + timedelta(seconds=1), AT - AWAY_MAX - timedelta(seconds=1)):
        with pytest.raises(TakenAtRefused):
            check_taken_at(taken_at=taken_at, at=AT)


def test_a_map_link_holds_the_address_and_nothing_else_of_it() -> None:
    assert map_link(address="Street 7 & 8?, Lahore") == "geo:0,0?q=Street%207%20%26%208%3F%2C%20Lahore"
    assert map_link(address="") is None


def trial(**net: int) -> TrialBalance:
    day = date(2026, 11, 1)
    named = {name.replace("__", ":"): amount for name, amount in net.items()}
    turnover = {name: Turnover(max(amount, 0), max(-amount, 0)) for name, amount in named.items()}
    return trial_balance(first=day, last=day, currency="PKR", opening={"expense:rent": 9}, turnover=turnover)


def test_profit_and_loss_is_of_the_period_and_of_every_income_and_expense() -> None:
    found = profit_and_loss(
        trial=trial(
            cash__cash=83, tax__ait=-10, revenue__recurring=-100, rounding=-3, write_off=5, commission=4,
            cash_difference=-1, expense__fuel=22,
        )
    )  # fmt: skip

    assert dict(found.income) == {"revenue:recurring": 100, "rounding": 3}
    assert (dict(found.expenses), found.others) == ({"fuel": 22}, ())
    assert (found.write_offs, found.commission, found.cash_difference) == (5, 4, -1)
    assert found.result == 103 - 30 == 83 - 10
