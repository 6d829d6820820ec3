"""Credit notes, receipts, refunds and journals: reading them, and what settles without money."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from chalicelib.api.invoices import InvoiceLineOut, PostingOut, RecipientOut
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import PARTS_MAX, Line, ListAnswer, ListQuery, MoneyIn, MoneyOut, Schema
from chalicelib.domain.documents import NOTE_CHARS_MAX, Document, DocumentKind
from chalicelib.domain.invoices import CREDIT
from chalicelib.domain.payments import Source, WriteOffReason
from chalicelib.domain.staff import Permission
from chalicelib.usecases import documents, settlements

Kind = Literal["credit_note", "receipt", "refund", "journal"]
KINDS: dict[DocumentKind, Kind] = {
    DocumentKind.CREDIT_NOTE: "credit_note",
    DocumentKind.RECEIPT: "receipt",
    DocumentKind.REFUND: "refund",
    DocumentKind.JOURNAL: "journal",
}
INVOICE_ID_CHARS_MAX = 60


class SettledOut(Schema):
    """What of a document went to an invoice, in minor units; negative opened it again."""

    invoice_id: str
    amount: int


class DocumentOut(Schema):
    """A credit note, receipt of a payment, refund or journal; it never changes.

    ``about`` is the invoice or document that it is about, or of cash that a collector took the
    collector's fund, ``settled`` the invoices that it went to,
    ``to_credit`` what of it became the account's credit (negative: what was taken from that).
    ``reversed_by`` is the journal that took a payment back. Of a receipt, ``pays`` are the invoices that
    it pays now, and ``refunded`` and ``charged_back`` what of it was given back, or taken back by the
    payer's bank.
    """

    document_id: str = Field(examples=["rcp_01JD0000000000000000000000-20261101-201"])
    kind: Kind
    number: str = Field(examples=["RCP-2027-000123"])
    subscriber_id: str
    subscriber_code: str
    issued_on: date
    amount: MoneyOut
    to_credit: MoneyOut
    settled: list[SettledOut]
    lines: list[InvoiceLineOut]
    channel: str | None = Field(examples=["cash"])
    reason: str | None = Field(examples=["error"])
    about: str | None
    reference: str
    note: str
    postings: list[PostingOut]
    recipient: RecipientOut | None
    reversed_by: str | None
    pays: list[SettledOut]
    refunded: MoneyOut
    charged_back: MoneyOut

    @classmethod
    def of(cls, document: Document) -> DocumentOut:
        """Render a document."""
        to_credit = -sum(one.amount for one in document.postings if one.account == CREDIT)
        return cls(
            document_id=document.document_id,
            kind=KINDS[document.kind],
            number=document.number,
            subscriber_id=document.account_id,
            subscriber_code=document.account_code,
            issued_on=document.issued_on,
            amount=MoneyOut(amount=document.amount, currency=document.currency),
            to_credit=MoneyOut(amount=to_credit, currency=document.currency),
            settled=[SettledOut(invoice_id=one, amount=amount) for one, amount in document.settled],
            lines=[
                InvoiceLineOut.of(line, account_id=document.account_id, currency=document.currency)
                for line in document.lines
            ],
            channel=document.channel or None,
            reason=document.reason or None,
            about=document.about or None,
            reference=document.reference,
            note=document.note,
            postings=[PostingOut.of(posting) for posting in document.postings],
            recipient=RecipientOut.of(document.recipient) if document.recipient else None,
            reversed_by=document.reversed_by or None,
            pays=[SettledOut(invoice_id=one, amount=amount) for one, amount in document.pays],
            refunded=MoneyOut(amount=document.refunded, currency=document.currency),
            charged_back=MoneyOut(amount=document.charged_back, currency=document.currency),
        )


class DocumentList(ListAnswer):
    """Documents."""

    items: list[DocumentOut]


class DocumentListQuery(ListQuery):
    """Which documents: those of one kind and fiscal year, named by the calendar year in which it ends."""

    kind: Kind = Field(examples=["credit_note"])
    fiscal_year: int | None = Field(
        default=None, ge=2000, le=2200, description="the present one unless given", examples=[2027]
    )
    order: Literal["number", "-number"] = Field(
        default="number", description="by number, or with - the newest first"
    )


class SubscriberDocumentsQuery(ListQuery):
    """Which of a subscriber's documents."""

    kind: Kind | None = Field(default=None, description="of every kind unless given")


