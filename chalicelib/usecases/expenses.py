"""Expenses: recording, paying and reversing them; and profit and loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from chalicelib.domain.documents import Document
from chalicelib.domain.errors import Busy, InvalidValue
from chalicelib.domain.expenses import (
    Expense,
    check_category,
    check_texts,
    entry_of,
    expense_id,
    paid,
    payment_of,
    reversal_of,
    taken_back,
)
from chalicelib.domain.funds import CompanyEntry, Fund, amount_in, payable_fund
from chalicelib.domain.invoices import fiscal_year
from chalicelib.domain.ledger import month_of
from chalicelib.domain.money import Money
from chalicelib.domain.payments import check_words
from chalicelib.domain.profit_and_loss import ProfitAndLoss, profit_and_loss
from chalicelib.ports.funds import ExpenseQuery
from chalicelib.ports.store import AuditNote, Idempotency, Page, TenantStore, Write
from chalicelib.usecases.company_posting import CompanyBooks, CompanyPosted, post_company
from chalicelib.usecases.ledger import read_trial_balance


@dataclass(frozen=True, slots=True)
class ExpenseAsked:
    """An expense as staff record it; without ``paid_from`` it is owed, without ``on`` it is today's."""

    category: str
    amount: Money
    paid_from: str = ""
    on: date | None = None
    payee: str = ""
    reference: str = ""
    note: str = ""


