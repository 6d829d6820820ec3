"""The register of breaches of personal data."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from chalicelib.api.privacy_parts import HappeningOut, Said
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import ListAnswer, ListQuery, Schema
from chalicelib.domain.breaches import NAMED_MAX, AffectedPerson, Breach, Risk, Step
from chalicelib.domain.data_map import Category
from chalicelib.domain.staff import Permission
from chalicelib.usecases import breaches

Named = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=40)]],
    Field(max_length=NAMED_MAX, description="identifiers of staff, programs or subscribers"),
]


class BreachIn(Schema):
    """A breach: when it was noticed, from when until when it went on, and what of whom it is about.

    `misused` is whose access was misused: what they did meanwhile says who is affected, and without any
    what anybody did. `affected` are known to be affected besides.
    """

    noticed_at: AwareDatetime
    began_at: AwareDatetime
    ended_at: AwareDatetime = Field(description="exclusive")
    what: Said = Field(examples=["a laptop with an open session was stolen"])
    categories: list[Category] = Field(min_length=1, max_length=len(Category))
    risk: Risk = Field(default=Risk.SOME, description="none: nobody need be told; high: the people too")
    misused: Named = Field(default=[])
    affected: Named = Field(default=[])

    def breach(self, breach_id: str) -> Breach:
        """Return the domain's value."""
        return Breach(
            breach_id=breach_id,
            noticed_at=self.noticed_at,
            began_at=self.began_at,
            ended_at=self.ended_at,
            what=self.what,
            categories=tuple(dict.fromkeys(self.categories)),
            risk=self.risk,
            actor_ids=tuple(dict.fromkeys(self.misused)),
            subject_ids=tuple(dict.fromkeys(self.affected)),
        )


class BreachStepIn(Schema):
    """What was done: whom one told, or anything else; in words."""

    step: Step
    words: Said = Field(examples=["sent by the authority's form, number 4711"])


class BreachRiskIn(Schema):
    """What the breach may do to people, and why."""

    risk: Risk
    words: Said


class BreachClosingIn(Schema):
    """What was learnt of it."""

    lessons: Said = Field(examples=["disks of laptops are encrypted from now on"])


class BreachOut(Schema):
    """A breach and its clock: the authority is told by `tell_by`, 72 hours after it was noticed.

    `hours_left` counts down to it, and below zero once it is over; `overdue` where nobody was told by then.
    """

    breach_id: str = Field(examples=["brc_01JD0000000000000000000000"])
    noticed_at: datetime
    began_at: datetime
    ended_at: datetime
    what: str
    categories: list[Category]
    risk: Risk
    misused: list[str]
    affected: list[str]
    tell_by: datetime
    hours_left: int
    overdue: bool
    authority_told_at: datetime | None
    persons_told_at: datetime | None
    closed_at: datetime | None
    lessons: str
    history: list[HappeningOut]
    version: int

    @classmethod
    def of(cls, breach: Breach, at: datetime) -> BreachOut:
        """Render a breach as it stands at an instant."""
        return cls(
            breach_id=breach.breach_id,
            noticed_at=breach.noticed_at,
            began_at=breach.began_at,
            ended_at=breach.ended_at,
            what=breach.what,
            categories=list(breach.categories),
            risk=breach.risk,
            misused=list(breach.actor_ids),
            affected=list(breach.subject_ids),
            tell_by=breach.tell_by,
            hours_left=breach.hours_left(at=at),
            overdue=breach.overdue(at=at),
            authority_told_at=breach.authority_told_at,
            persons_told_at=breach.persons_told_at,
            closed_at=breach.closed_at,
            lessons=breach.lessons,
            history=[HappeningOut.of(one) for one in breach.history],
            version=breach.version,
        )


class BreachList(ListAnswer):
    """Breaches, the newest first."""

    items: list[BreachOut]


class AffectedOut(Schema):
    """Who is affected, and how often and when something of theirs was touched."""

    person_id: str
    times: int
    first_at: datetime | None
    last_at: datetime | None

    @classmethod
    def of(cls, one: AffectedPerson) -> AffectedOut:
        """Render who is affected."""
        return cls(person_id=one.person_id, times=one.times, first_at=one.first_at, last_at=one.last_at)


class AffectedList(ListAnswer):
    """Who is affected, by identifier. `everybody`: all subscribers are, for an export was taken."""

    items: list[AffectedOut]
    everybody: bool = False
    complete: bool = True


