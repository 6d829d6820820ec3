"""Money that comes in for a batch of vouchers: into a fund of the office, or out of a dealer's wallet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.domain.documents import Document
from chalicelib.domain.funds import (
    CompanyEntry,
    FundKind,
    FundMove,
    WrongFund,
    amount_in,
    company_entry,
)
from chalicelib.domain.invoices import Posting
from chalicelib.domain.ledger import COMMISSION, VOUCHERS
from chalicelib.domain.money import Money
from chalicelib.domain.payments import check_words
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore
from chalicelib.usecases.company_posting import CompanyBooks, CompanyPosted, post_company
from chalicelib.usecases.dealer_wallets import MoneyAsked, check_holds
from chalicelib.usecases.vouchers import ready_batch

VOUCHER_SALE: Final = "voucher_sale"


@dataclass(frozen=True, slots=True)
class SaleAsked:
    """Money that comes in for vouchers, and the ``commission`` that who sells them keeps of their worth."""

    money: MoneyAsked
    commission: Money | None = None


@dataclass(frozen=True, slots=True)
class BatchSold:
    """What was recorded for a batch: the company journal."""

    batch_id: str
    document: Document


def sell_batch(
    *,
    store: TenantStore,
    batch_id: str,
    fund_id: str,
    asked: SaleAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> BatchSold:
    """Record money for a batch, in one sum or several: its vouchers are owed for from then on.

    What the seller keeps is an expense, so that what is owed for the vouchers is what they are worth.

    Raises NotFound, BatchNotReady, WrongFund, FundArchived, InsufficientWallet, InvalidAmount or
    CurrencyMismatch.
    """
    money = asked.money
    check_words(note=money.note, reference=money.reference)
    batch = ready_batch(store=store, batch_id=batch_id)
    store.funds.get(fund_id=fund_id)

    def make(books: CompanyBooks) -> CompanyEntry:
        amount = amount_in(money=money.amount, currency=books.tenant.currency)
        kept = _kept(asked, amount)
        fund = books.fund(fund_id=fund_id)
        if fund.kind is FundKind.DEALER:
            check_holds(wallet=fund, amount=amount)
        elif fund.kind is not FundKind.OFFICE:
            raise WrongFund("vouchers are paid for to the office, or out of a wallet", param="fund_id")
        return company_entry(
            amount=amount,
            reason=VOUCHER_SALE,
            moves=[FundMove(fund, fund.kind.side * amount)],
            postings=[Posting(COMMISSION, kept), Posting(VOUCHERS, -amount - kept)],
            about=batch.batch_id,
            reference=money.reference,
            note=money.note,
        )

    def answer(posted: CompanyPosted) -> BatchSold:
        return BatchSold(batch.batch_id, posted.document)

    posted = post_company(
        store=store,
        fund_ids=[fund_id],
        make=make,
        at=at,
        note=note,
        idempotency=idempotency,
        answer=answer,
        besides=lambda posted: store.vouchers.sell(batch=batch, amount=posted.document.amount),
    )
    return answer(posted)


def _kept(asked: SaleAsked, amount: int) -> int:
    """Return the commission, or raise InvalidAmount or CurrencyMismatch."""
    if asked.commission is None:
        return 0
    currency = asked.money.amount.currency
    kept = amount_in(money=asked.commission, currency=currency, param="commission", zero=True)
    amount_in(money=Money(amount + kept, currency), currency=currency, param="commission")
    return kept
