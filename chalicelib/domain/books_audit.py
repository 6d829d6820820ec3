"""Whether a tenant's books are right, recomputed from the documents themselves.

Three things that are written together are compared with each other: the documents in their
accounts' collections, the registers of the number series, and the ledger's totals. Amounts are
minor units of the tenant's currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from chalicelib.domain.funds import Fund, FundKind, Movement
from chalicelib.domain.invoices import CREDIT, DEPOSITS, RECEIVABLE, Posting
from chalicelib.domain.ledger import chart_account

# So many differences are told of one kind of thing; a book with more is not read by people.
DIFFERENCES_TOLD_MAX: Final = 200
# Ledger accounts that the funds of a kind come to.
CONTROLS: Final = tuple(kind.control for kind in FundKind if kind.control is not None)


class Flaw(StrEnum):
    """What is wrong."""

    NUMBER_MISSING = "number_missing"
    NUMBER_TWICE = "number_twice"
    SERIES_END = "series_end"
    DOCUMENT_MISSING = "document_missing"
    DOCUMENT_NUMBER = "document_number"
    DOCUMENTS_UNREGISTERED = "documents_unregistered"
    POSTINGS_UNBALANCED = "postings_unbalanced"
    ACCOUNT_UNKNOWN = "account_unknown"
    INVOICE_AMOUNT = "invoice_amount"
    INVOICE_OVERSETTLED = "invoice_oversettled"
    ACCOUNT_BALANCE = "account_balance"
    ACCOUNT_CREDIT = "account_credit"
    ACCOUNT_DEPOSITS = "account_deposits"
    ACCOUNT_OPEN = "account_open"
    LEDGER_ACCOUNT = "ledger_account"
    LEDGER_UNBALANCED = "ledger_unbalanced"
    CLOSED_MONTH = "closed_month"
    FUND_BALANCE = "fund_balance"
    FUND_MOVEMENTS = "fund_movements"
    FUND_CONTROL = "fund_control"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it must be; ``about`` is the id, series, number or account it is in."""

    flaw: Flaw
    about: str
    expected: int
    found: int


@dataclass(frozen=True, slots=True)
class BookedDocument:
    """A document as the audit reads it; ``total`` and ``open_amount`` are those of invoices."""

    document_id: str
    series: str
    sequence: int
    postings: tuple[Posting, ...]
    total: int | None = None
    open_amount: int = 0


@dataclass(frozen=True, slots=True)
class AccountMoney:
    """What an account says it comes to."""

    account_id: str
    version: int
    balance: int
    credit: int
    deposits: int


@dataclass(slots=True)
class AccountAudit:
    """What an account's documents come to, and where account and documents differ."""

    differences: list[Difference] = field(default_factory=list)
    postings: dict[str, int] = field(default_factory=dict)
    documents: dict[str, int] = field(default_factory=dict)


def audit_account(*, money: AccountMoney, documents: Iterable[BookedDocument]) -> AccountAudit:
    """Compare an account with its documents, which are read once and not kept."""
    audit, open_total = AccountAudit(), 0
    for document in documents:
        _take(audit, document)
        open_total += document.open_amount
    receivable, owed = audit.postings.get(RECEIVABLE, 0), audit.postings.get(CREDIT, 0)
    for flaw, expected, found in (
        (Flaw.ACCOUNT_BALANCE, receivable + owed, money.balance),
        (Flaw.ACCOUNT_CREDIT, -owed, money.credit),
        (Flaw.ACCOUNT_DEPOSITS, -audit.postings.get(DEPOSITS, 0), money.deposits),
        (Flaw.ACCOUNT_OPEN, receivable, open_total),
    ):
        if expected != found:
            audit.differences.append(Difference(flaw, money.account_id, expected, found))
    return audit


