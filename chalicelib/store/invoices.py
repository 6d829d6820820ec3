"""Invoices: the item, its codec, and reading it.

An invoice is one item of at most 1 KB in its account's collection, its ledger entry inside.
The recipient is sealed under the key of the invoice's fiscal year, so that it can be
destroyed with that year and not before. The register of a series holds, in pages of at most
48, which invoice has which number: 19 bytes each (account ULID, day, slot), so that the list
in the order of numbers needs no index, and gaplessness can be shown by reading it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any, Final

import orjson
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.accounts import ChargeKind, parse_invoice_id
from chalicelib.domain.contacts import Recipient
from chalicelib.domain.errors import Busy, NotFound
from chalicelib.domain.invoices import Invoice, InvoiceLine, InvoiceState, LineCredit, Posting, format_number
from chalicelib.domain.numbering import NumberFormat
from chalicelib.domain.periods import Period
from chalicelib.domain.taxes import TaxAmount, TaxBase
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.accounts import recipient_of
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, check, nullable
from chalicelib.store.paging import query_page
from chalicelib.store.register import EPOCH, SeriesItem, page_of_register

Json = dict[str, Any]

INVOICE_PREFIX: Final = "INV#"
# Encoded lines that one run holds; where there are more, it begins anew.
LINES_ENCODED_MAX: Final = 4096
# A tax's base as it is stored: its place here, which never changes.
_BASES: Final = (TaxBase.NET, TaxBase.NET_PLUS_PREVIOUS)
_BASE_INDEX: Final = {base: index for index, base in enumerate(_BASES)}


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
    words = BinaryAttribute(attr_name="w", null=True, legacy_encoding=False)
    kind = UnicodeAttribute(attr_name="k", null=True)
    about = UnicodeAttribute(attr_name="ab", null=True)
    fees = UnicodeAttribute(attr_name="lf", null=True)
    credited_lines = UnicodeAttribute(attr_name="cl", null=True)


# -- codec, shared by the billing run (DynamoDB JSON) and by reading (models) ----------------


def encode_lines(lines: Sequence[InvoiceLine]) -> str:
    """Return the stored JSON of the lines: arrays in the order of ``decode_lines``."""
    return orjson.dumps([_encode_line(line) for line in lines]).decode()


class LineEncoder:
    """Encodes as ``encode_lines`` does, and each line object once: a run's equal lines are one object."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[InvoiceLine, str]] = {}  # holds the line, so that its id stays its own

    def encode(self, lines: Sequence[InvoiceLine]) -> str:
        """Return the stored JSON of the lines."""
        kept = self._kept
        parts = []
        for line in lines:
            known = kept.get(id(line))
            if known is None:
                if len(kept) >= LINES_ENCODED_MAX:
                    kept.clear()
                known = kept[id(line)] = line, orjson.dumps(_encode_line(line)).decode()
            parts.append(known[1])
        return f"[{','.join(parts)}]"


def _encode_line(line: InvoiceLine) -> list[object]:
    return [
        line.description,
        line.package_id.removeprefix("pkg_"),
        line.slot,
        (line.period.start - EPOCH).days,
        line.period.days,
        line.unit_price,
        line.billed_days,
        line.full_days,
        line.net,
        [[tax.code, tax.rate_millionths, tax.amount, _BASE_INDEX[tax.base]] for tax in line.taxes],
        line.kind,
        line.edition,
        line.quantity,
        line.discount,
        line.trace,
    ]


def decode_lines(text: str) -> tuple[InvoiceLine, ...]:
    """Read what ``encode_lines`` wrote."""
    return tuple(_decode_line(row) for row in orjson.loads(text))


def _decode_line(row: list[Any]) -> InvoiceLine:
    start = EPOCH + timedelta(days=row[3])
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


def encode_credited(credited: Sequence[LineCredit]) -> str:
    """Return the stored JSON of what credit notes took of each line: its index, net and taxes."""
    return orjson.dumps([[one.index, one.net, *one.taxes] for one in credited]).decode()


def _decode_credited(text: str | None) -> tuple[LineCredit, ...]:
    rows = orjson.loads(text) if text else ()
    return tuple(LineCredit(index, net, tuple(taxes)) for index, net, *taxes in rows)


def recipient_place(pk: str, sk: str) -> str:
    """Where an invoice's sealed recipient stands: what its ciphertext is bound to."""
    return f"tenants|{pk}|{sk}|who"


def year_family(fiscal_year: int) -> str:
    """The key family of a fiscal year's billing records."""
    return f"bill-{fiscal_year}"


# -- reading -------------------------------------------------------------------------------


