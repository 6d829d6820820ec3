"""The chart of accounts, trial balances of any postings, closed months, and audits that find each flaw."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.accounts import ChargeKind
from chalicelib.domain.books_audit import (
    AccountMoney,
    BookedDocument,
    Flaw,
    audit_account,
    audit_numbers,
    compare_totals,
)
from chalicelib.domain.invoices import REVENUE, Posting
from chalicelib.domain.ledger import (
    CHART,
    AccountType,
    Closing,
    DayTotals,
    LedgerRow,
    MalformedMonth,
    TrialBalance,
    added,
    chart_account,
    check_postings,
    closing_differences,
    month_end,
    months_between,
    next_month,
    parse_month,
    trial_balance,
    turnover_of,
)
from chalicelib.domain.staff import ROLE_PERMISSIONS, Permission, Role

NAMES = (
    "receivable",
    "credit",
    "deposits",
    "cash:cash",
    "cash:bank_transfer",
    "revenue:recurring",
    "revenue:late_fee",
    "tax:sales_tax",
    "rounding",
    "write_off",
    "commission",
)
FIRST = date(2026, 7, 1)
DAYS = 150


@st.composite
def entries(draw: st.DrawFn) -> list[Posting]:
    """A balanced entry: any amounts on any accounts, and the rest on one more."""
    sides = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.integers(-(10**9), 10**9)), max_size=5))
    rest = -sum(amount for _, amount in sides)
    return [Posting(name, amount) for name, amount in [*sides, (draw(st.sampled_from(NAMES)), rest)]]


BOOKS = st.lists(st.tuples(st.integers(0, DAYS - 1), entries()), max_size=12)


def trial(books: list[tuple[int, list[Posting]]], first: date, last: date) -> TrialBalance:
    """The trial balance of a period of the books."""
    days = [DayTotals(FIRST + timedelta(days=day), False, turnover_of(postings=one)) for day, one in books]
    before = added(totals=[one.turnover for one in days if one.on < first])
    within = added(totals=[one.turnover for one in days if first <= one.on <= last])
    return trial_balance(
        first=first,
        last=last,
        currency="PKR",
        opening={name: one.net for name, one in before.items()},
        turnover=within,
    )


@given(BOOKS, st.integers(0, DAYS - 1), st.integers(0, DAYS - 1))
def test_every_trial_balance_is_zero_and_leads_to_the_next(
    books: list[tuple[int, list[Posting]]], one: int, other: int
) -> None:
    first, last = FIRST + timedelta(days=min(one, other)), FIRST + timedelta(days=max(one, other))
    rest = FIRST + timedelta(days=DAYS)

    period = trial(books, first, last)
    after = trial(books, last + timedelta(days=1), rest)
    whole = trial(books, first, rest)

    assert period.balanced
    assert sum(period.closing.values()) == 0
    assert {row.account: row.opening for row in after.rows if row.opening} == period.closing
    assert after.closing == whole.closing
    assert whole.debit == period.debit + after.debit


@given(BOOKS)
def test_closing_balances_are_the_sums_of_postings(books: list[tuple[int, list[Posting]]]) -> None:
    sums: dict[str, int] = {}
    for _, entry in books:
        for posting in entry:
            sums[posting.account] = sums.get(posting.account, 0) + posting.amount

    found = trial(books, FIRST, FIRST + timedelta(days=DAYS))

    assert found.closing == {name: amount for name, amount in sums.items() if amount}
    assert all(row.debit >= 0 and row.credit >= 0 for row in found.rows)


def test_debits_and_credits_of_a_day_are_kept_apart() -> None:
    postings = [Posting("receivable", 500), Posting("revenue:recurring", -500)]
    paid = [Posting("cash:cash", 500), Posting("receivable", -500)]

    found = turnover_of(postings=[*postings, *paid])

    assert (found["receivable"].debit, found["receivable"].credit, found["receivable"].net) == (500, 500, 0)


def test_the_chart_knows_each_account_and_nothing_else() -> None:
    assert all(chart_account(name=name) for name in NAMES)
    assert all(chart_account(name=name) for name in REVENUE.values())
    assert {chart_account(name=REVENUE[ChargeKind.DEPOSIT])} == {chart_account(name="deposits")}
    unknown = (
        "",
        "cash",
        "cash:",
        "tax",
        "revenue:",
        "revenue:gifts",
        "receivable:x",
        "Receivable",
        "suspense",
    )
    assert not any(chart_account(name=name) for name in unknown)
    sides = {account.name: account.type.normal_side for account in CHART}
    assert (sides["receivable"], sides["tax:"], sides["revenue:"]) == ("debit", "credit", "credit")
    assert sides["write_off"] == AccountType.EXPENSE.normal_side == "debit"


def test_nothing_is_posted_to_an_unknown_account_or_out_of_balance() -> None:
    check_postings(postings=[Posting("cash:cash", 1), Posting("credit", -1)])
    with pytest.raises(AssertionError, match="suspense"):
        check_postings(postings=[Posting("cash:cash", 1), Posting("suspense", -1)])
    with pytest.raises(AssertionError, match="balances"):
        check_postings(postings=[Posting("cash:cash", 1)])


@given(st.dates(date(2001, 1, 1), date(2199, 1, 1)))
def test_months_follow_each_other(on: date) -> None:
    month = on.replace(day=1)
    assert month_end(month=month) + timedelta(days=1) == next_month(month=month)
    assert parse_month(text=f"{month:%Y-%m}") == month
    assert months_between(first=on, last=next_month(month=month)) == [month, next_month(month=month)]


@pytest.mark.parametrize("text", ["", "2026-13", "2026-1", "26-01", "2026-01-01", "2026-W1", "2026-1\u0662"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(MalformedMonth):
        parse_month(text=text)


def test_a_closed_month_differs_where_a_figure_does() -> None:
    rows = (LedgerRow("receivable", 0, 500, 0), LedgerRow("revenue:recurring", 0, 0, 500))
    closing = Closing(date(2026, 11, 1), "PKR", rows, datetime(2026, 12, 1, tzinfo=UTC), "stf_1")
    same = TrialBalance(closing.month, closing.last, "PKR", rows)
    more = replace(same, rows=(*rows, LedgerRow("cash:cash", 0, 1, 1)))

    assert closing_differences(closing=closing, now=same) == ()
    assert [one.account for one in closing_differences(closing=closing, now=more)] == ["cash:cash"]


def test_who_runs_the_company_reads_the_ledger_and_only_owners_open_a_month_again() -> None:
    may = {
        permission: {role for role, granted in ROLE_PERMISSIONS.items() if permission in granted}
        for permission in (Permission.LEDGER_READ, Permission.LEDGER_CLOSE, Permission.LEDGER_OPEN)
    }
    assert may == {
        Permission.LEDGER_READ: set(Role) - {Role.SUPPORT, Role.COLLECTOR, Role.DEALER},
        Permission.LEDGER_CLOSE: {Role.OWNER, Role.ADMIN, Role.BILLING},
        Permission.LEDGER_OPEN: {Role.OWNER},
    }


# -- audits ----------------------------------------------------------------------------------

MONEY = AccountMoney("sbr_1", version=3, balance=400, credit=100, deposits=50)
INVOICE = BookedDocument(
    "inv_1",
    "INV#2027",
    1,
    (Posting("receivable", 550), Posting("revenue:recurring", -500), Posting("deposits", -50)),
    total=550,
    open_amount=500,
)
RECEIPT = BookedDocument(
    "rcp_1", "RCP#2027", 1, (Posting("cash:cash", 150), Posting("receivable", -50), Posting("credit", -100))
)


def test_an_account_that_is_the_fold_of_its_documents() -> None:
    found = audit_account(money=MONEY, documents=[INVOICE, RECEIPT])

    assert found.differences == []
    assert found.documents == {"INV#2027": 1, "RCP#2027": 1}
    assert found.postings["receivable"] == 500


@pytest.mark.parametrize(
    ("money", "invoice", "flaws"),
    [
        (replace(MONEY, balance=401), INVOICE, {Flaw.ACCOUNT_BALANCE}),
        (replace(MONEY, credit=99), INVOICE, {Flaw.ACCOUNT_CREDIT}),
        (replace(MONEY, deposits=0), INVOICE, {Flaw.ACCOUNT_DEPOSITS}),
        (MONEY, replace(INVOICE, open_amount=499), {Flaw.ACCOUNT_OPEN}),
        (MONEY, replace(INVOICE, open_amount=-1), {Flaw.ACCOUNT_OPEN, Flaw.INVOICE_OVERSETTLED}),
        (MONEY, replace(INVOICE, total=551), {Flaw.INVOICE_AMOUNT}),
        (
            MONEY,
            replace(INVOICE, postings=(*INVOICE.postings, Posting("cash:cash", 1))),
            {Flaw.POSTINGS_UNBALANCED},
        ),
        (
            MONEY,
            replace(INVOICE, postings=(*INVOICE.postings, Posting("x", 1), Posting("tax:vat", -1))),
            {Flaw.ACCOUNT_UNKNOWN},
        ),
    ],
)
def test_each_flaw_of_an_account_is_found(
    money: AccountMoney, invoice: BookedDocument, flaws: set[Flaw]
) -> None:
    found = audit_account(money=money, documents=[invoice, RECEIPT])
    assert {one.flaw for one in found.differences} == flaws


@pytest.mark.parametrize(
    ("entries", "own", "flaws", "after"),
    [
        ([(1, "a"), (2, "b")], {"a": 1, "b": 2}, [], 3),
        ([(1, "a"), (3, "b")], {"a": 1, "b": 3}, [Flaw.NUMBER_MISSING], 4),
        ([(1, "a"), (1, "b"), (2, "c")], {"a": 1, "b": 1, "c": 2}, [Flaw.NUMBER_TWICE], 3),
        ([(1, "a"), (2, "b")], {"a": 1}, [Flaw.DOCUMENT_MISSING], 3),
        ([(1, "a"), (2, "b")], {"a": 1, "b": 7}, [Flaw.DOCUMENT_NUMBER], 3),
    ],
)
def test_each_flaw_of_a_register_is_found(
    entries: list[tuple[int, str]], own: dict[str, int], flaws: list[Flaw], after: int
) -> None:
    found, expected = audit_numbers(series="INV#2027", expected=1, entries=entries, documents=own)
    assert ([one.flaw for one in found], expected) == (flaws, after)


def test_sums_that_differ_are_told_by_account_and_series() -> None:
    found = compare_totals(
        postings={"receivable": 5, "credit": -5},
        ledger={"receivable": 5, "credit": -4},
        documents={"INV#2027": 2},
        registered={"INV#2027": 1},
        funds={"payable": -7},
    )
    assert [(one.flaw, one.about, one.expected, one.found) for one in found] == [
        (Flaw.LEDGER_ACCOUNT, "credit", -5, -4),
        (Flaw.LEDGER_UNBALANCED, "ledger", 0, 1),
        (Flaw.FUND_CONTROL, "payable", -7, 0),
        (Flaw.DOCUMENTS_UNREGISTERED, "INV#2027", 1, 2),
    ]
