"""Subscribers: the ISP's customers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated

from pydantic import Field, field_validator

from chalicelib.api.errors import InvalidField
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, ListAnswer, ListQuery, MoneyOut, Patch, Schema
from chalicelib.api.subscriptions import PackageId, SubscriptionOut
from chalicelib.domain.accounts import AccountStatus, summary_status
from chalicelib.domain.cards import refuse_card_number
from chalicelib.domain.contacts import (
    ADDRESS_CHARS_MAX,
    AREA_CHARS_MAX,
    CODE_CHARS_MAX,
    DEALER_ID_CHARS_MAX,
    ID_NUMBER_CHARS_MAX,
    NAME_CHARS_MAX,
    NOTE_CHARS_MAX,
    PHONE_CHARS_MAX,
    Contact,
    looks_personal,
)
from chalicelib.domain.emails import EMAIL_CHARS_MAX
from chalicelib.domain.staff import Permission, Scope
from chalicelib.domain.subscribers import Subscriber, SubscriberSummary
from chalicelib.ports.store import SubscriberQuery
from chalicelib.usecases import subscribers
from chalicelib.usecases.subscriptions import HeldSubscription

Code = Annotated[str, Field(min_length=1, max_length=CODE_CHARS_MAX, examples=["LHR-00042"])]
Area = Annotated[Line, Field(max_length=AREA_CHARS_MAX, examples=["Gulberg III"])]
DealerId = Annotated[str, Field(max_length=DEALER_ID_CHARS_MAX, examples=["DLR-7"])]
Name = Annotated[Line, Field(max_length=NAME_CHARS_MAX, examples=["Ayesha Khan"])]
Email = Annotated[str, Field(max_length=EMAIL_CHARS_MAX, examples=["ayesha@example.com"])]
Phone = Annotated[Line, Field(max_length=PHONE_CHARS_MAX, examples=["+92 300 1234567"])]
Address = Annotated[Line, Field(max_length=ADDRESS_CHARS_MAX, examples=["House 12, Street 7, Lahore"])]
NationalId = Annotated[Line, Field(max_length=ID_NUMBER_CHARS_MAX, examples=["35202-1234567-1"])]
TaxId = Annotated[Line, Field(max_length=ID_NUMBER_CHARS_MAX, examples=["1234567-8"])]
Note = Annotated[str, Field(max_length=NOTE_CHARS_MAX, examples=["Gate code at the guard"])]
SearchText = Annotated[Line, Field(min_length=1, max_length=EMAIL_CHARS_MAX)]

Consolidated = Annotated[
    bool | None,
    Field(
        description="whether what is owed on one day is one invoice, from the next bills on; null: as the "
        "tenant's `consolidated` says"
    ),
]


class SubscriberIn(Schema):
    """A customer. ``code`` is the ISP's own customer number, unique whatever its case."""

    code: Code
    area: Area = ""
    dealer_id: DealerId = ""
    name: Name = ""
    email: Email = ""
    phone: Phone = ""
    address: Address = ""
    national_id: NationalId = ""
    tax_id: TaxId = ""
    note: Note = ""
    consolidated: Consolidated = None

    def contact(self) -> Contact:
        """Return the domain's value."""
        return Contact(**self.model_dump(exclude={"code", "area", "dealer_id", "consolidated"}))


class SubscriberPatch(Patch):
    """What changes; an empty text empties the field."""

    NULLABLE = frozenset({"consolidated"})

    code: Code | None = None
    area: Area | None = None
    dealer_id: DealerId | None = None
    name: Name | None = None
    email: Email | None = None
    phone: Phone | None = None
    address: Address | None = None
    national_id: NationalId | None = None
    tax_id: TaxId | None = None
    note: Note | None = None
    consolidated: Consolidated = None

    def change(self) -> subscribers.SubscriberChange:
        """Return the use case's value."""
        return subscribers.SubscriberChange(**self.model_dump(exclude_unset=True))


