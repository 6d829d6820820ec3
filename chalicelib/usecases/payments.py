"""Payments taken by hand, their reversal, and money that is given back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.accounts import Account, PendingCharge
from chalicelib.domain.documents import (
    SETTLED_PER_ENTRY_MAX,
    Document,
    Entry,
    Settlement,
    allocate,
)
from chalicelib.domain.funds import fund_id_of
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.ledger import IN_HAND
from chalicelib.domain.money import Money
from chalicelib.domain.payments import (
    IN_HANDS,
    Channel,
    NotInHand,
    Source,
    WalletPays,
    amount_of,
    check_words,
    receive,
    refund,
)
from chalicelib.domain.reversals import (
    REASON_REVERSAL,
    check_bounced,
    check_reversible,
    missing_for_reversal,
    own_settlements,
    returned_cheque_fee,
    reverse,
)
from chalicelib.domain.taxes import UnknownTaxGroup
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore, Write
from chalicelib.usecases.cash_in_hand import into_hands, out_of_hands
from chalicelib.usecases.posting import Books, Posted, post
from chalicelib.usecases.settlements import Allocation, named

# Invoices read at most to find those that a reversed payment's credit paid.
INVOICES_LOOKED_AT_MAX = 400
_PAGE = 100


@dataclass(frozen=True, slots=True)
class PaymentAsked:
    """A payment as staff take it.

    ``allocations`` names what it pays; without, it pays the oldest due invoices first, or where
    ``keep`` nothing: it stays credit.
    """

    amount: Money
    channel: Channel
    reference: str = ""
    note: str = ""
    allocations: Sequence[Allocation] = ()
    keep: bool = False


@dataclass(frozen=True, slots=True)
class RefundAsked:
    """Money to be given back, of the credit or of a deposit."""

    amount: Money
    channel: Channel
    source: Source = Source.CREDIT
    reference: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReversalAsked:
    """Why a payment is none: in ``words``, and as a code where the bank returned a cheque.

    ``fee`` is what the subscriber is charged for that on the next bill, taxed by ``tax_group``.
    """

    words: str
    reason: str = REASON_REVERSAL
    fee: Money | None = None
    tax_group: str | None = None


def record_payment(
    *,
    store: TenantStore,
    subscriber_id: str,
    asked: PaymentAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
    hands: str = "",
    dealer_code: str = "",
    besides: Callable[[Posted], Sequence[Write]] | None = None,
) -> Document:
    """Record a payment, give it a receipt, and settle invoices; what is left is credit.

    ``hands`` is the person who takes cash or a cheque, and in whose hands cash stays until it is handed
    over; without, it is the office's. ``dealer_code`` is the dealer that who records it works for: where
    that has a wallet, the wallet pays (``dealer_sales``). ``besides`` describes what else is written with
    it.

    Raises NotInHand, WalletPays, NotFound, InvalidAmount, CurrencyMismatch, UnknownInvoice, ExceedsOpen,
    ExceedsPayment, InvoiceAllocatedTwice or TooManySettlements.
    """
    check_words(note=asked.note, reference=asked.reference)
    if hands and asked.channel not in IN_HANDS:
        raise NotInHand("in the field cash and cheques are taken, and no transfers", param="channel")
    in_hand = bool(hands) and asked.channel is Channel.CASH
    held = into_hands(store=store, staff_id=hands) if in_hand else None
    if dealer_code and not in_hand and store.dealers.by_code(code=dealer_code) is not None:
        raise WalletPays("a dealer's wallet pays for what its people take: use dealer-payments")

    def make(books: Books) -> Entry:
        account = books.subscriber.account
        amount = amount_of(money=asked.amount, account=account)
        settled: Sequence[Settlement] = ()
        if asked.allocations:
            settled = named(books=books, allocations=asked.allocations)
        elif not asked.keep:
            settled = allocate(amount=amount, invoices=books.open_invoices())
        return receive(
            account=account,
            amount=amount,
            channel=IN_HAND if in_hand else asked.channel.value,
            settled=settled,
            reference=asked.reference,
            note=asked.note,
            about=fund_id_of(staff_id=hands) if in_hand else "",
        )

    def beside(posted: Posted) -> Sequence[Write]:
        return [one for write in (held, besides) if write is not None for one in write(posted)]

    posted = post(
        store=store,
        subscriber_id=subscriber_id,
        make=make,
        at=at,
        note=note,
        idempotency=idempotency,
        answer=lambda posted: posted.document,
        besides=beside,
    )
    return posted.document


def reverse_payment(
    *,
    store: TenantStore,
    document_id: str,
    asked: ReversalAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Document:
    """Take a payment back, once: its invoices are open again and its credit is gone.

    Raises NotFound, NotAPayment, AlreadyReversed, PartlyGivenBack, NotACheque, UnknownTaxGroup,
    TooManySettlements, TooManyCharges, InvalidAmount, CurrencyMismatch, or InsufficientCredit where
    the money was given back.
    """
    receipt = store.documents.get(document_id=document_id)
    check_reversible(document=receipt)
    check_bounced(document=receipt, reason=asked.reason, fee=asked.fee)
    check_words(note=asked.words)
    held = None
    if receipt.channel == IN_HAND:
        held = out_of_hands(store=store, fund_id=receipt.about, actor_id=note.actor_id)

    def make(books: Books) -> Entry:
        now = store.documents.get(document_id=document_id)
        check_reversible(document=now)
        account = books.subscriber.account
        own, others = settled_by(store=store, account=account, receipt=now)
        return reverse(
            account=account,
            receipt=now,
            own=own,
            others=others,
            note=asked.words,
            reason=asked.reason,
            charges=_fee(books, now, asked),
        )

    posted = post(
        store=store,
        subscriber_id=receipt.account_id,
        make=make,
        at=at,
        note=note,
        idempotency=idempotency,
        answer=lambda posted: posted.document,
        besides=held,
    )
    return posted.document


def settled_by(
    *, store: TenantStore, account: Account, receipt: Document
) -> tuple[Sequence[Settlement], Sequence[Invoice]]:
    """Return what a receipt settled, taken back, and the paid invoices whose money is missing beyond that."""
    invoices = [store.invoices.get(invoice_id=one) for one, _ in receipt.pays]
    own = own_settlements(receipt=receipt, invoices=invoices)
    missing = missing_for_reversal(account=account, receipt=receipt, own=own)
    return own, paid_invoices(
        store=store, account_id=account.account_id, missing=missing, own=own
    ) if missing else ()


def give_back(
    *,
    store: TenantStore,
    subscriber_id: str,
    asked: RefundAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Document:
    """Give credit or a deposit back in money.

    Raises NotFound, InvalidAmount, CurrencyMismatch, InsufficientCredit or InsufficientDeposit.
    """
    check_words(note=asked.note, reference=asked.reference)

    def make(books: Books) -> Entry:
        account = books.subscriber.account
        return refund(
            account=account,
            amount=amount_of(money=asked.amount, account=account),
            channel=asked.channel.value,
            source=asked.source,
            reference=asked.reference,
            note=asked.note,
        )

    posted = post(
        store=store,
        subscriber_id=subscriber_id,
        make=make,
        at=at,
        note=note,
        idempotency=idempotency,
        answer=lambda posted: posted.document,
    )
    return posted.document


def _fee(books: Books, receipt: Document, asked: ReversalAsked) -> tuple[PendingCharge, ...]:
    """Return the charge for a returned cheque, if one is asked for."""
    if asked.fee is None:
        return ()
    if asked.tax_group is not None and books.tenant.tax_group(code=asked.tax_group) is None:
        raise UnknownTaxGroup("there is no tax group of this code", param="fee.tax_group")
    amount = amount_of(money=asked.fee, account=books.subscriber.account, param="fee.amount")
    fee = returned_cheque_fee(receipt=receipt, amount=amount, tax_group=asked.tax_group, on=books.today)
    return (fee,)


def paid_invoices(
    *, store: TenantStore, account_id: str, missing: int, own: Sequence[Settlement]
) -> tuple[Invoice, ...]:
    """Return an account's paid invoices, the newest first, until they come to ``missing``.

    ``own`` is what is taken back of some of them already.
    """
    taken = {one.invoice.invoice_id: one.paid for one in own}
    found: list[Invoice] = []
    after, looked_at = None, 0
    while missing > 0 and looked_at < INVOICES_LOOKED_AT_MAX and len(found) < SETTLED_PER_ENTRY_MAX:
        page = store.invoices.of_account(account_id=account_id, limit=_PAGE, after=after)
        for invoice in page.items:
            free = invoice.paid + taken.get(invoice.invoice_id, 0)
            if free > 0 and missing > 0:
                found.append(invoice)
                missing -= free
        looked_at += len(page.items)
        after = page.after
        if after is None:
            break
    return tuple(found)
