"""What dealers sell out of their wallets: recharges of prepaid lines, and payments that they take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from chalicelib.domain.accounts import document_slot, invoice_id
from chalicelib.domain.dealer_sales import (
    OVERRIDE,
    PAYMENT,
    RECHARGE,
    NoDealer,
    SaleTerms,
    payment_terms,
    recharge_terms,
    sale_receipt,
    wallet_moves,
)
from chalicelib.domain.dealers import (
    CommissionTotals,
    Dealer,
    check_in_use,
)
from chalicelib.domain.documents import Document, Entry, NewDocument, Settlement, allocate, entry_of
from chalicelib.domain.funds import Fund, FundMove
from chalicelib.domain.money import Money
from chalicelib.domain.payments import ExceedsPayment, amount_of, check_words
from chalicelib.domain.staff import Principal
from chalicelib.domain.subscribers import SubscriberArchived
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore, Write
from chalicelib.usecases.posting import Books, Posted, post
from chalicelib.usecases.prepaid import (
    Purchase,
    RechargeAsked,
    Recharged,
    chosen_line,
    prepaid_package,
)
from chalicelib.usecases.settlements import Allocation, named


@dataclass(frozen=True, slots=True)
class DealerSale:
    """A sale: what it came to, its receipt, and the dealer's wallet after it."""

    dealer: Dealer
    terms: SaleTerms
    receipt: Document
    wallet: Fund


@dataclass(frozen=True, slots=True)
class DealerRecharge:
    """A recharge that a dealer sold."""

    sale: DealerSale
    recharged: Recharged


@dataclass(frozen=True, slots=True)
class DealerPaymentAsked:
    """A payment that a dealer took: allocated as any is."""

    amount: Money
    note: str = ""
    allocations: Sequence[Allocation] = ()
    keep: bool = False


@dataclass
class _Selling:
    """One sale, made anew from the books and wallets each time they moved."""

    store: TenantStore
    principal: Principal
    at: datetime
    actor_id: str
    dealer: Dealer | None = None
    terms: SaleTerms | None = None
    moves: Sequence[FundMove] = ()
    wallet: Fund | None = None

    def seller(self, books: Books) -> Dealer:
        """Return who sells: whom the subscriber is of, which a dealer's own staff always is.

        Raises SubscriberArchived, NoDealer or DealerArchived.
        """
        if books.subscriber.archived:
            raise SubscriberArchived("the subscriber is archived: unarchive it first")
        dealer = self.store.dealers.by_code(code=books.subscriber.dealer_id)
        scope = self.principal.scope
        if dealer is None or (scope.dealer_id and dealer.code != scope.dealer_id):
            raise NoDealer("the subscriber is of no dealer that the company keeps a wallet for")
        check_in_use(dealer=dealer)
        self.dealer = dealer
        return dealer

    def take(self, terms: SaleTerms) -> None:
        """Take a sale's price from the wallet and give the parent its part, or raise InsufficientWallet."""
        assert self.dealer is not None, "somebody sells"
        self.terms = terms
        self.wallet, parent = wallets_of(store=self.store, dealer=self.dealer)
        self.moves = wallet_moves(terms=terms, wallet=self.wallet, parent=parent)

    def writes(self, posted: Posted, on: date) -> Sequence[Write]:
        """Describe the wallets after the sale, and what the dealer sold in the month."""
        assert self.dealer is not None, "somebody sells"
        assert self.terms is not None, "a sale has terms"
        receipt, terms = posted.documents[0], self.terms
        writes, wallet = moved_wallets(
            store=self.store,
            moves=self.moves,
            own=self.dealer.fund_id,
            on=on,
            reasons=(receipt.reason, OVERRIDE),
            about=receipt.document_id,
            actor_id=self.actor_id,
        )
        self.wallet = wallet or self.wallet
        sold = CommissionTotals(self.dealer.dealer_id, 1, terms.retail, terms.commission, terms.override)
        return [*writes, *self.store.dealers.sold(month=on, totals=sold)]

    def result(self, posted: Posted) -> DealerSale:
        """Return what was sold, and the wallet after it."""
        assert self.dealer is not None, "somebody sells"
        assert self.terms is not None, "a sale has terms"
        assert self.wallet is not None, "a dealer has a wallet"
        return DealerSale(self.dealer, self.terms, posted.documents[0], self.wallet)


