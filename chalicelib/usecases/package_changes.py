"""Changing the package of a subscription: a quote, the change itself, and its withdrawal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from chalicelib.domain.account_bills import NewInvoice, bill_account
from chalicelib.domain.accounts import CHARGES_SLOT, Account
from chalicelib.domain.billing import next_bill_date
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.documents import Document, Entry, IssuedInvoice, entry_of
from chalicelib.domain.invoices import Invoice, due_date
from chalicelib.domain.package_change_plan import paid_days, plan_change
from chalicelib.domain.package_changes import ChangeTerms, PackageChange, change_date, withdraw
from chalicelib.domain.packages import Package
from chalicelib.domain.past_subscriptions import without_past
from chalicelib.domain.subscribers import SubscriberArchived
from chalicelib.domain.subscriptions import check_tax
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore
from chalicelib.usecases.billed_days import billed_days
from chalicelib.usecases.billing import load_catalogue
from chalicelib.usecases.posting import Books, books_of, post
from chalicelib.usecases.subscriptions import (
    HeldSubscription,
    UnknownPackage,
    held_subscription,
    parse_id,
)
from chalicelib.usecases.versions import require_version

# Periods of an account that its next invoice is worked out from.
_CHARGES_MAX = 48


@dataclass(frozen=True, slots=True)
class NextInvoice:
    """The next invoice that a run makes, as things stand."""

    on: date
    invoice: NewInvoice


@dataclass(frozen=True, slots=True)
class Changed:
    """A change of package, quoted or made: ``invoices`` and ``documents`` are empty in a quote."""

    change: PackageChange
    entry: Entry
    next_invoice: NextInvoice | None
    today: date
    invoices: tuple[Invoice, ...] = ()
    documents: tuple[Document, ...] = ()

    @property
    def account(self) -> Account:
        """The account after the change."""
        return self.entry.after


@dataclass(frozen=True, slots=True)
class _Wish:
    account_id: str
    slot: int
    package_id: str
    terms: ChangeTerms


def quote_package_change(
    *, store: TenantStore, subscription_id: str, package_id: str, terms: ChangeTerms, at: datetime
) -> Changed:
    """Return what a change of package would bill now and with the next invoice; nothing is written.

    Raises as ``change_package`` does.
    """
    account_id, slot = parse_id(subscription_id=subscription_id)
    wish = _Wish(account_id, slot, package_id, terms)
    return _changed(books_of(store=store, subscriber_id=account_id, at=at), wish)


def change_package(
    *,
    store: TenantStore,
    subscription_id: str,
    package_id: str,
    terms: ChangeTerms,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Changed:
    """Put another package in the place of a subscription's, with the documents that it takes.

    Raises NotFound, UnknownPackage, SubscriberArchived, or what ``plan_change`` raises.
    """
    account_id, slot = parse_id(subscription_id=subscription_id)
    wish = _Wish(account_id, slot, package_id, terms)
    made: list[Changed] = []

    def _make(books: Books) -> Entry:
        made.append(_changed(books, wish))
        return made[-1].entry

    details = {
        "package_id": package_id,
        "effective": str(terms.effective),
        "proration": terms.proration.value,
        "price_override": None if terms.price_override is None else str(terms.price_override),
        "quantity": terms.quantity,
    }
    posted = post(
        store=store,
        subscriber_id=account_id,
        make=_make,
        at=at,
        note=replace(note, details=details),
        idempotency=idempotency,
        answer=lambda posted: replace(made[-1], invoices=posted.invoices, documents=posted.documents),
    )
    return replace(made[-1], invoices=posted.invoices, documents=posted.documents)


def withdraw_package_change(
    *,
    store: TenantStore,
    subscription_id: str,
    if_match: int | None,
    at: datetime,
    note: AuditNote,
) -> HeldSubscription:
    """Withdraw a change of package whose day has not come; raises NotFound or NoPackageChange."""
    account_id, slot = parse_id(subscription_id=subscription_id)
    books = books_of(store=store, subscriber_id=account_id, at=at)
    before = books.subscriber.account
    require_version(current=before.version, expected=if_match)
    held_subscription(account=before, slot=slot)
    after = replace(withdraw(account=before, slot=slot, today=books.today), version=before.version + 1)
    withdrawn = [one.package_id for one in before.subscriptions if one not in after.subscriptions]
    told = replace(note, details={"withdrawn": withdrawn})
    store.commit(*store.subscribers.change_account(before=before, after=after), store.note(note=told))
    return held_subscription(account=after, slot=slot)


def _changed(books: Books, wish: _Wish) -> Changed:
    """Compute a change from the books as they stand."""
    store, today, account = books.store, books.today, books.subscriber.account
    if books.subscriber.archived:
        raise SubscriberArchived("the subscriber is archived: unarchive it first")
    old = held_subscription(account=account, slot=wish.slot).subscription
    catalogue = load_catalogue(tenant=books.tenant, store=store)
    package = _package(catalogue, wish.package_id)
    on = change_date(subscription=old, effective=wish.terms.effective, today=today)
    wanted = paid_days(account=account, slot=wish.slot, on=on)
    invoices, notes = billed_days(store=store, account_id=account.account_id, wanted=wanted)
    change = plan_change(
        account=account,
        slot=wish.slot,
        package=package,
        terms=wish.terms,
        today=today,
        catalogue=catalogue,
        invoices=invoices,
        notes=notes,
    )
    check_tax(
        package=package,
        starts_on=change.on,
        anchor_day=change.new.anchor_day,
        tax_groups=books.tenant.tax_groups,
        jurisdiction=account.tax.jurisdiction,
    )
    due_on = due_date(issued_on=today, payment_days=books.tenant.payment_days)
    entry = entry_of(
        account=account,
        changed=without_past(account=change.account, today=today),
        invoices=[] if change.invoice is None else [IssuedInvoice(change.invoice, due_on)],
        documents=change.refund.documents,
        settled=change.refund.settled,
    )
    first_open = store.billing_state().completed_through + timedelta(days=1)
    upcoming = next_invoice(account=entry.after, catalogue=catalogue, first_open=first_open)
    return Changed(change, entry, upcoming, today)


def _package(catalogue: Catalogue, package_id: str) -> Package:
    package = catalogue.packages.get(package_id)
    if package is None:
        raise UnknownPackage("there is no package of this id", param="package_id")
    return package


def next_invoice(*, account: Account, catalogue: Catalogue, first_open: date) -> NextInvoice | None:
    """Return the next invoice that runs make of an account as it stands; None where there is none.

    ``first_open`` is the first date that runs have not completed: what is due before it is billed on
    it. Pending charges are billed on their day too, with what else is due by then or alone.
    """
    dates = {sub.slot: next_bill_date(subscription=sub) for sub in account.subscriptions}
    bills = [on for on in dates.values() if on is not None] + [charge.on for charge in account.charges]
    if not bills:
        return None
    on = max(min(bills), first_open)
    slots = [slot for slot, due in dates.items() if due is not None and due <= on]
    if any(charge.on <= on for charge in account.charges):
        slots.append(CHARGES_SLOT)
    bill = bill_account(account=account, slots=slots, on=on, catalogue=catalogue, charges_max=_CHARGES_MAX)
    return NextInvoice(on, bill.invoices[0]) if bill.invoices else None
