"""Funds: naming those of the office, looking at them, and taking them out of use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.documents import Document
from chalicelib.domain.errors import NotFound
from chalicelib.domain.funds import (
    OFFICE_FUNDS_MAX,
    CompanyEntry,
    Fund,
    FundKind,
    FundMove,
    FundNotEmpty,
    Movement,
    TooManyFunds,
    WrongFund,
    amount_in,
    check_channel,
    check_fund_name,
    check_in_use,
    check_kind,
    company_entry,
)
from chalicelib.domain.money import Money
from chalicelib.domain.payments import check_words
from chalicelib.domain.staff import Principal
from chalicelib.ports.funds import FundQuery
from chalicelib.ports.store import AuditNote, Idempotency, Page, TenantStore
from chalicelib.usecases.company_posting import CompanyBooks, CompanyPosted, post_company
from chalicelib.usecases.ledger import read_trial_balance
from chalicelib.usecases.versions import require_version

TRANSFER: Final = "transfer"


@dataclass(frozen=True, slots=True)
class HeldFund:
    """A fund, and what the books say it holds or owes: of the office's it is the ledger that says so."""

    fund: Fund
    balance: int


@dataclass(frozen=True, slots=True)
class TransferAsked:
    """Money to be moved to another fund of the office; ``reference`` is such as a deposit slip's number."""

    amount: Money
    to_fund_id: str
    reference: str = ""
    note: str = ""


def open_office_fund(
    *,
    store: TenantStore,
    fund_id: str,
    name: str,
    channel: str,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> HeldFund:
    """Name a till or bank account of the office; what came by its channel before is its too.

    Raises InvalidValue, ChannelTaken or TooManyFunds.
    """
    name, channel = check_fund_name(name=name), check_channel(channel=channel)
    if len(store.funds.channels()) >= OFFICE_FUNDS_MAX:
        raise TooManyFunds(f"the office has at most {OFFICE_FUNDS_MAX} funds")
    fund = Fund(fund_id, FundKind.OFFICE, store.known_profile.currency, name=name, channel=channel, version=1)
    held = _held(store, [fund], at)[0]
    store.commit(
        *store.funds.add(fund=fund),
        store.note(note=replace(note, details={"channel": channel}, personal={"name": name})),
        *store.remember(idempotency=idempotency, answer=held),
    )
    return held


def list_funds(
    *,
    store: TenantStore,
    query: FundQuery,
    idle_days: int | None,
    principal: Principal,
    limit: int,
    after: str | None,
    at: datetime,
) -> Page[HeldFund]:
    """Return funds with what they hold; who is held to a part of the company sees only their own.

    With ``idle_days`` those that have held money for so many days, of which none was handed on.
    """
    if not principal.scope.everything:
        query = replace(query, owner_id=principal.actor_id)
    if idle_days is not None:
        today = store.known_profile.local_date(at=at)
        query = replace(query, idle_through=today - timedelta(days=idle_days))
    page = store.funds.list(query=query, limit=limit, after=after)
    return Page(tuple(_held(store, page.items, at)), page.after)


def get_fund(*, store: TenantStore, fund_id: str, principal: Principal, at: datetime) -> HeldFund:
    """Return a fund with what it holds, or raise NotFound."""
    return _held(store, [own_fund(store=store, fund_id=fund_id, principal=principal)], at)[0]


def own_fund(*, store: TenantStore, fund_id: str, principal: Principal) -> Fund:
    """Return a fund, or raise NotFound: another's answers like none to who is held to a part."""
    fund = store.funds.get(fund_id=fund_id)
    if not principal.scope.everything and fund.owner_id != principal.actor_id:
        raise NotFound("no such fund", param="fund_id")
    return fund


def _held(store: TenantStore, funds: Sequence[Fund], at: datetime) -> list[HeldFund]:
    """Return funds with what they hold; the ledger is read once, where the office's are among them."""
    office = any(one.kind is FundKind.OFFICE for one in funds)
    balances = channel_balances(store=store, at=at) if office else {}
    return [
        HeldFund(one, balances.get(one.account, 0) if one.kind is FundKind.OFFICE else one.balance)
        for one in funds
    ]


def list_movements(
    *, store: TenantStore, fund_id: str, principal: Principal, limit: int, after: str | None
) -> Page[Movement]:
    """Return what moved a fund, the newest first, or raise NotFound."""
    fund = own_fund(store=store, fund_id=fund_id, principal=principal)
    return store.funds.movements(fund_id=fund.fund_id, limit=limit, after=after)


def archive_fund(
    *, store: TenantStore, fund_id: str, if_match: int | None, at: datetime, note: AuditNote
) -> HeldFund:
    """Take an empty fund of the office out of use; its channel may be another fund's then.

    Raises NotFound, StaleVersion, WrongFund, FundArchived or FundNotEmpty.
    """
    fund = store.funds.get(fund_id=fund_id)
    require_version(current=fund.version, expected=if_match)
    check_in_use(fund=fund)
    if fund.kind is not FundKind.OFFICE:
        raise WrongFund("only funds of the office are taken out of use here", param="fund_id")
    if channel_balances(store=store, at=at).get(fund.account, 0):
        raise FundNotEmpty("the fund is not empty: move what it holds first", param="fund_id")
    after = replace(fund, archived=True, version=fund.version + 1)
    store.commit(*store.funds.change(before=fund, after=after), store.note(note=note))
    return HeldFund(after, 0)


def channel_balances(*, store: TenantStore, at: datetime) -> Mapping[str, int]:
    """Return what the ledger says each channel holds, which is what the office's funds do."""
    today = store.known_profile.local_date(at=at)
    return read_trial_balance(store=store, first=today, last=today, at=at).closing


def transfer(
    *,
    store: TenantStore,
    fund_id: str,
    asked: TransferAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Document:
    """Move money from one fund of the office to another, such as the till's to the bank; return the journal.

    Raises NotFound, WrongFund, FundArchived, InvalidAmount, CurrencyMismatch, TooManyDocuments or Busy.
    """
    check_words(note=asked.note, reference=asked.reference)
    if store.funds.get(fund_id=fund_id).fund_id == asked.to_fund_id:
        raise WrongFund("name another fund than the one it comes from", param="to_fund_id")

    def make(books: CompanyBooks) -> CompanyEntry:
        source = books.fund(fund_id=fund_id)
        target = books.fund(fund_id=asked.to_fund_id, param="to_fund_id")
        check_kind(fund=source, kind=FundKind.OFFICE)
        check_kind(fund=target, kind=FundKind.OFFICE, param="to_fund_id")
        amount = amount_in(money=asked.amount, currency=source.currency)
        moves = [FundMove(source, -amount), FundMove(target, amount)]
        return company_entry(
            amount=amount, reason=TRANSFER, moves=moves, reference=asked.reference, note=asked.note
        )

    posted = post_company(
        store=store,
        fund_ids=[fund_id, asked.to_fund_id],
        make=make,
        at=at,
        note=note,
        idempotency=idempotency,
        answer=_journal,
    )
    return posted.document


def _journal(posted: CompanyPosted) -> Document:
    return posted.document
