"""Giving back a named payment: by hand, or by the gateway that it came by.

A gateway's refund has three steps: it is put into the books and noted as under way, the gateway is
asked with the document's own identifier as key, and what it answers is noted. Whoever ends between
two of them loses nothing: the refund is among those under way, and the next try asks again with the
same key, by which a gateway gives back once. One that knows no keys is asked once, and a person says
what became of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.documents import Document, Entry
from chalicelib.domain.errors import Conflict, StaleVersion
from chalicelib.domain.gateways import (
    Credentials,
    GatewayKind,
    GatewayRefused,
    GatewayUnavailable,
    NotSupported,
    RefundAsked,
)
from chalicelib.domain.money import Money
from chalicelib.domain.payments import Channel, amount_of, check_words
from chalicelib.domain.receipt_refunds import (
    GatewayRefund,
    GatewayRefundState,
    NotAGatewayPayment,
    RefundAskedOnce,
    RefundEnded,
    refund_receipt,
    take_back,
)
from chalicelib.domain.reversals import check_stands
from chalicelib.ports.gateways import PaymentGateway
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore, Write
from chalicelib.usecases.posting import Books, Posted, post


class RefundMoved(Conflict):
    """Another one finished the refund meanwhile."""

    code = "refund_moved"


@dataclass(frozen=True, slots=True)
class RefundByHand:
    """A part of a payment that staff gave back; without a channel on the page of its gateway."""

    amount: Money
    channel: Channel | None
    reference: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class GatewayAccess:
    """A tenant's gateway: the adapter, the tenant's credentials, and our reference of a payment by it."""

    gateway: PaymentGateway
    credentials: Credentials
    reference: str


# Returns the gateway by which a receipt's payment came, or raises NotAGatewayPayment.
GatewayOf = Callable[[Document], GatewayAccess]


def give_payment_back(
    *,
    store: TenantStore,
    document_id: str,
    asked: RefundByHand,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Document:
    """Record that a part of a payment was given back by hand.

    Raises NotFound, NotAPayment, AlreadyReversed, NotAGatewayPayment, InvalidAmount, CurrencyMismatch,
    ExceedsPayment or InsufficientCredit.
    """
    check_words(note=asked.note, reference=asked.reference)
    receipt = store.documents.get(document_id=document_id)
    channel = asked.channel.value if asked.channel else gateway_kind_of(receipt=receipt).value

    def make(books: Books) -> Entry:
        account = books.subscriber.account
        return refund_receipt(
            account=account,
            receipt=store.documents.get(document_id=document_id),
            amount=amount_of(money=asked.amount, account=account),
            channel=channel,
            reference=asked.reference,
            note=asked.note,
        )

    check_stands(document=receipt)
    posted = post(
        store=store,
        subscriber_id=receipt.account_id,
        make=make,
        at=at,
        note=note,
        idempotency=idempotency,
        answer=lambda posted: posted.document,
    )
    return posted.document


def gateway_kind_of(*, receipt: Document) -> GatewayKind:
    """Return the kind of gateway by which a receipt's payment came, or raise NotAGatewayPayment."""
    if receipt.channel not in set(GatewayKind):
        raise NotAGatewayPayment(f"it came by {receipt.channel}, and is given back by hand")
    return GatewayKind(receipt.channel)


