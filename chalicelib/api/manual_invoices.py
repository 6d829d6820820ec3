"""Invoices and debit notes made by hand, what they would come to, and what is billed next."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from chalicelib.api.invoices import (
    InvoiceLineOut,
    InvoiceList,
    InvoiceListQuery,
    InvoiceOut,
    PostingOut,
    shown,
)
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import PARTS_MAX, Line, MoneyIn, MoneyOut, Schema
from chalicelib.domain.account_bills import Quarantine
from chalicelib.domain.accounts import ChargeKind, subscription_id
from chalicelib.domain.documents import NOTE_CHARS_MAX
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.manual_invoices import (
    DESCRIPTION_CHARS_MAX,
    QUANTITY_MAX,
    ManualLine,
    check_line_period,
)
from chalicelib.domain.numbering import DocumentKind
from chalicelib.domain.staff import Permission
from chalicelib.usecases import invoices, manual_invoices


class ManualLineIn(Schema):
    """A line; ``unit_price`` is before tax, or with it where the tax group's prices contain it.

    Without a group it is not taxed. The period's end is exclusive; without one the line is of today.
    """

    description: Line = Field(min_length=1, max_length=DESCRIPTION_CHARS_MAX, examples=["Router"])
    unit_price: MoneyIn
    quantity: int = Field(default=1, ge=1, le=QUANTITY_MAX)
    tax_group: str | None = Field(default=None, max_length=40)
    period_start: date | None = None
    period_end: date | None = None
    kind: Literal["one_time", "usage", "activation", "deposit", "late_fee", "reconnect_fee"] = "one_time"

    def line(self, number: int) -> ManualLine:
        """Return the domain's value; refused where the period is none."""
        period, param = None, f"lines.{number}"
        if (self.period_start is None) != (self.period_end is None):
            raise InvalidValue("a period has a start and an end", param=f"{param}.period_start")
        if self.period_start is not None and self.period_end is not None:
            period = check_line_period(start=self.period_start, end=self.period_end, param=param)
        return ManualLine(
            self.description,
            self.unit_price.money(),
            self.quantity,
            self.tax_group,
            period,
            ChargeKind(self.kind),
        )


class ManualInvoiceIn(Schema):
    """An invoice, or debit note, of 1 to 200 lines; without ``due_on`` the tenant's terms hold."""

    lines: list[ManualLineIn] = Field(max_length=PARTS_MAX)
    due_on: date | None = None
    note: Line = Field(default="", max_length=NOTE_CHARS_MAX)

    def asked(self) -> manual_invoices.InvoiceAsked:
        """Return the use case's value."""
        lines = [one.line(number) for number, one in enumerate(self.lines)]
        return manual_invoices.InvoiceAsked(lines, self.due_on, self.note)


class PreviewOut(Schema):
    """An invoice as it would be issued on ``issued_on``; the account's credit would pay ``from_credit``."""

    issued_on: date
    due_on: date
    lines: list[InvoiceLineOut]
    net: MoneyOut
    tax: MoneyOut
    total: MoneyOut
    from_credit: MoneyOut
    postings: list[PostingOut]

    @classmethod
    def of(cls, preview: manual_invoices.PreviewedInvoice) -> PreviewOut:
        """Render a preview."""
        account, invoice = preview.account, preview.invoice

        def money(amount: int) -> MoneyOut:
            return MoneyOut(amount=amount, currency=account.currency)

        return cls(
            issued_on=preview.on,
            due_on=preview.due_on,
            lines=[
                InvoiceLineOut.of(line, account_id=account.account_id, currency=account.currency)
                for line in invoice.lines
            ],
            net=money(invoice.net),
            tax=money(invoice.tax),
            total=money(invoice.total),
            from_credit=money(invoice.from_credit),
            postings=[PostingOut.of(posting) for posting in invoice.postings],
        )


class NotBilledOut(Schema):
    """What could not be billed as things stand; without a subscription it is the pending charges."""

    subscription_id: str | None
    code: str = Field(examples=["tax_rate_missing"])
    message: str

    @classmethod
    def of(cls, held: Quarantine, *, account_id: str) -> NotBilledOut:
        """Render what is held."""
        named = subscription_id(account_id=account_id, slot=held.slot) if held.slot else None
        return cls(subscription_id=named, code=held.code, message=held.message)


