"""The demo ISP takes payments through the sandbox, and has an invoice that a visitor can pay."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final

from chalicelib.bootstrap import Services
from chalicelib.domain.gateways import GatewayKind
from chalicelib.domain.manual_invoices import ManualLine
from chalicelib.domain.money import Money
from chalicelib.ports.store import AuditNote, SubscriberQuery
from chalicelib.store.tenant import DynamoTenantStore
from chalicelib.usecases.gateways import GatewayAsked, put_gateway
from chalicelib.usecases.manual_invoices import InvoiceAsked, issue_invoice
from chalicelib.usecases.pay_links import make_pay_link

ROUTER: Final = ManualLine("Wi-Fi router, delivered and set up", Money(649_900, "PKR"))


def open_till(services: Services, store: DynamoTenantStore, *, sold_at: datetime, now: datetime) -> str:
    """Set the sandbox up, sell a router to the first subscriber, and return where it is paid."""
    put_gateway(
        ports=services.gateways,
        store=store,
        kind=GatewayKind.SANDBOX,
        asked=GatewayAsked(
            enabled=True, live=False, settings={}, secrets={"signing_secret": secrets.token_urlsafe(24)}
        ),
        note=AuditNote("system", "gateway.put", GatewayKind.SANDBOX.value, sold_at),
    )
    first = store.subscribers.list(query=SubscriberQuery(), limit=1, after=None).items[0]
    invoice = issue_invoice(
        store=store,
        subscriber_id=first.subscriber_id,
        asked=InvoiceAsked([ROUTER]),
        at=sold_at,
        note=AuditNote("system", "invoice.issued", first.subscriber_id, sold_at),
    )
    link = make_pay_link(
        ports=services.gateways,
        identity=services.identity,
        store=store,
        invoice_id=invoice.invoice_id,
        at=now,
        note=AuditNote("system", "invoice.pay_link_made", invoice.invoice_id, now),
    )
    return link.url
