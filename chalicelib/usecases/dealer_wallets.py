"""Money into and out of dealers' wallets: from the office's funds, and from one dealer to another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.dealer_sales import (
    InsufficientWallet,
)
from chalicelib.domain.dealers import (
    Dealer,
    check_in_use,
    check_related,
)
from chalicelib.domain.documents import Document
from chalicelib.domain.errors import NotFound
from chalicelib.domain.funds import (
    CompanyEntry,
    Fund,
    FundKind,
    FundMove,
    amount_in,
    check_kind,
    company_entry,
)
from chalicelib.domain.money import Money
from chalicelib.domain.payments import check_words
from chalicelib.domain.staff import Principal
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore
from chalicelib.usecases.company_posting import CompanyBooks, CompanyPosted, post_company
from chalicelib.usecases.dealers import own_dealer

TOP_UP: Final = "dealer_top_up"
WITHDRAWAL: Final = "dealer_withdrawal"
TRANSFER: Final = "dealer_transfer"


@dataclass(frozen=True, slots=True)
class MoneyAsked:
    """Money to be moved; ``reference`` is the world's own number for it, ``note`` what people wrote."""

    amount: Money
    reference: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """What moved a wallet: its company journal, and the wallet after it."""

    document: Document
    dealer: Dealer
    wallet: Fund


def top_up(
    *,
    store: TenantStore,
    dealer_id: str,
    fund_id: str,
    asked: MoneyAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Moved:
    """Put money into a wallet that the dealer paid into a fund of the office.

    Raises NotFound, DealerArchived, WrongFund, FundArchived, InvalidAmount or CurrencyMismatch.
    """
    doing = _Doing(store, asked, at, note, idempotency)
    return _with_office(doing, dealer_id, fund_id, sign=1)


def withdraw(
    *,
    store: TenantStore,
    dealer_id: str,
    fund_id: str,
    asked: MoneyAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Moved:
    """Pay money of a wallet out of a fund of the office.

    Raises what ``top_up`` does, or InsufficientWallet.
    """
    doing = _Doing(store, asked, at, note, idempotency)
    return _with_office(doing, dealer_id, fund_id, sign=-1)


def transfer(
    *,
    store: TenantStore,
    dealer: Dealer,
    to_dealer_id: str,
    asked: MoneyAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Moved:
    """Move money from a dealer's wallet to that of a dealer directly below it, or of its parent.

    Raises NotFound, NotRelated, DealerArchived, InsufficientWallet, InvalidAmount or CurrencyMismatch.
    """
    to = store.dealers.get(dealer_id=to_dealer_id, param="to_dealer_id")
    check_related(one=dealer, other=to)
    check_in_use(dealer=dealer)
    check_in_use(dealer=to, param="to_dealer_id")

    def make(books: CompanyBooks) -> CompanyEntry:
        amount = amount_in(money=asked.amount, currency=books.tenant.currency)
        wallet = books.fund(fund_id=dealer.fund_id)
        check_holds(wallet=wallet, amount=amount)
        moves = [FundMove(wallet, -amount), FundMove(books.fund(fund_id=to.fund_id), amount)]
        return _entry(amount, TRANSFER, moves, to.dealer_id, asked)

    doing = _Doing(store, asked, at, note, idempotency)
    return _posted(doing, dealer, [dealer.fund_id, to.fund_id], make)


def own_transfer(
    *,
    store: TenantStore,
    principal: Principal,
    to_dealer_id: str,
    asked: MoneyAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Moved:
    """Move money of one's own dealer, as ``transfer`` does; a dealer that is not related is like none."""
    dealer = own_dealer(store=store, principal=principal)
    to = store.dealers.get(dealer_id=to_dealer_id, param="to_dealer_id")
    if dealer.dealer_id != to.parent_id and to.dealer_id != dealer.parent_id:
        raise NotFound("no such dealer", param="to_dealer_id")
    return transfer(
        store=store,
        dealer=dealer,
        to_dealer_id=to_dealer_id,
        asked=asked,
        at=at,
        note=replace(note, object_id=dealer.dealer_id),
        idempotency=idempotency,
    )


def check_holds(*, wallet: Fund, amount: int) -> None:
    """Raise InsufficientWallet where a wallet holds less than an amount."""
    if amount > wallet.balance:
        message = f"the wallet holds {wallet.balance} minor units, and {amount} are asked for"
        raise InsufficientWallet(message, param="amount")


@dataclass(frozen=True, slots=True)
class _Doing:
    """What every movement of a wallet is done with."""

    store: TenantStore
    asked: MoneyAsked
    at: datetime
    note: AuditNote
    idempotency: Idempotency | None


def _with_office(doing: _Doing, dealer_id: str, fund_id: str, *, sign: int) -> Moved:
    store, asked = doing.store, doing.asked
    dealer = store.dealers.get(dealer_id=dealer_id)
    check_in_use(dealer=dealer)
    store.funds.get(fund_id=fund_id)

    def make(books: CompanyBooks) -> CompanyEntry:
        amount = amount_in(money=asked.amount, currency=books.tenant.currency)
        wallet, office = books.fund(fund_id=dealer.fund_id), books.fund(fund_id=fund_id)
        check_kind(fund=office, kind=FundKind.OFFICE)
        if sign < 0:
            check_holds(wallet=wallet, amount=amount)
        moves = [FundMove(wallet, sign * amount), FundMove(office, sign * amount)]
        return _entry(amount, TOP_UP if sign > 0 else WITHDRAWAL, moves, dealer.dealer_id, asked)

    return _posted(doing, dealer, [dealer.fund_id, fund_id], make)


def _entry(amount: int, reason: str, moves: list[FundMove], about: str, asked: MoneyAsked) -> CompanyEntry:
    return company_entry(
        amount=amount, reason=reason, moves=moves, about=about, reference=asked.reference, note=asked.note
    )


def _posted(
    doing: _Doing, dealer: Dealer, fund_ids: list[str], make: Callable[[CompanyBooks], CompanyEntry]
) -> Moved:
    check_words(note=doing.asked.note, reference=doing.asked.reference)

    def answer(posted: CompanyPosted) -> Moved:
        return Moved(posted.document, dealer, posted.funds[0])

    posted = post_company(
        store=doing.store,
        fund_ids=fund_ids,
        make=make,
        at=doing.at,
        note=doing.note,
        idempotency=doing.idempotency,
        answer=answer,
    )
    return answer(posted)