class SubscriberOut(Schema):
    """A subscriber, what is owed, and the subscriptions; ``balance`` below zero is credit.

    ``version`` guards the personal data; subscriptions have their own.
    """

    subscriber_id: str = Field(examples=["sbr_01JD0000000000000000000000"])
    code: str
    area: str
    dealer_id: str
    name: str
    email: str
    phone: str
    address: str
    national_id: str
    tax_id: str
    note: str
    consolidated: Consolidated
    status: AccountStatus
    archived: bool
    balance: MoneyOut
    subscriptions: list[SubscriptionOut]
    created_at: datetime
    version: int

    @classmethod
    def of(cls, subscriber: Subscriber) -> SubscriberOut:
        """Render a subscriber."""
        account, contact = subscriber.account, subscriber.contact
        return cls(
            subscriber_id=subscriber.subscriber_id,
            code=subscriber.code,
            area=subscriber.area,
            dealer_id=subscriber.dealer_id,
            name=contact.name,
            email=contact.email,
            phone=contact.phone,
            address=contact.address,
            national_id=contact.national_id,
            tax_id=contact.tax_id,
            note=contact.note,
            consolidated=account.consolidated,
            status=summary_status(account=account),
            archived=subscriber.archived,
            balance=MoneyOut.of(account.owed),
            subscriptions=[
                SubscriptionOut.of(HeldSubscription(account, sub)) for sub in account.subscriptions
            ],
            created_at=subscriber.created_at,
            version=subscriber.version,
        )


class SubscriberRow(Schema):
    """A subscriber in a list; ``package_ids`` are those of subscriptions that are not terminated."""

    subscriber_id: str
    code: str
    name: str
    area: str
    dealer_id: str
    status: AccountStatus
    archived: bool
    package_ids: list[str]

    @classmethod
    def of(cls, summary: SubscriberSummary) -> SubscriberRow:
        """Render a row."""
        return cls(
            subscriber_id=summary.subscriber_id,
            code=summary.code,
            name=summary.name,
            area=summary.area,
            dealer_id=summary.dealer_id,
            status=summary.status,
            archived=summary.archived,
            package_ids=list(summary.package_ids),
        )


class SubscriberList(ListAnswer):
    """Subscribers in the order of their codes; a page may be short and yet have a next one."""

    items: list[SubscriberRow]


class SubscriberFilters(ListQuery):
    """Filters; all that are given must fit."""

    status: AccountStatus | None = Field(
        default=None, description="the liveliest of the subscriptions; new: there is none"
    )
    package_id: PackageId | None = None
    area: Annotated[str, Field(min_length=1, max_length=AREA_CHARS_MAX)] | None = None
    dealer_id: Annotated[str, Field(min_length=1, max_length=DEALER_ID_CHARS_MAX)] | None = None
    archived: bool = Field(default=False, description="true lists archived subscribers too")

    @field_validator("dealer_id")
    @classmethod
    def _no_card_number(cls, dealer_id: str | None) -> str | None:
        # The names of dealers are the ISP's own words, unlike other identifiers.
        refuse_card_number(text=dealer_id or "", param="dealer_id")
        return dealer_id

    def query(self, scope: Scope) -> SubscriberQuery:
        """Return the store's value, for who is held to a scope."""
        return SubscriberQuery(**self.model_dump(exclude={"limit", "cursor", "text"}), scope=scope)


class SubscriberListQuery(SubscriberFilters):
    """Filters that an address may hold, which browsers and proxies keep."""

    text: SearchText | None = Field(
        default=None,
        description="a code's beginning; what looks like an email, phone or national id, as codes of "
        "digits alone do, is refused: `POST /v1/subscriber-searches` takes it",
    )

    @field_validator("text")
    @classmethod
    def _no_personal_data(cls, text: str | None) -> str | None:
        if text is not None and looks_personal(text=text):
            message = "an address is no place for personal data: send it to POST /v1/subscriber-searches"
            raise InvalidField(message, param="text", code="personal_data_in_url")
        return text

    def query(self, scope: Scope) -> SubscriberQuery:
        """Return the store's value, for who is held to a scope."""
        return replace(super().query(scope), code_prefix=self.text)


class SubscriberSearch(SubscriberFilters):
    """What is looked for; all that is given must fit."""

    text: SearchText | None = Field(
        default=None,
        description="an email, phone or national id in full, or a code's beginning",
        examples=["+92 300 1234567"],
    )

    def query(self, scope: Scope) -> SubscriberQuery:
        """Return the store's value, for who is held to a scope."""
        return replace(super().query(scope), text=self.text)


@endpoint(
    "GET",
    "/v1/subscribers",
    permission=Permission.SUBSCRIBERS_READ,
    query=SubscriberListQuery,
    answer=SubscriberList,
)
def list_subscribers(request: Request) -> SubscriberList:
    """List subscribers by code."""
    return _listed(request, request.query_as(SubscriberListQuery))


