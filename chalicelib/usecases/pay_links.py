"""Pay links: an invoice is paid by whoever has its link, without signing in.

The link's token is 256 random bits, stored as a digest until it expires: it tells nothing of the
invoice, can be withdrawn, and needs no key to be kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from chalicelib.domain.contacts import Contact
from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.domain.gateway_collections import UNDER_WAY, Collection, CollectionOver, CollectionState
from chalicelib.domain.gateways import Checkout, GatewayKind
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.payments import NothingOpen
from chalicelib.domain.portal import masked_email
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.gateways import TwoStepGateway
from chalicelib.ports.services import JobQueue, Mailer
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.begun_collections import asked_after, cancel
from chalicelib.usecases.gateway_collections import (
    PAGE_PURPOSE,
    PAY_PATH,
    Begun,
    CollectionAsked,
    begin,
    checkout_asked,
)
from chalicelib.usecases.gateways import GatewayPorts
from chalicelib.usecases.identity import Identity
from chalicelib.usecases.invoice_texts import invoice_mail
from chalicelib.usecases.invoices import get_invoice
from chalicelib.usecases.throttle import Limit, reserve

LINK_PURPOSE: Final = "pay-link"
LINK_LIFE: Final = timedelta(days=30)
LINK_PREFIX: Final = "pay"
INVOICE_MAIL: Final = "invoice"
# Who pays by a link is nobody that we know.
BY_LINK: Final = "pay_link"
TOKEN_CHARS_MAX: Final = 100
_DAY: Final = 24 * 3600
LINKS_PER_INVOICE: Final = Limit("pay-links", most=20, window_seconds=_DAY)
MAILS_PER_INVOICE: Final = Limit("invoice-mails", most=5, window_seconds=_DAY)
MAILS_PER_TENANT: Final = Limit("invoice-mails-tenant", most=5_000, window_seconds=_DAY)


class NoAddress(Conflict):
    """The subscriber has no address that a mail could go to."""

    code = "no_address"


@dataclass(frozen=True, slots=True)
class PayLink:
    """A link, and until when it is good."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PayPage:
    """What a page shows: of the ISP its name, of the invoice its number, what is open, and by when.

    ``collection`` is the one under way, or the page's own; ``gateways`` is what may be paid by.
    ``invoice`` is None on the page of a collection that is of none.
    """

    tenant: Tenant
    invoice: Invoice | None
    collection: Collection | None
    gateways: tuple[GatewayKind, ...]
    at: datetime

    @property
    def state(self) -> CollectionState | None:
        """Where the collection stands now."""
        return None if self.collection is None else self.collection.state_at(at=self.at)

    @property
    def payable(self) -> bool:
        """Whether something is open, and no vendor works at it."""
        free = self.state is not CollectionState.PENDING
        return free and self.invoice is not None and self.invoice.open_amount > 0


def make_pay_link(
    *,
    ports: GatewayPorts,
    identity: Identity,
    store: TenantStore,
    invoice_id: str,
    at: datetime,
    note: AuditNote,
) -> PayLink:
    """Make a link for an invoice of which something is open.

    Raises NotFound, NothingOpen or TooManyAttempts.
    """
    invoice = _open_invoice(store, invoice_id, at)
    key = f"{store.tenant_id}|{invoice.invoice_id}"
    reserve(identity=identity, limit=LINKS_PER_INVOICE, key=key, at=at)
    return _link(ports, store, invoice, at, note)


def _open_invoice(store: TenantStore, invoice_id: str, at: datetime) -> Invoice:
    invoice = get_invoice(store=store, invoice_id=invoice_id, at=at).invoice
    if invoice.open_amount <= 0:
        raise NothingOpen(f"nothing of invoice {invoice.number} is open: it is {invoice.state}")
    return invoice


def _link(
    ports: GatewayPorts, store: TenantStore, invoice: Invoice, at: datetime, note: AuditNote
) -> PayLink:
    token, expires_at = ports.tokens.new(prefix=LINK_PREFIX), at + LINK_LIFE
    issued = ports.one_time_tokens.issue(
        token_hash=ports.hashed(token=token),
        purpose=LINK_PURPOSE,
        subject={"tenant_id": store.tenant_id, "invoice_id": invoice.invoice_id, "collection_id": ""},
        expires_at=expires_at,
    )
    store.commit(issued, store.note(note=note))
    return PayLink(f"{ports.base_url}{PAY_PATH}/{token}", expires_at)


# -- the page --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Opened:
    """What a token opens."""

    store: TenantStore
    tenant: Tenant
    invoice_id: str
    collection_id: str


def _open(ports: GatewayPorts, token: str, at: datetime) -> _Opened:
    """Return what a token opens, or raise NotFound; the token is not used up by that."""
    absent = NotFound("this link leads to nothing, or not any more")
    if len(token) > TOKEN_CHARS_MAX:
        raise absent
    purpose = LINK_PURPOSE if token.startswith(f"{LINK_PREFIX}_") else PAGE_PURPOSE
    found = ports.one_time_tokens.find(token_hash=ports.hashed(token=token), purpose=purpose, at=at)
    if found is None:
        raise absent
    store = ports.stores.of(tenant_id=found["tenant_id"])
    tenant = store.profile()
    if not may(state=tenant.state, capability=Capability.CALLBACKS):
        raise absent
    return _Opened(store, tenant, found["invoice_id"], found["collection_id"])


