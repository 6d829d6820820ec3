"""Taking a dealer's sale back: the wallet has its price again, and commissions are none, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.accounts import Account
from chalicelib.domain.credit_notes import (
    CreditReason,
    NothingToCredit,
    credit_note,
    to_credit,
    whole_invoice,
)
from chalicelib.domain.dealer_sales import (
    RECHARGE,
    REVERSAL,
    SaleTerms,
    moves_back,
    paid_back,
    recharge_reversal,
    terms_of,
)
from chalicelib.domain.dealers import (
    CommissionTotals,
    Dealer,
)
from chalicelib.domain.documents import (
    SETTLED_PER_ENTRY_MAX,
    Document,
    Entry,
    NewDocument,
    Settlement,
    entry_of,
)
from chalicelib.domain.errors import NotFound
from chalicelib.domain.funds import Fund, FundMove
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.payments import check_words
from chalicelib.domain.prepaid import PrepaidLine, recharge_of, take_back
from chalicelib.domain.reversals import check_reversible, open_more, reverse
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore, Write
from chalicelib.usecases.dealer_sales import DealerSale, moved_wallets, wallets_of
from chalicelib.usecases.payments import paid_invoices, settled_by
from chalicelib.usecases.posting import Books, Posted, post


@dataclass
class _TakingBack:
    """One sale taken back, made anew from the books and wallets each time they moved."""

    store: TenantStore
    dealer: Dealer
    document_id: str
    words: str
    at: datetime
    actor_id: str
    terms: SaleTerms | None = None
    moves: Sequence[FundMove] = ()
    lines: tuple[PrepaidLine, PrepaidLine] | None = None
    wallet: Fund | None = None
    sale: DealerSale | None = None

    def make(self, books: Books) -> Entry:
        """Return the entry that takes the sale back."""
        receipt = self.store.documents.get(document_id=self.document_id)
        self.terms = terms_of(receipt=receipt)
        check_reversible(document=receipt, by_dealer=True)
        self.wallet, parent = wallets_of(store=self.store, dealer=self.dealer)
        self.moves = moves_back(terms=self.terms, wallet=self.wallet, parent=parent)
        if receipt.reason == RECHARGE:
            return self._recharge(books, receipt)
        account = books.subscriber.account
        own, others = settled_by(store=self.store, account=account, receipt=receipt)
        return reverse(
            account=account,
            receipt=receipt,
            own=own,
            others=others,
            note=self.words,
            back=paid_back(receipt=receipt),
        )

    def _recharge(self, books: Books, receipt: Document) -> Entry:
        """Credit what is left of the recharge's invoice, take its time, and the money out of the credit."""
        account = books.subscriber.account
        invoice = self.store.invoices.get(invoice_id=receipt.about)
        slot, package_id, granted = recharge_of(invoice=invoice)
        before = self.store.prepaid.get(account_id=receipt.account_id, slot=slot)
        assert before is not None, "a recharge has a line"
        zone = books.tenant.time_zone
        after = take_back(line=before, package_id=package_id, granted=granted, at=self.at, zone=zone)
        self.lines = None
        notes: list[NewDocument] = []
        settled: list[Settlement] = []
        try:
            made, credited = credit_note(
                invoice=invoice,
                lines=whole_invoice(invoice=invoice),
                reason=CreditReason.CANCELLATION.value,
                note=self.words,
            )
        except NothingToCredit:  # the recharge was taken back before, and the money is the account's credit
            pass
        else:
            notes.append(made)
            settled.append(credited)
            self.lines = (before, after) if after != before else None
        credit = account.credit + sum(to_credit(document=one) for one in notes)
        opened = self._opened(account, invoice, receipt.amount - credit)
        amount = -sum(one.amount for one in opened)
        journal = recharge_reversal(receipt=receipt, note=self.words, opened=amount)
        return entry_of(
            account=account,
            documents=[journal, *notes],
            settled=[*settled, *opened],
            reverses=receipt,
        )

    def _opened(self, account: Account, invoice: Invoice, missing: int) -> Sequence[Settlement]:
        """Return what opens other invoices, where the credit does not suffice.

        A payment that bounced may have opened the recharge's invoice in the place of those that it paid.
        """
        if missing <= 0:
            return ()
        own = [Settlement(invoice, paid=-invoice.paid)]
        others = paid_invoices(store=self.store, account_id=account.account_id, missing=missing, own=own)
        others = others[: SETTLED_PER_ENTRY_MAX - 1]  # the recharge's own is one
        return tuple(open_more(taken={}, others=others, missing=missing).values())

    def writes(self, posted: Posted) -> Sequence[Write]:
        """Describe the line, the wallets, and the month in which the sale was taken back."""
        assert self.terms is not None, "a sale has terms"
        assert self.wallet is not None, "a dealer has a wallet"
        journal, terms = posted.documents[0], self.terms
        line = self.store.prepaid.change(before=self.lines[0], after=self.lines[1]) if self.lines else ()
        wallets, wallet = moved_wallets(
            store=self.store,
            moves=self.moves,
            own=self.dealer.fund_id,
            on=journal.issued_on,
            reasons=(REVERSAL, REVERSAL),
            about=journal.document_id,
            actor_id=self.actor_id,
        )
        self.sale = DealerSale(self.dealer, terms, journal, wallet or self.wallet)
        back = CommissionTotals(
            self.dealer.dealer_id,
            refunds=1,
            refunded_retail=terms.retail,
            refunded_commission=terms.commission,
            refunded_override=terms.override,
        )
        return [*line, *wallets, *self.store.dealers.sold(month=journal.issued_on, totals=back)]

    def result(self, _posted: Posted) -> DealerSale:
        """Return the sale that was taken back, its journal, and the wallet after it."""
        assert self.sale is not None, "an entry was made"
        return self.sale


def take_sale_back(
    *,
    store: TenantStore,
    document_id: str,
    words: str,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> DealerSale:
    """Take a dealer's recharge or payment back, once: the wallet has the price again.

    A recharge's invoice is credited and its time taken, as far as it is left; a payment's invoices
    are open again. The parent's part goes out of its wallet, which may come to owe it. Raises
    NotFound, NotADealerSale, AlreadyReversed, FundArchived, InsufficientCredit or TooManySettlements.
    """
    receipt = store.documents.get(document_id=document_id)
    terms_of(receipt=receipt)
    check_reversible(document=receipt, by_dealer=True)
    check_words(note=words)
    dealer = store.dealers.by_code(code=receipt.reference)
    if dealer is None:
        raise NotFound("no such dealer")
    taking = _TakingBack(store, dealer, document_id, words, at, note.actor_id)
    posted = post(
        store=store,
        subscriber_id=receipt.account_id,
        make=taking.make,
        at=at,
        note=note,
        idempotency=idempotency,
        answer=taking.result,
        besides=taking.writes,
    )
    return taking.result(posted)
