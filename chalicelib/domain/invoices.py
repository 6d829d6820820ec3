"""Invoices: what a billed period comes to, with the ledger entry it makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.domain.accounts import ChargeKind
from chalicelib.domain.contacts import Recipient
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.numbering import NumberFormat, pattern_for, render_number
from chalicelib.domain.periods import Period
from chalicelib.domain.records import record
from chalicelib.domain.taxes import TaxAmount

RECEIVABLE: Final = "receivable"
CREDIT: Final = "credit"
DEPOSITS: Final = "deposits"
ROUNDING: Final = "rounding"
CHARGEBACKS: Final = "chargebacks"
LINES_PER_INVOICE_MAX: Final = 200


class AmountOutOfRange(InvalidValue):
    """The invoice would exceed the largest amount of one posting."""

    code = "amount_out_of_range"


class InvoiceState(StrEnum):
    """What is stored; overdue is derived from the due date."""

    OPEN = "open"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    VOID = "void"
    WRITTEN_OFF = "written_off"


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One charge: ``net`` is before tax; every amount in minor units of the invoice's currency.

    ``unit_price`` by ``quantity`` by ``billed_days`` of ``full_days``, less ``discount``, is the
    net, or where the tax group is inclusive the total. ``trace`` says in short codes which rule
    and which row made it so (``domain.traces`` puts them into words). ``slot`` is 0 where the
    line is of no subscription.
    """

    description: str
    package_id: str
    slot: int
    period: Period
    unit_price: int
    billed_days: int
    full_days: int
    net: int
    taxes: tuple[TaxAmount, ...]
    kind: ChargeKind = ChargeKind.RECURRING
    edition: int = 1
    quantity: int = 1
    discount: int = 0
    trace: tuple[str, ...] = ()

    @property
    def tax(self) -> int:
        """The line's taxes together."""
        return sum([tax.amount for tax in self.taxes])

    @property
    def total(self) -> int:
        """The line with its taxes."""
        return self.net + self.tax


@record
class Posting:
    """One side of a ledger entry: debit positive, credit negative, in minor units."""

    account: str
    amount: int


@dataclass(frozen=True, slots=True)
class LineCredit:
    """What credit notes took of an invoice's line (``index`` from 0 on): net and each tax, in minor units."""

    index: int
    net: int
    taxes: tuple[int, ...] = ()

    @property
    def total(self) -> int:
        """With the taxes."""
        return self.net + sum(self.taxes)


@dataclass(frozen=True, slots=True)
class Invoice:
    """An issued invoice; it never changes but for what settles it.

    ``paid``, ``credited`` (by credit notes) and ``written_off`` are minor units; together they never
    exceed the total. ``note`` is what staff wrote on a manual one;
    ``kind`` is ``DBN`` for a debit note, which adds to the invoice that it is ``about``. ``fees`` are
    the rules by which a late fee was charged for it. ``credited_lines`` is what credit notes took of
    each line, whether it settled the invoice or, where that was paid, became the account's credit.
    """

    invoice_id: str
    account_id: str
    account_code: str
    number: str
    sequence: int
    series: str
    state: InvoiceState
    currency: str
    issued_on: date
    due_on: date
    period: Period
    lines: tuple[InvoiceLine, ...]
    postings: tuple[Posting, ...]
    run_id: str
    recipient: Recipient | None = None
    paid: int = 0
    credited: int = 0
    written_off: int = 0
    note: str = ""
    fees: tuple[str, ...] = ()
    kind: str = "INV"
    about: str = ""
    credited_lines: tuple[LineCredit, ...] = ()

    @property
    def net(self) -> int:
        """Sum of the lines before tax."""
        return sum(line.net for line in self.lines)

    @property
    def tax(self) -> int:
        """Sum of the lines' taxes."""
        return sum(line.tax for line in self.lines)

    @property
    def total(self) -> int:
        """What is to be paid."""
        return sum(line.total for line in self.lines)

    @property
    def open_amount(self) -> int:
        """What is still to be paid."""
        return self.total - self.paid - self.credited - self.written_off

    def overdue(self, *, today: date) -> bool:
        """Whether something is to be paid and the last day for it has passed."""
        return self.open_amount > 0 and today > self.due_on


def settled_state(*, total: int, paid: int, credited: int = 0, written_off: int = 0) -> InvoiceState:
    """Return the state of an invoice from what has settled it."""
    left = total - paid - credited - written_off
    assert left >= 0 or total < 0, "an invoice is never settled by more than it comes to"
    if left > 0:
        return InvoiceState.PARTLY_PAID if left < total else InvoiceState.OPEN
    if written_off:
        return InvoiceState.WRITTEN_OFF
    return InvoiceState.VOID if total and credited == total else InvoiceState.PAID


REVENUE: Final[dict[ChargeKind, str]] = {kind: f"revenue:{kind}" for kind in ChargeKind} | {
    ChargeKind.DEPOSIT: DEPOSITS,
    ChargeKind.ROUNDING: ROUNDING,
    ChargeKind.CHARGEBACK: CHARGEBACKS,
}


def invoice_postings(*, lines: Sequence[InvoiceLine], from_credit: int = 0) -> tuple[Posting, ...]:
    """Return the balanced entry of an invoice: receivable against revenue and taxes payable.

    ``from_credit`` is what the account's credit pays of it at once.
    """
    owed: dict[str, int] = {}
    total = 0
    for line in lines:
        account = REVENUE[line.kind]
        owed[account] = owed.get(account, 0) + line.net
        total += line.net
        for tax in line.taxes:
            account = f"tax:{tax.code}"
            owed[account] = owed.get(account, 0) + tax.amount
            total += tax.amount
    postings = [Posting(RECEIVABLE, total - from_credit)]
    if from_credit:
        postings.append(Posting(CREDIT, from_credit))
    postings += [Posting(account, -amount) for account, amount in owed.items()]
    assert sum([posting.amount for posting in postings]) == 0, "a ledger entry balances"
    return tuple(postings)


def due_date(*, issued_on: date, payment_days: int) -> date:
    """Return the last day to pay in time."""
    return issued_on + timedelta(days=payment_days)


# -- number series -------------------------------------------------------------------------


def fiscal_year(*, on: date, start_month: int) -> int:
    """Return the calendar year in which the fiscal year of ``on`` ends (July 2026 is 2027)."""
    return on.year + 1 if start_month > 1 and on.month >= start_month else on.year


def format_number(
    *, fiscal_year_end: int, sequence: int, kind: str = "INV", formats: Sequence[NumberFormat] = ()
) -> str:
    """Return ``INV-2027-000123``, or as the tenant's formats have it.

    The sequence starts at 1 in each fiscal year, without gaps.
    """
    pattern = pattern_for(formats=formats, kind=kind, fiscal_year=fiscal_year_end)
    return render_number(pattern=pattern, fiscal_year=fiscal_year_end, sequence=sequence)
