"""What is used: taken where that was agreed to, added to totals of a day, and shown to whose it is."""

from __future__ import annotations

from datetime import date
from typing import Final

from pydantic import Field

from chalicelib.api.consent_parts import choice_of, cookie_of, cookies_set, gpc_of, set_cookie
from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import Schema
from chalicelib.domain.activity import (
    ACTIVITY_DAYS,
    EVENTS_MAX,
    VISIT_IDLE,
    Area,
    Page,
    Total,
    decode_visit,
    encode_visit,
)
from chalicelib.domain.consent_cookies import VISIT
from chalicelib.domain.consent_texts import Category
from chalicelib.domain.staff import Permission
from chalicelib.ports.store import TenantStore
from chalicelib.usecases.activity import activity_totals, count_activity
from chalicelib.usecases.consents import person_allows, visitor_allows
from chalicelib.usecases.portal import open_portal

DAYS_DEFAULT: Final = 30


class ActivityIn(Schema):
    """Pages and features that were opened since the last request; none says that the visit goes on."""

    pages: list[Page] = Field(max_length=EVENTS_MAX, examples=[["invoices"]])


class ActivityOut(Schema):
    """Whether it was counted: without consent nothing is."""

    counted: bool


class SummaryQuery(Schema):
    """Of how many days, today included."""

    days: int = Field(default=DAYS_DEFAULT, ge=1, le=ACTIVITY_DAYS)


class TotalOut(Schema):
    """How often on a day (UTC): a page or feature; or visits that lasted so many minutes (`0m` is all)."""

    on: date
    area: Area
    kind: str = Field(examples=["page"])
    name: str = Field(examples=["invoices"])
    times: int

    @classmethod
    def of(cls, total: Total) -> TotalOut:
        """Render a total."""
        return cls(on=total.on, area=total.area, kind=total.kind, name=total.name, times=total.times)


class SummaryOut(Schema):
    """Totals by day; there is nothing behind them that names anybody."""

    items: list[TotalOut]


@endpoint(
    "POST",
    "/v1/activity",
    permission=Permission.PUBLIC,
    body=ActivityIn,
    answer=ActivityOut,
    counted="pages",
)
def count_visitor_activity(request: Request) -> Answer:
    """Count what a visitor opened, where their record says so, for the platform's operator."""
    operator = request.services.operator
    allowed = visitor_allows(
        site=request.services.site,
        known=choice_of(request),
        category=Category.ANALYTICS,
        at=request.now,
        gpc=gpc_of(request),
    )
    return _counted(request, operator if allowed else None, Area.PUBLIC, allowed=allowed)


@endpoint("POST", "/v1/me/activity", permission=Permission.SELF, body=ActivityIn, answer=ActivityOut)
def count_own_activity(request: Request) -> Answer:
    """Count what one opened, where one agreed to it."""
    return _of_person(request, Area.CONSOLE)


@endpoint(
    "POST", "/v1/portal/me/activity", permission=Permission.PORTAL_SELF, body=ActivityIn, answer=ActivityOut
)
def count_portal_activity(request: Request) -> Answer:
    """Count what a subscriber opened, where they agreed to it."""
    open_portal(store=request.store)
    return _of_person(request, Area.PORTAL)


@endpoint(
    "GET",
    "/v1/activity/summary",
    permission=Permission.TENANT_READ,
    query=SummaryQuery,
    answer=SummaryOut,
)
def get_activity_summary(request: Request) -> SummaryOut:
    """Return what was used in one's company; the operator's has the public pages too."""
    days = request.query_as(SummaryQuery).days
    found = activity_totals(store=request.store, days=days, at=request.now)
    return SummaryOut(items=[TotalOut.of(one) for one in found])


def _of_person(request: Request, area: Area) -> Answer:
    allowed = person_allows(
        store=request.store,
        subject_id=request.principal.actor_id,
        category=Category.ANALYTICS,
        at=request.now,
        gpc=gpc_of(request),
    )
    return _counted(request, request.store if allowed else None, area, allowed=allowed)


def _counted(request: Request, store: TenantStore | None, area: Area, *, allowed: bool) -> Answer:
    """Count for a store, if there is one; without consent the visit's cookie is taken back."""
    held = cookie_of(request, VISIT)
    if not allowed:
        cookies = [set_cookie(request, VISIT, "", seconds=0)] if held else []
        return Answer(ActivityOut(counted=False), headers=cookies_set(cookies))
    if store is None:
        return Answer(ActivityOut(counted=False))
    visit = count_activity(
        store=store,
        area=area,
        pages=request.body_as(ActivityIn).pages,
        visit=decode_visit(value=held, at=request.now),
        visits="authorization" not in request.headers,
        at=request.now,
    )
    if visit is None:
        return Answer(ActivityOut(counted=True))
    kept = set_cookie(request, VISIT, encode_visit(visit=visit), seconds=int(VISIT_IDLE.total_seconds()))
    return Answer(ActivityOut(counted=True), headers=cookies_set([kept]))
