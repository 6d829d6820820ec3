"""Collections through a gateway, as staff see and begin them."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from chalicelib.api.documents import INVOICE_ID_CHARS_MAX
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, ListAnswer, ListQuery, MoneyIn, MoneyOut, Schema
from chalicelib.domain.gateway_collections import Collection, CollectionState
from chalicelib.domain.gateways import Checkout, GatewayKind, Step
from chalicelib.domain.money import Money
from chalicelib.domain.payments import REFERENCE_CHARS_MAX
from chalicelib.domain.staff import Permission
from chalicelib.usecases import begun_collections
from chalicelib.usecases import gateway_collections as collections


class CollectionIn(Schema):
    """What is to be collected: all that an invoice, or else the account, owes, unless `amount` says.

    Without an invoice the amount may be more than is owed: it is paid in advance.
    """

    gateway: GatewayKind = Field(examples=["sandbox"])
    invoice_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=INVOICE_ID_CHARS_MAX,
        examples=["inv_01JD0000000000000000000000-20261101-1"],
    )
    amount: MoneyIn | None = None

    def asked(self) -> collections.CollectionAsked:
        """Return the use case's value."""
        amount = self.amount.money() if self.amount else None
        return collections.CollectionAsked(self.gateway, self.invoice_id or "", amount)


class CheckoutOut(Schema):
    """Where the payer goes on.

    `redirect`: open `url`; `post_form`: post `fields` to `url` from the payer's browser; `show`: show
    `fields` (a consumer number, the text of a QR code).
    """

    step: Step
    url: str
    fields: dict[str, str]

    @classmethod
    def of(cls, checkout: Checkout) -> CheckoutOut:
        """Render a checkout."""
        return cls(step=checkout.step, url=checkout.url, fields=dict(checkout.fields))


class CollectionOut(Schema):
    """A collection. `vendor_id` is the vendor's name for it, `receipts` what came in by it.

    One receipt at most, unless somebody paid twice. `fee` is what the vendor told that it kept.
    `reason` says why it failed, in the vendor's words.
    """

    collection_id: str = Field(examples=["col_01JD0000000000000000000000-C01JD0000000000000AB"])
    subscriber_id: str
    reference: str
    gateway: GatewayKind
    invoice_id: str | None
    amount: MoneyOut
    state: CollectionState
    vendor_id: str | None
    receipts: list[str]
    fee: MoneyOut | None
    reason: str | None
    created_at: datetime
    created_by: str
    expires_at: datetime

    @classmethod
    def of(cls, one: Collection, at: datetime) -> CollectionOut:
        """Render a collection as it stands at an instant."""
        fee = None if one.fee is None else MoneyOut.of(Money(one.fee, one.amount.currency))
        paid_as = one.captures[0].vendor_id if one.captures else ""
        return cls(
            collection_id=one.collection_id,
            subscriber_id=one.account_id,
            reference=one.reference,
            gateway=one.gateway,
            invoice_id=one.invoice_id or None,
            amount=MoneyOut.of(one.amount),
            state=one.state_at(at=at),
            vendor_id=paid_as or one.vendor_id or None,
            receipts=[capture.receipt_id for capture in one.captures],
            fee=fee,
            reason=one.reason or None,
            created_at=one.created_at,
            created_by=one.created_by,
            expires_at=one.expires_at,
        )


class ConfirmationIn(Schema):
    """What the bank's books say of it."""

    transaction: Line = Field(
        min_length=1,
        max_length=REFERENCE_CHARS_MAX,
        description="the bank's own name for the transfer",
        examples=["FT26329XK1"],
    )


class BegunOut(Schema):
    """A collection, where its payer goes on, and its own page, which needs no signing in."""

    collection: CollectionOut
    checkout: CheckoutOut
    page_url: str


class CollectionList(ListAnswer):
    """Collections."""

    items: list[CollectionOut]


class CollectionListQuery(ListQuery):
    """Which collections."""

    state: CollectionState | None = Field(default=None, description="in every state unless given")


def begun(request: Request, made: collections.Begun) -> BegunOut:
    """Render a collection that was begun."""
    ports, store = request.services.gateways, request.store
    return BegunOut(
        collection=CollectionOut.of(made.collection, request.now),
        checkout=CheckoutOut.of(made.checkout),
        page_url=collections.page_url(ports=ports, store=store, collection=made.collection),
    )


