"""What a subscriber sees of their own in the portal, and their own password and sessions."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from chalicelib.api.invoices import InvoiceTaxOut, RecipientOut
from chalicelib.api.me import NewPassword, OwnSessionList, OwnSessionOut
from chalicelib.api.portal_access import asking
from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import ListAnswer, ListQuery, MoneyOut, Schema
from chalicelib.api.sessions import SessionOut, begun, ended
from chalicelib.domain.accounts import Subscription, SubscriptionState, subscription_id
from chalicelib.domain.invoices import Invoice, InvoiceLine, InvoiceState
from chalicelib.domain.numbering import DocumentKind
from chalicelib.domain.passwords import PASSWORD_CHARS_MAX
from chalicelib.domain.portal import masked_email, masked_phone
from chalicelib.domain.staff import Permission
from chalicelib.usecases import invoices, own_sessions, portal_passwords
from chalicelib.usecases.portal import OwnService, open_portal, own_service
from chalicelib.usecases.sessions import log_out


class PortalSubscriptionOut(Schema):
    """A service of one's own. ``ends_on`` is the first day without it."""

    subscription_id: str = Field(examples=["sbn_01JD0000000000000000000000-1"])
    package: str
    state: SubscriptionState
    starts_on: date
    ends_on: date | None
    quantity: int

    @classmethod
    def of(cls, sub: Subscription, service: OwnService) -> PortalSubscriptionOut:
        """Render a subscription."""
        account_id = service.subscriber.subscriber_id
        return cls(
            subscription_id=subscription_id(account_id=account_id, slot=sub.slot),
            package=service.packages[sub.package_id],
            state=sub.state,
            starts_on=sub.starts_on,
            ends_on=sub.ends_on,
            quantity=sub.quantity,
        )


class PortalMeOut(Schema):
    """Who is signed in, at which ISP, with what service; email and phone as their owner knows them.

    ``balance`` is what is owed, negative where the ISP owes.
    """

    subscriber_id: str
    username: str
    name: str
    email: str = Field(examples=["a***@mail.example"])
    phone: str = Field(examples=["***567"])
    company: str
    balance: MoneyOut
    subscriptions: list[PortalSubscriptionOut]

    @classmethod
    def of(cls, service: OwnService) -> PortalMeOut:
        """Render a subscriber to themselves."""
        subscriber, contact = service.subscriber, service.subscriber.contact
        account = subscriber.account
        return cls(
            subscriber_id=subscriber.subscriber_id,
            username=subscriber.code,
            name=contact.name,
            email=masked_email(email=contact.email),
            phone=masked_phone(phone=contact.phone),
            company=service.tenant.company,
            balance=MoneyOut(amount=account.balance, currency=account.currency),
            subscriptions=[PortalSubscriptionOut.of(one, service) for one in account.subscriptions],
        )


class PortalInvoiceLineOut(Schema):
    """One charge, amounts in minor units of the invoice's currency; the period's end is exclusive."""

    description: str
    period_start: date
    period_end: date
    unit_price: int
    quantity: int
    discount: int
    net: int
    taxes: list[InvoiceTaxOut]
    total: int

    @classmethod
    def of(cls, line: InvoiceLine) -> PortalInvoiceLineOut:
        """Render a line."""
        return cls(
            description=line.description,
            period_start=line.period.start,
            period_end=line.period.end,
            unit_price=line.unit_price,
            quantity=line.quantity,
            discount=line.discount,
            net=line.net,
            taxes=[InvoiceTaxOut.of(tax) for tax in line.taxes],
            total=line.total,
        )


class PortalInvoiceOut(Schema):
    """An invoice, or a debit note, of one's own, as of the ISP's today: no postings, no notes of staff."""

    invoice_id: str = Field(examples=["inv_01JD0000000000000000000000-20261101-1"])
    kind: Literal["invoice", "debit_note"]
    number: str = Field(examples=["INV-2027-000123"])
    state: InvoiceState
    issued_on: date
    due_on: date
    period_start: date
    period_end: date
    lines: list[PortalInvoiceLineOut]
    net: MoneyOut
    tax: MoneyOut
    total: MoneyOut
    open: MoneyOut
    overdue: bool
    recipient: RecipientOut | None

    @classmethod
    def of(cls, aged: invoices.AgedInvoice) -> PortalInvoiceOut:
        """Render an invoice to whose it is."""
        invoice = aged.invoice
        return cls(
            invoice_id=invoice.invoice_id,
            kind="invoice" if invoice.kind == DocumentKind.INVOICE else "debit_note",
            number=invoice.number,
            state=invoice.state,
            issued_on=invoice.issued_on,
            due_on=invoice.due_on,
            period_start=invoice.period.start,
            period_end=invoice.period.end,
            lines=[PortalInvoiceLineOut.of(line) for line in invoice.lines],
            net=_money(invoice, invoice.net),
            tax=_money(invoice, invoice.tax),
            total=_money(invoice, invoice.total),
            open=_money(invoice, invoice.open_amount),
            overdue=invoice.overdue(today=aged.today),
            recipient=RecipientOut.of(invoice.recipient) if invoice.recipient else None,
        )


