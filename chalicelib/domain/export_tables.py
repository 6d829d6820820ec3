"""The tables of an export: which columns each has, and how a cell is written as CSV.

A row is a mapping of plain values: text, whole numbers, truth values, dates as ISO text, null,
and amounts as minor units of the row's ``currency``. JSON Lines holds rows as they are. In CSV
an amount is a decimal in the currency's own digits, null is empty, and text that a
spreadsheet would run has an apostrophe before it (``domain.spreadsheets``). A table without
amounts may be without a currency.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, TypeAlias

from chalicelib.domain.accounts import subscription_id, summary_status
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.documents import Document
from chalicelib.domain.export_values import plain
from chalicelib.domain.invoices import Invoice, Posting
from chalicelib.domain.money import format_minor
from chalicelib.domain.spreadsheets import text_cell
from chalicelib.domain.subscribers import Subscriber
from chalicelib.domain.taxes import NO_TAX_PROFILE
from chalicelib.domain.traces import calculation

# Counts up with every change that a reader of the files must know of.
SCHEMA_VERSION: Final = 3

Row: TypeAlias = Mapping[str, object]


class Kind(StrEnum):
    """What a column holds, and so how its CSV cell is written."""

    TEXT = "text"
    PLAIN = "plain"
    AMOUNT = "amount"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Table:
    """One file of an export; ``columns`` in order."""

    name: str
    columns: Mapping[str, Kind]


def columns(*, text: str) -> dict[str, Kind]:
    """Return the columns that a text names, in its order: read ``name:kind``, plain unless said otherwise."""
    pairs = (word.partition(":") for word in text.split())
    return {name: Kind(kind or "plain") for name, _, kind in pairs}


SUBSCRIBERS: Final = Table(
    "subscribers",
    columns(
        text="subscriber_id code:text name:text email:text phone:text address:text national_id:text "
        "tax_id:text note:text area:text dealer_id:text status archived currency balance:amount "
        "created_at consolidated credit:amount deposits:amount tax_profile:json charges:json"
    ),
)
SUBSCRIPTIONS: Final = Table(
    "subscriptions",
    columns(
        text="subscription_id subscriber_id subscriber_code:text package_id package:text state starts_on "
        "ends_on paused_on billed_to anchor_day cycle_unit cycle_count timing currency price:amount "
        "own_price edition quantity parent_slot replaces_slot discounts:json pause_share "
        "for_non_payment"
    ),
)
INVOICES: Final = Table(
    "invoices",
    columns(
        text="invoice_id number subscriber_id subscriber_code:text recipient_name:text "
        "recipient_address:text recipient_tax_id:text state issued_on due_on period_start period_end "
        "currency net:amount tax:amount total:amount run_id paid:amount credited:amount "
        "written_off:amount open:amount overdue kind about note:text postings:json"
    ),
)
INVOICE_LINES: Final = Table(
    "invoice_lines",
    columns(
        text="invoice_id number line subscription_id package_id description:text period_start period_end "
        "billed_days full_days currency unit_price:amount net:amount tax:amount total:amount "
        "taxes:json kind quantity discount:amount edition calculation:json trace:json"
    ),
)
DOCUMENTS: Final = Table(
    "documents",
    columns(
        text="document_id number kind subscriber_id subscriber_code:text recipient_name:text "
        "recipient_address:text recipient_tax_id:text issued_on currency amount:amount net:amount "
        "tax:amount channel:text reason:text about reference:text note:text reversed_by settled:json "
        "postings:json lines:json refunded:amount charged_back:amount"
    ),
)
TABLES: Final = (SUBSCRIBERS, SUBSCRIPTIONS, INVOICES, INVOICE_LINES, DOCUMENTS)


def subscriber_row(*, subscriber: Subscriber) -> Row:
    """Return a row of SUBSCRIBERS; a balance below zero is credit."""
    account, contact = subscriber.account, subscriber.contact
    return {
        "subscriber_id": subscriber.subscriber_id,
        "code": subscriber.code,
        "name": contact.name,
        "email": contact.email,
        "phone": contact.phone,
        "address": contact.address,
        "national_id": contact.national_id,
        "tax_id": contact.tax_id,
        "note": contact.note,
        "area": subscriber.area,
        "dealer_id": subscriber.dealer_id,
        "status": summary_status(account=account).value,
        "archived": subscriber.archived,
        "currency": account.currency,
        "balance": account.balance,
        "created_at": subscriber.created_at.isoformat().replace("+00:00", "Z"),
        "consolidated": account.consolidated,
        "credit": account.credit,
        "deposits": account.deposits,
        "tax_profile": None if account.tax == NO_TAX_PROFILE else plain(value=account.tax),
        "charges": plain(value=account.charges) if account.charges else [],
    }


def subscription_rows(*, subscriber: Subscriber, catalogue: Catalogue, today: date) -> Iterator[Row]:
    """Yield rows of SUBSCRIPTIONS; ``price`` is that of a cycle, ``own_price`` whether it is no package's.

    A package's price is that of the edition that bills a period from the tenant's today.
    """
    account = subscriber.account
    for sub in account.subscriptions:
        package = catalogue.packages.get(sub.package_id)
        price = sub.price_override
        if price is None and package is not None:
            edition = min(sub.edition, package.edition)  # it may be sold after the catalogue was read
            on = max(today, sub.starts_on)
            price = catalogue.package(package_id=sub.package_id, edition=edition, on=on).price.amount
        yield {
            "subscription_id": subscription_id(account_id=account.account_id, slot=sub.slot),
            "subscriber_id": subscriber.subscriber_id,
            "subscriber_code": subscriber.code,
            "package_id": sub.package_id,
            "package": package.name if package else "",
            "state": sub.state.value,
            "starts_on": sub.starts_on.isoformat(),
            "ends_on": sub.ends_on.isoformat() if sub.ends_on else None,
            "paused_on": sub.paused_on.isoformat() if sub.paused_on else None,
            "billed_to": sub.billed_to.isoformat(),
            "anchor_day": sub.anchor_day,
            "cycle_unit": sub.cycle.unit.value,
            "cycle_count": sub.cycle.count,
            "timing": sub.timing.value,
            "currency": account.currency,
            "price": price,
            "own_price": sub.price_override is not None,
            "edition": sub.edition,
            "quantity": sub.quantity,
            "parent_slot": sub.parent,
            "replaces_slot": sub.replaces,
            "discounts": plain(value=sub.discounts) if sub.discounts else [],
            "pause_share": sub.pause_share,
            "for_non_payment": sub.for_non_payment,
        }


def invoice_row(*, invoice: Invoice, today: date) -> Row:
    """Return a row of INVOICES, overdue or not as of the tenant's today; the period's end is exclusive."""
    who = invoice.recipient
    return {
        "invoice_id": invoice.invoice_id,
        "number": invoice.number,
        "subscriber_id": invoice.account_id,
        "subscriber_code": invoice.account_code,
        "recipient_name": who.name if who else "",
        "recipient_address": who.address if who else "",
        "recipient_tax_id": who.tax_id if who else "",
        "state": invoice.state.value,
        "issued_on": invoice.issued_on.isoformat(),
        "due_on": invoice.due_on.isoformat(),
        "period_start": invoice.period.start.isoformat(),
        "period_end": invoice.period.end.isoformat(),
        "currency": invoice.currency,
        "net": invoice.net,
        "tax": invoice.tax,
        "total": invoice.total,
        "run_id": invoice.run_id,
        "paid": invoice.paid,
        "credited": invoice.credited,
        "written_off": invoice.written_off,
        "open": invoice.open_amount,
        "overdue": invoice.overdue(today=today),
        "kind": invoice.kind,
        "about": invoice.about or None,
        "note": invoice.note,
        "postings": _postings(invoice.postings),
    }


def invoice_line_rows(*, invoice: Invoice) -> Iterator[Row]:
    """Yield rows of INVOICE_LINES, numbered from 1; rates are in millionths, tax amounts in minor units."""
    for number, line in enumerate(invoice.lines, start=1):
        yield {
            "invoice_id": invoice.invoice_id,
            "number": invoice.number,
            "line": number,
            "subscription_id": subscription_id(account_id=invoice.account_id, slot=line.slot)
            if line.slot
            else None,
            "package_id": line.package_id or None,
            "description": line.description,
            "period_start": line.period.start.isoformat(),
            "period_end": line.period.end.isoformat(),
            "billed_days": line.billed_days,
            "full_days": line.full_days,
            "currency": invoice.currency,
            "unit_price": line.unit_price,
            "net": line.net,
            "tax": line.tax,
            "total": line.total,
            "taxes": [
                {
                    "code": tax.code,
                    "rate_millionths": tax.rate_millionths,
                    "base": tax.base.value,
                    "amount": tax.amount,
                }
                for tax in line.taxes
            ],
            "kind": line.kind.value,
            "quantity": line.quantity,
            "discount": line.discount,
            "edition": line.edition if line.package_id else None,
            "calculation": calculation(line=line, currency=invoice.currency),
            "trace": line.trace,
        }


def document_row(*, document: Document) -> Row:
    """Return a row of DOCUMENTS: a credit note, receipt, refund or journal.

    ``settled`` are the invoices it went to, with minor units; ``net`` and ``tax`` are there where it
    has lines.
    """
    who, lines = document.recipient, document.lines
    return {
        "document_id": document.document_id,
        "number": document.number,
        "kind": document.kind.value,
        "subscriber_id": document.account_id,
        "subscriber_code": document.account_code,
        "recipient_name": who.name if who else "",
        "recipient_address": who.address if who else "",
        "recipient_tax_id": who.tax_id if who else "",
        "issued_on": document.issued_on.isoformat(),
        "currency": document.currency,
        "amount": document.amount,
        "net": sum(line.net for line in lines) if lines else None,
        "tax": sum(line.tax for line in lines) if lines else None,
        "channel": document.channel,
        "reason": document.reason,
        "about": document.about or None,
        "reference": document.reference,
        "note": document.note,
        "reversed_by": document.reversed_by or None,
        "settled": [{"invoice_id": one, "amount": amount} for one, amount in document.settled],
        "postings": _postings(document.postings),
        "lines": plain(value=lines) if lines else [],
        "refunded": document.refunded,
        "charged_back": document.charged_back,
    }


def _postings(postings: Sequence[Posting]) -> list[dict[str, object]]:
    return [{"account": one.account, "amount": one.amount} for one in postings]


# By names of the module: an export asks for the kinds of millions of cells.
_PLAIN, _TEXT, _AMOUNT = Kind.PLAIN, Kind.TEXT, Kind.AMOUNT


def csv_cells(*, table: Table, row: Row) -> Sequence[str]:
    """Return the row's CSV cells."""
    currency = str(row.get("currency", ""))
    return [_cell(kind, row[name], currency) for name, kind in table.columns.items()]


def _cell(kind: Kind, value: object, currency: str) -> str:
    if value is None:
        return ""
    if kind is _PLAIN:
        return str(value).lower() if value is True or value is False else str(value)
    if kind is _TEXT:
        return text_cell(text=str(value))
    if kind is _AMOUNT:
        assert isinstance(value, int), "an amount is in minor units"
        return format_minor(amount=value, currency=currency)
    return json.dumps(value)
