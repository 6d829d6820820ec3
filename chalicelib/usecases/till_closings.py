"""Closing a day of an office fund: the count is kept, and its difference from the books is posted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chalicelib.domain.funds import CompanyEntry, FundKind, amount_in, check_in_use, check_kind
from chalicelib.domain.money import Money
from chalicelib.domain.staff import Principal
from chalicelib.domain.till_closings import TillClosing, check_reason, entry_of
from chalicelib.ports.store import AuditNote, Idempotency, Page, TenantStore, Write
from chalicelib.usecases.cash_in_hand import check_person
from chalicelib.usecases.company_posting import CompanyBooks, CompanyPosted, post_company
from chalicelib.usecases.funds import channel_balances, own_fund


class _AsCounted(Exception):
    """The books say what was counted."""


def close_day(
    *,
    store: TenantStore,
    closing_id: str,
    fund_id: str,
    counted: Money,
    reason: str,
    principal: Principal,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> TillClosing:
    """Close the tenant's today of an office fund by what was counted; a further count is one more closing.

    What subscribers pay while it is counted shows as a difference: count when the till is shut.
    Raises NotFound, NotAPerson, WrongFund, FundArchived, InvalidAmount, CurrencyMismatch, InvalidValue
    where the count differs and no reason is given, PeriodClosed, or Busy.
    """

    def closing_of(books: CompanyBooks) -> TillClosing:
        fund = books.fund(fund_id=fund_id)
        by = check_person(principal=principal)
        check_kind(fund=fund, kind=FundKind.OFFICE)
        check_in_use(fund=fund)
        amount = amount_in(money=counted, currency=fund.currency, param="counted", zero=True)
        expected = channel_balances(store=store, at=at).get(fund.account, 0)
        why = check_reason(reason=reason, difference=amount - expected)
        return TillClosing(closing_id, fund_id, books.today, fund.currency, expected, amount, by, at, why)

    made: list[TillClosing] = []

    def make(books: CompanyBooks) -> CompanyEntry:
        made[:] = [closing_of(books)]
        if not made[0].difference:
            raise _AsCounted
        return entry_of(closing=made[0], fund=books.fund(fund_id=fund_id))

    def answer(posted: CompanyPosted) -> TillClosing:
        return replace(made[0], document_id=posted.document.document_id)

    def besides(posted: CompanyPosted) -> Sequence[Write]:
        return [store.till_closings.add(closing=answer(posted))]

    try:
        posted = post_company(
            store=store,
            fund_ids=[fund_id],
            make=make,
            at=at,
            note=note,
            idempotency=idempotency,
            answer=answer,
            besides=besides,
        )
    except _AsCounted:
        store.commit(
            store.till_closings.add(closing=made[0]),
            store.note(note=replace(note, details={"counted": made[0].counted})),
            *store.remember(idempotency=idempotency, answer=made[0]),
        )
        return made[0]
    return answer(posted)


def list_day_closings(
    *, store: TenantStore, fund_id: str, principal: Principal, limit: int, after: str | None
) -> Page[TillClosing]:
    """Return the closings of a fund's days, the newest first, or raise NotFound."""
    fund = own_fund(store=store, fund_id=fund_id, principal=principal)
    return store.till_closings.of_fund(fund_id=fund.fund_id, limit=limit, after=after)
