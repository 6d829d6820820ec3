"""Auditing the books piece by piece: accounts with their documents, and registers of numbers.

An auditor reads what to compare with, every piece of accounts and of each series, and what to
compare with again; where that is as before, the pieces' sums are equal to it.
``./ispbilling ledger verify`` does so.
"""

from __future__ import annotations

from typing import Final

from pydantic import Field

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import CURSOR_CHARS_MAX, ListAnswer, ListQuery, Schema
from chalicelib.domain.books_audit import Difference, Flaw
from chalicelib.domain.staff import Permission
from chalicelib.ports.store import Page
from chalicelib.usecases import books_audit
from chalicelib.usecases.ledger import total_balances

NUMBERS_MAX: Final = 2_000


class AuditTotalsOut(Schema):
    """What the sums of all pieces must come to."""

    balances: dict[str, int] = Field(description="of the ledger, in minor units; those that are not zero")
    series: dict[str, int] = Field(
        description="each number series with the number it gives next", examples=[{"INV#2027": 124}]
    )


class DifferenceOut(Schema):
    """One thing that is not as it must be."""

    flaw: Flaw
    about: str = Field(description="an identifier, or a series with a number")
    expected: int
    found: int

    @classmethod
    def of(cls, one: Difference) -> DifferenceOut:
        """Render a difference."""
        return cls(flaw=one.flaw, about=one.about, expected=one.expected, found=one.found)


class AuditedAccountsOut(ListAnswer):
    """Some accounts, compared with their documents; ``items`` are the differences, 200 at most.

    After the accounts come funds, compared with their movements.
    """

    items: list[DifferenceOut]
    accounts: int = 0
    postings: dict[str, int] = Field(default={}, description="sums of the documents, by ledger account")
    documents: dict[str, int] = Field(default={}, description="how many, by number series")
    funds: dict[str, int] = Field(
        default={}, description="what funds come to, by the ledger account that all of a kind come to"
    )


class AuditedNumbersOut(ListAnswer):
    """Some numbers of a series, compared with their documents; ``items`` are the differences."""

    items: list[DifferenceOut]
    numbers: int = 0


class NumbersQuery(ListQuery):
    """A piece of a register."""

    limit: int = Field(default=1_000, ge=1, le=NUMBERS_MAX)
    cursor: str | None = Field(default=None, min_length=1, max_length=CURSOR_CHARS_MAX)


@endpoint("GET", "/v1/ledger/audit", permission=Permission.LEDGER_READ, answer=AuditTotalsOut)
def get_audit_totals(request: Request) -> AuditTotalsOut:
    """Show the ledger's balances and the number series, to compare the pieces of an audit with."""
    series = request.store.book_reader.series()
    return AuditTotalsOut(balances=total_balances(store=request.store), series=dict(series))


@endpoint(
    "GET",
    "/v1/ledger/audit/accounts",
    permission=Permission.LEDGER_READ,
    query=ListQuery,
    answer=AuditedAccountsOut,
)
def audit_accounts(request: Request) -> AuditedAccountsOut:
    """Recompute some accounts from their documents."""
    limit = request.query_as(ListQuery).limit
    found = books_audit.audit_accounts(store=request.store, limit=limit, after=request.after)
    answer = request.listing(AuditedAccountsOut, Page(found.differences, found.after), DifferenceOut.of)
    sums = {"accounts": found.accounts, "postings": found.postings, "documents": found.documents}
    return answer.model_copy(update={**sums, "funds": found.funds})


@endpoint(
    "GET",
    "/v1/ledger/audit/series/{kind}/{fiscal_year}",
    permission=Permission.LEDGER_READ,
    query=NumbersQuery,
    answer=AuditedNumbersOut,
)
def audit_series(request: Request) -> AuditedNumbersOut:
    """Show whether numbers of a series are without gaps and each is its document's own."""
    found = books_audit.audit_series(
        store=request.store,
        series=f"{request.path['kind']}#{request.path['fiscal_year']}",
        start=int(request.after or 1),
        limit=request.query_as(NumbersQuery).limit,
    )
    after = str(found.after) if found.after else None
    answer = request.listing(AuditedNumbersOut, Page(found.differences, after), DifferenceOut.of)
    return answer.model_copy(update={"numbers": found.numbers})
