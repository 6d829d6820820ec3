"""Links by which an invoice is paid without signing in, and the mail that has one."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Schema
from chalicelib.domain.staff import Permission
from chalicelib.usecases import pay_links


class PayLinkOut(Schema):
    """A page where anybody who has its address pays the invoice, until it expires."""

    url: str
    expires_at: datetime


class InvoiceMailOut(Schema):
    """The mail was asked for."""

    to: str = Field(examples=["a***@mail.example"])


@endpoint(
    "POST",
    "/v1/invoices/{invoice_id}/pay-links",
    permission=Permission.PAYMENTS_RECORD,
    answer=PayLinkOut,
    status=201,
)
def make_pay_link(request: Request) -> PayLinkOut:
    """Make a link by which the invoice is paid without signing in."""
    invoice_id = request.path["invoice_id"]
    link = pay_links.make_pay_link(
        ports=request.services.gateways,
        identity=request.services.identity,
        store=request.store,
        invoice_id=invoice_id,
        at=request.now,
        note=request.note("invoice.pay_link_made", invoice_id),
    )
    return PayLinkOut(url=link.url, expires_at=link.expires_at)


@endpoint(
    "POST",
    "/v1/invoices/{invoice_id}/mails",
    permission=Permission.PAYMENTS_RECORD,
    answer=InvoiceMailOut,
    status=202,
)
def mail_invoice(request: Request) -> InvoiceMailOut:
    """Send the invoice's summary to its subscriber, with a pay link where a gateway takes payments."""
    invoice_id = request.path["invoice_id"]
    to = pay_links.ask_invoice_mail(
        identity=request.services.identity,
        queue=request.services.mail_queue,
        store=request.store,
        invoice_id=invoice_id,
        at=request.now,
        note=request.note("invoice.mailed", invoice_id),
    )
    return InvoiceMailOut(to=to)
