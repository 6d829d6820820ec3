"""Invoices and debit notes made by hand, what they would come to, and what is billed next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from chalicelib.domain.account_bills import NewInvoice, Quarantine, bill_account
from chalicelib.domain.accounts import CHARGES_SLOT, Account
from chalicelib.domain.billing import next_bill_date
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.documents import Entry, IssuedInvoice, entry_of
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.invoices import Invoice, due_date
from chalicelib.domain.manual_invoices import ManualLine, manual_invoice
from chalicelib.domain.payments import check_words
from chalicelib.domain.subscribers import SubscriberArchived
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore
from chalicelib.usecases.billing import load_catalogue
from chalicelib.usecases.billing_shard import INVOICES_PER_BATCH_MAX
from chalicelib.usecases.invoices import get_invoice
from chalicelib.usecases.posting import Books, Posted, books_of, post

NEXT_DAYS_MAX: Final = 366
NEXT_INVOICES_MAX: Final = 48


@dataclass(frozen=True, slots=True)
class InvoiceAsked:
    """An invoice as staff ask for it; without ``due_on`` the tenant's terms hold."""

    lines: Sequence[ManualLine]
    due_on: date | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class PreviewedInvoice:
    """An invoice that is not issued: what it would be if it were on ``on``."""

    account: Account
    invoice: NewInvoice
    on: date
    due_on: date


@dataclass(frozen=True, slots=True)
class NextInvoices:
    """What an account's subscriptions and pending charges come to through a date, oldest first.

    ``quarantined`` could not be billed as things stand; ``more`` where not all are shown.
    """

    through: date
    invoices: tuple[PreviewedInvoice, ...] = ()
    quarantined: tuple[Quarantine, ...] = ()
    more: bool = False


def issue_invoice(
    *,
    store: TenantStore,
    subscriber_id: str,
    asked: InvoiceAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Invoice:
    """Issue an invoice dated today; the account's credit pays it at once, as far as that goes.

    Raises NotFound, SubscriberArchived, or what ``manual_invoice`` raises.
    """

    def make(books: Books) -> Entry:
        return entry_of(account=books.subscriber.account, invoices=[_made(books, asked)])

    check_words(note=asked.note)
    posted = post(
        store=store,
        subscriber_id=subscriber_id,
        make=make,
        at=at,
        note=note,
        idempotency=idempotency,
        answer=_first,
    )
    return posted.invoices[0]


def preview_invoice(
    *, store: TenantStore, subscriber_id: str, asked: InvoiceAsked, at: datetime
) -> PreviewedInvoice:
    """Return the invoice that ``issue_invoice`` would issue now, or raise what it raises."""
    check_words(note=asked.note)
    books = books_of(store=store, subscriber_id=subscriber_id, at=at)
    made = _made(books, asked)
    return PreviewedInvoice(books.subscriber.account, made.invoice, books.today, made.due_on)


def issue_debit_note(
    *,
    store: TenantStore,
    invoice_id: str,
    asked: InvoiceAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Invoice:
    """Issue a debit note: what an invoice should have had more; it is owed like an invoice.

    Raises NotFound, InvoiceVoid, or what ``manual_invoice`` raises.
    """
    about = get_invoice(store=store, invoice_id=invoice_id, at=at).invoice

    def make(books: Books) -> Entry:
        now = store.invoices.get(invoice_id=about.invoice_id)
        return entry_of(account=books.subscriber.account, invoices=[_made(books, asked, about=now)])

    check_words(note=asked.note)
    posted = post(
        store=store,
        subscriber_id=about.account_id,
        make=make,
        at=at,
        note=note,
        idempotency=idempotency,
        answer=_first,
    )
    return posted.invoices[0]


def _made(books: Books, asked: InvoiceAsked, *, about: Invoice | None = None) -> IssuedInvoice:
    if books.subscriber.archived and about is None:
        raise SubscriberArchived("the subscriber is archived: unarchive it first")
    tenant = books.tenant
    return manual_invoice(
        account=books.subscriber.account,
        lines=asked.lines,
        catalogue=_taxes(tenant),
        on=books.today,
        payment_days=tenant.payment_days,
        due_on=asked.due_on,
        note=asked.note,
        about=about,
    )


def _taxes(tenant: Tenant) -> Catalogue:
    """Return what lines that are of no package need of the catalogue."""
    groups = {group.code: group for group in tenant.tax_groups}
    return Catalogue(packages={}, tax_groups=groups, round_to=tenant.round_to)


def _first(posted: Posted) -> Invoice:
    return posted.invoices[0]


# -- what is billed next ---------------------------------------------------------------------


def next_invoices(
    *, store: TenantStore, subscriber_id: str, through: date | None, at: datetime
) -> NextInvoices:
    """Return what runs would issue to a subscriber through a date, as things stand now.

    Without a date, what is billed on the next day on which anything is. Raises NotFound, or
    InvalidValue for a date that is past or more than a year ahead.
    """
    books = books_of(store=store, subscriber_id=subscriber_id, at=at)
    today = books.today
    if through is not None and not 0 <= (through - today).days <= NEXT_DAYS_MAX:
        raise InvalidValue(f"a date from {today} on, at most {NEXT_DAYS_MAX} days ahead", param="on")
    first = _next_date(books.subscriber.account, today)
    end = through or first or today
    if first is None or first > end:
        return NextInvoices(end)
    foretold = _Foretold(books, load_catalogue(tenant=books.tenant, store=store), end)
    return foretold.told(first)


@dataclass
class _Foretold:
    """Bills an account date by date, as runs will."""

    books: Books
    catalogue: Catalogue
    end: date
    found: list[PreviewedInvoice] = field(default_factory=list)
    held: dict[int, Quarantine] = field(default_factory=dict)

    def told(self, first: date) -> NextInvoices:
        """Return what is billed from ``first`` on."""
        account, on, more = self.books.subscriber.account, first, False
        while on <= self.end and not more:
            slots = [sub.slot for sub in account.subscriptions if sub.slot not in self.held]
            bill = bill_account(
                account=account,
                slots=[*slots, CHARGES_SLOT] if account.charges else slots,
                on=on,
                catalogue=self.catalogue,
                charges_max=INVOICES_PER_BATCH_MAX,
            )
            due = due_date(issued_on=on, payment_days=self.books.tenant.payment_days)
            self.found += [PreviewedInvoice(account, one, on, due) for one in bill.invoices]
            self.held |= {one.slot: one for one in bill.quarantined}
            account = bill.after or account
            more = bill.unfinished or len(self.found) > NEXT_INVOICES_MAX
            following = _next_date(account, on + timedelta(days=1), skip=self.held)
            if following is None:
                break
            on = following
        held = tuple(self.held.values())
        return NextInvoices(self.end, tuple(self.found[:NEXT_INVOICES_MAX]), held, more)


def _next_date(
    account: Account, floor: date, skip: Sequence[int] | dict[int, Quarantine] = ()
) -> date | None:
    """Return the next date, not before ``floor``, on which something of the account is billed."""
    dates = [charge.on for charge in account.charges if CHARGES_SLOT not in skip]
    for subscription in account.subscriptions:
        due = None if subscription.slot in skip else next_bill_date(subscription=subscription)
        if due is not None:
            dates.append(due)
    return max(floor, min(dates)) if dates else None
