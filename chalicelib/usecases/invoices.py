"""Invoices, read only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from chalicelib.domain.errors import NotFound
from chalicelib.domain.identifiers import MalformedId, is_subscriber_id
from chalicelib.domain.invoices import Invoice, fiscal_year
from chalicelib.domain.numbering import DocumentKind
from chalicelib.domain.staff import EVERYTHING, Scope
from chalicelib.ports.store import Page, TenantStore
from chalicelib.usecases.scoped_lists import kept_within


@dataclass(frozen=True, slots=True)
class AgedInvoice:
    """An invoice, and the tenant's date as of which it is looked at."""

    invoice: Invoice
    today: date


def get_invoice(*, store: TenantStore, invoice_id: str, at: datetime) -> AgedInvoice:
    """Return an invoice, or raise NotFound; what is no identifier names nothing."""
    try:
        invoice = store.invoices.get(invoice_id=invoice_id)
    except MalformedId:
        raise NotFound("no such invoice", param="invoice_id") from None
    return AgedInvoice(invoice, store.known_profile.local_date(at=at))


def list_invoices(
    *,
    store: TenantStore,
    fiscal_year: int | None,
    limit: int,
    after: str | None,
    newest_first: bool,
    at: datetime,
    kind: DocumentKind = DocumentKind.INVOICE,
    scope: Scope = EVERYTHING,
) -> Page[AgedInvoice]:
    """Return invoices, or debit notes, of a fiscal year, the present one where None, by their numbers.

    Those of subscribers outside the scope are left out: a page may be short, or empty, and yet go on.
    """
    year = _present_year(store, at) if fiscal_year is None else fiscal_year
    page = store.invoices.by_number(
        fiscal_year=year, limit=limit, after=after, newest_first=newest_first, kind=kind.value
    )
    return _aged(store, kept_within(store=store, scope=scope, page=page), at)


def list_of_subscriber(
    *, store: TenantStore, subscriber_id: str, limit: int, after: str | None, at: datetime
) -> Page[AgedInvoice]:
    """Return a subscriber's invoices, newest period first, or raise NotFound."""
    if not is_subscriber_id(value=subscriber_id):
        raise NotFound("no such subscriber", param="subscriber_id")
    page = store.invoices.of_account(account_id=subscriber_id, limit=limit, after=after)
    if not page.items and after is None:
        store.subscribers.get(subscriber_id=subscriber_id)
    return _aged(store, page, at)


def _aged(store: TenantStore, page: Page[Invoice], at: datetime) -> Page[AgedInvoice]:
    if not page.items:
        return Page((), page.after)
    today = store.known_profile.local_date(at=at)
    return Page(tuple(AgedInvoice(invoice, today) for invoice in page.items), page.after)


def _present_year(store: TenantStore, at: datetime) -> int:
    tenant = store.profile()
    return fiscal_year(on=tenant.local_date(at=at), start_month=tenant.fiscal_year_start_month)
