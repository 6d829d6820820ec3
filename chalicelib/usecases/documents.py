"""Credit notes, receipts, refunds and journals, read only."""

from __future__ import annotations

from datetime import datetime

from chalicelib.domain.documents import Document, DocumentKind
from chalicelib.domain.errors import NotFound
from chalicelib.domain.identifiers import is_subscriber_id
from chalicelib.domain.invoices import fiscal_year as fiscal_year_of
from chalicelib.domain.staff import EVERYTHING, Scope
from chalicelib.ports.store import Page, TenantStore
from chalicelib.usecases.scoped_lists import kept_within


def list_documents(
    *,
    store: TenantStore,
    kind: DocumentKind,
    fiscal_year: int | None,
    limit: int,
    after: str | None,
    newest_first: bool,
    at: datetime,
    scope: Scope = EVERYTHING,
) -> Page[Document]:
    """Return documents of a kind and fiscal year, the present one where None, in the order of numbers.

    Those of subscribers outside the scope are left out: a page may be short, or empty, and yet go on.
    """
    year = fiscal_year
    if year is None:
        tenant = store.profile()
        year = fiscal_year_of(on=tenant.local_date(at=at), start_month=tenant.fiscal_year_start_month)
    page = store.documents.by_number(
        kind=kind, fiscal_year=year, limit=limit, after=after, newest_first=newest_first
    )
    return kept_within(store=store, scope=scope, page=page)


def list_of_subscriber(
    *, store: TenantStore, subscriber_id: str, kind: DocumentKind | None, limit: int, after: str | None
) -> Page[Document]:
    """Return a subscriber's documents, the newest first, or raise NotFound."""
    if not is_subscriber_id(value=subscriber_id):
        raise NotFound("no such subscriber", param="subscriber_id")
    page = store.documents.of_account(account_id=subscriber_id, limit=limit, after=after, kind=kind)
    if not page.items and after is None:
        store.subscribers.get(subscriber_id=subscriber_id)
    return page