def audit_fund(
    *, fund: Fund, movements: Iterable[Movement], documents: Iterable[BookedDocument]
) -> AccountAudit:
    """Compare a fund with its movements, and take in the entries written in it; neither is kept."""
    audit = AccountAudit()
    for document in documents:
        _take(audit, document)
    count = balance = 0
    broken: Difference | None = None
    for one in movements:
        count += 1
        balance += one.amount
        if broken is None and (one.sequence, one.balance) != (count, balance):
            about = f"{fund.fund_id} {one.sequence}"
            broken = Difference(Flaw.FUND_MOVEMENTS, about, balance, one.balance)
    if broken is None and count != fund.movements:
        broken = Difference(Flaw.FUND_MOVEMENTS, fund.fund_id, fund.movements, count)
    if broken is not None:
        audit.differences.append(broken)
    if balance != fund.balance:
        audit.differences.append(Difference(Flaw.FUND_BALANCE, fund.fund_id, balance, fund.balance))
    return audit


def _take(audit: AccountAudit, document: BookedDocument) -> None:
    """Take a document into what an audit comes to."""
    audit.differences += _flaws_of(document)
    audit.documents[document.series] = audit.documents.get(document.series, 0) + 1
    for posting in document.postings:
        audit.postings[posting.account] = audit.postings.get(posting.account, 0) + posting.amount


def _flaws_of(document: BookedDocument) -> list[Difference]:
    found, about = [], document.document_id
    if total := sum(posting.amount for posting in document.postings):
        found.append(Difference(Flaw.POSTINGS_UNBALANCED, about, 0, total))
    if any(chart_account(name=posting.account) is None for posting in document.postings):
        found.append(Difference(Flaw.ACCOUNT_UNKNOWN, about, 0, 1))
    if document.total is not None:
        owed = sum(one.amount for one in document.postings if one.account in {RECEIVABLE, CREDIT})
        if owed != document.total:
            found.append(Difference(Flaw.INVOICE_AMOUNT, about, document.total, owed))
        if document.open_amount < 0:
            found.append(Difference(Flaw.INVOICE_OVERSETTLED, about, 0, document.open_amount))
    return found


def audit_numbers(
    *, series: str, expected: int, entries: Iterable[tuple[int, str]], documents: Mapping[str, int]
) -> tuple[list[Difference], int]:
    """Compare a part of a register with what should follow, and with the documents' own numbers.

    ``documents`` holds the number of each document that exists. Returns the differences and the
    number that must follow.
    """
    found = []
    for number, document_id in entries:
        if number > expected:
            found.append(Difference(Flaw.NUMBER_MISSING, f"{series} {expected}", expected, number))
        elif number < expected:
            found.append(Difference(Flaw.NUMBER_TWICE, f"{series} {number}", expected, number))
        expected = max(expected, number + 1)
        own = documents.get(document_id)
        if own is None:
            found.append(Difference(Flaw.DOCUMENT_MISSING, document_id, number, 0))
        elif own != number:
            found.append(Difference(Flaw.DOCUMENT_NUMBER, document_id, number, own))
    return found, expected


def compare_totals(
    *,
    postings: Mapping[str, int],
    ledger: Mapping[str, int],
    documents: Mapping[str, int],
    registered: Mapping[str, int],
    funds: Mapping[str, int],
) -> list[Difference]:
    """Compare the sums of all documents with the ledger's balances, and their counts with the registers.

    ``funds`` is what funds come to, by the ledger account that all of a kind are to come to.
    """
    found = [
        Difference(Flaw.LEDGER_ACCOUNT, name, postings.get(name, 0), ledger.get(name, 0))
        for name in sorted({*postings, *ledger})
        if postings.get(name, 0) != ledger.get(name, 0)
    ]
    if total := sum(ledger.values()):
        found.append(Difference(Flaw.LEDGER_UNBALANCED, "ledger", 0, total))
    found += [
        Difference(Flaw.FUND_CONTROL, name, funds.get(name, 0), ledger.get(name, 0))
        for name in CONTROLS
        if funds.get(name, 0) != ledger.get(name, 0)
    ]
    return found + [
        Difference(Flaw.DOCUMENTS_UNREGISTERED, series, registered.get(series, 0), documents.get(series, 0))
        for series in sorted({*documents, *registered})
        if documents.get(series, 0) != registered.get(series, 0)
    ]
