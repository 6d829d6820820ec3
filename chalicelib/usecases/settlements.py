"""What settles invoices without money coming in: the account's credit, a deposit, a write-off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.documents import (
    SETTLED_PER_ENTRY_MAX,
    Document,
    Entry,
    Settlement,
    allocate,
)
from chalicelib.domain.errors import InvalidValue, NotFound
from chalicelib.domain.identifiers import MalformedId
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.money import Money
from chalicelib.domain.payments import (
    Source,
    TooManySettlements,
    WriteOffReason,
    amount_of,
    available,
    check_words,
    set_off,
    settle,
    write_off,
)
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore
from chalicelib.usecases.invoices import get_invoice
from chalicelib.usecases.posting import Books, post


class UnknownInvoice(InvalidValue):
    """The subscriber has no invoice of this identifier."""

    code = "unknown_invoice"


@dataclass(frozen=True, slots=True)
class Allocation:
    """What of an invoice is to be paid."""

    invoice_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class AllocationAsked:
    """Credit or a deposit that is to pay invoices: those named, or the oldest due first."""

    source: Source = Source.CREDIT
    allocations: Sequence[Allocation] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class WriteOffAsked:
    """What of an invoice is given up; all that is open without an amount."""

    reason: WriteOffReason
    amount: Money | None = None
    note: str = ""


def named(*, books: Books, allocations: Sequence[Allocation]) -> tuple[Settlement, ...]:
    """Return what pays the named invoices of the account.

    Raises UnknownInvoice, CurrencyMismatch, InvalidAmount, ExceedsOpen, InvoiceAllocatedTwice or
    TooManySettlements.
    """
    if len(allocations) > SETTLED_PER_ENTRY_MAX:
        message = f"one command settles at most {SETTLED_PER_ENTRY_MAX} invoices"
        raise TooManySettlements(message, param="allocations")
    account, parts = books.subscriber.account, []
    for number, one in enumerate(allocations):
        where = f"allocations.{number}"
        amount = amount_of(money=one.amount, account=account, param=f"{where}.amount")
        parts.append(
            (own_invoice(books=books, invoice_id=one.invoice_id, param=f"{where}.invoice_id"), amount)
        )
    return settle(parts=parts)


def allocate_account(
    *,
    store: TenantStore,
    subscriber_id: str,
    asked: AllocationAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Document:
    """Let the account's credit, or its deposit, pay invoices.

    Raises NotFound, NothingOpen, InsufficientCredit, InsufficientDeposit, or what ``named`` raises.
    """
    check_words(note=asked.note)

    def make(books: Books) -> Entry:
        account = books.subscriber.account
        if asked.allocations:
            settled = named(books=books, allocations=asked.allocations)
        else:
            there = available(account=account, source=asked.source)
            settled = allocate(amount=there, invoices=books.open_invoices())
        return set_off(account=account, settled=settled, source=asked.source, note=asked.note)

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


def write_off_invoice(
    *,
    store: TenantStore,
    invoice_id: str,
    asked: WriteOffAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Document:
    """Give an invoice up, whole or in part; raise NotFound, NothingOpen or ExceedsOpen."""
    about = get_invoice(store=store, invoice_id=invoice_id, at=at).invoice
    check_words(note=asked.note)

    def make(books: Books) -> Entry:
        account = books.subscriber.account
        amount = None if asked.amount is None else amount_of(money=asked.amount, account=account)
        return write_off(
            account=account,
            invoice=store.invoices.get(invoice_id=about.invoice_id),
            amount=amount,
            reason=asked.reason.value,
            note=asked.note,
        )

    posted = post(
        store=store,
        subscriber_id=about.account_id,
        make=make,
        at=at,
        note=note,
        idempotency=idempotency,
        answer=lambda posted: posted.document,
    )
    return posted.document


def own_invoice(*, books: Books, invoice_id: str, param: str) -> Invoice:
    """Return an invoice of the account, or raise UnknownInvoice: another's is like one that never was."""
    unknown = UnknownInvoice("the subscriber has no invoice of this id", param=param)
    try:
        invoice = books.store.invoices.get(invoice_id=invoice_id)
    except (NotFound, MalformedId):
        raise unknown from None
    if invoice.account_id != books.subscriber.account.account_id:
        raise unknown
    return invoice
