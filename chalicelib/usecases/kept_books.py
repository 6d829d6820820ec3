"""The books of a purged company, read by the platform's operator: for a tax office, a court, an auditor.

Nothing is changed but the audit log, which tells of the reading before anything is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.domain.documents import Document
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.numbering import DocumentKind
from chalicelib.ports.store import AuditNote, Page, Stores, TenantStore

BOOKS_ACTOR: Final = "platform-operator"
READ_AT_ONCE_MAX: Final = 50
WHY_CHARS_MAX: Final = 500
_INVOICES: Final = frozenset({DocumentKind.INVOICE, DocumentKind.DEBIT_NOTE})
_YEARS: Final = range(1970, 10_000)


class BooksNotKept(Conflict):
    """The company is not purged, or what the law had kept of it is deleted too."""

    code = "books_not_kept"


@dataclass(frozen=True, slots=True)
class BooksAsked:
    """One series of a company's fiscal year, and for which reason; ``after`` is where a page ended."""

    tenant_id: str
    kind: str
    fiscal_year: int
    reason: str
    after: str | None = None


def read_kept_books(*, stores: Stores, asked: BooksAsked, at: datetime) -> Page[Invoice | Document]:
    """Return a page of a series in the order of its numbers.

    Raises NotFound, BooksNotKept, or InvalidValue for a kind, year or reason that is none.
    """
    kind, reason = _kind(asked.kind), asked.reason.strip()
    if not 1 <= len(reason) <= WHY_CHARS_MAX:
        raise InvalidValue(f"a reason has 1 to {WHY_CHARS_MAX} characters", param="reason")
    if asked.fiscal_year not in _YEARS:
        raise InvalidValue(
            "a fiscal year is named by the calendar year in which it ends", param="fiscal_year"
        )
    if asked.after is not None and not (asked.after.isascii() and asked.after.isdigit()):
        raise InvalidValue("after is where the page before ended", param="after")
    store = stores.of(tenant_id=asked.tenant_id)
    tenant = store.profile()
    if not may(state=tenant.state, capability=Capability.BOOKS):
        raise BooksNotKept("its people read them themselves, or there are none any more")
    details = {"kind": kind.value, "fiscal_year": asked.fiscal_year, "after": asked.after, "reason": reason}
    store.commit(store.note(note=AuditNote(BOOKS_ACTOR, "books.read", asked.tenant_id, at, details=details)))
    return _page(store, kind, asked)


def _kind(text: str) -> DocumentKind:
    try:
        return DocumentKind(text)
    except ValueError:
        raise InvalidValue(f"a kind is one of: {', '.join(DocumentKind)}", param="kind") from None


def _page(store: TenantStore, kind: DocumentKind, asked: BooksAsked) -> Page[Invoice | Document]:
    items: Sequence[Invoice | Document]
    if kind in _INVOICES:
        invoices = store.invoices.by_number(
            fiscal_year=asked.fiscal_year,
            limit=READ_AT_ONCE_MAX,
            after=asked.after,
            newest_first=False,
            kind=kind.value,
        )
        items, after = invoices.items, invoices.after
    else:
        documents = store.documents.by_number(
            kind=kind,
            fiscal_year=asked.fiscal_year,
            limit=READ_AT_ONCE_MAX,
            after=asked.after,
            newest_first=False,
        )
        items, after = documents.items, documents.after
    return Page(tuple(items), after)