@endpoint(
    "POST",
    "/v1/subscribers/{subscriber_id}/collections",
    permission=Permission.PAYMENTS_RECORD,
    body=CollectionIn,
    answer=BegunOut,
    status=201,
)
def begin_collection(request: Request) -> BegunOut:
    """Begin to collect from a subscriber; asked again for the same invoice it is the same collection."""
    made = collections.begin(
        ports=request.services.gateways,
        store=request.store,
        subscriber_id=request.path["subscriber_id"],
        asked=request.body_as(CollectionIn).asked(),
        at=request.now,
        note=request.note("collection.begun", request.path["subscriber_id"]),
    )
    return begun(request, made)


@endpoint(
    "GET",
    "/v1/collections",
    permission=Permission.PAYMENTS_READ,
    query=CollectionListQuery,
    answer=CollectionList,
)
def list_collections(request: Request) -> CollectionList:
    """List collections, the newest first; a page may be short and yet go on."""
    asked = request.query_as(CollectionListQuery)
    page = begun_collections.list_collections(
        store=request.store,
        state=asked.state,
        at=request.now,
        limit=asked.limit,
        after=request.after,
        scope=request.principal.scope,
    )
    return request.listing(CollectionList, page, lambda one: CollectionOut.of(one, request.now))


@endpoint(
    "GET",
    "/v1/subscribers/{subscriber_id}/collections",
    permission=Permission.PAYMENTS_READ,
    query=ListQuery,
    answer=CollectionList,
)
def list_subscriber_collections(request: Request) -> CollectionList:
    """List a subscriber's collections, the newest first."""
    page = begun_collections.list_of_subscriber(
        store=request.store,
        subscriber_id=request.path["subscriber_id"],
        limit=request.query_as(ListQuery).limit,
        after=request.after,
    )
    return request.listing(CollectionList, page, lambda one: CollectionOut.of(one, request.now))


@endpoint("GET", "/v1/collections/{collection_id}", permission=Permission.PAYMENTS_READ, answer=CollectionOut)
def get_collection(request: Request) -> CollectionOut:
    """Show a collection."""
    found = begun_collections.get_collection(store=request.store, collection_id=request.path["collection_id"])
    return CollectionOut.of(found, request.now)


@endpoint(
    "POST",
    "/v1/collections/{collection_id}/inquiry",
    permission=Permission.PAYMENTS_RECORD,
    answer=CollectionOut,
)
def inquire_collection(request: Request) -> CollectionOut:
    """Ask the vendor what became of a collection, whose notice may be lost; once a minute at most."""
    store = request.store
    found = begun_collections.get_collection(store=store, collection_id=request.path["collection_id"])
    asked = begun_collections.asked_after(
        ports=request.services.gateways,
        store=store,
        collection=found,
        at=request.now,
        at_once=True,
        request_id=request.request_id,
    )
    return CollectionOut.of(asked, request.now)


@endpoint(
    "POST",
    "/v1/collections/{collection_id}/confirmation",
    permission=Permission.NOTICES_RESOLVE,
    body=ConfirmationIn,
    answer=CollectionOut,
)
def confirm_collection(request: Request) -> CollectionOut:
    """Record what reached the bank by a gateway that tells nothing itself (Raast), once.

    One transfer of the bank confirms one collection (409 `transaction_confirmed`).
    """
    body, collection_id = request.body_as(ConfirmationIn), request.path["collection_id"]
    confirmed = begun_collections.confirm(
        ports=request.services.gateways,
        store=request.store,
        collection_id=collection_id,
        transaction=body.transaction,
        at=request.now,
        note=request.note("collection.paid", collection_id),
    )
    return CollectionOut.of(confirmed, request.now)


@endpoint(
    "POST",
    "/v1/collections/{collection_id}/cancellation",
    permission=Permission.PAYMENTS_RECORD,
    answer=CollectionOut,
)
def cancel_collection(request: Request) -> CollectionOut:
    """Cancel an open collection: its invoice is free for another one."""
    collection_id = request.path["collection_id"]
    cancelled = begun_collections.cancel(
        store=request.store,
        collection_id=collection_id,
        at=request.now,
        note=request.note("collection.cancelled", collection_id),
    )
    return CollectionOut.of(cancelled, request.now)