def wallets_of(*, store: TenantStore, dealer: Dealer) -> tuple[Fund, Fund | None]:
    """Return a dealer's wallet and the parent's, if there is one, as they stand now."""
    parent = dealer.parent_fund_id
    funds = store.company_standing(fund_ids=[dealer.fund_id, *([parent] if parent else [])]).funds
    return funds[dealer.fund_id], funds[parent] if parent else None


def moved_wallets(
    *,
    store: TenantStore,
    moves: Sequence[FundMove],
    own: str,
    on: date,
    reasons: tuple[str, str],
    about: str,
    actor_id: str,
) -> tuple[list[Write], Fund | None]:
    """Describe moving wallets along with an account's entry; ``own`` moves for the first of the reasons.

    Returns ``own`` as it then is, None where it does not move.
    """
    writes: list[Write] = []
    after: Fund | None = None
    for move in moves:
        mine = move.before.fund_id == own
        moving, fund = store.funds.move(
            move=move, on=on, reason=reasons[0] if mine else reasons[1], about=about, actor_id=actor_id
        )
        writes += moving
        after = fund if mine else after
    return writes, after


def sell_recharge(
    *,
    store: TenantStore,
    principal: Principal,
    subscriber_id: str,
    asked: RechargeAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> DealerRecharge:
    """Sell a prepaid package to a dealer's subscriber out of the dealer's wallet.

    The account is paid the price with taxes, and the recharge's invoice with it. Raises NotFound,
    NoDealer, DealerArchived, NoDealerPrice, DealerPriceAboveRetail, InsufficientWallet, or what a
    recharge is refused for.
    """
    package = prepaid_package(store=store, package_id=asked.package_id)
    selling = _Selling(store, principal, at, note.actor_id)

    def brought(books: Books, retail: int) -> NewDocument:
        dealer = selling.seller(books)
        row = store.dealers.price_on(
            dealer_id=dealer.dealer_id, package_id=package.package_id, on=books.today
        )
        terms = recharge_terms(dealer=dealer, row=row, retail=retail)
        selling.take(terms)
        account = books.subscriber.account
        paid = invoice_id(
            account_id=account.account_id,
            period_start=books.today,
            slot=document_slot(version=account.version),
        )
        return sale_receipt(terms=terms, dealer=dealer, reason=RECHARGE, about=paid)

    purchase = Purchase(
        store,
        at,
        package,
        lambda books: chosen_line(store=store, account=books.subscriber.account, asked=asked),
        brought,
    )

    def result(posted: Posted) -> DealerRecharge:
        return DealerRecharge(selling.result(posted), purchase.result(posted=posted))

    posted = post(
        store=store,
        subscriber_id=subscriber_id,
        make=lambda books: purchase.make(books=books),
        at=at,
        note=note,
        idempotency=idempotency,
        answer=result,
        besides=_besides(selling, purchase.writes),
    )
    return result(posted)


def _besides(
    selling: _Selling, more: Callable[[], Sequence[Write]] = tuple
) -> Callable[[Posted], Sequence[Write]]:
    def describe(posted: Posted) -> Sequence[Write]:
        return [*more(), *selling.writes(posted, posted.documents[0].issued_on)]

    return describe


def take_payment(
    *,
    store: TenantStore,
    principal: Principal,
    subscriber_id: str,
    asked: DealerPaymentAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> DealerSale:
    """Take a payment of a dealer's subscriber out of the dealer's wallet, less the dealer's share.

    Raises NotFound, NoDealer, DealerArchived, InsufficientWallet, or what a payment is refused for.
    """
    check_words(note=asked.note)
    selling = _Selling(store, principal, at, note.actor_id)

    def make(books: Books) -> Entry:
        account = books.subscriber.account
        amount = amount_of(money=asked.amount, account=account)
        settled: Sequence[Settlement] = ()
        if asked.allocations:
            settled = named(books=books, allocations=asked.allocations)
        elif not asked.keep:
            settled = allocate(amount=amount, invoices=books.open_invoices())
        dealer = selling.seller(books)
        terms = payment_terms(dealer=dealer, amount=amount)
        selling.take(terms)
        paid = sum(one.amount for one in settled)
        if paid > amount:
            raise ExceedsPayment(f"{paid} is allocated of a payment of {amount}", param="allocations")
        receipt = sale_receipt(terms=terms, dealer=dealer, reason=PAYMENT, settled=paid, note=asked.note)
        return entry_of(account=account, documents=[receipt], settled=settled)

    posted = post(
        store=store,
        subscriber_id=subscriber_id,
        make=make,
        at=at,
        note=note,
        idempotency=idempotency,
        answer=selling.result,
        besides=_besides(selling),
    )
    return selling.result(posted)
