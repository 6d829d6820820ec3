"""Platform support in other companies: entered by the operator's people, seen and ended by the company."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import Line, ListAnswer, ListQuery, Schema
from chalicelib.domain.permissions import Permission
from chalicelib.domain.support import (
    MINUTES_DEFAULT,
    MINUTES_MAX,
    MINUTES_MIN,
    REASON_CHARS_MAX,
    REASON_CHARS_MIN,
    EndedBy,
    SupportAccess,
)
from chalicelib.domain.tenants import SUBDOMAIN_CHARS_MAX
from chalicelib.usecases import support

Reason = Annotated[
    Line,
    Field(
        min_length=REASON_CHARS_MIN,
        max_length=REASON_CHARS_MAX,
        description="the company's owners read it",
        examples=["Runs stand still since 02:40, ticket 4711"],
    ),
]


class SupportEntryIn(Schema):
    """Which company to enter, why, and for how many minutes; `write` is to change something too."""

    subdomain: str = Field(max_length=SUBDOMAIN_CHARS_MAX, examples=["lahore-net"])
    reason: Reason
    minutes: int = Field(default=MINUTES_DEFAULT, ge=MINUTES_MIN, le=MINUTES_MAX, examples=[60])
    write: bool = Field(default=False, description="the rights of the company's own support besides")


class SupportAccessOut(Schema):
    """An access of platform support: who, why, and until when. `ended_at` is null while it is open.

    An access ends with the session that opened it; until that is written down, within the hour,
    `ended_at` is then the present.
    """

    access_id: str
    subdomain: str
    staff_id: str = Field(description="who of the platform's operator")
    name: str
    reason: str
    write: bool
    opened_at: datetime
    until: datetime
    ended_at: datetime | None
    ended_by: EndedBy | None
    ended_by_staff_id: str | None

    @classmethod
    def of(cls, access: SupportAccess) -> SupportAccessOut:
        """Render an access."""
        return cls(
            access_id=access.access_id,
            subdomain=access.subdomain,
            staff_id=access.staff_id,
            name=access.name,
            reason=access.reason,
            write=access.write,
            opened_at=access.opened_at,
            until=access.until,
            ended_at=access.ended_at,
            ended_by=access.ended_by,
            ended_by_staff_id=access.ended_by_id or None,
        )


class SupportEnteredOut(Schema):
    """A new access."""

    token: str = Field(
        description="Acts within the company: send as `Authorization: Bearer`; shown this once."
    )
    access: SupportAccessOut


class SupportAccessList(ListAnswer):
    """Accesses, the newest first."""

    items: list[SupportAccessOut]


@endpoint(
    "POST",
    "/v1/support-entries",
    permission=Permission.SUPPORT_ENTER,
    body=SupportEntryIn,
    answer=SupportEnteredOut,
    status=201,
)
def enter_company(request: Request) -> SupportEnteredOut:
    """Enter another company as platform support; its owners are told at once. The operator only."""
    access_id = request.services.ids.new(prefix="spa")
    entered = support.enter(
        ports=request.services.support,
        operator=request.services.operator,
        store=request.store,
        session=request.own_session,
        command=support.Entering(**request.body_as(SupportEntryIn).model_dump()),
        access_id=access_id,
        at=request.now,
        note=request.note("support.entered", access_id),
    )
    return SupportEnteredOut(token=entered.token, access=SupportAccessOut.of(entered.access))


@endpoint(
    "GET",
    "/v1/support-entries",
    permission=Permission.SUPPORT_ENTER,
    query=ListQuery,
    answer=SupportAccessList,
)
def list_support_entries(request: Request) -> SupportAccessList:
    """List which companies the operator's people entered."""
    page = support.list_entries(
        ports=request.services.support,
        operator=request.services.operator,
        store=request.store,
        limit=request.query_as(ListQuery).limit,
        after=request.after,
        at=request.now,
    )
    return request.listing(SupportAccessList, page, SupportAccessOut.of)


@endpoint("DELETE", "/v1/support-entries/{access_id}", permission=Permission.SUPPORT_ENTER, status=204)
def end_support_entry(request: Request) -> Answer:
    """Leave a company, or have a colleague out of it; ending twice changes nothing."""
    access_id = request.path["access_id"]
    support.end_entry(
        ports=request.services.support,
        operator=request.services.operator,
        store=request.store,
        access_id=access_id,
        at=request.now,
        note=request.note("support.ended", access_id),
    )
    return Answer(None)


@endpoint(
    "GET",
    "/v1/support-accesses",
    permission=Permission.AUDIT_READ,
    query=ListQuery,
    answer=SupportAccessList,
)
def list_support_accesses(request: Request) -> SupportAccessList:
    """List who of the platform's operator entered this company, and why."""
    page = support.list_accesses(
        ports=request.services.support,
        store=request.store,
        limit=request.query_as(ListQuery).limit,
        after=request.after,
        at=request.now,
    )
    return request.listing(SupportAccessList, page, SupportAccessOut.of)


@endpoint(
    "DELETE",
    "/v1/support-accesses/{access_id}",
    permission=Permission.STAFF_WRITE,
    status=204,
    without_terms=True,
)
def end_support_access(request: Request) -> Answer:
    """Put platform support out of this company at once; ending twice changes nothing."""
    access_id = request.path["access_id"]
    support.end_access(
        ports=request.services.support,
        store=request.store,
        access_id=access_id,
        at=request.now,
        note=request.note("support.ended", access_id),
    )
    return Answer(None)
