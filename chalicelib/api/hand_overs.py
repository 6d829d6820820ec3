"""Handing cash over to the office, and closing the days of its funds."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, ListAnswer, ListQuery, MoneyIn, MoneyOut, Schema
from chalicelib.domain import till_closings as till
from chalicelib.domain.hand_overs import REASON_CHARS_MAX, HandOver, HandOverState
from chalicelib.domain.staff import Permission
from chalicelib.domain.till_closings import TillClosing
from chalicelib.usecases import hand_overs, till_closings


class HandOverIn(Schema):
    """Cash of one's own hands that is offered to the office."""

    amount: MoneyIn


class CountIn(Schema):
    """What the office counted, and the fund of the office that it goes to."""

    counted: MoneyIn
    fund_id: str = Field(min_length=1, max_length=40, examples=["fnd_01JD0000000000000000000000"])


class AcceptanceIn(Schema):
    """The office's count that is accepted; another one is not (409 `count_changed`)."""

    counted: MoneyIn


class HandOverRefusalIn(Schema):
    """Why a hand-over is refused."""

    reason: Line = Field(min_length=3, max_length=REASON_CHARS_MAX, examples=["two notes are torn"])


class HandOverOut(Schema):
    """Cash on its way to the office. Until it is ``confirmed`` it is the collector's still.

    ``counted`` and ``fund_id`` are what the office counted and where it goes; ``document_id`` is the
    company journal that moved it.
    """

    hand_over_id: str = Field(examples=["hov_01JD0000000000000000000000"])
    staff_id: str
    state: HandOverState
    offered: MoneyOut
    offered_at: datetime
    counted: MoneyOut | None
    counted_by: str | None
    fund_id: str | None
    ended_at: datetime | None
    reason: str
    document_id: str | None = Field(examples=["cjn_01JD0000000000000000000000-20261101-0"])
    version: int

    @classmethod
    def of(cls, one: HandOver) -> HandOverOut:
        """Render a hand-over."""
        counted = None if one.counted is None else MoneyOut(amount=one.counted, currency=one.currency)
        return cls(
            hand_over_id=one.hand_over_id,
            staff_id=one.staff_id,
            state=one.state,
            offered=MoneyOut(amount=one.offered, currency=one.currency),
            offered_at=one.offered_at,
            counted=counted,
            counted_by=one.counted_by or None,
            fund_id=one.office_fund_id or None,
            ended_at=one.ended_at,
            reason=one.reason,
            document_id=one.document_id or None,
            version=one.version,
        )


class HandOverList(ListAnswer):
    """Hand-overs, the newest first."""

    items: list[HandOverOut]


class HandOverListQuery(ListQuery):
    """Which hand-overs."""

    state: HandOverState | None = None


@endpoint(
    "GET", "/v1/hand-overs", permission=Permission.FUNDS_READ, query=HandOverListQuery, answer=HandOverList
)
def list_hand_overs(request: Request) -> HandOverList:
    """List hand-overs, the newest first; who is held to areas sees their own. A page may be short."""
    asked = request.query_as(HandOverListQuery)
    page = hand_overs.list_hand_overs(
        store=request.store,
        state=asked.state,
        principal=request.principal,
        limit=asked.limit,
        after=request.after,
    )
    return request.listing(HandOverList, page, HandOverOut.of)


@endpoint(
    "POST",
    "/v1/hand-overs",
    permission=Permission.CASH_COLLECT,
    body=HandOverIn,
    answer=HandOverOut,
    status=201,
    idempotency_required=True,
)
def offer_hand_over(request: Request) -> HandOverOut:
    """Offer cash to the office; one at a time (409 `hand_over_open`)."""
    hand_over_id = request.services.ids.new(prefix="hov")
    made = hand_overs.offer(
        store=request.store,
        hand_over_id=hand_over_id,
        amount=request.body_as(HandOverIn).amount.money(),
        principal=request.principal,
        at=request.now,
        note=request.note("hand_over.offered", hand_over_id),
        idempotency=request.idempotency,
    )
    return HandOverOut.of(made)


@endpoint("GET", "/v1/hand-overs/{hand_over_id}", permission=Permission.FUNDS_READ, answer=HandOverOut)
def get_hand_over(request: Request) -> HandOverOut:
    """Show a hand-over."""
    found = hand_overs.get_hand_over(
        store=request.store, hand_over_id=request.path["hand_over_id"], principal=request.principal
    )
    return HandOverOut.of(found)


@endpoint(
    "POST",
    "/v1/hand-overs/{hand_over_id}/count",
    permission=Permission.FUNDS_WRITE,
    body=CountIn,
    answer=HandOverOut,
    idempotency_required=True,
)
def count_hand_over(request: Request) -> HandOverOut:
    """Say what was counted: what was offered moves at once, else the collector accepts it first."""
    body, hand_over_id = request.body_as(CountIn), request.path["hand_over_id"]
    after = hand_overs.count(
        store=request.store,
        hand_over_id=hand_over_id,
        amount=body.counted.money(),
        fund_id=body.fund_id,
        principal=request.principal,
        at=request.now,
        note=request.note("hand_over.counted", hand_over_id),
        idempotency=request.idempotency,
    )
    return HandOverOut.of(after)


