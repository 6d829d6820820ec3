"""Documents outside the billing run: one transaction each, with everything that they move.

- ``<tenant>#A#<ulid>`` / ``DOC#<yyyymmdd>-<slot>``: credit notes, receipts, refunds, journals.
- Invoices and debit notes are the items of ``store.invoices``.
- ``<tenant>#SER`` and ``<tenant>#REG#<kind>#<fiscal year>``: series and register of each kind.
- ``<tenant>#GL#<yyyy-mm>`` / ``<dd>#<shard>``: the day's postings by ledger account, added up in
  shards by account, so that no item is hot (``store.ledger``).

What is owed to the law is sealed under the key of the document's fiscal year.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.accounts import parse_invoice_id
from chalicelib.domain.contacts import Recipient
from chalicelib.domain.documents import Document, Entry
from chalicelib.domain.errors import NotFound
from chalicelib.domain.identifiers import is_ulid
from chalicelib.domain.invoices import Invoice, InvoiceState
from chalicelib.domain.numbering import DocumentKind
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.services import Clock
from chalicelib.ports.store import Page
from chalicelib.store import invoices as codec
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, to_iso
from chalicelib.store.ledger import day_totals
from chalicelib.store.numbering import Dated, series_of
from chalicelib.store.paging import query_page
from chalicelib.store.posting import DOCUMENT_PREFIX, DocumentItem, Poster, read_document
from chalicelib.store.register import page_of_register
from chalicelib.store.subscribers import DynamoSubscribers
from chalicelib.store.tenants import unchanged


class DynamoDocuments(OfTenant):
    """A tenant's documents, and the writes of an entry."""

    def __init__(
        self,
        *,
        tenant_id: str,
        tenant_keys: TenantKeys,
        subscribers: DynamoSubscribers,
        clock: Clock,
        tenant: Callable[[], Tenant],
    ) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys
        self._subscribers = subscribers
        self._clock = clock
        self._tenant = tenant

    # -- reading ---------------------------------------------------------------------------

    def get(self, *, document_id: str) -> Document:
        """Return a document, or raise NotFound."""
        account_id, key = _parse(document_id)
        try:
            item = DocumentItem.get(
                keys.account(self._tenant_id, account_id), f"{DOCUMENT_PREFIX}{key}", consistent_read=True
            )
        except DoesNotExist:
            raise _absent() from None
        # A company journal is no subscriber's, and shown by ``store.funds``.
        if item.kind.lower() != document_id[:3] or item.kind == DocumentKind.COMPANY_JOURNAL.value:
            raise _absent()
        return self._document(item)

    def of_account(
        self, *, account_id: str, limit: int, after: str | None, kind: DocumentKind | None = None
    ) -> Page[Document]:
        """Return an account's documents, or those of a kind, the newest first."""
        page = query_page(
            DocumentItem,
            keys.account(self._tenant_id, account_id),
            limit=limit,
            after=after,
            sort=DocumentItem.sk.startswith(DOCUMENT_PREFIX),
            where=None if kind is None else lambda item: item.kind == kind.value,
            newest_first=True,
        )
        return Page(tuple(map(self._document, page.items)), page.after)

    def by_number(
        self, *, kind: DocumentKind, fiscal_year: int, limit: int, after: str | None, newest_first: bool
    ) -> Page[Document]:
        """Return the documents of a series in the order of their numbers."""
        numbered = page_of_register(
            pk=keys.register(self._tenant_id, series_of(kind, fiscal_year)),
            limit=limit,
            after=after,
            newest_first=newest_first,
        )
        wanted = []
        for one in numbered.items:
            account_id, key = parse_invoice_id(value=one)
            wanted.append((keys.account(self._tenant_id, account_id), f"{DOCUMENT_PREFIX}{key}"))
        items = {(item.pk, item.sk): item for item in DocumentItem.batch_get(wanted, consistent_read=True)}
        return Page(tuple(self._document(items[key]) for key in wanted), numbered.after)

    def open_invoices(self, *, account_id: str, receivable: int) -> tuple[Invoice, ...]:
        """Return the invoices of an account that are not settled.

        They come to ``receivable``, so reading, from the newest on, ends when they do.
        """
        found: list[Invoice] = []
        left = receivable
        unsettled = codec.InvoiceItem.state.is_in(InvoiceState.OPEN.value, InvoiceState.PARTLY_PAID.value)
        items = codec.InvoiceItem.query(
            keys.account(self._tenant_id, account_id),
            codec.InvoiceItem.sk.startswith(codec.INVOICE_PREFIX),
            filter_condition=unsettled,
            scan_index_forward=False,
            consistent_read=True,
        )
        if left <= 0:
            return ()
        for item in items:
            invoice = codec.invoice_of(item, tenant_keys=self._keys, formats=self._tenant().number_formats)
            found.append(invoice)
            left -= invoice.open_amount
            if left <= 0:
                break
        return tuple(found)

    def post(
        self, *, entry: Entry, on: date, fiscal_year: int, recipient: Recipient | None, actor_id: str
    ) -> tuple[Sequence[ModelWrite], tuple[Invoice, ...], tuple[Document, ...]]:
        """Describe writing an entry dated ``on``; return with it what the documents will be.

        Refused with NumbersTaken where another writer took the numbers, StaleVersion where the
        account moved: read and try again. A year's first document of a kind fixes the format of
        their numbers, so it is refused with Busy where the tenant's settings change meanwhile.
        """
        poster = Poster(
            tenant_id=self._tenant_id,
            tenant_keys=self._keys,
            entry=entry,
            dated=Dated(on, fiscal_year, actor_id, to_iso(self._clock.now())),
            recipient=recipient,
            formats=self._tenant().number_formats,
        )
        writes = [
            *poster.writes(),
            *([unchanged(tenant=self._tenant())] if poster.begins_series else []),
            *self._subscribers.change_account(before=entry.before, after=entry.after),
            *day_totals(
                tenant_id=self._tenant_id,
                account_id=entry.before.account_id,
                on=on,
                postings=entry.postings,
            ),
        ]
        return writes, tuple(poster.invoices), tuple(poster.documents)

    def _document(self, item: DocumentItem) -> Document:
        holder = "fnd" if item.kind == DocumentKind.COMPANY_JOURNAL.value else "sbr"
        formats = self._tenant().number_formats
        return read_document(item, holder=holder, tenant_keys=self._keys, formats=formats)


def _parse(value: str) -> tuple[str, str]:
    """Return account id and key of a document's id, or raise NotFound."""
    ulid, _, key = value[4:].partition("-")
    day, _, slot = key.partition("-")
    plausible = value[3:4] == "_" and is_ulid(text=ulid) and len(day) == 8 and len(slot) <= 4
    if not (plausible and day.isdecimal() and slot.isdecimal()):
        raise _absent()
    return f"sbr_{ulid}", key


def _absent() -> NotFound:
    return NotFound("no such document", param="document_id")
