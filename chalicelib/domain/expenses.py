"""What the company spends: expenses by category, paid out of a fund or still owed, and taken back.

An expense is posted on the day that it was, when it is paid to the fund that paid it, else to what
the company owes; paying it later moves that. Amounts are minor units of the tenant's currency.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from chalicelib.domain.cards import refuse_card_number
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.funds import (
    CompanyEntry,
    Fund,
    FundKind,
    FundMove,
    WrongFund,
    check_covers,
    company_entry,
)
from chalicelib.domain.invoices import Posting
from chalicelib.domain.ledger import EXPENSE_PREFIX
from chalicelib.domain.payments import check_words

PAYEE_CHARS_MAX: Final = 120
CATEGORY_CHARS_MAX: Final = 30
REASON: Final = "expense"
REASON_PAID: Final = "expense_paid"
REASON_REVERSED: Final = "expense_reversed"
_CATEGORY: Final = re.compile(r"[a-z0-9_]{1,30}\Z", re.ASCII)


class ExpenseReversed(Conflict):
    """The expense was taken back; that happens once, and nothing is done with it any more."""

    code = "expense_reversed"


class ExpensePaid(Conflict):
    """The expense is paid already."""

    code = "expense_paid"


class Category(StrEnum):
    """What companies of this kind spend on; a company may use names of its own besides."""

    UPSTREAM = "upstream"
    RENT = "rent"
    SALARIES = "salaries"
    POWER = "power"
    EQUIPMENT = "equipment"
    FUEL = "fuel"
    TAXES_FEES = "taxes_fees"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Expense:
    """An expense; ``fund_id`` is the fund that paid it, empty while it is owed.

    ``document_id`` is the company journal of the expense, ``payment_id`` that of paying it later,
    ``reversed_by`` that which took it back. ``payee`` is who was paid, ``reference`` the number of
    the bill.
    """

    expense_id: str
    category: str
    currency: str
    amount: int
    on: date
    fund_id: str = ""
    payee: str = ""
    reference: str = ""
    note: str = ""
    document_id: str = ""
    payment_id: str = ""
    reversed_by: str = ""
    recorded_by: str = ""
    version: int = 1

    @property
    def account(self) -> str:
        """The ledger account of its category."""
        return f"{EXPENSE_PREFIX}{self.category}"


def expense_id(*, ulid: str, on: date) -> str:
    """Return ``xps_<ULID>-<yyyymmdd>``: the day is part of it, as it is of its place in the list."""
    return f"xps_{ulid}-{on:%Y%m%d}"


def check_category(*, category: str) -> str:
    """Return the category, or raise InvalidValue."""
    if _CATEGORY.match(category) is None:
        message = f"a category has 1 to {CATEGORY_CHARS_MAX} small letters, digits and _"
        raise InvalidValue(message, param="category")
    return category


def check_texts(*, payee: str, reference: str, note: str) -> None:
    """Raise InvalidValue or CardNumberRefused for what may not be written on an expense."""
    if len(payee) > PAYEE_CHARS_MAX:
        raise InvalidValue(f"at most {PAYEE_CHARS_MAX} characters", param="payee")
    refuse_card_number(text=payee, param="payee")
    check_words(note=note, reference=reference)


def check_pays(*, fund: Fund, amount: int) -> None:
    """Raise WrongFund or InsufficientFunds unless the fund may pay so much.

    The office's funds may be overdrawn: bank accounts are, and a till's count shows what is missing.
    """
    if fund.kind not in {FundKind.OFFICE, FundKind.COLLECTOR}:
        raise WrongFund("an expense is paid by a fund of the office, or a collector's", param="paid_from")
    if fund.kind is FundKind.COLLECTOR:
        check_covers(fund=fund, amount=amount)


def entry_of(*, expense: Expense, fund: Fund, payable: Fund) -> CompanyEntry:
    """Return the entry of an expense; or raise WrongFund, InsufficientFunds or FundArchived."""
    if expense.fund_id:
        check_pays(fund=fund, amount=expense.amount)
        move = FundMove(fund, -expense.amount)
    else:
        move = FundMove(payable, expense.amount)
    return company_entry(
        amount=expense.amount,
        reason=REASON,
        moves=[move],
        postings=[Posting(expense.account, expense.amount)],
        about=expense.expense_id,
        reference=expense.reference,
        note=expense.note,
    )


def payment_of(*, expense: Expense, fund: Fund, payable: Fund) -> CompanyEntry:
    """Return the entry that pays what is owed; or raise ExpensePaid, ExpenseReversed, or as ``entry_of``."""
    check_stands(expense=expense)
    if expense.fund_id:
        raise ExpensePaid("the expense is paid")
    check_pays(fund=fund, amount=expense.amount)
    moves = [FundMove(fund, -expense.amount), FundMove(payable, -expense.amount)]
    return company_entry(amount=expense.amount, reason=REASON_PAID, moves=moves, about=expense.expense_id)


def reversal_of(*, expense: Expense, fund: Fund, payable: Fund, note: str) -> CompanyEntry:
    """Return the entry that takes an expense back, and its money into the fund that paid it.

    Raises ExpenseReversed or FundArchived.
    """
    check_stands(expense=expense)
    move = FundMove(fund, expense.amount) if expense.fund_id else FundMove(payable, -expense.amount)
    return company_entry(
        amount=expense.amount,
        reason=REASON_REVERSED,
        moves=[move],
        postings=[Posting(expense.account, -expense.amount)],
        about=expense.expense_id,
        note=note,
    )


def check_stands(*, expense: Expense) -> None:
    """Raise ExpenseReversed where the expense was taken back."""
    if expense.reversed_by:
        raise ExpenseReversed(f"the expense was taken back by {expense.reversed_by}")


def paid(*, expense: Expense, fund_id: str, payment_id: str) -> Expense:
    """Return an expense that is paid now."""
    return replace(expense, fund_id=fund_id, payment_id=payment_id, version=expense.version + 1)


def taken_back(*, expense: Expense, reversed_by: str) -> Expense:
    """Return an expense that was taken back."""
    return replace(expense, reversed_by=reversed_by, version=expense.version + 1)
