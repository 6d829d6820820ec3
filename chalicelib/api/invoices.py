"""Invoices and debit notes, read only."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import ListAnswer, ListQuery, MoneyOut, Schema
from chalicelib.domain.accounts import ChargeKind, subscription_id
from chalicelib.domain.contacts import Recipient
from chalicelib.domain.invoices import Invoice, InvoiceLine, InvoiceState, Posting
from chalicelib.domain.numbering import DocumentKind
from chalicelib.domain.staff import Permission
from chalicelib.domain.taxes import TaxAmount, TaxBase
from chalicelib.domain.traces import calculation
from chalicelib.usecases import invoices


class InvoiceTaxOut(Schema):
    """One tax of a line; 19.5 % is 195000 millionths.

    Its base is the line's ``net``, or ``net_plus_previous``: net and the taxes before it.
    """

    code: str = Field(examples=["sales_tax"])
    rate_millionths: int
    base: TaxBase
    amount: int

    @classmethod
    def of(cls, tax: TaxAmount) -> InvoiceTaxOut:
        """Render a tax."""
        return cls(code=tax.code, rate_millionths=tax.rate_millionths, base=tax.base, amount=tax.amount)


class InvoiceLineOut(Schema):
    """One charge, amounts in minor units of the invoice's currency; the period's end is exclusive.

    ``unit_price`` by ``quantity`` by ``billed_days`` of ``full_days``, less ``discount``, is the
    ``net``, or where prices contain the taxes the ``total``. ``calculation`` says in words how it came
    to be, from the codes of ``trace``. Null are the subscription and the package's edition of a line
    that is of none.
    """

    kind: ChargeKind
    description: str
    package_id: str | None
    edition: int | None
    subscription_id: str | None
    period_start: date
    period_end: date
    unit_price: int
    quantity: int
    billed_days: int
    full_days: int
    discount: int
    net: int
    taxes: list[InvoiceTaxOut]
    total: int
    calculation: list[str] = Field(examples=[["price of edition 1", "12 of 31 days"]])
    trace: list[str] = Field(examples=[["e1", "t:internet:2026-07-01:PK-SD"]])

    @classmethod
    def of(cls, line: InvoiceLine, *, account_id: str, currency: str) -> InvoiceLineOut:
        """Render a line."""
        return cls(
            kind=line.kind,
            description=line.description,
            package_id=line.package_id or None,
            edition=line.edition if line.package_id else None,
            subscription_id=subscription_id(account_id=account_id, slot=line.slot) if line.slot else None,
            period_start=line.period.start,
            period_end=line.period.end,
            unit_price=line.unit_price,
            quantity=line.quantity,
            billed_days=line.billed_days,
            full_days=line.full_days,
            discount=line.discount,
            net=line.net,
            taxes=[InvoiceTaxOut.of(tax) for tax in line.taxes],
            total=line.total,
            calculation=list(calculation(line=line, currency=currency)),
            trace=list(line.trace),
        )


class PostingOut(Schema):
    """One side of the invoice's ledger entry: debit positive, credit negative; they sum to zero."""

    account: str = Field(examples=["receivable"])
    amount: int

    @classmethod
    def of(cls, posting: Posting) -> PostingOut:
        """Render a posting."""
        return cls(account=posting.account, amount=posting.amount)


class RecipientOut(Schema):
    """Who is billed, as it stood when the invoice was issued."""

    name: str
    address: str
    tax_id: str

    @classmethod
    def of(cls, recipient: Recipient) -> RecipientOut:
        """Render a recipient."""
        return cls(name=recipient.name, address=recipient.address, tax_id=recipient.tax_id)


