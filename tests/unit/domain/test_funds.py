"""Funds: what moves them, what an entry of the company's own posts, and an audit that finds each flaw."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from chalicelib.domain.books_audit import Flaw, audit_fund
from chalicelib.domain.cards import CardNumberRefused
from chalicelib.domain.errors import DomainError
from chalicelib.domain.funds import (
    Fund,
    FundArchived,
    FundKind,
    FundMove,
    InsufficientFunds,
    Movement,
    amount_in,
    check_channel,
    check_covers,
    check_fund_name,
    collector_fund,
    company_entry,
    moved,
    payable_fund,
)
from chalicelib.domain.invoices import Posting
from chalicelib.domain.money import AMOUNT_MINOR_MAX, CurrencyMismatch, InvalidAmount, Money

DAY = date(2026, 11, 20)
NEXT = date(2026, 11, 21)
COLLECTOR = collector_fund(staff_id="stf_01JD0000000000000000000000", currency="PKR")
TILL = Fund("fnd_01JD0000000000000000000001", FundKind.OFFICE, "PKR", name="Till", channel="cash")


def amounts(postings: tuple[Posting, ...]) -> dict[str, int]:
    return {one.account: one.amount for one in postings}


def test_more_in_a_fund_is_a_debit_where_it_is_held_and_a_credit_where_it_is_owed() -> None:
    owed = payable_fund(tenant_id="ten_01JD0000000000000000000002", currency="PKR")

    handed = company_entry(amount=70, reason="x", moves=[FundMove(COLLECTOR, -70), FundMove(TILL, 70)])
    bought = company_entry(
        amount=50, reason="x", moves=[FundMove(owed, 50)], postings=[Posting("expense:rent", 50)]
    )

    assert amounts(handed.postings) == {"cash:in_hand": -70, "cash:cash": 70}
    assert amounts(bought.postings) == {"payable": -50, "expense:rent": 50}
    assert (handed.home, COLLECTOR.fund_id) == (COLLECTOR, "fnd_01JD0000000000000000000000")


def test_an_entry_that_does_not_balance_is_a_fault_of_ours() -> None:
    with pytest.raises(AssertionError):
        company_entry(amount=70, reason="x", moves=[FundMove(COLLECTOR, -70)])
    with pytest.raises(AssertionError):
        company_entry(amount=7, reason="x", moves=[FundMove(TILL, -7)], postings=[Posting("expense:", 7)])


def test_money_is_idle_since_it_came_in_or_some_was_handed_on() -> None:
    first = moved(fund=COLLECTOR, amount=100, on=DAY)
    second = moved(fund=first, amount=50, on=NEXT)
    part = moved(fund=second, amount=-20, on=NEXT, handed_on=True, entries=1)
    reversed_ = moved(fund=second, amount=-20, on=NEXT)
    gone = moved(fund=part, amount=-130, on=NEXT, handed_on=True, entries=1)

    assert (second.idle_since, part.idle_since, reversed_.idle_since) == (DAY, NEXT, DAY)
    assert (gone.idle_since, gone.balance) == (None, 0)
    assert (gone.version, gone.movements, gone.entries) == (4, 4, 2)


def test_an_archived_fund_is_not_moved() -> None:
    archived = replace(TILL, archived=True)
    with pytest.raises(FundArchived):
        moved(fund=archived, amount=1, on=DAY)
    with pytest.raises(FundArchived):
        company_entry(amount=1, reason="x", moves=[FundMove(COLLECTOR, -1), FundMove(archived, 1)])


@pytest.mark.parametrize(
    ("money", "refused", "param"),
    [
        (Money(0, "PKR"), InvalidAmount, "amount.amount"),
        (Money(-5, "PKR"), InvalidAmount, "amount.amount"),
        (Money(AMOUNT_MINOR_MAX + 1, "PKR"), InvalidAmount, "amount.amount"),
        (Money(5, "USD"), CurrencyMismatch, "amount.currency"),
    ],
)
def test_amounts_are_positive_of_the_books_currency_and_fit_a_posting(
    money: Money, refused: type[DomainError], param: str
) -> None:
    with pytest.raises(refused) as error:
        amount_in(money=money, currency="PKR")
    assert error.value.param == param


def test_no_more_is_taken_than_there_is() -> None:
    held = moved(fund=COLLECTOR, amount=100, on=DAY)
    check_covers(fund=held, amount=100)
    with pytest.raises(InsufficientFunds):
        check_covers(fund=held, amount=101)


def test_names_and_channels() -> None:
    assert check_fund_name(name="  Till ") == "Till"
    assert check_channel(channel="bank_transfer") == "bank_transfer"
    for name in ("", " ", "x" * 61):
        with pytest.raises(DomainError):
            check_fund_name(name=name)
    with pytest.raises(CardNumberRefused):
        check_fund_name(name="4111 1111 1111 1111")
    for channel in ("in_hand", "", "Cash", "1cash", "a", "cash:x", "x" * 31, "cash\n"):
        with pytest.raises(DomainError):
            check_channel(channel=channel)


def movement(sequence: int, amount: int, balance: int) -> Movement:
    return Movement(COLLECTOR.fund_id, sequence, amount, balance, DAY, "receipt", "rcp_1", "stf_1", "")


HELD = replace(COLLECTOR, balance=70, movements=2, version=2)


@pytest.mark.parametrize(
    ("fund", "movements", "flaws"),
    [
        (HELD, [movement(1, 100, 100), movement(2, -30, 70)], []),
        (replace(HELD, balance=71), [movement(1, 100, 100), movement(2, -30, 70)], [Flaw.FUND_BALANCE]),
        (HELD, [movement(1, 100, 100), movement(3, -30, 70)], [Flaw.FUND_MOVEMENTS]),
        (HELD, [movement(1, 100, 100), movement(2, -30, 60)], [Flaw.FUND_MOVEMENTS]),
        (HELD, [movement(1, 100, 100)], [Flaw.FUND_MOVEMENTS, Flaw.FUND_BALANCE]),
    ],
)
def test_an_audit_finds_what_is_wrong_with_a_fund(
    fund: Fund, movements: list[Movement], flaws: list[Flaw]
) -> None:
    found = audit_fund(fund=fund, movements=movements, documents=[])
    assert [one.flaw for one in found.differences] == flaws
