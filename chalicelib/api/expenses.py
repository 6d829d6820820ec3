"""What the company spends, and profit and loss."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from chalicelib.api.ledger import DATE_MAX, DATE_MIN, PeriodQuery
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, ListAnswer, ListQuery, MoneyIn, MoneyOut, Schema
from chalicelib.domain.documents import NOTE_CHARS_MAX
from chalicelib.domain.expenses import CATEGORY_CHARS_MAX, PAYEE_CHARS_MAX, Expense
from chalicelib.domain.expenses import Category as KnownCategory
from chalicelib.domain.payments import REFERENCE_CHARS_MAX
from chalicelib.domain.profit_and_loss import ProfitAndLoss
from chalicelib.domain.staff import Permission
from chalicelib.usecases import expenses

FundId = Annotated[str, Field(min_length=1, max_length=40, examples=["fnd_01JD0000000000000000000000"])]
Category = Annotated[
    str,
    Field(
        min_length=1,
        max_length=CATEGORY_CHARS_MAX,
        description=f"{', '.join(KnownCategory)}, or an own name",
        examples=["upstream"],
    ),
]


class ExpenseIn(Schema):
    """An expense: paid out of a fund, or without ``paid_from`` still owed."""

    category: Category
    amount: MoneyIn
    paid_from: FundId | None = None
    on: date | None = Field(
        default=None, ge=DATE_MIN, le=DATE_MAX, description="the day that it was; today unless given"
    )
    payee: Line = Field(default="", max_length=PAYEE_CHARS_MAX, examples=["Transworld"])
    reference: Line = Field(default="", max_length=REFERENCE_CHARS_MAX, description="the bill's own number")
    note: Line = Field(default="", max_length=NOTE_CHARS_MAX)

    def asked(self) -> expenses.ExpenseAsked:
        """Return the use case's value."""
        return expenses.ExpenseAsked(
            category=self.category,
            amount=self.amount.money(),
            paid_from=self.paid_from or "",
            on=self.on,
            payee=self.payee,
            reference=self.reference,
            note=self.note,
        )


class ExpensePaymentIn(Schema):
    """The fund that pays what is owed."""

    paid_from: FundId


class ExpenseReversalIn(Schema):
    """Why an expense is none."""

    reason: Line = Field(min_length=3, max_length=NOTE_CHARS_MAX, examples=["recorded twice"])


class ExpenseOut(Schema):
    """An expense. ``paid_from`` is the fund that paid it; null while it is owed.

    ``document_id`` is the company journal of it, ``payment_id`` that of paying it later,
    ``reversed_by`` that which took it back.
    """

    expense_id: str = Field(examples=["xps_01JD0000000000000000000000-20261101"])
    category: str
    amount: MoneyOut
    on: date
    paid_from: str | None
    payee: str
    reference: str
    note: str
    document_id: str
    payment_id: str | None
    reversed_by: str | None
    recorded_by: str
    version: int

    @classmethod
    def of(cls, one: Expense) -> ExpenseOut:
        """Render an expense."""
        return cls(
            expense_id=one.expense_id,
            category=one.category,
            amount=MoneyOut(amount=one.amount, currency=one.currency),
            on=one.on,
            paid_from=one.fund_id or None,
            payee=one.payee,
            reference=one.reference,
            note=one.note,
            document_id=one.document_id,
            payment_id=one.payment_id or None,
            reversed_by=one.reversed_by or None,
            recorded_by=one.recorded_by,
            version=one.version,
        )


class ExpenseList(ListAnswer):
    """Expenses of a period, the latest first; those that were taken back too."""

    items: list[ExpenseOut]


class ExpenseListQuery(ListQuery):
    """Which expenses: of a period, both days inclusive (the present month through today), and a category."""

    first: date | None = Field(default=None, alias="from", ge=DATE_MIN, le=DATE_MAX, examples=["2026-11-01"])
    last: date | None = Field(default=None, alias="to", ge=DATE_MIN, le=DATE_MAX, examples=["2026-11-30"])
    category: Category | None = None


class AmountOut(Schema):
    """An amount of the period in minor units, by ledger account or category."""

    name: str = Field(examples=["revenue:recurring"])
    amount: int


