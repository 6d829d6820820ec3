"""Subscribers pay their own invoices, or in advance, through the ISP's gateways."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from chalicelib.api.gateway_collections import CheckoutOut, CollectionIn
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import ListAnswer, ListQuery, MoneyOut, Schema
from chalicelib.domain.gateway_collections import Collection, CollectionState
from chalicelib.domain.gateways import GatewayKind
from chalicelib.domain.staff import Permission
from chalicelib.usecases import begun_collections
from chalicelib.usecases import gateway_collections as collections
from chalicelib.usecases.portal import open_portal


class PortalCollectionOut(Schema):
    """A collection of one's own: nothing of what staff or the vendor keep for themselves."""

    collection_id: str = Field(examples=["col_01JD0000000000000000000000-C01JD0000000000000AB"])
    gateway: GatewayKind
    invoice_id: str | None
    amount: MoneyOut
    state: CollectionState
    receipts: list[str]
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, one: Collection, at: datetime) -> PortalCollectionOut:
        """Render a collection to whose it is, as it stands at an instant."""
        return cls(
            collection_id=one.collection_id,
            gateway=one.gateway,
            invoice_id=one.invoice_id or None,
            amount=MoneyOut.of(one.amount),
            state=one.state_at(at=at),
            receipts=[capture.receipt_id for capture in one.captures],
            created_at=one.created_at,
            expires_at=one.expires_at,
        )


class PortalBegunOut(Schema):
    """A collection, where one goes on, and its own page, which needs no signing in."""

    collection: PortalCollectionOut
    checkout: CheckoutOut
    page_url: str


class PortalCollectionList(ListAnswer):
    """One's own collections."""

    items: list[PortalCollectionOut]


class PortalGatewayList(Schema):
    """What may be paid by."""

    items: list[GatewayKind]


@endpoint("GET", "/v1/portal/gateways", permission=Permission.PORTAL_SELF, answer=PortalGatewayList)
def list_portal_gateways(request: Request) -> PortalGatewayList:
    """List the gateways that the ISP takes payments by."""
    open_portal(store=request.store)
    return PortalGatewayList(items=[one.kind for one in request.store.gateways.all() if one.enabled])


@endpoint(
    "POST",
    "/v1/portal/collections",
    permission=Permission.PORTAL_SELF,
    body=CollectionIn,
    answer=PortalBegunOut,
    status=201,
)
def begin_own_collection(request: Request) -> PortalBegunOut:
    """Begin to pay an invoice of one's own, what one owes, or an amount in advance."""
    open_portal(store=request.store)
    made = collections.begin(
        ports=request.services.gateways,
        store=request.store,
        subscriber_id=request.principal.actor_id,
        asked=request.body_as(CollectionIn).asked(),
        at=request.now,
        note=request.note("collection.begun", request.principal.actor_id),
    )
    ports, store = request.services.gateways, request.store
    return PortalBegunOut(
        collection=PortalCollectionOut.of(made.collection, request.now),
        checkout=CheckoutOut.of(made.checkout),
        page_url=collections.page_url(ports=ports, store=store, collection=made.collection),
    )


@endpoint(
    "GET",
    "/v1/portal/collections",
    permission=Permission.PORTAL_SELF,
    query=ListQuery,
    answer=PortalCollectionList,
)
def list_own_collections(request: Request) -> PortalCollectionList:
    """List one's own collections, the newest first."""
    open_portal(store=request.store)
    page = begun_collections.list_of_subscriber(
        store=request.store,
        subscriber_id=request.principal.actor_id,
        limit=request.query_as(ListQuery).limit,
        after=request.after,
    )
    return request.listing(PortalCollectionList, page, lambda one: PortalCollectionOut.of(one, request.now))


@endpoint(
    "GET",
    "/v1/portal/collections/{collection_id}",
    permission=Permission.PORTAL_SELF,
    answer=PortalCollectionOut,
)
def get_own_collection(request: Request) -> PortalCollectionOut:
    """Show a collection of one's own; where its notice may be lost the vendor is asked."""
    open_portal(store=request.store)
    found = begun_collections.get_collection(store=request.store, collection_id=request.path["collection_id"])
    asked = begun_collections.asked_after(
        ports=request.services.gateways,
        store=request.store,
        collection=found,
        at=request.now,
        request_id=request.request_id,
    )
    return PortalCollectionOut.of(asked, request.now)


@endpoint(
    "POST",
    "/v1/portal/collections/{collection_id}/cancellation",
    permission=Permission.PORTAL_SELF,
    answer=PortalCollectionOut,
)
def cancel_own_collection(request: Request) -> PortalCollectionOut:
    """Cancel an open collection of one's own."""
    open_portal(store=request.store)
    collection_id = request.path["collection_id"]
    cancelled = begun_collections.cancel(
        store=request.store,
        collection_id=collection_id,
        at=request.now,
        note=request.note("collection.cancelled", collection_id),
    )
    return PortalCollectionOut.of(cancelled, request.now)
