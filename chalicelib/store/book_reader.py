"""A tenant's books as audits and statements read them: without opening what is sealed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Final

import orjson
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.accounts import parse_invoice_id
from chalicelib.domain.books_audit import AccountMoney, BookedDocument
from chalicelib.domain.documents import document_id
from chalicelib.domain.errors import NotFound
from chalicelib.domain.invoices import CREDIT, RECEIVABLE, InvoiceState, Posting, format_number
from chalicelib.domain.numbering import DocumentKind, NumberFormat
from chalicelib.domain.statements import StatementEntry
from chalicelib.store import keys
from chalicelib.store.accounts import AccountItem
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import nullable
from chalicelib.store.invoices import INVOICE_PREFIX, InvoiceItem
from chalicelib.store.posting import DOCUMENT_PREFIX, DocumentItem
from chalicelib.store.register import SeriesItem, numbered

# What invoices are made of besides lines, recipient and words, which are most of them.
_INVOICE: Final = ["pk", "sk", "k", "fy", "n", "t", "i", "d", "j", "pd", "cn", "wo", "ab"]
_DOCUMENT: Final = ["pk", "sk", "k", "fy", "n", "i", "j", "ch", "re", "ab"]
_OPEN: Final = ["t", "d", "pd", "cn", "wo"]
_UNSETTLED: Final = (InvoiceState.OPEN.value, InvoiceState.PARTLY_PAID.value)
_INVOICE_KINDS: Final = frozenset({DocumentKind.INVOICE.value, DocumentKind.DEBIT_NOTE.value})
_BALANCE: Final = frozenset({RECEIVABLE, CREDIT})


class DynamoBookReader(OfTenant):
    """Reads one tenant's documents; ``formats`` are asked for when a number is shown."""

    def __init__(self, *, tenant_id: str, formats: Callable[[], Sequence[NumberFormat]] = tuple) -> None:
        self._tenant_id = tenant_id
        self._formats = formats

    # -- registers -------------------------------------------------------------------------

    def series(self) -> dict[str, int]:
        """Return each number series with the number that it gives next."""
        items = SeriesItem.query(keys.series(self._tenant_id), consistent_read=True)
        return {item.sk: int(item.following) for item in items}

    def register(self, *, series: str, start: int) -> Iterator[tuple[int, str]]:
        """Yield (number, document id) of a register from a number on."""
        kind = DocumentKind(series.partition("#")[0])
        pk = keys.register(self._tenant_id, series)
        for number, found in numbered(pk=pk, start=start, newest_first=False):
            account_id, key = parse_invoice_id(value=found)
            yield number, _shown_id(kind.value, account_id, key)

    def numbers(self, *, series: str, document_ids: Sequence[str]) -> dict[str, int]:
        """Return the numbers that documents have themselves; those that do not exist are left out."""
        invoices = series.partition("#")[0] in _INVOICE_KINDS
        by_key = {}
        for one in document_ids:
            ulid, _, key = one[4:].partition("-")
            sk = keys.invoice(key) if invoices else f"{DOCUMENT_PREFIX}{key}"
            by_key[keys.account(self._tenant_id, ulid), sk] = one
        wanted = list(by_key)
        model = InvoiceItem if invoices else DocumentItem
        items = model.batch_get(wanted, consistent_read=True, attributes_to_get=["pk", "sk", "n"])
        return {by_key[item.pk, item.sk]: int(item.sequence) for item in items}

    # -- accounts --------------------------------------------------------------------------

    def money(self, *, account_id: str) -> AccountMoney:
        """Return what an account says it comes to, or raise NotFound."""
        pk = keys.account(self._tenant_id, account_id)
        try:
            item = AccountItem.get(pk, keys.ACCOUNT, consistent_read=True)
        except DoesNotExist:
            raise NotFound("no such subscriber", param="subscriber_id") from None
        return AccountMoney(
            account_id,
            int(item.version),
            int(item.balance),
            int(nullable(item.credit) or 0),
            int(nullable(item.deposits) or 0),
        )

    def documents(self, *, account_id: str) -> Iterator[BookedDocument]:
        """Yield an account's documents, invoices among them."""
        for item in self._invoices(account_id):
            total, kind = int(item.total), nullable(item.kind) or DocumentKind.INVOICE.value
            settled = (item.paid, item.credited, item.written_off)
            yield BookedDocument(
                document_id=_shown_id(kind, account_id, item.sk.removeprefix(INVOICE_PREFIX)),
                series=f"{kind}#{int(item.fiscal_year)}",
                sequence=int(item.sequence),
                postings=_postings(item.postings),
                total=total,
                open_amount=total - sum(int(nullable(one) or 0) for one in settled),
            )
        for document in self._others(account_id):
            yield BookedDocument(
                document_id=_shown_id(document.kind, account_id, document.sk.removeprefix(DOCUMENT_PREFIX)),
                series=f"{document.kind}#{int(document.fiscal_year)}",
                sequence=int(document.sequence),
                postings=_postings(document.postings),
            )

    def oldest_due(self, *, account_id: str, receivable: int) -> date | None:
        """Return by when the oldest open invoice of an account is to be paid; None where none is open.

        Open invoices come to ``receivable``, so reading, from the newest on, ends when they do.
        """
        found: date | None = None
        left = receivable
        items = InvoiceItem.query(
            keys.account(self._tenant_id, account_id),
            InvoiceItem.sk.startswith(INVOICE_PREFIX),
            filter_condition=InvoiceItem.state.is_in(*_UNSETTLED),
            scan_index_forward=False,
            consistent_read=True,
            attributes_to_get=_OPEN,
        )
        for item in items if left > 0 else ():
            due = date.fromisoformat(item.due_on)
            found = due if found is None else min(found, due)
            settled = (item.paid, item.credited, item.written_off)
            left -= int(item.total) - sum(int(nullable(one) or 0) for one in settled)
            if left <= 0:
                break
        return found

    def statement_entries(
        self, *, account_id: str, since: date, most: int
    ) -> list[tuple[StatementEntry, int]]:
        """Return (entry, sequence) of the account's documents dated ``since`` or later, ``most`` at most.

        Invoices are keyed by the first day of their period, which may be long before they are issued:
        so all of an account are looked at.
        """
        found: list[tuple[StatementEntry, int]] = []
        for item in self._invoices(account_id, since):
            if len(found) == most:
                return found
            kind = nullable(item.kind) or DocumentKind.INVOICE.value
            entry = StatementEntry(
                on=date.fromisoformat(item.issued_on),
                kind=kind,
                number=self._number(kind, item),
                document_id=_shown_id(kind, account_id, item.sk.removeprefix(INVOICE_PREFIX)),
                amount=_moved(_postings(item.postings)),
                due_on=date.fromisoformat(item.due_on),
                about=nullable(item.about) or "",
            )
            found.append((entry, int(item.sequence)))
        for document in self._others(account_id, since):
            if len(found) == most:
                return found
            entry = StatementEntry(
                on=date.fromisoformat(document.issued_on),
                kind=document.kind,
                number=self._number(document.kind, document),
                document_id=_shown_id(document.kind, account_id, document.sk.removeprefix(DOCUMENT_PREFIX)),
                amount=_moved(_postings(document.postings)),
                channel=nullable(document.channel) or "",
                reason=nullable(document.reason) or "",
                about=nullable(document.about) or "",
            )
            found.append((entry, int(document.sequence)))
        return found

    def _number(self, kind: str, item: InvoiceItem | DocumentItem) -> str:
        return format_number(
            kind=kind,
            fiscal_year_end=int(item.fiscal_year),
            sequence=int(item.sequence),
            formats=self._formats(),
        )

    def _invoices(self, account_id: str, since: date | None = None) -> Iterator[InvoiceItem]:
        return iter(
            InvoiceItem.query(
                keys.account(self._tenant_id, account_id),
                InvoiceItem.sk.startswith(INVOICE_PREFIX),
                filter_condition=InvoiceItem.issued_on >= since.isoformat() if since else None,
                consistent_read=True,
                attributes_to_get=_INVOICE,
            )
        )

    def _others(self, account_id: str, since: date | None = None) -> Iterator[DocumentItem]:
        first = f"{DOCUMENT_PREFIX}{since.isoformat().replace('-', '')}" if since else DOCUMENT_PREFIX
        return iter(
            DocumentItem.query(
                keys.account(self._tenant_id, account_id),
                DocumentItem.sk.between(first, f"{DOCUMENT_PREFIX}~"),
                consistent_read=True,
                attributes_to_get=_DOCUMENT,
            )
        )


def _postings(text: str) -> tuple[Posting, ...]:
    return tuple(Posting(account, amount) for account, amount in orjson.loads(text))


def _moved(postings: Sequence[Posting]) -> int:
    """Return by how much postings move the account's balance."""
    return sum(posting.amount for posting in postings if posting.account in _BALANCE)


def _shown_id(kind: str, account_id: str, key: str) -> str:
    if kind in _INVOICE_KINDS:
        # A debit note is kept, and found, as an invoice.
        return f"inv_{account_id.removeprefix('sbr_')}-{key}"
    return document_id(kind=DocumentKind(kind), account_id=account_id, key=key)
