"""Receipts and invoices as PDF, made when they are asked for and got by a presigned URL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.documents import Document, DocumentKind
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.jobs import DOWNLOAD_TTL_SECONDS
from chalicelib.domain.printed import NotPrinted, Printed, printed_invoice, printed_receipt
from chalicelib.ports.printing import Printer
from chalicelib.ports.services import Blobs
from chalicelib.ports.store import TenantStore
from chalicelib.usecases.downloads import Download
from chalicelib.usecases.invoices import get_invoice

PDF: Final = "application/pdf"


def receipt_on_paper(*, store: TenantStore, receipt: Document) -> Printed:
    """Return what a receipt shows: to whom it is made out as the subscriber is known now.

    Raises NotPrinted where the document is no receipt.
    """
    if receipt.kind is not DocumentKind.RECEIPT:
        raise NotPrinted("only receipts and invoices are printed")
    read = store.subscribing(subscriber_id=receipt.account_id)
    invoices: list[Invoice] = [store.invoices.get(invoice_id=one) for one, _ in receipt.settled]
    recipient = read.subscriber.contact.recipient
    return printed_receipt(
        receipt=receipt, company=read.tenant.company, recipient=recipient, invoices=invoices
    )


def print_receipt(
    *, store: TenantStore, blobs: Blobs, printer: Printer, document_id: str, at: datetime
) -> Download:
    """Draw a receipt as it stands, and return where it is to be got for fifteen minutes.

    Raises NotFound or NotPrinted.
    """
    receipt = store.documents.get(document_id=document_id)
    printed = receipt_on_paper(store=store, receipt=receipt)
    key = f"documents/{store.tenant_id}/{document_id}.pdf"
    return _kept(blobs, key, printed, printer.draw(document=printed), at)


def print_invoice(
    *, store: TenantStore, blobs: Blobs, printer: Printer, invoice_id: str, at: datetime
) -> Download:
    """Draw an invoice as it stands, and return where it is to be got, as a receipt; or raise NotFound."""
    invoice = get_invoice(store=store, invoice_id=invoice_id, at=at).invoice
    printed = printed_invoice(invoice=invoice, company=store.known_profile.company)
    key = f"documents/{store.tenant_id}/{invoice_id}.pdf"
    return _kept(blobs, key, printed, printer.draw(document=printed), at)


def _kept(blobs: Blobs, key: str, printed: Printed, drawn: bytes, at: datetime) -> Download:
    """Keep a PDF where the bucket forgets it within two days."""
    blobs.write(key=key, chunks=[drawn], content_type=PDF)
    name = printed.file_name
    url = blobs.presigned_get(key=key, file_name=name, ttl_seconds=DOWNLOAD_TTL_SECONDS)
    return Download(url, name, at + timedelta(seconds=DOWNLOAD_TTL_SECONDS))