class NextInvoicesOut(Schema):
    """What runs would issue through a date as things stand, oldest first; ``more`` where not all is shown."""

    through: date
    invoices: list[PreviewOut]
    not_billed: list[NotBilledOut]
    more: bool

    @classmethod
    def of(cls, found: manual_invoices.NextInvoices, *, account_id: str) -> NextInvoicesOut:
        """Render what comes next."""
        return cls(
            through=found.through,
            invoices=[PreviewOut.of(one) for one in found.invoices],
            not_billed=[NotBilledOut.of(one, account_id=account_id) for one in found.quarantined],
            more=found.more,
        )


class NextInvoicesQuery(Schema):
    """Through which date; the next on which anything is billed, unless given."""

    on: date | None = Field(default=None, examples=["2026-12-01"])


@endpoint(
    "POST",
    "/v1/subscribers/{subscriber_id}/invoices",
    permission=Permission.INVOICES_WRITE,
    body=ManualInvoiceIn,
    answer=InvoiceOut,
    status=201,
    idempotency_required=True,
)
def issue_invoice(request: Request) -> InvoiceOut:
    """Issue an invoice dated today; the account's credit pays it at once, as far as that goes."""
    body, subscriber_id = request.body_as(ManualInvoiceIn), request.path["subscriber_id"]
    made = manual_invoices.issue_invoice(
        store=request.store,
        subscriber_id=subscriber_id,
        asked=body.asked(),
        at=request.now,
        note=request.note("invoice.issued", subscriber_id),
        idempotency=request.idempotency,
    )
    return InvoiceOut.of(made)


@endpoint(
    "POST",
    "/v1/subscribers/{subscriber_id}/invoice-previews",
    permission=Permission.INVOICES_READ,
    body=ManualInvoiceIn,
    answer=PreviewOut,
    without_terms=True,
)
def preview_invoice(request: Request) -> PreviewOut:
    """Compute the invoice that the same body would issue now, and write nothing."""
    made = manual_invoices.preview_invoice(
        store=request.store,
        subscriber_id=request.path["subscriber_id"],
        asked=request.body_as(ManualInvoiceIn).asked(),
        at=request.now,
    )
    return PreviewOut.of(made)


@endpoint(
    "GET",
    "/v1/subscribers/{subscriber_id}/next-invoices",
    permission=Permission.INVOICES_READ,
    query=NextInvoicesQuery,
    answer=NextInvoicesOut,
)
def list_next_invoices(request: Request) -> NextInvoicesOut:
    """Show what runs would issue to a subscriber through a date, as things stand now."""
    subscriber_id = request.path["subscriber_id"]
    found = manual_invoices.next_invoices(
        store=request.store,
        subscriber_id=subscriber_id,
        through=request.query_as(NextInvoicesQuery).on,
        at=request.now,
    )
    return NextInvoicesOut.of(found, account_id=subscriber_id)


@endpoint(
    "POST",
    "/v1/invoices/{invoice_id}/debit-notes",
    permission=Permission.INVOICES_WRITE,
    body=ManualInvoiceIn,
    answer=InvoiceOut,
    status=201,
    idempotency_required=True,
)
def issue_debit_note(request: Request) -> InvoiceOut:
    """Add to an issued invoice by a debit note, which is owed like an invoice."""
    body, invoice_id = request.body_as(ManualInvoiceIn), request.path["invoice_id"]
    made = manual_invoices.issue_debit_note(
        store=request.store,
        invoice_id=invoice_id,
        asked=body.asked(),
        at=request.now,
        note=request.note("debit_note.issued", invoice_id),
        idempotency=request.idempotency,
    )
    return InvoiceOut.of(made)


@endpoint(
    "GET",
    "/v1/debit-notes",
    permission=Permission.INVOICES_READ,
    query=InvoiceListQuery,
    answer=InvoiceList,
)
def list_debit_notes(request: Request) -> InvoiceList:
    """List the debit notes of a fiscal year in the order of their numbers."""
    asked = request.query_as(InvoiceListQuery)
    page = invoices.list_invoices(
        store=request.store,
        fiscal_year=asked.fiscal_year,
        limit=asked.limit,
        after=request.after,
        newest_first=asked.order == "-number",
        at=request.now,
        kind=DocumentKind.DEBIT_NOTE,
        scope=request.principal.scope,
    )
    return request.listing(InvoiceList, page, shown)