def record_expense(
    *,
    store: TenantStore,
    ulid: str,
    asked: ExpenseAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Expense:
    """Record an expense on the day that it was, and take it from the fund that paid it.

    Raises InvalidValue, InvalidAmount, CurrencyMismatch, NotFound, WrongFund, FundArchived,
    InsufficientFunds, PeriodClosed, TooManyDocuments or Busy.
    """
    check_category(category=asked.category)
    check_texts(payee=asked.payee, reference=asked.reference, note=asked.note)
    tenant = store.profile()
    on = asked.on or tenant.local_date(at=at)
    expense = Expense(
        expense_id=expense_id(ulid=ulid, on=on),
        category=asked.category,
        currency=tenant.currency,
        amount=amount_in(money=asked.amount, currency=tenant.currency),
        on=on,
        fund_id=asked.paid_from,
        payee=asked.payee,
        reference=asked.reference,
        note=asked.note,
        recorded_by=note.actor_id,
    )
    year = fiscal_year(on=on, start_month=tenant.fiscal_year_start_month)

    def make(books: CompanyBooks) -> CompanyEntry:
        return entry_of(expense=expense, **_funds(books, expense.fund_id))

    def made(posted: CompanyPosted) -> Expense:
        return replace(expense, document_id=posted.document.document_id)

    def besides(posted: CompanyPosted) -> Sequence[Write]:
        return store.expenses.add(expense=made(posted), fiscal_year=year)

    posted = post_company(
        store=store,
        fund_ids=_read(store, expense.fund_id),
        make=make,
        at=at,
        on=on,
        note=replace(note, object_id=expense.expense_id),
        idempotency=idempotency,
        answer=made,
        besides=besides,
    )
    return made(posted)


def pay_expense(
    *,
    store: TenantStore,
    expense_id: str,
    paid_from: str,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Expense:
    """Pay an expense that is owed, today; or raise NotFound, ExpensePaid, ExpenseReversed, or as above."""

    def entry(now: Expense, funds: dict[str, Fund]) -> CompanyEntry:
        return payment_of(expense=now, **funds)

    def change(now: Expense, document: Document) -> Expense:
        return paid(expense=now, fund_id=paid_from, payment_id=document.document_id)

    before = store.expenses.get(expense_id=expense_id)
    steps = _Steps(store, before, paid_from, entry, change)
    return steps.post(at=at, note=note, idempotency=idempotency)


def reverse_expense(
    *,
    store: TenantStore,
    expense_id: str,
    words: str,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Expense:
    """Take an expense back today, once, and its money into the fund that paid it.

    Raises NotFound, ExpenseReversed, FundArchived, PeriodClosed or Busy.
    """
    check_words(note=words)

    def entry(now: Expense, funds: dict[str, Fund]) -> CompanyEntry:
        if now.fund_id != before.fund_id:
            # Paid meanwhile, by a fund that was not read.
            raise Busy("the expense changed meanwhile; nothing was written, so try again")
        return reversal_of(expense=now, note=words, **funds)

    def change(now: Expense, document: Document) -> Expense:
        return taken_back(expense=now, reversed_by=document.document_id)

    before = store.expenses.get(expense_id=expense_id)
    steps = _Steps(store, before, before.fund_id, entry, change)
    return steps.post(at=at, note=note, idempotency=idempotency)


@dataclass(frozen=True, slots=True)
class _Steps:
    """What is done with an expense that is kept: an entry made of it as it stands, and what it then is."""

    store: TenantStore
    before: Expense
    fund_id: str
    entry: Callable[[Expense, dict[str, Fund]], CompanyEntry]
    change: Callable[[Expense, Document], Expense]

    def post(self, *, at: datetime, note: AuditNote, idempotency: Idempotency | None) -> Expense:
        """Post the entry with the change of the expense."""
        store, read = self.store, [self.before]
        start = store.known_profile.fiscal_year_start_month
        year = fiscal_year(on=self.before.on, start_month=start)

        def make(books: CompanyBooks) -> CompanyEntry:
            read[:] = [store.expenses.get(expense_id=self.before.expense_id)]
            return self.entry(read[0], _funds(books, self.fund_id))

        def after(posted: CompanyPosted) -> Expense:
            return self.change(read[0], posted.document)

        def besides(posted: CompanyPosted) -> Sequence[Write]:
            return store.expenses.change(before=read[0], after=after(posted), fiscal_year=year)

        posted = post_company(
            store=store,
            fund_ids=_read(store, self.fund_id),
            make=make,
            at=at,
            note=note,
            idempotency=idempotency,
            answer=after,
            besides=besides,
        )
        return after(posted)


def list_expenses(
    *,
    store: TenantStore,
    first: date | None,
    last: date | None,
    category: str | None,
    limit: int,
    after: str | None,
    at: datetime,
) -> Page[Expense]:
    """Return expenses of a period, both days inclusive, the latest first.

    Without ``last`` it ends with the tenant's today, without ``first`` it begins with that month.
    Raises InvalidValue where it ends before it begins.
    """
    last = last or max(store.known_profile.local_date(at=at), first or date.min)
    first = first or month_of(on=last)
    if last < first:
        raise InvalidValue("a period ends with the day it begins, or later", param="to")
    query = ExpenseQuery(first, last, category)
    return store.expenses.list(query=query, limit=limit, after=after)


def read_profit_and_loss(
    *, store: TenantStore, first: date | None, last: date | None, at: datetime
) -> ProfitAndLoss:
    """Return the profit and loss of a period, as ``read_trial_balance`` takes one."""
    return profit_and_loss(trial=read_trial_balance(store=store, first=first, last=last, at=at))


def _read(store: TenantStore, fund_id: str) -> list[str]:
    """Return the funds to read: what is owed, and the one that pays."""
    payable = payable_fund(tenant_id=store.tenant_id, currency="").fund_id
    return list(dict.fromkeys([payable, fund_id] if fund_id else [payable]))


def _funds(books: CompanyBooks, fund_id: str) -> dict[str, Fund]:
    """Return what is owed, and the fund that pays (the former where none does)."""
    tenant = books.tenant
    payable = books.natural(fund=payable_fund(tenant_id=tenant.tenant_id, currency=tenant.currency))
    fund = books.fund(fund_id=fund_id, param="paid_from") if fund_id else payable
    return {"fund": fund, "payable": payable}
