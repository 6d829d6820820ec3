"""Data used by subscriptions: recording it, topping it up, closing its periods."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import MoneyOut, Schema
from chalicelib.domain.money import Money
from chalicelib.domain.package_terms import MIB_MAX
from chalicelib.domain.staff import Permission
from chalicelib.domain.usage import UsageRecord, UsageState
from chalicelib.usecases import usage

PackageId = Annotated[str, Field(min_length=1, max_length=40, examples=["pkg_01JD0000000000000000000000"])]
RecordId = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,80}$")]
Mib = Annotated[int, Field(ge=0, le=MIB_MAX)]


class UsageQuery(Schema):
    """The period that a date falls in; today's unless given."""

    on: date | None = Field(default=None, examples=["2026-11-01"])


class UsageIn(Schema):
    """Data used, in MiB; the same ``record_id`` of a subscription counts once."""

    record_id: RecordId = Field(examples=["session-81a2-4"])
    up_mib: Mib = Field(examples=[120])
    down_mib: Mib = Field(examples=[2_048])
    used_at: AwareDatetime | None = Field(
        default=None,
        description="when it was used, which decides the period; now unless given",
        examples=["2026-11-24T10:00:00+05:00"],
    )

    def record(self) -> UsageRecord:
        """Return the domain's value."""
        return UsageRecord(self.record_id, self.up_mib, self.down_mib)


class TopUpIn(Schema):
    """The top-up to buy: a package of the kind ``top_up``."""

    package_id: PackageId


class UsageClosing(Schema):
    """The period to close, by its first day."""

    period_start: date = Field(examples=["2026-11-01"])


class UsageOut(Schema):
    """How a subscription stands in a period of its cycle.

    ``carried_mib`` is used first, then ``included_mib``, then ``topped_up_mib``. ``included_mib``
    and ``left_mib`` are null where data is not limited. The speeds are those of the state, and null
    where it is ``blocked``. ``overage`` is the price before tax of ``over_mib``, charged when the
    period is closed.
    """

    subscription_id: str = Field(examples=["sbn_01JD0000000000000000000000-1"])
    period_start: date
    period_end: date
    up_mib: int
    down_mib: int
    used_mib: int
    included_mib: int | None
    carried_mib: int
    topped_up_mib: int
    left_mib: int | None
    over_mib: int
    overage: MoneyOut
    state: UsageState
    download_kbps: int | None
    upload_kbps: int | None
    closed: bool

    @classmethod
    def of(cls, shown: usage.UsageShown) -> UsageOut:
        """Render a standing."""
        found, use = shown.standing, shown.standing.use
        limited = found.cap is not None
        down, up = shown.speeds
        return cls(
            subscription_id=shown.subscription_id,
            period_start=found.period.start,
            period_end=found.period.end,
            up_mib=use.up_mib,
            down_mib=use.down_mib,
            used_mib=use.used_mib,
            included_mib=found.included_mib if limited else None,
            carried_mib=found.carried_mib,
            topped_up_mib=use.topped_up_mib,
            left_mib=max(0, found.allowance_mib - use.used_mib) if limited else None,
            over_mib=found.over_mib,
            overage=MoneyOut.of(Money(found.overage, shown.account.currency)),
            state=found.state,
            download_kbps=down,
            upload_kbps=up,
            closed=use.closing is not None,
        )


@endpoint(
    "GET",
    "/v1/subscriptions/{subscription_id}/usage",
    permission=Permission.SUBSCRIBERS_READ,
    query=UsageQuery,
    answer=UsageOut,
)
def get_usage(request: Request) -> UsageOut:
    """Show the data used in a period, and what that means for the service."""
    shown = usage.get_usage(
        store=request.store,
        subscription_id=request.path["subscription_id"],
        on=request.query_as(UsageQuery).on,
        at=request.now,
    )
    return UsageOut.of(shown)


@endpoint(
    "POST",
    "/v1/subscriptions/{subscription_id}/usage",
    permission=Permission.SUBSCRIBERS_WRITE,
    body=UsageIn,
    answer=UsageOut,
)
def record_usage(request: Request) -> UsageOut:
    """Record data used. The same record sent again counts once."""
    body = request.body_as(UsageIn)
    shown = usage.record_usage(
        store=request.store,
        subscription_id=request.path["subscription_id"],
        record=body.record(),
        used_at=body.used_at,
        at=request.now,
        actor_id=request.principal.actor_id,
    )
    return UsageOut.of(shown)


@endpoint(
    "POST",
    "/v1/subscriptions/{subscription_id}/top-ups",
    permission=Permission.SUBSCRIBERS_WRITE,
    body=TopUpIn,
    answer=UsageOut,
    status=201,
    idempotency_required=True,
)
def buy_top_up(request: Request) -> UsageOut:
    """Sell more data for today's period; its price is on the next invoice."""
    shown = usage.top_up(
        store=request.store,
        subscription_id=request.path["subscription_id"],
        package_id=request.body_as(TopUpIn).package_id,
        at=request.now,
        note=request.note("usage.topped_up", request.path["subscription_id"]),
        idempotency=request.idempotency,
    )
    return UsageOut.of(shown)


@endpoint(
    "POST",
    "/v1/subscriptions/{subscription_id}/usage/closings",
    permission=Permission.BILLING_RUN,
    body=UsageClosing,
    answer=UsageOut,
    idempotency_required=True,
)
def close_usage_period(request: Request) -> UsageOut:
    """Close a period that is over before a run does, and charge what was used beyond the cap, once."""
    shown = usage.close_usage(
        store=request.store,
        subscription_id=request.path["subscription_id"],
        period_start=request.body_as(UsageClosing).period_start,
        at=request.now,
        note=request.note("usage.closed", request.path["subscription_id"]),
        idempotency=request.idempotency,
    )
    return UsageOut.of(shown)
