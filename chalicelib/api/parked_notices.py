"""What payment gateways told of and nobody could place: a person decides."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from chalicelib.api.documents import DocumentOut
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, ListAnswer, ListQuery, MoneyOut, Schema
from chalicelib.domain.gateways import GatewayKind, NoticeStatus
from chalicelib.domain.parked_notices import WHY_CHARS_MAX, WHY_CHARS_MIN, ParkedNotice, ParkedState
from chalicelib.domain.staff import Permission
from chalicelib.usecases import parked_notices


class ParkedNoticeOut(Schema):
    """A notice that waits, or waited, for a person.

    `reason` is why: `unknown_reference`, `other_gateway`, `amount_differs`, `currency_differs`, `cancelled`,
    `paid_before`, `recorded_by_hand` (from the vendor's file), a refusal's code, or its own status
    (`refunded`, `chargeback`, `chargeback_won`).
    `subscriber_id` and `collection_id` are known where the reference is.
    """

    notice_id: str = Field(examples=["pkn_01JD0000000000000000000000"])
    gateway: GatewayKind
    reason: str
    status: NoticeStatus
    reference: str
    vendor_id: str
    amount: MoneyOut | None
    arrived_at: datetime
    subscriber_id: str | None
    collection_id: str | None
    state: ParkedState
    resolved_by: str | None
    resolved_at: datetime | None
    receipt_id: str | None
    why: str | None

    @classmethod
    def of(cls, one: ParkedNotice) -> ParkedNoticeOut:
        """Render a notice without the message that it was in."""
        return cls(
            notice_id=one.notice_id,
            gateway=one.gateway,
            reason=one.reason,
            status=one.status,
            reference=one.reference,
            vendor_id=one.vendor_id,
            amount=MoneyOut.of(one.amount) if one.amount else None,
            arrived_at=one.arrived_at,
            subscriber_id=one.account_id or None,
            collection_id=one.collection_id or None,
            state=one.state,
            resolved_by=one.resolved_by or None,
            resolved_at=one.resolved_at,
            receipt_id=one.receipt_id or None,
            why=one.why or None,
        )


class ParkedMessageOut(Schema):
    """A notice with the message that it was in, as the vendor sent it, but for its headers."""

    notice: ParkedNoticeOut
    message: str


class ParkedNoticeList(ListAnswer):
    """Notices."""

    items: list[ParkedNoticeOut]


class ParkedNoticeQuery(ListQuery):
    """Which notices."""

    state: ParkedState | None = Field(default=None, description="in every state unless given")


class AssignmentIn(Schema):
    """Whose payment it is."""

    subscriber_id: str = Field(min_length=1, max_length=60, examples=["sbr_01JD0000000000000000000000"])


class DismissalIn(Schema):
    """Why nothing is to be done."""

    reason: Line = Field(
        min_length=WHY_CHARS_MIN, max_length=WHY_CHARS_MAX, examples=["the vendor took it back itself"]
    )


@endpoint(
    "GET",
    "/v1/parked-notices",
    permission=Permission.GATEWAYS_READ,
    query=ParkedNoticeQuery,
    answer=ParkedNoticeList,
)
def list_parked_notices(request: Request) -> ParkedNoticeList:
    """List what gateways told of and nobody could place, the newest first; a page may be short."""
    asked = request.query_as(ParkedNoticeQuery)
    page = request.store.parked_notices.list(state=asked.state, limit=asked.limit, after=request.after)
    return request.listing(ParkedNoticeList, page, ParkedNoticeOut.of)


@endpoint(
    "GET",
    "/v1/parked-notices/{notice_id}",
    permission=Permission.NOTICES_RESOLVE,
    answer=ParkedMessageOut,
)
def get_parked_notice(request: Request) -> ParkedMessageOut:
    """Show a notice with the message that it was in."""
    found = request.store.parked_notices.get(notice_id=request.path["notice_id"])
    return ParkedMessageOut(notice=ParkedNoticeOut.of(found), message=found.raw)


@endpoint(
    "POST",
    "/v1/parked-notices/{notice_id}/assignment",
    permission=Permission.NOTICES_RESOLVE,
    body=AssignmentIn,
    answer=DocumentOut,
    status=201,
    idempotency_required=True,
)
def assign_parked_notice(request: Request) -> DocumentOut:
    """Record its money as a subscriber's payment, once: it pays the oldest due, the rest is credit."""
    body, notice_id = request.body_as(AssignmentIn), request.path["notice_id"]
    made = parked_notices.assign_notice(
        store=request.store,
        notice_id=notice_id,
        subscriber_id=body.subscriber_id,
        at=request.now,
        note=request.note("notice.assigned", notice_id, subscriber_id=body.subscriber_id),
        idempotency=request.idempotency,
    )
    return DocumentOut.of(made)


@endpoint(
    "POST",
    "/v1/parked-notices/{notice_id}/dismissal",
    permission=Permission.NOTICES_RESOLVE,
    body=DismissalIn,
    answer=ParkedNoticeOut,
)
def dismiss_parked_notice(request: Request) -> ParkedNoticeOut:
    """Decide that nothing is to be done about it, and say why."""
    body, notice_id = request.body_as(DismissalIn), request.path["notice_id"]
    resolved = parked_notices.dismiss_notice(
        store=request.store,
        notice_id=notice_id,
        why=body.reason,
        at=request.now,
        note=request.note("notice.dismissed", notice_id, why=body.reason),
    )
    return ParkedNoticeOut.of(resolved)