def show_page(*, ports: GatewayPorts, token: str, at: datetime, request_id: str = "") -> PayPage:
    """Return what the page of a link, or of a collection, shows; raise NotFound.

    Where a notice of its collection may have been lost, the vendor is asked.
    """
    opened = _open(ports, token, at)
    store, invoice, collection = opened.store, None, None
    if opened.collection_id:
        collection = store.collections.get(collection_id=opened.collection_id)
    if opened.invoice_id:
        invoice = get_invoice(store=store, invoice_id=opened.invoice_id, at=at).invoice
    if invoice is not None and collection is None:
        latest = store.collections.at_invoice(account_id=invoice.account_id, invoice_id=invoice.invoice_id)
        collection = latest if latest is not None and latest.state in UNDER_WAY else None
    if collection is not None:
        asked = asked_after(ports=ports, store=store, collection=collection, at=at, request_id=request_id)
        if asked.captures != collection.captures and invoice is not None:
            invoice = get_invoice(store=store, invoice_id=invoice.invoice_id, at=at).invoice
        collection = asked
    enabled = tuple(one.kind for one in store.gateways.all() if one.enabled) if invoice else ()
    return PayPage(opened.tenant, invoice, collection, enabled, at)


def next_step(
    *, ports: GatewayPorts, token: str, query: str, at: datetime
) -> tuple[GatewayKind, Checkout] | None:
    """Return where a payer goes on whom a vendor sent back in the middle, by the query that came with them.

    None where there is nothing more to do. Raises NotFound.
    """
    opened = _open(ports, token, at)
    if not opened.collection_id:
        return None
    store = opened.store
    collection = store.collections.get(collection_id=opened.collection_id)
    gateway = store.gateways.find(kind=collection.gateway)
    adapter = ports.gateway_of(collection.gateway)
    if gateway is None or collection.state_at(at=at) not in UNDER_WAY or not hasattr(adapter, "next_step"):
        return None
    asked = checkout_asked(
        ports=ports, store=store, gateway=gateway, collection=collection, what=opened.tenant.company
    )
    step: Checkout | None = cast(TwoStepGateway, adapter).next_step(
        query=query, asked=asked, credentials=gateway.credentials
    )
    return None if step is None else (collection.gateway, step)


def begin_by_link(
    *, ports: GatewayPorts, token: str, gateway: GatewayKind, at: datetime, request_id: str, address: str
) -> Begun:
    """Begin to collect all that is open of the invoice of a link; see ``begin``."""
    opened = _open(ports, token, at)
    if not opened.invoice_id:
        raise NotFound("this page is of no invoice")
    invoice = _open_invoice(opened.store, opened.invoice_id, at)
    return begin(
        ports=ports,
        store=opened.store,
        subscriber_id=invoice.account_id,
        asked=CollectionAsked(gateway, invoice.invoice_id),
        at=at,
        note=AuditNote(BY_LINK, "collection.begun", invoice.invoice_id, at, request_id, address=address),
    )


def give_up(*, ports: GatewayPorts, token: str, at: datetime, request_id: str, address: str) -> None:
    """Cancel the open collection of a link's invoice, so that another way to pay may be chosen.

    Raises NotFound, or CollectionOver where there is none that is open.
    """
    opened = _open(ports, token, at)
    absent = CollectionOver("no payment of this invoice is open")
    if not opened.invoice_id:
        raise absent
    invoice = get_invoice(store=opened.store, invoice_id=opened.invoice_id, at=at).invoice
    latest = opened.store.collections.at_invoice(account_id=invoice.account_id, invoice_id=invoice.invoice_id)
    if latest is None:
        raise absent
    note = AuditNote(BY_LINK, "collection.cancelled", latest.collection_id, at, request_id, address=address)
    cancel(store=opened.store, collection_id=latest.collection_id, at=at, note=note)


# -- by mail ---------------------------------------------------------------------------------


def ask_invoice_mail(
    *,
    identity: Identity,
    queue: JobQueue,
    store: TenantStore,
    invoice_id: str,
    at: datetime,
    note: AuditNote,
) -> str:
    """Have an invoice's summary sent to its subscriber with a pay link; return the address, masked.

    Raises NotFound, NothingOpen, NoAddress or TooManyAttempts.
    """
    invoice = _open_invoice(store, invoice_id, at)
    contact = store.subscribers.get(subscriber_id=invoice.account_id).contact
    if not contact.email:
        raise NoAddress("the subscriber has no email address")
    key = f"{store.tenant_id}|{invoice.invoice_id}"
    reserve(identity=identity, limit=MAILS_PER_INVOICE, key=key, at=at)
    reserve(identity=identity, limit=MAILS_PER_TENANT, key=store.tenant_id, at=at)
    store.commit(store.note(note=note))
    queue.send(message={"mail": INVOICE_MAIL, "tenant_id": store.tenant_id, "invoice_id": invoice.invoice_id})
    return masked_email(email=contact.email)


def send_invoice_mail(
    *, ports: GatewayPorts, mailer: Mailer, tenant_id: str, invoice_id: str, at: datetime
) -> None:
    """Send an invoice's summary with a new pay link, as long as something is open; raise MailNotSent."""
    store = ports.stores.of(tenant_id=tenant_id)
    tenant = store.profile()
    invoice = get_invoice(store=store, invoice_id=invoice_id, at=at).invoice
    contact: Contact = store.subscribers.get(subscriber_id=invoice.account_id).contact
    if (
        not contact.email
        or invoice.open_amount <= 0
        or not may(state=tenant.state, capability=Capability.CALLBACKS)
    ):
        return
    note = AuditNote("system", "invoice.pay_link_made", invoice.invoice_id, at)
    link = _link(ports, store, invoice, at, note) if _takes_payments(store) else None
    mailer.send(mail=invoice_mail(to=contact, tenant=tenant, invoice=invoice, link=link))


def _takes_payments(store: TenantStore) -> bool:
    return any(one.enabled for one in store.gateways.all())