@endpoint(
    "POST",
    "/v1/subscriber-searches",
    permission=Permission.SUBSCRIBERS_READ,
    body=SubscriberSearch,
    answer=SubscriberList,
    without_terms=True,
)
def search_subscribers(request: Request) -> SubscriberList:
    """Look for subscribers, by what no address may hold too; changes nothing."""
    return _listed(request, request.body_as(SubscriberSearch))


def _listed(request: Request, asked: SubscriberFilters) -> SubscriberList:
    query = asked.query(request.principal.scope)
    page = request.store.subscribers.list(query=query, limit=asked.limit, after=request.after)
    return request.listing(SubscriberList, page, SubscriberRow.of)


@endpoint(
    "POST",
    "/v1/subscribers",
    permission=Permission.SUBSCRIBERS_WRITE,
    body=SubscriberIn,
    answer=SubscriberOut,
    status=201,
    idempotent=True,
)
def create_subscriber(request: Request) -> SubscriberOut:
    """Add a subscriber."""
    body, subscriber_id = request.body_as(SubscriberIn), request.services.ids.new(prefix="sbr")
    subscriber = subscribers.create_subscriber(
        store=request.store,
        subscriber_id=subscriber_id,
        code=body.code,
        area=body.area,
        contact=body.contact(),
        consolidated=body.consolidated,
        at=request.now,
        note=request.note("subscriber.created", subscriber_id),
        idempotency=request.idempotency,
        dealer_id=body.dealer_id,
        scope=request.principal.scope,
    )
    return SubscriberOut.of(subscriber)


@endpoint(
    "GET", "/v1/subscribers/{subscriber_id}", permission=Permission.SUBSCRIBERS_READ, answer=SubscriberOut
)
def get_subscriber(request: Request) -> SubscriberOut:
    """Show a subscriber with balance and subscriptions; that a national id is shown is audited."""
    subscriber_id = request.path["subscriber_id"]
    note = request.note(subscribers.IDENTITY_SHOWN, subscriber_id)
    subscriber = subscribers.show_subscriber(
        store=request.store, subscriber_id=subscriber_id, note=note, masked_later=request.supports
    )
    return SubscriberOut.of(subscriber)


@endpoint(
    "PATCH",
    "/v1/subscribers/{subscriber_id}",
    permission=Permission.SUBSCRIBERS_WRITE,
    body=SubscriberPatch,
    answer=SubscriberOut,
    if_match=True,
)
def change_subscriber(request: Request) -> SubscriberOut:
    """Change a subscriber's data. Invoices that are issued keep what they show."""
    subscriber_id = request.path["subscriber_id"]
    subscriber = subscribers.change_subscriber(
        store=request.store,
        subscriber_id=subscriber_id,
        change=request.body_as(SubscriberPatch).change(),
        if_match=request.if_match,
        note=request.note("subscriber.changed", subscriber_id),
        scope=request.principal.scope,
    )
    return SubscriberOut.of(subscriber)


@endpoint(
    "POST",
    "/v1/subscribers/{subscriber_id}/archive",
    permission=Permission.SUBSCRIBERS_WRITE,
    answer=SubscriberOut,
)
def archive_subscriber(request: Request) -> SubscriberOut:
    """Take a subscriber without service off the lists, and out of the portal; twice changes nothing."""
    subscriber_id = request.path["subscriber_id"]
    subscriber = subscribers.archive_subscriber(
        store=request.store,
        portal_sessions=request.services.portal_sessions,
        subscriber_id=subscriber_id,
        if_match=request.if_match,
        at=request.now,
        note=request.note("subscriber.archived", subscriber_id),
    )
    return SubscriberOut.of(subscriber)


@endpoint(
    "POST",
    "/v1/subscribers/{subscriber_id}/unarchive",
    permission=Permission.SUBSCRIBERS_WRITE,
    answer=SubscriberOut,
)
def unarchive_subscriber(request: Request) -> SubscriberOut:
    """Put a subscriber on the lists again; unarchiving twice changes nothing."""
    subscriber_id = request.path["subscriber_id"]
    subscriber = subscribers.unarchive_subscriber(
        store=request.store,
        subscriber_id=subscriber_id,
        if_match=request.if_match,
        note=request.note("subscriber.unarchived", subscriber_id),
    )
    return SubscriberOut.of(subscriber)