def _money(invoice: Invoice, amount: int) -> MoneyOut:
    return MoneyOut(amount=amount, currency=invoice.currency)


class PortalInvoiceList(ListAnswer):
    """One's own invoices."""

    items: list[PortalInvoiceOut]


class PortalPasswordIn(Schema):
    """The password as it is, where there is one, and as it is to be."""

    current: str | None = Field(default=None, max_length=PASSWORD_CHARS_MAX, repr=False)
    password: NewPassword


@endpoint("DELETE", "/v1/portal/sessions/current", permission=Permission.PORTAL_SELF, status=204)
def portal_log_out(request: Request) -> Answer:
    """Sign out of the portal: the session ends at once."""
    log_out(sessions=request.services.portal_sessions, session=request.own_session)
    return ended(request, portal=True)


@endpoint("GET", "/v1/portal/me", permission=Permission.PORTAL_SELF, answer=PortalMeOut)
def get_portal_me(request: Request) -> PortalMeOut:
    """Return who is signed in, and their service."""
    return PortalMeOut.of(own_service(store=request.store, subscriber_id=request.principal.actor_id))


@endpoint(
    "POST",
    "/v1/portal/me/password",
    permission=Permission.PORTAL_SELF,
    body=PortalPasswordIn,
    answer=SessionOut,
    status=201,
)
def change_portal_password(request: Request) -> Answer:
    """Set or change one's own password: a new session takes the place of all others, and a mail says so."""
    body = request.body_as(PortalPasswordIn)
    logged_in = portal_passwords.change_own_password(
        portal=request.services.portal,
        store=request.store,
        principal=request.principal,
        current=body.current,
        password=body.password,
        asking=asking(request),
    )
    return begun(request, logged_in, portal=True)


@endpoint("GET", "/v1/portal/me/sessions", permission=Permission.PORTAL_SELF, answer=OwnSessionList)
def list_own_portal_sessions(request: Request) -> OwnSessionList:
    """List one's own sessions of the portal."""
    open_portal(store=request.store)
    current = request.own_session.session_id
    found = own_sessions.own_sessions(
        sessions=request.services.portal_sessions, session=request.own_session, at=request.now
    )
    return OwnSessionList(items=[OwnSessionOut.of(one, current) for one in found])


@endpoint("DELETE", "/v1/portal/me/sessions", permission=Permission.PORTAL_SELF, status=204)
def end_other_portal_sessions(request: Request) -> Answer:
    """End all of one's own sessions of the portal but this one, at once."""
    own_sessions.end_other_sessions(
        sessions=request.services.portal_sessions,
        store=request.store,
        session=request.own_session,
        note=request.note("portal.sessions_ended", request.principal.actor_id),
    )
    return Answer(None)


@endpoint("DELETE", "/v1/portal/me/sessions/{session_id}", permission=Permission.PORTAL_SELF, status=204)
def end_own_portal_session(request: Request) -> Answer:
    """End one of one's own sessions of the portal at once."""
    own_sessions.end_own_session(
        sessions=request.services.portal_sessions,
        store=request.store,
        session=request.own_session,
        session_id=request.path["session_id"],
        note=request.note("portal.session_ended", request.principal.actor_id),
    )
    return Answer(None)


@endpoint(
    "GET",
    "/v1/portal/invoices",
    permission=Permission.PORTAL_SELF,
    query=ListQuery,
    answer=PortalInvoiceList,
)
def list_own_invoices(request: Request) -> PortalInvoiceList:
    """List one's own invoices, the newest period first."""
    open_portal(store=request.store)
    page = invoices.list_of_subscriber(
        store=request.store,
        subscriber_id=request.principal.actor_id,
        limit=request.query_as(ListQuery).limit,
        after=request.after,
        at=request.now,
    )
    return request.listing(PortalInvoiceList, page, PortalInvoiceOut.of)


@endpoint(
    "GET", "/v1/portal/invoices/{invoice_id}", permission=Permission.PORTAL_SELF, answer=PortalInvoiceOut
)
def get_own_invoice(request: Request) -> PortalInvoiceOut:
    """Show an invoice of one's own; another's answers like none."""
    open_portal(store=request.store)
    return PortalInvoiceOut.of(
        invoices.get_invoice(store=request.store, invoice_id=request.path["invoice_id"], at=request.now)
    )
