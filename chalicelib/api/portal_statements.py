"""A subscriber's own statement of account in the portal."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from chalicelib.api.ledger import PeriodQuery
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import MoneyOut, Schema
from chalicelib.domain.money import Money
from chalicelib.domain.staff import Permission
from chalicelib.domain.statements import Statement, StatementLine
from chalicelib.usecases.portal import open_portal
from chalicelib.usecases.statements import statement_of


class PortalStatementLineOut(Schema):
    """A document, by how much it moved the balance, and the balance after it.

    ``kind``: INV invoice, DBN debit note, CRN credit note, RCP receipt, RFD refund, JRN journal.
    """

    issued_on: date
    kind: Literal["INV", "DBN", "CRN", "RCP", "RFD", "JRN"]
    number: str = Field(examples=["INV-2027-000123"])
    due_on: date | None
    amount: MoneyOut
    balance: MoneyOut

    @classmethod
    def of(cls, line: StatementLine, *, currency: str) -> PortalStatementLineOut:
        """Render a line."""
        entry = line.entry
        return cls.model_validate(
            {
                "issued_on": entry.on,
                "kind": entry.kind,
                "number": entry.number,
                "due_on": entry.due_on,
                "amount": MoneyOut.of(Money(entry.amount, currency)),
                "balance": MoneyOut.of(Money(line.balance, currency)),
            }
        )


class PortalStatementOut(Schema):
    """One's own account in a period: balances are what is owed, negative where the ISP owes."""

    first: date = Field(description="the first day")
    last: date = Field(description="the last day, inclusive")
    opening: MoneyOut
    lines: list[PortalStatementLineOut]
    closing: MoneyOut

    @classmethod
    def of(cls, found: Statement) -> PortalStatementOut:
        """Render a statement."""
        return cls(
            first=found.first,
            last=found.last,
            opening=MoneyOut.of(Money(found.opening, found.currency)),
            lines=[PortalStatementLineOut.of(line, currency=found.currency) for line in found.lines],
            closing=MoneyOut.of(Money(found.closing, found.currency)),
        )


@endpoint(
    "GET",
    "/v1/portal/statement",
    permission=Permission.PORTAL_SELF,
    query=PeriodQuery,
    answer=PortalStatementOut,
)
def get_own_statement(request: Request) -> PortalStatementOut:
    """Show one's own statement of account: every document of a period, with the running balance."""
    open_portal(store=request.store)
    asked = request.query_as(PeriodQuery)
    found = statement_of(
        store=request.store,
        subscriber_id=request.principal.actor_id,
        first=asked.first,
        last=asked.last,
        at=request.now,
    )
    return PortalStatementOut.of(found)