class ProfitAndLossOut(Schema):
    """Profit and loss of a period in minor units; what is spent or lost is positive.

    ``income`` is before tax and less credit notes; ``result`` is ``income_total`` less
    ``expense_total``, and negative for a loss.
    """

    first: date
    last: date = Field(description="inclusive")
    currency: str
    income: list[AmountOut]
    write_offs: int
    commission: int
    cash_difference: int
    expenses: list[AmountOut]
    others: list[AmountOut]
    income_total: int
    expense_total: int
    result: int

    @classmethod
    def of(cls, found: ProfitAndLoss) -> ProfitAndLossOut:
        """Render a profit and loss."""
        return cls(
            first=found.first,
            last=found.last,
            currency=found.currency,
            income=[AmountOut(name=name, amount=amount) for name, amount in found.income],
            write_offs=found.write_offs,
            commission=found.commission,
            cash_difference=found.cash_difference,
            expenses=[AmountOut(name=name, amount=amount) for name, amount in found.expenses],
            others=[AmountOut(name=name, amount=amount) for name, amount in found.others],
            income_total=found.income_total,
            expense_total=found.expense_total,
            result=found.result,
        )


@endpoint(
    "GET", "/v1/expenses", permission=Permission.EXPENSES_READ, query=ExpenseListQuery, answer=ExpenseList
)
def list_expenses(request: Request) -> ExpenseList:
    """List expenses of a period, the latest first. A page may be short and yet go on."""
    asked = request.query_as(ExpenseListQuery)
    page = expenses.list_expenses(
        store=request.store,
        first=asked.first,
        last=asked.last,
        category=asked.category,
        limit=asked.limit,
        after=request.after,
        at=request.now,
    )
    return request.listing(ExpenseList, page, ExpenseOut.of)


@endpoint(
    "POST",
    "/v1/expenses",
    permission=Permission.EXPENSES_WRITE,
    body=ExpenseIn,
    answer=ExpenseOut,
    status=201,
    idempotency_required=True,
)
def record_expense(request: Request) -> ExpenseOut:
    """Record an expense on the day that it was, which is in no closed month."""
    body = request.body_as(ExpenseIn)
    made = expenses.record_expense(
        store=request.store,
        ulid=request.services.ids.new(prefix="xps").removeprefix("xps_"),
        asked=body.asked(),
        at=request.now,
        note=request.note("expense.recorded", "", category=body.category),
        idempotency=request.idempotency,
    )
    return ExpenseOut.of(made)


@endpoint("GET", "/v1/expenses/{expense_id}", permission=Permission.EXPENSES_READ, answer=ExpenseOut)
def get_expense(request: Request) -> ExpenseOut:
    """Show an expense."""
    return ExpenseOut.of(request.store.expenses.get(expense_id=request.path["expense_id"]))


@endpoint(
    "POST",
    "/v1/expenses/{expense_id}/payment",
    permission=Permission.EXPENSES_WRITE,
    body=ExpensePaymentIn,
    answer=ExpenseOut,
    idempotency_required=True,
)
def pay_expense(request: Request) -> ExpenseOut:
    """Pay an expense that is owed, today."""
    expense_id = request.path["expense_id"]
    after = expenses.pay_expense(
        store=request.store,
        expense_id=expense_id,
        paid_from=request.body_as(ExpensePaymentIn).paid_from,
        at=request.now,
        note=request.note("expense.paid", expense_id),
        idempotency=request.idempotency,
    )
    return ExpenseOut.of(after)


@endpoint(
    "POST",
    "/v1/expenses/{expense_id}/reversal",
    permission=Permission.EXPENSES_WRITE,
    body=ExpenseReversalIn,
    answer=ExpenseOut,
    idempotency_required=True,
)
def reverse_expense(request: Request) -> ExpenseOut:
    """Take an expense back today, once; what was paid is in its fund again."""
    body, expense_id = request.body_as(ExpenseReversalIn), request.path["expense_id"]
    after = expenses.reverse_expense(
        store=request.store,
        expense_id=expense_id,
        words=body.reason,
        at=request.now,
        note=request.note("expense.reversed", expense_id),
        idempotency=request.idempotency,
    )
    return ExpenseOut.of(after)


@endpoint(
    "GET",
    "/v1/profit-and-loss",
    permission=Permission.EXPENSES_READ,
    query=PeriodQuery,
    answer=ProfitAndLossOut,
)
def get_profit_and_loss(request: Request) -> ProfitAndLossOut:
    """Show the profit and loss of a period."""
    asked = request.query_as(PeriodQuery)
    found = expenses.read_profit_and_loss(
        store=request.store, first=asked.first, last=asked.last, at=request.now
    )
    return ProfitAndLossOut.of(found)
