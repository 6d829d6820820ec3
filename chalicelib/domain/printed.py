"""What a receipt or an invoice shows on paper: words and figures, in the order in which they stand.

Amounts are decimals in the currency's own digits; dates are the tenant's. How it is drawn is the
adapter's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from chalicelib.domain.contacts import Recipient
from chalicelib.domain.documents import Document, DocumentKind
from chalicelib.domain.errors import Conflict
from chalicelib.domain.invoices import CREDIT, Invoice
from chalicelib.domain.money import currency_digits, format_minor

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)


class NotPrinted(Conflict):
    """Only receipts and invoices are printed."""

    code = "not_printed"


@dataclass(frozen=True, slots=True)
class Printed:
    """A document on paper.

    ``facts`` stand beside the addressee, ``columns`` name the cells of ``rows`` (the first is words, the
    others are amounts), ``totals`` come below, the last in bold. ``remarks`` end it.
    """

    title: str
    company: str
    number: str
    addressee: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    totals: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """What the file is called: plain ASCII."""
        return f"{_UNSAFE.sub('-', self.number)}.pdf"


def amount_shown(*, amount: int, currency: str) -> str:
    """Return minor units with the currency and thousands apart: 164900 PKR is ``PKR 1,649.00``."""
    plain = format_minor(amount=abs(amount), currency=currency)
    whole, dot, part = plain.partition(".")
    assert not dot or len(part) == currency_digits(currency=currency)
    return f"{currency} {'-' if amount < 0 else ''}{int(whole):,}{dot}{part}"


def printed_receipt(
    *, receipt: Document, company: str, recipient: Recipient | None, invoices: Sequence[Invoice]
) -> Printed:
    """Return a receipt on paper: ``invoices`` are those that it settled when it was made.

    Raises NotPrinted where the document is no receipt.
    """
    if receipt.kind is not DocumentKind.RECEIPT:
        raise NotPrinted("only receipts and invoices are printed")

    def shown(amount: int) -> str:
        return amount_shown(amount=amount, currency=receipt.currency)

    settled = dict(receipt.settled)
    to_credit = -sum(one.amount for one in receipt.postings if one.account == CREDIT)
    remarks = ["This payment was taken back."] if receipt.reversed_by else []
    if receipt.refunded:
        remarks.append(f"Given back of it: {shown(receipt.refunded)}.")
    if receipt.charged_back:
        remarks.append(f"Taken back by the payer's bank: {shown(receipt.charged_back)}.")
    kept = [("Kept as credit", shown(to_credit))] if to_credit else []
    facts = [
        ("Date", _day(receipt.issued_on)),
        ("Paid by", receipt.channel.replace("_", " ")),
        ("Reference", receipt.reference),
    ]
    return Printed(
        title="Receipt",
        company=company,
        number=receipt.number,
        addressee=_addressee(recipient, receipt.account_code),
        facts=tuple(one for one in facts if one[1]),
        columns=("Paid for", "Amount"),
        rows=tuple(
            (f"Invoice {one.number} of {_day(one.issued_on)}", shown(settled[one.invoice_id]))
            for one in invoices
        ),
        totals=(*kept, ("Received", shown(receipt.amount))),
        remarks=tuple(remarks),
    )


def printed_invoice(*, invoice: Invoice, company: str) -> Printed:
    """Return an invoice, or a debit note, on paper: each line before tax, its taxes, and with them."""

    def shown(amount: int) -> str:
        return amount_shown(amount=amount, currency=invoice.currency)

    taxes: dict[str, int] = {}
    for line in invoice.lines:
        for tax in line.taxes:
            name = f"{tax.code.replace('_', ' ')} {_percent(tax.rate_millionths)} %"
            taxes[name] = taxes.get(name, 0) + tax.amount
    settled = invoice.total - invoice.open_amount
    totals = [("Before tax", shown(invoice.net))]
    totals += [(name, shown(amount)) for name, amount in taxes.items()]
    totals.append(("Total", shown(invoice.total)))
    if settled:
        totals += [("Settled", shown(settled)), ("To be paid", shown(invoice.open_amount))]
    return Printed(
        title="Invoice" if invoice.kind == DocumentKind.INVOICE.value else "Debit note",
        company=company,
        number=invoice.number,
        addressee=_addressee(invoice.recipient, invoice.account_code),
        facts=(("Date", _day(invoice.issued_on)), ("To be paid by", _day(invoice.due_on))),
        columns=("Description", "Before tax", "Tax", "With tax"),
        rows=tuple(
            (line.description, shown(line.net), shown(line.tax), shown(line.total)) for line in invoice.lines
        ),
        totals=tuple(totals),
    )


def _addressee(recipient: Recipient | None, code: str) -> tuple[str, ...]:
    if recipient is None:
        return (f"Customer {code}",)
    tax_id = f"Tax id {recipient.tax_id}" if recipient.tax_id else ""
    return tuple(one for one in (recipient.name, recipient.address, tax_id, f"Customer {code}") if one)


def _percent(millionths: int) -> str:
    """Return 195000 millionths as ``19.5``."""
    return f"{Decimal(millionths).scaleb(-4).normalize():f}"


def _day(on: date) -> str:
    return f"{on:%d %b %Y}"