class InvoiceOut(Schema):
    """An issued invoice; it never changes but for what settles it.

    ``paid``, ``credited`` by credit notes and ``written_off`` settle it, ``open`` is still to be paid;
    ``overdue`` where that is so after ``due_on``, as of the tenant's today. A debit note is an invoice
    too: ``about`` is the one that it adds to. ``note`` is what staff wrote on one made by hand.
    """

    invoice_id: str = Field(examples=["inv_01JD0000000000000000000000-20261101-1"])
    kind: Literal["invoice", "debit_note"]
    number: str = Field(examples=["INV-2027-000123"])
    about: str | None
    subscriber_id: str
    subscriber_code: str
    state: InvoiceState
    issued_on: date
    due_on: date
    period_start: date
    period_end: date
    lines: list[InvoiceLineOut]
    net: MoneyOut
    tax: MoneyOut
    total: MoneyOut
    paid: MoneyOut
    credited: MoneyOut
    written_off: MoneyOut
    open: MoneyOut
    overdue: bool
    note: str
    postings: list[PostingOut]
    recipient: RecipientOut | None

    @classmethod
    def of(cls, invoice: Invoice, *, today: date | None = None) -> InvoiceOut:
        """Render an invoice as of the tenant's today; as of the day it was issued unless given."""

        def money(amount: int) -> MoneyOut:
            return MoneyOut(amount=amount, currency=invoice.currency)

        return cls(
            invoice_id=invoice.invoice_id,
            kind="invoice" if invoice.kind == DocumentKind.INVOICE else "debit_note",
            number=invoice.number,
            about=invoice.about or None,
            subscriber_id=invoice.account_id,
            subscriber_code=invoice.account_code,
            state=invoice.state,
            issued_on=invoice.issued_on,
            due_on=invoice.due_on,
            period_start=invoice.period.start,
            period_end=invoice.period.end,
            lines=[
                InvoiceLineOut.of(line, account_id=invoice.account_id, currency=invoice.currency)
                for line in invoice.lines
            ],
            net=money(invoice.net),
            tax=money(invoice.tax),
            total=money(invoice.total),
            paid=money(invoice.paid),
            credited=money(invoice.credited),
            written_off=money(invoice.written_off),
            open=money(invoice.open_amount),
            overdue=invoice.overdue(today=today or invoice.issued_on),
            note=invoice.note,
            postings=[PostingOut.of(posting) for posting in invoice.postings],
            recipient=RecipientOut.of(invoice.recipient) if invoice.recipient else None,
        )


def shown(aged: invoices.AgedInvoice) -> InvoiceOut:
    """Render an invoice as of today."""
    return InvoiceOut.of(aged.invoice, today=aged.today)


class InvoiceList(ListAnswer):
    """Invoices."""

    items: list[InvoiceOut]


class InvoiceListQuery(ListQuery):
    """Which invoices: those of one fiscal year, named by the calendar year in which it ends."""

    fiscal_year: int | None = Field(
        default=None, ge=2000, le=2200, description="the present one unless given", examples=[2027]
    )
    order: Literal["number", "-number"] = Field(
        default="number", description="by number, or with - the newest first"
    )


@endpoint(
    "GET", "/v1/invoices", permission=Permission.INVOICES_READ, query=InvoiceListQuery, answer=InvoiceList
)
def list_invoices(request: Request) -> InvoiceList:
    """List the invoices of a fiscal year in the order of their numbers."""
    asked = request.query_as(InvoiceListQuery)
    page = invoices.list_invoices(
        store=request.store,
        fiscal_year=asked.fiscal_year,
        limit=asked.limit,
        after=request.after,
        newest_first=asked.order == "-number",
        at=request.now,
        scope=request.principal.scope,
    )
    return request.listing(InvoiceList, page, shown)


@endpoint("GET", "/v1/invoices/{invoice_id}", permission=Permission.INVOICES_READ, answer=InvoiceOut)
def get_invoice(request: Request) -> InvoiceOut:
    """Show an invoice."""
    return shown(
        invoices.get_invoice(store=request.store, invoice_id=request.path["invoice_id"], at=request.now)
    )


@endpoint(
    "GET",
    "/v1/subscribers/{subscriber_id}/invoices",
    permission=Permission.INVOICES_READ,
    query=ListQuery,
    answer=InvoiceList,
)
def list_subscriber_invoices(request: Request) -> InvoiceList:
    """List a subscriber's invoices, the newest period first."""
    page = invoices.list_of_subscriber(
        store=request.store,
        subscriber_id=request.path["subscriber_id"],
        limit=request.query_as(ListQuery).limit,
        after=request.after,
        at=request.now,
    )
    return request.listing(InvoiceList, page, shown)
