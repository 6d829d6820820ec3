"""Invoices: the item, its codec, and reading it.

An invoice is one item of at most 1 KB in its account's collection, its ledger entry inside.
The recipient is sealed under the key of the invoice's fiscal year, so that it can be
destroyed with that year and not before. The register of a series holds, in pages of at most
48, which invoice has which number: 19 bytes each (account ULID, day, slot), so that the list
in the order of numbers needs no index, and gaplessness can be shown by reading it alone.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, Final

import orjson
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.accounts import ChargeKind, invoice_id, parse_invoice_id
from chalicelib.domain.errors import NotFound
from chalicelib.domain.invoices import (
    Invoice,
    InvoiceLine,
    InvoiceState,
    Posting,
    Recipient,
    format_number,
)
from chalicelib.domain.periods import Period
from chalicelib.domain.taxes import TaxAmount, TaxBase
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.accounts import recipient_of
from chalicelib.store.base import TenantsItem, nullable
from chalicelib.store.paging import query_page

Json = dict[str, Any]

INVOICE_PREFIX: Final = "INV#"
SERIES_PREFIX: Final = "INV#"
REGISTER_ENTRY: Final = struct.Struct(">16sHB")
_EPOCH: Final = date(2000, 1, 1)
# A tax's base as it is stored: its place here, which never changes.
_BASES: Final = (TaxBase.NET, TaxBase.NET_PLUS_PREVIOUS)
_BASE_INDEX: Final = {base: index for index, base in enumerate(_BASES)}
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE: Final = {char: index for index, char in enumerate(_CROCKFORD)}


class InvoiceItem(TenantsItem):
    """``<tenant>#A#<account>`` / ``INV#<yyyymmdd>-<slot>``."""

    code = UnicodeAttribute(attr_name="c")
    fiscal_year = NumberAttribute(attr_name="fy")
    sequence = NumberAttribute(attr_name="n")
    state = UnicodeAttribute(attr_name="st")
    currency = UnicodeAttribute(attr_name="cur")
    total = NumberAttribute(attr_name="t")
    issued_on = UnicodeAttribute(attr_name="i")
    due_on = UnicodeAttribute(attr_name="d")
    lines = UnicodeAttribute(attr_name="l")
    postings = UnicodeAttribute(attr_name="j")
    run_id = UnicodeAttribute(attr_name="r")
    recipient = BinaryAttribute(attr_name="who", null=True, legacy_encoding=False)
    paid = NumberAttribute(attr_name="pd", null=True)
    credited = NumberAttribute(attr_name="cn", null=True)
    written_off = NumberAttribute(attr_name="wo", null=True)
    note = UnicodeAttribute(attr_name="nt", null=True)
    fees = UnicodeAttribute(attr_name="lf", null=True)


class SeriesItem(TenantsItem):
    """``<tenant>#SER`` / ``INV#<fiscal year>``: the next number to give."""

    following = NumberAttribute(attr_name="n")


class RegisterItem(TenantsItem):
    """``<tenant>#REG#INV#<fiscal year>`` / first number (9 digits): a page of the register."""

    entries = BinaryAttribute(attr_name="e", legacy_encoding=False)
    run_id = UnicodeAttribute(attr_name="r")
    at = UnicodeAttribute()


# -- codec, shared by the billing run (DynamoDB JSON) and by reading (models) ----------------


def encode_lines(lines: Sequence[InvoiceLine]) -> str:
    """Return the stored JSON of the lines: arrays in the order of ``decode_lines``."""
    return orjson.dumps([_encode_line(line) for line in lines]).decode()


def _encode_line(line: InvoiceLine) -> list[object]:
    return [
        line.description,
        line.package_id.removeprefix("pkg_"),
        line.slot,
        (line.period.start - _EPOCH).days,
        line.period.days,
        line.unit_price,
        line.billed_days,
        line.full_days,
        line.net,
        [[tax.code, tax.rate_millionths, tax.amount, _BASE_INDEX[tax.base]] for tax in line.taxes],
        line.kind.value,
        line.edition,
        line.quantity,
        line.discount,
        line.trace,
    ]


def decode_lines(text: str) -> tuple[InvoiceLine, ...]:
    """Read what ``encode_lines`` wrote."""
    return tuple(_decode_line(row) for row in orjson.loads(text))


def _decode_line(row: list[Any]) -> InvoiceLine:
    start = _EPOCH + timedelta(days=row[3])
    return InvoiceLine(
        description=row[0],
        package_id=row[1] and f"pkg_{row[1]}",
        slot=row[2],
        period=Period(start, start + timedelta(days=row[4])),
        unit_price=row[5],
        billed_days=row[6],
        full_days=row[7],
        net=row[8],
        taxes=tuple(TaxAmount(code, rate, amount, _BASES[base]) for code, rate, amount, base in row[9]),
        kind=ChargeKind(row[10]),
        edition=row[11],
        quantity=row[12],
        discount=row[13],
        trace=tuple(row[14]),
    )


def encode_postings(postings: Sequence[Posting]) -> str:
    """Return the stored JSON of the ledger entry."""
    return orjson.dumps([[posting.account, posting.amount] for posting in postings]).decode()


def recipient_place(pk: str, sk: str) -> str:
    """Where an invoice's sealed recipient stands: what its ciphertext is bound to."""
    return f"tenants|{pk}|{sk}|who"


def year_family(fiscal_year: int) -> str:
    """The key family of a fiscal year's billing records."""
    return f"bill-{fiscal_year}"


def register_entry(*, account_id: str, day: date, slot: int) -> bytes:
    """Return 19 bytes that name a document."""
    number = 0
    for char in account_id.removeprefix("sbr_"):
        number = number << 5 | _VALUE[char]
    return REGISTER_ENTRY.pack(number.to_bytes(16, "big"), (day - _EPOCH).days, slot)


