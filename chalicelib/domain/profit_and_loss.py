"""Profit and loss of a period: every income and expense account of its trial balance, and the result."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from chalicelib.domain.ledger import (
    CASH_DIFFERENCE,
    COMMISSION,
    EXPENSE_PREFIX,
    WRITE_OFF,
    AccountType,
    TrialBalance,
    chart_account,
)


@dataclass(frozen=True, slots=True)
class ProfitAndLoss:
    """A period, both days inclusive, in minor units.

    ``income`` is by ledger account, before tax and less credit notes; ``expenses`` by category, and
    ``others`` whatever else of the chart is an expense. What is spent or lost is positive.
    """

    first: date
    last: date
    currency: str
    income: tuple[tuple[str, int], ...]
    write_offs: int
    commission: int
    cash_difference: int
    expenses: tuple[tuple[str, int], ...]
    others: tuple[tuple[str, int], ...]

    @property
    def income_total(self) -> int:
        """All income."""
        return sum(amount for _, amount in self.income)

    @property
    def expense_total(self) -> int:
        """All that was spent or lost."""
        listed = sum(amount for _, amount in (*self.expenses, *self.others))
        return listed + self.write_offs + self.commission + self.cash_difference

    @property
    def result(self) -> int:
        """The profit; a loss is negative."""
        return self.income_total - self.expense_total


def profit_and_loss(*, trial: TrialBalance) -> ProfitAndLoss:
    """Return the profit and loss of a trial balance's period."""
    income: list[tuple[str, int]] = []
    spent: dict[str, int] = {}
    for row in trial.rows:
        known, net = chart_account(name=row.account), row.debit - row.credit
        if not net or known is None:
            continue
        if known.type is AccountType.INCOME:
            income.append((row.account, -net))
        elif known.type is AccountType.EXPENSE:
            spent[row.account] = net
    write_offs, commission, missing = (
        spent.pop(name, 0) for name in (WRITE_OFF, COMMISSION, CASH_DIFFERENCE)
    )
    return ProfitAndLoss(
        first=trial.first,
        last=trial.last,
        currency=trial.currency,
        income=tuple(income),
        write_offs=write_offs,
        commission=commission,
        cash_difference=missing,
        expenses=tuple(
            (name.removeprefix(EXPENSE_PREFIX), amount)
            for name, amount in spent.items()
            if name.startswith(EXPENSE_PREFIX)
        ),
        others=tuple(one for one in spent.items() if not one[0].startswith(EXPENSE_PREFIX)),
    )
