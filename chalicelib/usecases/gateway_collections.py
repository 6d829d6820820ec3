"""Collections are begun: by a subscriber, by staff, or from a pay link."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.errors import Busy, DomainError, NotFound, StaleVersion
from chalicelib.domain.gateway_collections import (
    UNDER_WAY,
    Collection,
    CollectionOpen,
    CollectionState,
    CurrencyNotTaken,
    amount_to_collect,
    life_of,
    moved,
    reference_of,
)
from chalicelib.domain.gateways import (
    Checkout,
    CheckoutAsked,
    GatewayKind,
)
from chalicelib.domain.identifiers import is_subscriber_id
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.money import Money
from chalicelib.domain.processors import PAYMENTS, sendable
from chalicelib.ports.gateway_collections import CollectionTaken, GatewaySetUp
from chalicelib.ports.gateways import PaymentGateway
from chalicelib.ports.identity import TooManyAttempts
from chalicelib.ports.store import AuditNote, TenantStore, Write
from chalicelib.usecases.backoff import backoff_seconds
from chalicelib.usecases.billers import number_of
from chalicelib.usecases.gateways import GatewayPorts, enabled_gateway
from chalicelib.usecases.invoices import get_invoice

PAY_PATH: Final = "/pay"
PAGE_PURPOSE: Final = "collection-page"
# A collection's own page outlives it, so that whoever comes back sees what became of it.
PAGE_LIFE: Final = timedelta(days=7)
BEGIN_ATTEMPTS_MAX: Final = 6
_KEPT_ATTEMPTS_MAX: Final = 3
# Of one account: most pay at the first, and what never is paid is kept too.
BEGUN_PER_DAY_MAX: Final = 50
_DAY: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class CollectionAsked:
    """What is to be collected: all that an invoice, or else the account, owes unless ``amount`` says."""

    gateway: GatewayKind
    invoice_id: str = ""
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A collection, and where its payer goes on."""

    collection: Collection
    checkout: Checkout


def begin(
    *,
    ports: GatewayPorts,
    store: TenantStore,
    subscriber_id: str,
    asked: CollectionAsked,
    at: datetime,
    note: AuditNote,
    pause: Callable[[float], None] = time.sleep,
) -> Begun:
    """Begin a collection; one that is under way for the invoice, by the same gateway and amount, goes on.

    It is stored before the vendor is asked, so that nothing is paid that nobody knows of. Raises
    NotFound, GatewayOff, NothingOpen, ExceedsOpen, CurrencyMismatch, CurrencyNotTaken, CollectionOpen,
    TooManyAttempts, or GatewayRefused and GatewayUnavailable, which end it as failed.
    """
    beginning = _Beginning(ports, store, asked, at, note)
    for attempt in range(BEGIN_ATTEMPTS_MAX):
        if attempt:
            pause(backoff_seconds(attempt=attempt))
        with suppress(CollectionTaken, StaleVersion):
            return beginning.at_vendor(beginning.stored(subscriber_id))
    raise Busy("other changes kept getting in the way; nothing was begun, so try again")


@dataclass(frozen=True, slots=True)
class _Stored:
    """A collection that is stored, what its payer is told that it is for, and its gateway."""

    collection: Collection
    what: str
    gateway: GatewaySetUp
    adapter: PaymentGateway