class NoticesOut(Schema):
    """The texts to be sent, with what the register does not know to be filled in."""

    authority: str
    persons: str


@endpoint("GET", "/v1/breaches", permission=Permission.PRIVACY_READ, query=ListQuery, answer=BreachList)
def list_breaches(request: Request) -> BreachList:
    """List the register of breaches, the newest first."""
    page = request.store.breaches.list(limit=request.query_as(ListQuery).limit, after=request.after)
    return request.listing(BreachList, page, lambda one: BreachOut.of(one, request.now))


@endpoint(
    "POST",
    "/v1/breaches",
    permission=Permission.PRIVACY_WRITE,
    body=BreachIn,
    answer=BreachOut,
    status=201,
)
def register_breach(request: Request) -> BreachOut:
    """Take a breach down in the register: the 72 hours run since it was noticed."""
    breach_id = request.services.ids.new(prefix="brc")
    made = breaches.register_breach(
        store=request.store,
        breach=request.body_as(BreachIn).breach(breach_id),
        at=request.now,
        note=request.note("breach.registered", breach_id),
    )
    return BreachOut.of(made, request.now)


@endpoint("GET", "/v1/breaches/{breach_id}", permission=Permission.PRIVACY_READ, answer=BreachOut)
def get_breach(request: Request) -> BreachOut:
    """Show a breach."""
    return BreachOut.of(request.store.breaches.get(breach_id=request.path["breach_id"]), request.now)


@endpoint(
    "GET",
    "/v1/breaches/{breach_id}/affected",
    permission=Permission.PRIVACY_READ,
    query=ListQuery,
    answer=AffectedList,
)
def list_affected(request: Request) -> AffectedList:
    """List who is affected by a breach, by what the audit log has of its time."""
    found = breaches.affected(
        store=request.store,
        breach_id=request.path["breach_id"],
        limit=request.query_as(ListQuery).limit,
        after=request.after,
    )
    listed = request.listing(AffectedList, found.page, AffectedOut.of)
    return listed.model_copy(update={"everybody": found.everybody, "complete": found.complete})


@endpoint("GET", "/v1/breaches/{breach_id}/notices", permission=Permission.PRIVACY_READ, answer=NoticesOut)
def get_breach_notices(request: Request) -> NoticesOut:
    """Show the texts to the authority and to the people."""
    found = breaches.notices_of(store=request.store, breach_id=request.path["breach_id"], at=request.now)
    return NoticesOut(authority=found.authority, persons=found.persons)


@endpoint(
    "POST",
    "/v1/breaches/{breach_id}/steps",
    permission=Permission.PRIVACY_WRITE,
    body=BreachStepIn,
    answer=BreachOut,
)
def note_breach_step(request: Request) -> BreachOut:
    """Write down what was done about a breach; telling the authority stops its clock."""
    body, breach_id = request.body_as(BreachStepIn), request.path["breach_id"]
    after = breaches.go_on(
        store=request.store,
        breach_id=breach_id,
        step=body.step,
        words=body.words,
        at=request.now,
        note=request.note(f"breach.{body.step.value}", breach_id),
    )
    return BreachOut.of(after, request.now)


@endpoint(
    "POST",
    "/v1/breaches/{breach_id}/risk",
    permission=Permission.PRIVACY_WRITE,
    body=BreachRiskIn,
    answer=BreachOut,
)
def assess_breach(request: Request) -> BreachOut:
    """Say anew what a breach may do to people, and why."""
    body, breach_id = request.body_as(BreachRiskIn), request.path["breach_id"]
    after = breaches.assess(
        store=request.store,
        breach_id=breach_id,
        risk=body.risk,
        words=body.words,
        at=request.now,
        note=request.note("breach.assessed", breach_id),
    )
    return BreachOut.of(after, request.now)


@endpoint(
    "POST",
    "/v1/breaches/{breach_id}/closing",
    permission=Permission.PRIVACY_WRITE,
    body=BreachClosingIn,
    answer=BreachOut,
)
def close_breach(request: Request) -> BreachOut:
    """Close a breach with what was learnt of it."""
    breach_id = request.path["breach_id"]
    after = breaches.close_breach(
        store=request.store,
        breach_id=breach_id,
        lessons=request.body_as(BreachClosingIn).lessons,
        at=request.now,
        note=request.note("breach.closed", breach_id),
    )
    return BreachOut.of(after, request.now)
