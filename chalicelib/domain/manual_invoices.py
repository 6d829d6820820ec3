"""Invoices and debit notes made by hand, taxed and rounded as those of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from chalicelib.domain.account_bills import new_invoice
from chalicelib.domain.accounts import Account, ChargeKind
from chalicelib.domain.cards import refuse_card_number
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.charges import check_amount, taxed
from chalicelib.domain.documents import DocumentKind, IssuedInvoice
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.invoices import (
    LINES_PER_INVOICE_MAX,
    AmountOutOfRange,
    Invoice,
    InvoiceLine,
    InvoiceState,
    due_date,
)
from chalicelib.domain.money import AMOUNT_MINOR_MAX, CurrencyMismatch, InvalidAmount, Money
from chalicelib.domain.periods import Period
from chalicelib.domain.taxes import UnknownTaxGroup

DESCRIPTION_CHARS_MAX: Final = 120
QUANTITY_MAX: Final = 100_000
LINE_PERIOD_DAYS_MAX: Final = 3_660
DUE_DAYS_AHEAD_MAX: Final = 366
# A tax of nothing and a price of another line's are not made by hand.
MANUAL_KINDS: Final = frozenset(
    {
        ChargeKind.ONE_TIME,
        ChargeKind.USAGE,
        ChargeKind.ACTIVATION,
        ChargeKind.DEPOSIT,
        ChargeKind.LATE_FEE,
        ChargeKind.RECONNECT_FEE,
    }
)


class TooManyLines(InvalidValue):
    """The invoice has more lines than one may have, or none."""

    code = "too_many_lines"


class InvoiceVoid(Conflict):
    """The invoice is void: nothing is added to it."""

    code = "invoice_void"


@dataclass(frozen=True, slots=True)
class ManualLine:
    """A line as staff write it: ``unit_price`` before tax, or with it where the group is inclusive.

    Without a group it is not taxed; without a period it is of the day it is issued.
    """

    description: str
    unit_price: Money
    quantity: int = 1
    tax_group: str | None = None
    period: Period | None = None
    kind: ChargeKind = ChargeKind.ONE_TIME


def manual_line(
    *, account: Account, line: ManualLine, catalogue: Catalogue, on: date, param: str
) -> InvoiceLine:
    """Return a line taxed for the customer on a date; ``param`` names it in refusals.

    Raises CurrencyMismatch, InvalidAmount, AmountOutOfRange, UnknownTaxGroup, TaxRateMissing,
    CardNumberRefused or InvalidValue.
    """
    _check(line, account, param)
    if line.tax_group is not None and line.tax_group not in catalogue.tax_groups:
        raise UnknownTaxGroup("there is no tax group of this code", param=f"{param}.tax_group")
    amount = line.unit_price.amount * line.quantity
    if amount > AMOUNT_MINOR_MAX:
        raise AmountOutOfRange("the line is larger than one posting may be", param=f"{param}.quantity")
    rule = catalogue.tax_rule(group=line.tax_group, jurisdiction=account.tax.jurisdiction, on=on)
    tax = taxed(amount=amount, rule=rule, profile=account.tax, on=on)
    check_amount(amount=tax.net + sum(one.amount for one in tax.taxes))
    return InvoiceLine(
        line.description.strip(),
        "",
        0,
        line.period or Period.day(on=on),
        line.unit_price.amount,
        1,
        1,
        tax.net,
        tax.taxes,
        line.kind,
        0,
        line.quantity,
        0,
        ("m", *([] if line.quantity == 1 else [f"q{line.quantity}"]), *tax.trace),
    )


def _check(line: ManualLine, account: Account, param: str) -> None:
    """Refuse what no line may hold, whatever the catalogue says."""
    if not line.description.strip() or len(line.description) > DESCRIPTION_CHARS_MAX:
        message = f"a description has 1 to {DESCRIPTION_CHARS_MAX} characters"
        raise InvalidValue(message, param=f"{param}.description")
    refuse_card_number(text=line.description, param=f"{param}.description")
    if line.unit_price.currency != account.currency:
        message = f"the account is kept in {account.currency}"
        raise CurrencyMismatch(message, param=f"{param}.unit_price.currency")
    if not 0 < line.unit_price.amount <= AMOUNT_MINOR_MAX:
        message = f"a unit price is 1 to {AMOUNT_MINOR_MAX} minor units"
        raise InvalidAmount(message, param=f"{param}.unit_price.amount")
    if not 1 <= line.quantity <= QUANTITY_MAX:
        raise InvalidValue(f"a quantity is 1 to {QUANTITY_MAX}", param=f"{param}.quantity")
    if line.kind not in MANUAL_KINDS:
        raise InvalidValue("no line of this kind is made by hand", param=f"{param}.kind")
    if line.kind is ChargeKind.DEPOSIT and line.tax_group is not None:
        raise InvalidValue("a deposit is not taxed: it is given back", param=f"{param}.tax_group")


def check_line_period(*, start: date, end: date, param: str) -> Period:
    """Return the period of a line, or raise InvalidValue."""
    if not 0 < (end - start).days <= LINE_PERIOD_DAYS_MAX:
        message = f"a period has 1 to {LINE_PERIOD_DAYS_MAX} days; its end is exclusive"
        raise InvalidValue(message, param=f"{param}.period_end")
    if not date(2000, 1, 1) <= start <= date(2100, 1, 1):
        raise InvalidValue("a period starts within 2000 to 2099", param=f"{param}.period_start")
    return Period(start, end)


def manual_invoice(
    *,
    account: Account,
    lines: Sequence[ManualLine],
    catalogue: Catalogue,
    on: date,
    payment_days: int,
    due_on: date | None = None,
    note: str = "",
    about: Invoice | None = None,
) -> IssuedInvoice:
    """Return an invoice dated ``on``, or a debit note ``about`` an invoice; the credit pays it at once.

    Without ``due_on`` it is due ``payment_days`` later. Raises TooManyLines, InvoiceVoid,
    AmountOutOfRange, InvalidValue, or what a line is refused for.
    """
    if not 1 <= len(lines) <= LINES_PER_INVOICE_MAX:
        message = f"an invoice has 1 to {LINES_PER_INVOICE_MAX} lines, not {len(lines)}: make several of it"
        raise TooManyLines(message, param="lines")
    if about is not None and about.state is InvoiceState.VOID:
        raise InvoiceVoid(f"invoice {about.number} is void")
    made = [
        manual_line(account=account, line=line, catalogue=catalogue, on=on, param=f"lines.{number}")
        for number, line in enumerate(lines)
    ]
    invoice = new_invoice(
        lines=made,
        credit=account.credit,
        round_to=catalogue.round_to,
        on=on,
        version=account.version,
    )
    if invoice.total <= 0:
        raise InvalidValue("the invoice comes to nothing once it is rounded", param="lines")
    due = due_on or due_date(issued_on=on, payment_days=payment_days)
    if not 0 <= (due - on).days <= DUE_DAYS_AHEAD_MAX:
        message = f"an invoice is due within {DUE_DAYS_AHEAD_MAX} days from {on}"
        raise InvalidValue(message, param="due_on")
    kind = DocumentKind.INVOICE if about is None else DocumentKind.DEBIT_NOTE
    return IssuedInvoice(invoice, due, kind, note, about.invoice_id if about else "")
