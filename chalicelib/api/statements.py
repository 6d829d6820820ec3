"""Statements of account, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Literal

from pydantic import Field

from chalicelib.api.ledger import PeriodQuery
from chalicelib.api.request import Answer
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import MoneyOut, Schema
from chalicelib.domain.money import Money, format_minor
from chalicelib.domain.staff import Permission
from chalicelib.domain.statements import Statement, StatementLine
from chalicelib.usecases.statements import statement_of


class StatementQuery(PeriodQuery):
    """A period, both days inclusive; without them the present month through today."""

    format: Literal["json", "csv"] = Field(default="json", description="csv has the same rows as a table")


class StatementLineOut(Schema):
    """A document, by how much it moved the balance, and the balance after it.

    ``kind``: INV invoice, DBN debit note, CRN credit note, RCP receipt, RFD refund, JRN journal. What
    only moves between the account's credit and its invoices has the amount 0.
    """

    issued_on: date
    kind: Literal["INV", "DBN", "CRN", "RCP", "RFD", "JRN"]
    number: str = Field(examples=["INV-2027-000123"])
    document_id: str
    due_on: date | None
    channel: str | None
    reason: str | None
    about: str | None = Field(description="the invoice that it is about")
    amount: MoneyOut
    balance: MoneyOut

    @classmethod
    def of(cls, line: StatementLine, *, currency: str) -> StatementLineOut:
        """Render a line."""
        entry = line.entry
        return cls.model_validate(
            {
                "issued_on": entry.on,
                "kind": entry.kind,
                "number": entry.number,
                "document_id": entry.document_id,
                "due_on": entry.due_on,
                "channel": entry.channel or None,
                "reason": entry.reason or None,
                "about": entry.about or None,
                "amount": MoneyOut.of(Money(entry.amount, currency)),
                "balance": MoneyOut.of(Money(line.balance, currency)),
            }
        )


class StatementOut(Schema):
    """A subscriber's account in a period: balances are what it owes, negative where the ISP does."""

    subscriber_id: str
    subscriber_code: str
    first: date = Field(description="the first day")
    last: date = Field(description="the last day, inclusive")
    opening: MoneyOut
    lines: list[StatementLineOut]
    closing: MoneyOut

    @classmethod
    def of(cls, found: Statement) -> StatementOut:
        """Render a statement."""
        return cls(
            subscriber_id=found.account_id,
            subscriber_code=found.account_code,
            first=found.first,
            last=found.last,
            opening=MoneyOut.of(Money(found.opening, found.currency)),
            lines=[StatementLineOut.of(line, currency=found.currency) for line in found.lines],
            closing=MoneyOut.of(Money(found.closing, found.currency)),
        )


@endpoint(
    "GET",
    "/v1/subscribers/{subscriber_id}/statement",
    permission=Permission.INVOICES_READ,
    query=StatementQuery,
    answer=StatementOut,
)
def get_statement(request: Request) -> StatementOut | Answer:
    """Show a subscriber's statement of account: every document of a period, with the running balance."""
    asked = request.query_as(StatementQuery)
    found = statement_of(
        store=request.store,
        subscriber_id=request.path["subscriber_id"],
        first=asked.first,
        last=asked.last,
        at=request.now,
    )
    if asked.format == "csv":
        return Answer(None, headers={"Content-Type": "text/csv; charset=utf-8"}, text=statement_csv(found))
    return StatementOut.of(found)


COLUMNS = ("date", "kind", "number", "due_on", "channel", "reason", "amount", "balance", "currency")


def statement_csv(statement: Statement) -> str:
    """Return the statement as a table: amounts are decimals, the first and last rows the balances."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    currency = statement.currency

    def decimal(amount: int) -> str:
        return format_minor(amount=amount, currency=currency)

    def balance_row(on: date, kind: str, amount: int) -> tuple[str, ...]:
        return (on.isoformat(), kind, "", "", "", "", "", decimal(amount), currency)

    writer.writerow(COLUMNS)
    writer.writerow(balance_row(statement.first, "opening", statement.opening))
    for line in statement.lines:
        entry = line.entry
        due_on = entry.due_on.isoformat() if entry.due_on else ""
        amounts = (decimal(entry.amount), decimal(line.balance), currency)
        writer.writerow(
            (entry.on.isoformat(), entry.kind, entry.number, due_on, entry.channel, entry.reason, *amounts)
        )
    writer.writerow(balance_row(statement.last, "closing", statement.closing))
    return out.getvalue()
