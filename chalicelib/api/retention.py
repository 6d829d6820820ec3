"""For how long the company's data is kept, and what was taken away when its time was over."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import ListAnswer, ListQuery, Schema
from chalicelib.domain.retention import Deleted, Period
from chalicelib.domain.staff import Permission
from chalicelib.ports.retention import Retention
from chalicelib.usecases import retention


class PeriodOut(Schema):
    """A rule in force: ``days`` after ``since``, or whole ``fiscal_years`` after it.

    A company may set the days between ``shortest`` and ``longest`` where these are given.
    """

    rule: str = Field(examples=["access_log"])
    since: str = Field(examples=["the access"])
    days: int | None
    fiscal_years: int | None
    shortest: int | None
    longest: int | None

    @classmethod
    def of(cls, period: Period) -> PeriodOut:
        """Render a rule."""
        return cls(
            rule=period.rule.code,
            since=period.rule.since,
            days=period.days,
            fiscal_years=period.rule.fiscal_years or None,
            shortest=period.shortest,
            longest=period.longest,
        )


class RetentionOut(Schema):
    """All rules in force; ``version`` is that of what the company has shortened."""

    items: list[PeriodOut]
    version: int

    @classmethod
    def of(cls, kept: retention.Kept) -> RetentionOut:
        """Render the rules."""
        return cls(items=[PeriodOut.of(one) for one in kept.periods], version=kept.version)


class PeriodIn(Schema):
    """The days of a rule; null lets it be as it is by default."""

    days: int | None = Field(examples=[90], ge=1, le=36_500)


class DeletedOut(Schema):
    """How much was taken away on a day (the company's), by rule."""

    on: date
    counts: dict[str, int] = Field(examples=[{"access_log": 120}])

    @classmethod
    def of(cls, deleted: Deleted) -> DeletedOut:
        """Render a day."""
        return cls(on=deleted.on, counts=dict(deleted.counts))


class DeletedList(ListAnswer):
    """What was taken away."""

    items: list[DeletedOut]


@endpoint("GET", "/v1/retention", permission=Permission.TENANT_READ, answer=RetentionOut)
def get_retention(request: Request) -> RetentionOut:
    """Show for how long what is kept."""
    store = request.store
    return RetentionOut.of(retention.rules_in_force(retention=_of(request), tenant=store.profile()))


@endpoint(
    "PUT",
    "/v1/retention/{rule}",
    permission=Permission.TENANT_WRITE,
    body=PeriodIn,
    answer=RetentionOut,
    if_match=True,
)
def shorten_retention(request: Request) -> RetentionOut:
    """Keep something for a shorter time than by default; the next pass takes away what is past it."""
    code, if_match = request.path["rule"], request.if_match
    assert if_match is not None, "the endpoint insists on it"
    kept = retention.shorten_rule(
        store=request.store,
        retention=_of(request),
        code=code,
        days=request.body_as(PeriodIn).days,
        if_match=if_match,
        note=request.note("retention.shortened", request.principal.tenant_id),
    )
    return RetentionOut.of(kept)


@endpoint(
    "GET",
    "/v1/retention/reports",
    permission=Permission.TENANT_READ,
    query=ListQuery,
    answer=DeletedList,
)
def list_retention_reports(request: Request) -> DeletedList:
    """List what was taken away, the newest day first; days on which nothing was are left out."""
    page = retention.list_deleted(
        retention=_of(request), limit=request.query_as(ListQuery).limit, after=request.after
    )
    return request.listing(DeletedList, page, DeletedOut.of)


def _of(request: Request) -> Retention:
    return request.services.retention(tenant_id=request.principal.tenant_id)