@endpoint(
    "GET",
    "/v1/documents",
    permission=Permission.PAYMENTS_READ,
    query=DocumentListQuery,
    answer=DocumentList,
)
def list_documents(request: Request) -> DocumentList:
    """List the documents of a kind and fiscal year in the order of their numbers."""
    asked = request.query_as(DocumentListQuery)
    page = documents.list_documents(
        store=request.store,
        kind=DocumentKind[asked.kind.upper()],
        fiscal_year=asked.fiscal_year,
        limit=asked.limit,
        after=request.after,
        newest_first=asked.order == "-number",
        at=request.now,
        scope=request.principal.scope,
    )
    return request.listing(DocumentList, page, DocumentOut.of)


@endpoint("GET", "/v1/documents/{document_id}", permission=Permission.PAYMENTS_READ, answer=DocumentOut)
def get_document(request: Request) -> DocumentOut:
    """Show a credit note, receipt, refund or journal."""
    return DocumentOut.of(request.store.documents.get(document_id=request.path["document_id"]))


@endpoint(
    "GET",
    "/v1/subscribers/{subscriber_id}/documents",
    permission=Permission.PAYMENTS_READ,
    query=SubscriberDocumentsQuery,
    answer=DocumentList,
)
def list_subscriber_documents(request: Request) -> DocumentList:
    """List a subscriber's documents, the newest first; a page may be short and yet go on."""
    asked = request.query_as(SubscriberDocumentsQuery)
    page = documents.list_of_subscriber(
        store=request.store,
        subscriber_id=request.path["subscriber_id"],
        kind=DocumentKind[asked.kind.upper()] if asked.kind else None,
        limit=asked.limit,
        after=request.after,
    )
    return request.listing(DocumentList, page, DocumentOut.of)


# -- settling without money ------------------------------------------------------------------


class AllocationPart(Schema):
    """What of an invoice is to be paid."""

    invoice_id: str = Field(
        min_length=1,
        max_length=INVOICE_ID_CHARS_MAX,
        examples=["inv_01JD0000000000000000000000-20261101-1"],
    )
    amount: MoneyIn

    def part(self) -> settlements.Allocation:
        """Return the use case's value."""
        return settlements.Allocation(self.invoice_id, self.amount.money())


class AllocationIn(Schema):
    """Credit, or a deposit, that is to pay invoices: the named ones, or the oldest due first."""

    source: Source = Source.CREDIT
    allocations: list[AllocationPart] = Field(default=[], max_length=PARTS_MAX)
    note: Line = Field(default="", max_length=NOTE_CHARS_MAX)


class WriteOffIn(Schema):
    """An invoice to be given up: all that is open, unless an amount says less."""

    reason: WriteOffReason = Field(examples=["uncollectible"])
    amount: MoneyIn | None = None
    note: Line = Field(default="", max_length=NOTE_CHARS_MAX)


@endpoint(
    "POST",
    "/v1/subscribers/{subscriber_id}/allocations",
    permission=Permission.PAYMENTS_WRITE,
    body=AllocationIn,
    answer=DocumentOut,
    status=201,
    idempotency_required=True,
)
def allocate_credit(request: Request) -> DocumentOut:
    """Let the account's credit, or its deposit, pay open invoices: a journal."""
    body, subscriber_id = request.body_as(AllocationIn), request.path["subscriber_id"]
    parts = [one.part() for one in body.allocations]
    made = settlements.allocate_account(
        store=request.store,
        subscriber_id=subscriber_id,
        asked=settlements.AllocationAsked(body.source, parts, body.note),
        at=request.now,
        note=request.note("credit.allocated", subscriber_id, source=body.source.value),
        idempotency=request.idempotency,
    )
    return DocumentOut.of(made)


@endpoint(
    "POST",
    "/v1/invoices/{invoice_id}/write-offs",
    permission=Permission.INVOICES_WRITE,
    body=WriteOffIn,
    answer=DocumentOut,
    status=201,
    idempotency_required=True,
)
def write_off_invoice(request: Request) -> DocumentOut:
    """Give up what is open of an invoice: a journal."""
    body, invoice_id = request.body_as(WriteOffIn), request.path["invoice_id"]
    amount = body.amount.money() if body.amount else None
    made = settlements.write_off_invoice(
        store=request.store,
        invoice_id=invoice_id,
        asked=settlements.WriteOffAsked(body.reason, amount, body.note),
        at=request.now,
        note=request.note("invoice.written_off", invoice_id, reason=body.reason.value),
        idempotency=request.idempotency,
    )
    return DocumentOut.of(made)
