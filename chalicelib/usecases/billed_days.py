"""Reading what was billed of some days, and what credit notes gave back of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chalicelib.domain.accounts import ChargeKind
from chalicelib.domain.documents import Document, DocumentKind
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.refunds import Unserved
from chalicelib.ports.store import TenantStore

_PAGE: Final = 40
# What is looked through at most: days further back are credited by hand.
_PAGES_MAX: Final = 10


def billed_days(
    *, store: TenantStore, account_id: str, wanted: Sequence[Unserved]
) -> tuple[tuple[Invoice, ...], tuple[Document, ...]]:
    """Return the invoices that billed days, oldest first, and the credit notes made of them."""
    invoices = _invoices(store, account_id, wanted)
    notes = _notes(store, account_id, invoices)
    return invoices, notes


def _invoices(store: TenantStore, account_id: str, wanted: Sequence[Unserved]) -> tuple[Invoice, ...]:
    """Return the newest invoices back to those that billed the first of the days."""
    if not wanted:
        return ()
    slots, first = {one.slot for one in wanted}, min(one.start for one in wanted)
    found: list[Invoice] = []
    after: str | None = None
    for _ in range(_PAGES_MAX):
        page = store.invoices.of_account(account_id=account_id, limit=_PAGE, after=after)
        reached = False
        for invoice in page.items:
            lines = [
                line for line in invoice.lines if line.slot in slots and line.kind is ChargeKind.RECURRING
            ]
            if lines:
                found.append(invoice)
            # Days before the first of them are on older invoices, and those are not asked for.
            reached = reached or any(line.period.end <= first for line in lines)
        after = page.after
        if reached or after is None:
            break
    return tuple(reversed(found))


def _notes(store: TenantStore, account_id: str, invoices: Sequence[Invoice]) -> tuple[Document, ...]:
    """Return the credit notes made of invoices."""
    credited = {one.invoice_id for one in invoices if one.credited_lines}
    if not credited:
        return ()
    oldest = min(one.issued_on for one in invoices if one.invoice_id in credited)
    found: list[Document] = []
    after: str | None = None
    for _ in range(_PAGES_MAX):
        page = store.documents.of_account(account_id=account_id, limit=_PAGE, after=after)
        found += [one for one in page.items if one.kind is DocumentKind.CREDIT_NOTE and one.about in credited]
        after = page.after
        if after is None or page.items[-1].issued_on < oldest:
            break
    return tuple(found)