@endpoint(
    "POST",
    "/v1/hand-overs/{hand_over_id}/acceptance",
    permission=Permission.CASH_COLLECT,
    body=AcceptanceIn,
    answer=HandOverOut,
    idempotency_required=True,
)
def accept_count(request: Request) -> HandOverOut:
    """Accept what the office counted of one's own hand-over: so much moves."""
    hand_over_id = request.path["hand_over_id"]
    after = hand_overs.accept(
        store=request.store,
        hand_over_id=hand_over_id,
        amount=request.body_as(AcceptanceIn).counted.money(),
        principal=request.principal,
        at=request.now,
        note=request.note("hand_over.accepted", hand_over_id),
        idempotency=request.idempotency,
    )
    return HandOverOut.of(after)


@endpoint(
    "POST",
    "/v1/hand-overs/{hand_over_id}/refusal",
    permission=Permission.FUNDS_WRITE,
    body=HandOverRefusalIn,
    answer=HandOverOut,
)
def refuse_hand_over(request: Request) -> HandOverOut:
    """Refuse an open hand-over, for a reason; the money stays with the collector."""
    hand_over_id = request.path["hand_over_id"]
    after = hand_overs.refuse(
        store=request.store,
        hand_over_id=hand_over_id,
        reason=request.body_as(HandOverRefusalIn).reason,
        principal=request.principal,
        at=request.now,
        note=request.note("hand_over.refused", hand_over_id),
    )
    return HandOverOut.of(after)


@endpoint(
    "POST",
    "/v1/hand-overs/{hand_over_id}/withdrawal",
    permission=Permission.CASH_COLLECT,
    answer=HandOverOut,
)
def withdraw_hand_over(request: Request) -> HandOverOut:
    """Withdraw one's own open hand-over, such as one whose count is not accepted."""
    hand_over_id = request.path["hand_over_id"]
    after = hand_overs.withdraw(
        store=request.store,
        hand_over_id=hand_over_id,
        principal=request.principal,
        at=request.now,
        note=request.note("hand_over.withdrawn", hand_over_id),
    )
    return HandOverOut.of(after)


# -- the day's end ---------------------------------------------------------------------------


class DayClosingIn(Schema):
    """What was counted at the day's end; where it is not what the books say, with a reason."""

    counted: MoneyIn
    reason: Line = Field(default="", max_length=till.REASON_CHARS_MAX, examples=["change given twice"])


class DayClosingOut(Schema):
    """A count of a fund. ``difference`` is what was over, negative what was missing: it was posted."""

    closing_id: str = Field(examples=["tcl_01JD0000000000000000000000"])
    fund_id: str
    on: date
    expected: MoneyOut
    counted: MoneyOut
    difference: MoneyOut
    reason: str
    closed_by: str
    closed_at: datetime
    document_id: str | None

    @classmethod
    def of(cls, one: TillClosing) -> DayClosingOut:
        """Render a closing."""
        return cls(
            closing_id=one.closing_id,
            fund_id=one.fund_id,
            on=one.on,
            expected=MoneyOut(amount=one.expected, currency=one.currency),
            counted=MoneyOut(amount=one.counted, currency=one.currency),
            difference=MoneyOut(amount=one.difference, currency=one.currency),
            reason=one.reason,
            closed_by=one.closed_by,
            closed_at=one.closed_at,
            document_id=one.document_id or None,
        )


class DayClosingList(ListAnswer):
    """Closings of a fund's days, the newest first."""

    items: list[DayClosingOut]


@endpoint(
    "POST",
    "/v1/funds/{fund_id}/closings",
    permission=Permission.FUNDS_WRITE,
    body=DayClosingIn,
    answer=DayClosingOut,
    status=201,
    idempotency_required=True,
)
def close_day(request: Request) -> DayClosingOut:
    """Close the day of an office fund by what was counted, once it is shut; a further count is one more."""
    body, closing_id = request.body_as(DayClosingIn), request.services.ids.new(prefix="tcl")
    made = till_closings.close_day(
        store=request.store,
        closing_id=closing_id,
        fund_id=request.path["fund_id"],
        counted=body.counted.money(),
        reason=body.reason,
        principal=request.principal,
        at=request.now,
        note=request.note("day.closed", request.path["fund_id"], closing_id=closing_id),
        idempotency=request.idempotency,
    )
    return DayClosingOut.of(made)


@endpoint(
    "GET",
    "/v1/funds/{fund_id}/closings",
    permission=Permission.FUNDS_READ,
    query=ListQuery,
    answer=DayClosingList,
)
def list_day_closings(request: Request) -> DayClosingList:
    """List the closings of a fund's days, the newest first."""
    page = till_closings.list_day_closings(
        store=request.store,
        fund_id=request.path["fund_id"],
        principal=request.principal,
        limit=request.query_as(ListQuery).limit,
        after=request.after,
    )
    return request.listing(DayClosingList, page, DayClosingOut.of)