def register_ids(entries: bytes) -> list[str]:
    """Return the invoice ids of a register page, in the order of their numbers."""
    found = []
    for raw, days, slot in REGISTER_ENTRY.iter_unpack(entries):
        number = int.from_bytes(raw, "big")
        ulid = "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
        found.append(
            invoice_id(account_id=f"sbr_{ulid}", period_start=_EPOCH + timedelta(days=days), slot=slot)
        )
    return found


# -- reading -------------------------------------------------------------------------------


class DynamoInvoices:
    """A tenant's invoices."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys

    def get(self, *, invoice_id: str) -> Invoice:
        """Return the invoice, or raise NotFound."""
        account_id, key = parse_invoice_id(value=invoice_id)
        pk = keys.account(self._tenant_id, account_id)
        try:
            return self._invoice(InvoiceItem.get(pk, keys.invoice(key), consistent_read=True))
        except DoesNotExist:
            raise NotFound("no such invoice", param="invoice_id") from None

    def of_account(self, *, account_id: str, limit: int, after: str | None) -> Page[Invoice]:
        """Return a subscriber's invoices, newest period first."""
        page = query_page(
            InvoiceItem,
            keys.account(self._tenant_id, account_id),
            limit=limit,
            after=after,
            sort=InvoiceItem.sk.startswith(INVOICE_PREFIX),
            newest_first=True,
        )
        return Page(tuple(map(self._invoice, page.items)), page.after)

    def by_number(
        self, *, fiscal_year: int, limit: int, after: str | None, newest_first: bool
    ) -> Page[Invoice]:
        """Return the tenant's invoices of a fiscal year in the order of their numbers."""
        pk = keys.register(self._tenant_id, f"{SERIES_PREFIX}{fiscal_year}")
        step = -1 if newest_first else 1
        start = int(after) + step if after else None
        numbered = self._numbered(pk, start=start, newest_first=newest_first)
        wanted: list[tuple[int, str]] = []
        for entry in numbered:
            wanted.append(entry)
            if len(wanted) > limit:
                break
        shown = wanted[:limit]
        more = str(shown[-1][0]) if len(wanted) > limit else None
        return Page(tuple(self._by_ids([found for _, found in shown])), more)

    def _numbered(self, pk: str, *, start: int | None, newest_first: bool) -> Iterator[tuple[int, str]]:
        """Yield (number, invoice id) from ``start`` on, register page by register page."""
        bound = None
        if start is not None:
            first = start if newest_first else max(1, start - 99)
            sort = f"{first:09d}"
            bound = RegisterItem.sk <= sort if newest_first else RegisterItem.sk >= sort
        pages = RegisterItem.query(
            pk,
            range_key_condition=bound,
            scan_index_forward=not newest_first,
            consistent_read=True,
            page_size=50,
        )
        for page in pages:
            first = int(page.sk)
            numbered = list(enumerate(register_ids(page.entries), start=first))
            for number, found in reversed(numbered) if newest_first else numbered:
                if start is None or (number <= start if newest_first else number >= start):
                    yield number, found

    def _by_ids(self, ids: Sequence[str]) -> list[Invoice]:
        wanted = []
        for one in ids:
            account_id, key = parse_invoice_id(value=one)
            wanted.append((keys.account(self._tenant_id, account_id), keys.invoice(key)))
        items = {(item.pk, item.sk): item for item in InvoiceItem.batch_get(wanted, consistent_read=True)}
        return [self._invoice(items[key]) for key in wanted]

    def series_years(self) -> tuple[int, ...]:
        """Return the fiscal years that have invoices, oldest first."""
        items = SeriesItem.query(
            keys.series(self._tenant_id), SeriesItem.sk.startswith(SERIES_PREFIX), consistent_read=True
        )
        return tuple(int(item.sk.removeprefix(SERIES_PREFIX)) for item in items)

    def _invoice(self, item: InvoiceItem) -> Invoice:
        fiscal_year = int(item.fiscal_year)
        lines = decode_lines(item.lines)
        account_id = f"sbr_{item.pk.rpartition('#')[2]}"
        return Invoice(
            invoice_id=f"inv_{account_id.removeprefix('sbr_')}-{item.sk.removeprefix(INVOICE_PREFIX)}",
            account_id=account_id,
            account_code=item.code,
            number=format_number(fiscal_year_end=fiscal_year, sequence=int(item.sequence)),
            sequence=int(item.sequence),
            series=f"{SERIES_PREFIX}{fiscal_year}",
            state=InvoiceState(item.state),
            currency=item.currency,
            issued_on=date.fromisoformat(item.issued_on),
            due_on=date.fromisoformat(item.due_on),
            period=Period(min(line.period.start for line in lines), max(line.period.end for line in lines)),
            lines=lines,
            postings=tuple(Posting(account, amount) for account, amount in orjson.loads(item.postings)),
            run_id=item.run_id,
            recipient=self._recipient(item, fiscal_year),
            paid=int(nullable(item.paid) or 0),
            credited=int(nullable(item.credited) or 0),
            written_off=int(nullable(item.written_off) or 0),
            note=nullable(item.note) or "",
            fees=tuple(orjson.loads(nullable(item.fees) or "[]")),
        )

    def _recipient(self, item: InvoiceItem, fiscal_year: int) -> Recipient | None:
        sealed = nullable(item.recipient)
        if sealed is None:
            return None
        place = recipient_place(item.pk, item.sk)
        return recipient_of(self._keys.open(family=year_family(fiscal_year), place=place, sealed=sealed))
