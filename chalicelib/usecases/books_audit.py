"""Auditing the books: recompute everything from the documents, piece by piece.

Each piece is bounded and stands alone, so that an audit of any size is made of requests, and
needs the memory of one piece. Documents that are made meanwhile are no differences: an account
that moved while it was read is read again, and sums are only compared where nothing moved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Final, TypeVar

from chalicelib.domain.books_audit import (
    DIFFERENCES_TOLD_MAX,
    AccountAudit,
    Difference,
    Flaw,
    audit_account,
    audit_fund,
    audit_numbers,
    compare_totals,
)
from chalicelib.domain.errors import NotFound
from chalicelib.domain.funds import Fund, Movement
from chalicelib.domain.ledger import closing_differences
from chalicelib.ports.funds import FundQuery
from chalicelib.ports.ledger import BooksReader
from chalicelib.ports.store import SubscriberQuery, TenantStore
from chalicelib.usecases.ledger import recomputed, total_balances
from chalicelib.usecases.paging import each

ACCOUNTS_PER_PIECE: Final = 100
NUMBERS_PER_PIECE: Final = 1_000
_READ_TOGETHER: Final = 100
_READS_MAX: Final = 4
_MOVEMENTS_PER_READ: Final = 1_000
# Begins the positions among funds, which come after the accounts': no code has a control character.
_FUNDS: Final = "\x1f"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AuditedAccounts:
    """A piece of the audit: some accounts, or funds, with all of their documents. ``after`` leads on.

    ``funds`` is what the funds come to, by the ledger account that all of their kind are to come to.
    """

    accounts: int
    postings: Mapping[str, int]
    documents: Mapping[str, int]
    differences: tuple[Difference, ...]
    after: str | None = None
    funds: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditedNumbers:
    """A piece of the audit: some numbers of one series. ``after`` leads on."""

    series: str
    numbers: int
    differences: tuple[Difference, ...]
    after: int | None = None


@dataclass(slots=True)
class BooksAudit:
    """A whole audit. ``moved`` says that documents were made meanwhile, so that sums were not compared."""

    accounts: int = 0
    documents: int = 0
    numbers: int = 0
    moved: bool = False
    differences: list[Difference] = field(default_factory=list)


def audit_accounts(*, store: TenantStore, limit: int, after: str | None) -> AuditedAccounts:
    """Compare some accounts, archived ones too, with their documents; after the last, funds with theirs."""
    if after is not None and after.startswith(_FUNDS):
        return _audit_funds(store, limit, after.removeprefix(_FUNDS) or None)
    page = store.subscribers.list(query=SubscriberQuery(archived=True), limit=limit, after=after)
    postings: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    differences: list[Difference] = []
    for one in page.items:
        found = _audited(store.book_reader, one.subscriber_id)
        postings.update(found.postings)
        documents.update(found.documents)
        differences += found.differences
    told = tuple(differences[:DIFFERENCES_TOLD_MAX])
    return AuditedAccounts(len(page.items), dict(postings), dict(documents), told, page.after or _FUNDS)


def _audit_funds(store: TenantStore, limit: int, after: str | None) -> AuditedAccounts:
    """Compare some funds with their movements, and take in the entries written in them."""
    page = store.funds.list(query=FundQuery(archived=True), limit=limit, after=after)
    postings: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    funds: Counter[str] = Counter()
    differences: list[Difference] = []
    for one in page.items:
        fund, found = _audited_fund(store, one.fund_id)
        postings.update(found.postings)
        documents.update(found.documents)
        differences += found.differences
        if fund.kind.control is not None:
            funds[fund.kind.control] += fund.posting(amount=fund.balance).amount
    told = tuple(differences[:DIFFERENCES_TOLD_MAX])
    following = None if page.after is None else f"{_FUNDS}{page.after}"
    return AuditedAccounts(0, dict(postings), dict(documents), told, following, dict(funds))


def _audited_fund(store: TenantStore, fund_id: str) -> tuple[Fund, AccountAudit]:
    """Compare one fund, anew where it moved meanwhile."""
    fund, found = store.funds.get(fund_id=fund_id), AccountAudit()
    for _ in range(_READS_MAX):
        found = audit_fund(
            fund=fund,
            movements=_movements(store, fund_id),
            documents=store.book_reader.documents(account_id=fund_id),
        )
        before, fund = fund, store.funds.get(fund_id=fund_id)
        if not found.differences or before.version == fund.version:
            return before, found
    return fund, found


def _movements(store: TenantStore, fund_id: str) -> Iterator[Movement]:
    """Return what moved a fund, the oldest first, page by page."""
    read = partial(store.funds.movements, fund_id=fund_id, newest_first=False)
    return each(read=read, limit=_MOVEMENTS_PER_READ)


def _audited(reader: BooksReader, account_id: str) -> AccountAudit:
    """Compare one account, anew where it moved meanwhile."""
    found = AccountAudit()
    for _ in range(_READS_MAX):
        try:
            money = reader.money(account_id=account_id)
        except NotFound:
            missing = Difference(Flaw.DOCUMENT_MISSING, account_id, 1, 0)
            return AccountAudit(differences=[missing])
        found = audit_account(money=money, documents=reader.documents(account_id=account_id))
        if not found.differences or reader.money(account_id=account_id).version == money.version:
            break
    return found


def audit_series(*, store: TenantStore, series: str, start: int, limit: int) -> AuditedNumbers:
    """Compare some numbers of a series with what they were given to; at its end, with the next to give."""
    reader = store.book_reader
    following = reader.series().get(series)
    if following is None:
        raise NotFound("no such number series", param="series")
    expected, count = start, 0
    differences: list[Difference] = []
    entries = ((number, one) for number, one in reader.register(series=series, start=start))
    for chunk in _chunks(islice(entries, limit), _READ_TOGETHER):
        own = reader.numbers(series=series, document_ids=[one for _, one in chunk])
        found, expected = audit_numbers(series=series, expected=expected, entries=chunk, documents=own)
        differences += found
        count += len(chunk)
    told = tuple(differences[:DIFFERENCES_TOLD_MAX])
    if count == limit:
        return AuditedNumbers(series, count, told, expected)
    if expected < following:
        told = (*told, Difference(Flaw.SERIES_END, series, following, expected))
    return AuditedNumbers(series, count, told)


def _chunks(entries: Iterator[T], size: int) -> Iterator[list[T]]:
    while chunk := list(islice(entries, size)):
        yield chunk


def audit_closings(*, store: TenantStore) -> list[Difference]:
    """Recompute every closed month from its day totals."""
    differences: list[Difference] = []
    for closing in each(read=store.ledger.closings):
        if closing.closed:
            now = recomputed(store=store, first=closing.month, last=closing.last)
            differences += [
                Difference(
                    Flaw.CLOSED_MONTH,
                    f"{closing.month:%Y-%m} {one.account}",
                    one.closed.closing,
                    one.now.closing,
                )
                for one in closing_differences(closing=closing, now=now)
            ]
    return differences


def audit_books(*, store: TenantStore) -> BooksAudit:
    """Audit a tenant's books as a whole, reading each document twice."""
    audit = BooksAudit()
    before = total_balances(store=store)
    postings: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    funds: Counter[str] = Counter()
    after: str | None = None
    while True:
        piece = audit_accounts(store=store, limit=ACCOUNTS_PER_PIECE, after=after)
        audit.accounts += piece.accounts
        postings.update(piece.postings)
        documents.update(piece.documents)
        funds.update(piece.funds)
        audit.differences += piece.differences
        after = piece.after
        if after is None:
            break
    registered = {series: _whole_series(store, series, audit) for series in store.book_reader.series()}
    audit.documents, audit.numbers = sum(documents.values()), sum(registered.values())
    audit.differences += audit_closings(store=store)
    if total_balances(store=store) != before:
        audit.moved = True
        return audit
    audit.differences += compare_totals(
        postings=postings, ledger=before, documents=documents, registered=registered, funds=funds
    )
    return audit


def _whole_series(store: TenantStore, series: str, audit: BooksAudit) -> int:
    """Audit a series from its first number to its last; return how many there are."""
    count, start = 0, 1
    while True:
        piece = audit_series(store=store, series=series, start=start, limit=NUMBERS_PER_PIECE)
        audit.differences += piece.differences
        count += piece.numbers
        if piece.after is None:
            return count
        start = piece.after