@dataclass(frozen=True, slots=True)
class _Beginning:
    """What beginning a collection works with."""

    ports: GatewayPorts
    store: TenantStore
    asked: CollectionAsked
    at: datetime
    note: AuditNote

    def stored(self, subscriber_id: str) -> _Stored:
        """Return the collection to go on with, stored."""
        store, at = self.store, self.at
        if not is_subscriber_id(value=subscriber_id):
            raise NotFound("no such subscriber", param="subscriber_id")
        read = store.subscribing(subscriber_id=subscriber_id)
        account = read.subscriber.account
        invoice: Invoice | None = None
        if self.asked.invoice_id:
            invoice = get_invoice(store=store, invoice_id=self.asked.invoice_id, at=at).invoice
        gateway, adapter = enabled_gateway(ports=self.ports, store=store, kind=self.asked.gateway)
        amount = amount_to_collect(account=account, invoice=invoice, asked=self.asked.amount)
        if adapter.currencies and amount.currency not in adapter.currencies:
            raise CurrencyNotTaken(f"this gateway takes no {amount.currency}", param="gateway")
        what = f"{read.tenant.company}: {invoice.number}" if invoice else read.tenant.company
        before = None
        if invoice is not None:
            before = store.collections.at_invoice(
                account_id=account.account_id, invoice_id=invoice.invoice_id
            )
        if before is not None and before.state_at(at=at) in UNDER_WAY:
            collection = _the_same(before, self.asked, amount)
        else:
            collection = self._add(account.account_id, invoice, amount, before)
        return _Stored(collection, what, gateway, adapter)

    def _add(
        self, account_id: str, invoice: Invoice | None, amount: Money, before: Collection | None
    ) -> Collection:
        """Store a new collection in the place of the one before at the invoice, which is over."""
        store, at, note = self.store, self.at, self.note
        self._count(account_id)
        collection = Collection(
            account_id=account_id,
            reference=reference_of(ulid=self.ports.ids.new(prefix="col").removeprefix("col_")),
            gateway=self.asked.gateway,
            amount=amount,
            state=CollectionState.OPEN,
            created_at=at,
            created_by=note.actor_id,
            expires_at=at + life_of(kind=self.asked.gateway),
            invoice_id=invoice.invoice_id if invoice else "",
        )
        writes = list(store.collections.add(collection=collection, instead_of=before))
        if before is not None and before.overdue(at=at):
            expired = moved(collection=before, state=CollectionState.EXPIRED)
            writes += store.collections.change(before=before, after=expired)
        details = {"reference": collection.reference, "amount": amount.amount, "currency": amount.currency}
        told = replace(note, object_id=collection.collection_id, details={**note.details, **details})
        store.commit(*writes, _page(self.ports, store, collection), store.note(note=told))
        return collection

    def _count(self, account_id: str) -> None:
        """Count a new collection, or raise TooManyAttempts: whoever begins and begins pays nothing."""
        key = self.ports.hashed(token=f"collections|{self.store.tenant_id}|{account_id}")
        if self.ports.attempts.add(key=key, window_seconds=_DAY, at=self.at) > BEGUN_PER_DAY_MAX:
            raise TooManyAttempts(retry_after=_DAY - int(self.at.timestamp()) % _DAY)

    def _number(self, stored: _Stored) -> str:
        """Return the number by which a bank asks for the payer's bill."""
        account_id = stored.collection.account_id
        return number_of(store=self.store, gateway=stored.gateway, account_id=account_id, at=self.at)

    def at_vendor(self, stored: _Stored) -> Begun:
        """Ask the vendor for the checkout; asked again it is the same one, for it is asked as of then."""
        store, collection = self.store, stored.collection
        asked = checkout_asked(
            ports=self.ports, store=store, gateway=stored.gateway, collection=collection, what=stored.what
        )
        try:
            if hasattr(stored.adapter, "parse_inquiry"):
                asked = replace(asked, consumer_number=self._number(stored))
            sendable(processor=PAYMENTS, message=asked)
            checkout = stored.adapter.begin(
                asked=asked, credentials=stored.gateway.credentials, now=collection.created_at
            )
        except DomainError as error:
            _end(store, collection, CollectionState.FAILED, self.at, reason=error.message)
            raise
        if checkout.vendor_id and checkout.vendor_id != collection.vendor_id:
            collection = _with_vendor_id(store, collection, checkout.vendor_id)
        return Begun(collection, checkout)


def _the_same(before: Collection, asked: CollectionAsked, amount: Money) -> Collection:
    same = before.gateway is asked.gateway and before.amount == amount
    if same and before.state is CollectionState.OPEN:
        return before
    message = f"collection {before.collection_id} of the invoice is under way"
    raise CollectionOpen(message, param="invoice_id")


def _page(ports: GatewayPorts, store: TenantStore, collection: Collection) -> Write:
    """Describe that the collection's own page is found by its token."""
    subject = {"tenant_id": store.tenant_id, "collection_id": collection.collection_id}
    return ports.one_time_tokens.issue(
        token_hash=ports.hashed(token=store.collections.page_token(collection=collection)),
        purpose=PAGE_PURPOSE,
        subject={**subject, "invoice_id": collection.invoice_id},
        expires_at=collection.expires_at + PAGE_LIFE,
    )


def page_url(*, ports: GatewayPorts, store: TenantStore, collection: Collection) -> str:
    """Return the address of a collection's own page, where the vendor leads back to."""
    token = store.collections.page_token(collection=collection)
    return f"{ports.base_url}{PAY_PATH}/{token}"


def checkout_asked(
    *, ports: GatewayPorts, store: TenantStore, gateway: GatewaySetUp, collection: Collection, what: str
) -> CheckoutAsked:
    """Return what a vendor is asked to collect; ``what`` is shown to the payer."""
    return CheckoutAsked(
        reference=collection.reference,
        amount=collection.amount,
        description=what,
        return_url=page_url(ports=ports, store=store, collection=collection),
        callback_url=ports.callback_url(gateway=gateway),
        expires_at=collection.expires_at,
    )


def _with_vendor_id(store: TenantStore, collection: Collection, vendor_id: str) -> Collection:
    """Keep the vendor's name for the checkout; its notice may come at the same moment."""
    for _ in range(_KEPT_ATTEMPTS_MAX):
        after = replace(collection, vendor_id=vendor_id)
        with suppress(StaleVersion):
            store.commit(*store.collections.change(before=collection, after=after))
            return replace(after, version=collection.version + 1)
        collection = store.collections.get(collection_id=collection.collection_id)
    return collection


def _end(
    store: TenantStore, collection: Collection, state: CollectionState, at: datetime, reason: str
) -> None:
    """End a collection that the vendor did not take, unless something was heard of it meanwhile."""
    if collection.state is not CollectionState.OPEN:
        return
    after = moved(collection=collection, state=state, reason=reason)
    note = AuditNote("system", f"collection.{state.value}", collection.collection_id, at)
    with suppress(StaleVersion):
        store.commit(*store.collections.change(before=collection, after=after), store.note(note=note))