def refund_by_gateway(
    *,
    store: TenantStore,
    document_id: str,
    amount: Money,
    gateway_of: GatewayOf,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> GatewayRefund:
    """Give a part of a payment back by the gateway that it came by.

    Where the gateway does not answer the refund stays under way, to be finished later. Raises what
    ``begin_gateway_refund`` raises.
    """
    begun = begin_gateway_refund(
        store=store,
        document_id=document_id,
        amount=amount,
        gateway_of=gateway_of,
        at=at,
        note=note,
        idempotency=idempotency,
    )
    try:
        return finish_gateway_refund(
            store=store, refund_id=begun.refund_id, gateway_of=gateway_of, at=at, note=note, again=False
        )
    except GatewayUnavailable:
        return begun


def begin_gateway_refund(
    *,
    store: TenantStore,
    document_id: str,
    amount: Money,
    gateway_of: GatewayOf,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> GatewayRefund:
    """Put a refund by the payment's gateway into the books; ``finish_gateway_refund`` asks the gateway.

    Raises NotAGatewayPayment, NotSupported, or what ``give_payment_back`` raises.
    """
    receipt = store.documents.get(document_id=document_id)
    check_stands(document=receipt)
    if not gateway_of(receipt).gateway.refunds:
        raise NotSupported("this gateway gives nothing back: do it on its own page, and record it (refunds)")

    def make(books: Books) -> Entry:
        account = books.subscriber.account
        return refund_receipt(
            account=account,
            receipt=store.documents.get(document_id=document_id),
            amount=amount_of(money=amount, account=account),
            channel=receipt.channel,
        )

    def besides(posted: Posted) -> Sequence[Write]:
        return store.money.gateway_refunds.add(refund=_begun(posted, document_id, at))

    posted = post(
        store=store,
        subscriber_id=receipt.account_id,
        make=make,
        at=at,
        note=note,
        idempotency=idempotency,
        answer=lambda posted: _begun(posted, document_id, at),
        besides=besides,
    )
    return _begun(posted, document_id, at)


def finish_gateway_refund(
    *,
    store: TenantStore,
    refund_id: str,
    gateway_of: GatewayOf,
    at: datetime,
    note: AuditNote,
    again: bool = True,
) -> GatewayRefund:
    """Ask the gateway for a refund that is under way, and note its answer; what has ended stays.

    What the gateway refuses is credit again. Where it tells that its own work goes on, the refund
    stays under way: ask again later. ``again`` says that it may have been asked before. Raises NotFound,
    RefundTooOld, RefundAskedOnce, or GatewayUnavailable: then nothing is known.
    """
    refund = store.money.gateway_refunds.get(refund_id=refund_id)
    if refund.state is not GatewayRefundState.PENDING:
        return refund
    refund.check_asked_again(at=at)
    receipt = store.documents.get(document_id=refund.receipt_id)
    access = gateway_of(receipt)
    if again and not access.gateway.refunds_by_key:
        raise RefundAskedOnce("look at the gateway's own page, and say what became of it (refund-outcome)")
    asked = RefundAsked(
        key=refund.refund_id,
        reference=access.reference,
        vendor_id=receipt.reference,
        amount=Money(refund.amount, refund.currency),
    )
    try:
        made = access.gateway.refund(asked=asked, credentials=access.credentials, now=at)
    except (GatewayRefused, NotSupported) as error:
        return refuse_gateway_refund(store=store, refund=refund, reason=error.message, at=at, note=note)
    if made.pending:
        return _noted(store, refund, refund.asked(vendor_id=made.vendor_id), note)
    return _noted(store, refund, refund.done(vendor_id=made.vendor_id), note)


def say_refund_outcome(
    *, store: TenantStore, refund_id: str, done: bool, words: str, at: datetime, note: AuditNote
) -> GatewayRefund:
    """Note what a person found out of a refund that is under way; one that was not made is credit again.

    Raises NotFound, RefundEnded, CardNumberRefused or InvalidValue.
    """
    check_words(note=words)
    refund = store.money.gateway_refunds.get(refund_id=refund_id)
    if refund.state is not GatewayRefundState.PENDING:
        raise RefundEnded(f"the refund is {refund.state.value}")
    if done:
        return _noted(store, refund, refund.done(vendor_id=refund.vendor_id), note)
    return refuse_gateway_refund(store=store, refund=refund, reason=words, at=at, note=note)


def refuse_gateway_refund(
    *, store: TenantStore, refund: GatewayRefund, reason: str, at: datetime, note: AuditNote
) -> GatewayRefund:
    """Take a refund that the gateway refused out of the books again, once."""
    after = refund.refused(reason=reason)

    def make(books: Books) -> Entry:
        if store.money.gateway_refunds.get(refund_id=refund.refund_id).version != refund.version:
            raise RefundMoved("the refund was finished meanwhile")
        return take_back(
            account=books.subscriber.account,
            receipt=store.documents.get(document_id=refund.receipt_id),
            refund=store.documents.get(document_id=refund.refund_id),
            reason=after.reason,
        )

    try:
        post(
            store=store,
            subscriber_id=store.documents.get(document_id=refund.refund_id).account_id,
            make=make,
            at=at,
            note=note,
            besides=lambda _: store.money.gateway_refunds.change(before=refund, after=after),
        )
    except RefundMoved:
        return store.money.gateway_refunds.get(refund_id=refund.refund_id)
    return after


def _noted(store: TenantStore, before: GatewayRefund, after: GatewayRefund, note: AuditNote) -> GatewayRefund:
    try:
        store.commit(*store.money.gateway_refunds.change(before=before, after=after), store.note(note=note))
    except StaleVersion:  # another one finished it meanwhile, by the same key
        return store.money.gateway_refunds.get(refund_id=before.refund_id)
    return after


def _begun(posted: Posted, receipt_id: str, at: datetime) -> GatewayRefund:
    made = posted.documents[0]
    return GatewayRefund(made.document_id, receipt_id, made.channel, made.amount, made.currency, at)