class DynamoInvoices(OfTenant):
    """A tenant's invoices; ``formats`` is asked for the formats of their numbers when one is read."""

    def __init__(
        self,
        *,
        tenant_id: str,
        tenant_keys: TenantKeys,
        formats: Callable[[], Sequence[NumberFormat]] = tuple,
    ) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys
        self._formats = formats

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
        self, *, fiscal_year: int, limit: int, after: str | None, newest_first: bool, kind: str = "INV"
    ) -> Page[Invoice]:
        """Return the tenant's invoices, or debit notes, of a fiscal year in the order of their numbers."""
        pk = keys.register(self._tenant_id, f"{kind}#{fiscal_year}")
        page = page_of_register(pk=pk, limit=limit, after=after, newest_first=newest_first)
        return Page(tuple(self._by_ids(page.items)), page.after)

    def _by_ids(self, ids: Sequence[str]) -> list[Invoice]:
        wanted = []
        for one in ids:
            account_id, key = parse_invoice_id(value=one)
            wanted.append((keys.account(self._tenant_id, account_id), keys.invoice(key)))
        items = {(item.pk, item.sk): item for item in InvoiceItem.batch_get(wanted, consistent_read=True)}
        return [self._invoice(items[key]) for key in wanted]

    def series_years(self, *, kind: str = "INV") -> tuple[int, ...]:
        """Return the fiscal years that have documents of a kind, oldest first."""
        items = SeriesItem.query(
            keys.series(self._tenant_id), SeriesItem.sk.startswith(f"{kind}#"), consistent_read=True
        )
        return tuple(int(item.sk.removeprefix(f"{kind}#")) for item in items)

    def none_numbered(self, *, kind: str, fiscal_year: int) -> ModelWrite:
        """Describe the condition that a kind has no number yet in a fiscal year; refused with Busy."""
        return check(
            SeriesItem,
            keys.series(self._tenant_id),
            f"{kind}#{fiscal_year}",
            condition=SeriesItem.pk.does_not_exist(),
            refused=Busy("the year's first document was numbered meanwhile; try again"),
        )

    def _invoice(self, item: InvoiceItem) -> Invoice:
        return invoice_of(item, tenant_keys=self._keys, formats=self._formats())


def invoice_of(
    item: InvoiceItem, *, tenant_keys: TenantKeys, formats: Sequence[NumberFormat] = ()
) -> Invoice:
    """Read an invoice item; ``formats`` are those of the tenant's numbers."""
    fiscal_year = int(item.fiscal_year)
    lines = decode_lines(item.lines)
    account_id = f"sbr_{item.pk.rpartition('#')[2]}"
    kind = nullable(item.kind) or "INV"
    family, place = year_family(fiscal_year), f"tenants|{item.pk}|{item.sk}|words"
    words = tenant_keys.open_kept(family=family, place=place, sealed=nullable(item.words))
    note, _ = orjson.loads(words) if words else ("", "")
    return Invoice(
        invoice_id=f"inv_{account_id.removeprefix('sbr_')}-{item.sk.removeprefix(INVOICE_PREFIX)}",
        account_id=account_id,
        account_code=item.code,
        number=format_number(
            kind=kind, fiscal_year_end=fiscal_year, sequence=int(item.sequence), formats=formats
        ),
        sequence=int(item.sequence),
        series=f"{kind}#{fiscal_year}",
        state=InvoiceState(item.state),
        currency=item.currency,
        issued_on=date.fromisoformat(item.issued_on),
        due_on=date.fromisoformat(item.due_on),
        period=Period(min(line.period.start for line in lines), max(line.period.end for line in lines)),
        lines=lines,
        postings=tuple(Posting(account, amount) for account, amount in orjson.loads(item.postings)),
        run_id=item.run_id,
        recipient=_recipient(item, fiscal_year, tenant_keys),
        paid=int(nullable(item.paid) or 0),
        credited=int(nullable(item.credited) or 0),
        written_off=int(nullable(item.written_off) or 0),
        note=note,
        fees=tuple(orjson.loads(nullable(item.fees) or "[]")),
        kind=kind,
        about=nullable(item.about) or "",
        credited_lines=_decode_credited(nullable(item.credited_lines)),
    )


def _recipient(item: InvoiceItem, fiscal_year: int, tenant_keys: TenantKeys) -> Recipient | None:
    family, place = year_family(fiscal_year), recipient_place(item.pk, item.sk)
    plain = tenant_keys.open_kept(family=family, place=place, sealed=nullable(item.recipient))
    return recipient_of(plain) if plain else None
