"""Chargebacks: what a payer's bank takes back, once for each case, and what is won again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.chargebacks import (
    Chargeback,
    ChargebackState,
    ChargedBackAlready,
    NoChargeback,
    charge_back,
    check_case,
    win,
)
from chalicelib.domain.documents import Entry
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.money import Money
from chalicelib.domain.payments import amount_of
from chalicelib.domain.reversals import check_stands
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore, Write
from chalicelib.usecases.posting import Books, Posted, post


@dataclass(frozen=True, slots=True)
class ChargebackAsked:
    """What a payer's bank takes back by a gateway's case: all that was not yet, without an amount."""

    case_id: str
    amount: Money | None = None


def charge_payment_back(
    *,
    store: TenantStore,
    document_id: str,
    asked: ChargebackAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
    also: Sequence[Write] = (),
) -> Chargeback:
    """Take a payment back for its payer's bank, once for each case; told again, it is the same case.

    It cannot be refused for want of money: what was given back or spent meanwhile is owed by a debit
    note. ``also`` is written in the same transaction. Raises NotFound, NotAPayment, AlreadyReversed,
    NotByBank, CurrencyMismatch, ExceedsPayment, InvalidValue, or ChargedBackAlready where the case took
    another payment or amount.
    """
    check_case(case_id=asked.case_id)
    receipt = store.documents.get(document_id=document_id)
    check_stands(document=receipt)
    known = store.money.chargebacks.find(channel=receipt.channel, case_id=asked.case_id)
    if known is not None:
        return _same(known, document_id, asked, repeatable=idempotency is None)

    def make(books: Books) -> Entry:
        now = store.documents.get(document_id=document_id)
        account = books.subscriber.account
        amount = None if asked.amount is None else amount_of(money=asked.amount, account=account)
        return charge_back(
            account=account,
            receipt=now,
            own=[store.invoices.get(invoice_id=one) for one, _ in now.pays],
            amount=amount,
            case_id=asked.case_id,
            on=books.today,
            payment_days=books.tenant.payment_days,
        )

    def case_of(posted: Posted) -> Chargeback:
        return _case(posted, asked.case_id, document_id)

    posted = post(
        store=store,
        subscriber_id=receipt.account_id,
        make=make,
        at=at,
        note=note,
        idempotency=idempotency,
        answer=case_of,
        besides=lambda posted: [store.money.chargebacks.add(case=case_of(posted)), *also],
    )
    return case_of(posted)


def win_chargeback(
    *,
    store: TenantStore,
    document_id: str,
    case_id: str,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
    also: Sequence[Write] = (),
) -> Chargeback:
    """Take a chargeback's money in again, once; told again, it is the same case.

    Raises NotFound, or NoChargeback where the payment has no such case.
    """
    check_case(case_id=case_id)
    receipt = store.documents.get(document_id=document_id)
    case = store.money.chargebacks.find(channel=receipt.channel, case_id=case_id)
    if case is None or case.receipt_id != document_id:
        raise NoChargeback("no such case took this payment back", param="case")
    if case.state is ChargebackState.WON and idempotency is None:
        return case

    def make(books: Books) -> Entry:
        now = store.documents.get(document_id=document_id)
        opened = _opened(store, case)
        return win(account=books.subscriber.account, case=case, receipt=now, opened=opened)

    def won(posted: Posted) -> Chargeback:
        return replace(case, won_by=posted.documents[0].document_id)

    def besides(posted: Posted) -> Sequence[Write]:
        journal_id = posted.documents[0].document_id
        return [store.money.chargebacks.win(case=case, journal_id=journal_id), *also]

    posted = post(
        store=store,
        subscriber_id=receipt.account_id,
        make=make,
        at=at,
        note=note,
        idempotency=idempotency,
        answer=won,
        besides=besides,
    )
    return won(posted)


def _same(known: Chargeback, document_id: str, asked: ChargebackAsked, *, repeatable: bool) -> Chargeback:
    """Return a known case where it is told again; a client's own repeat is found by its key instead."""
    amount = asked.amount
    other_amount = amount is not None and amount != Money(known.amount, known.currency)
    won = known.state is ChargebackState.WON  # and taken anew: somebody has to look at that
    if known.receipt_id != document_id or other_amount or won or not repeatable:
        message = f"this case took {known.amount} of {known.receipt_id} already"
        raise ChargedBackAlready(message, param="case")
    return known


def _case(posted: Posted, case_id: str, receipt_id: str) -> Chargeback:
    journal = posted.documents[0]
    return Chargeback(
        channel=journal.channel,
        case_id=case_id,
        receipt_id=receipt_id,
        amount=journal.amount,
        currency=journal.currency,
        journal_id=journal.document_id,
        debit_note_id=posted.invoices[0].invoice_id if posted.invoices else "",
    )


def _opened(store: TenantStore, case: Chargeback) -> list[Invoice]:
    """Return the invoices that a chargeback opened, the oldest due first, and the debit note it made."""
    journal = store.documents.get(document_id=case.journal_id)
    opened = [store.invoices.get(invoice_id=one) for one, _ in journal.settled]
    opened.sort(key=lambda one: (one.due_on, one.invoice_id))
    note = [store.invoices.get(invoice_id=case.debit_note_id)] if case.debit_note_id else []
    return opened + note
