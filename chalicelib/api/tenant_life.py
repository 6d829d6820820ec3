"""The end of a company's account: cancelled, withdrawn, recovered; and where it stands."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, Schema
from chalicelib.api.second_factor import ShownAgainIn
from chalicelib.domain.lifecycle import ALLOWED, REASON_CHARS_MAX, EndingMoment, Standing, days_left
from chalicelib.domain.staff import Permission
from chalicelib.domain.tenants import SUBDOMAIN_CHARS_MAX, Tenant, TenantState
from chalicelib.usecases import cancellation


class EndingOut(Schema):
    """The end of an account: when it was asked for, when it ends or ended, and when its data is deleted."""

    asked_at: datetime
    ends_at: datetime = Field(description="recovery begins then, or began")
    purge_at: datetime | None = Field(description="null until recovery begins; then it does not move")
    days_left: int | None = Field(description="days until the data is deleted, a begun one as a whole one")


class TenantLifeOut(Schema):
    """In which state a company is, and how its account ends where its owner cancelled it."""

    state: TenantState
    ending: EndingOut | None

    @classmethod
    def of(cls, tenant: Tenant, at: datetime) -> TenantLifeOut:
        """Render a tenant's life."""
        return cls(state=tenant.state, ending=_ending(tenant, at))


class TenantStandingOut(TenantLifeOut):
    """Where a company stands: trial, past due and cancelled are active in every respect."""

    standing: Standing
    trial_through: date | None = Field(description="the last day of the trial; null without a plan")
    past_due_since: date | None = Field(
        description="by when the oldest overdue invoice of the platform to the company was to be paid"
    )
    allowed: list[str] = Field(
        description="what the account allows as it stands", examples=[["bill", "export", "portal", "work"]]
    )

    @classmethod
    def standing_of(cls, found: cancellation.TenantStanding, at: datetime) -> TenantStandingOut:
        """Render where a tenant stands."""
        return cls(
            state=found.tenant.state,
            ending=_ending(found.tenant, at),
            standing=found.standing,
            trial_through=found.accounts.trial_through,
            past_due_since=found.accounts.past_due_since,
            allowed=sorted(one.name.lower() for one in ALLOWED[found.standing]),
        )


def _ending(tenant: Tenant, at: datetime) -> EndingOut | None:
    ending = tenant.ending
    if ending is None:
        return None
    left = None if ending.purge_at is None else days_left(purge_at=ending.purge_at, at=at)
    return EndingOut(
        asked_at=ending.asked_at, ends_at=ending.ends_at, purge_at=ending.purge_at, days_left=left
    )


class CancellationIn(ShownAgainIn):
    """When the account is to end; who asks shows their password, and second factor where they have one."""

    when: EndingMoment
    confirm: str = Field(
        max_length=SUBDOMAIN_CHARS_MAX, description="your subdomain", examples=["lahore-net"]
    )
    reason: Line = Field(default="", max_length=REASON_CHARS_MAX, examples=["We merge with another company"])


@endpoint("GET", "/v1/tenant/standing", permission=Permission.TENANT_READ, answer=TenantStandingOut)
def get_tenant_standing(request: Request) -> TenantStandingOut:
    """Show where the company stands: on trial, active, past due, cancelled, in recovery."""
    found = cancellation.tenant_standing(
        operator=lambda: request.services.operator, store=request.store, at=request.now
    )
    return TenantStandingOut.standing_of(found, request.now)


@endpoint(
    "POST",
    "/v1/tenant/cancellation",
    permission=Permission.TENANT_END,
    body=CancellationIn,
    answer=TenantLifeOut,
    without_terms=True,
)
def cancel_tenant(request: Request) -> TenantLifeOut:
    """Cancel the account: now, or at the end of the month in your time zone.

    When it ends, everybody's sessions end, programs, portal and billing stop, and for 30 days owners may
    look, export and recover. Then all data is deleted but what tax law keeps.
    """
    body = request.body_as(CancellationIn)
    tenant = cancellation.cancel(
        identity=request.services.identity,
        support=lambda: request.services.support,
        operator=request.services.operator,
        store=request.store,
        session=request.own_session,
        command=cancellation.Cancelling(
            body.when, body.reason, body.confirm, body.again(address=request.address)
        ),
        at=request.now,
        note=request.note("tenant.cancelled", request.principal.tenant_id),
    )
    return TenantLifeOut.of(tenant, request.now)


@endpoint(
    "DELETE",
    "/v1/tenant/cancellation",
    permission=Permission.TENANT_END,
    answer=TenantLifeOut,
    without_terms=True,
)
def withdraw_cancellation(request: Request) -> TenantLifeOut:
    """Withdraw the cancellation, as long as the account has not ended."""
    note = request.note("tenant.cancellation_withdrawn", request.principal.tenant_id)
    return TenantLifeOut.of(cancellation.withdraw(store=request.store, note=note), request.now)


@endpoint(
    "POST",
    "/v1/tenant/recovery",
    permission=Permission.TENANT_END,
    answer=TenantLifeOut,
    without_terms=True,
)
def recover_tenant(request: Request) -> TenantLifeOut:
    """Bring the account back within its 30 days: everything is as it was."""
    tenant = cancellation.recover(
        identity=request.services.identity,
        store=request.store,
        at=request.now,
        note=request.note("tenant.recovered", request.principal.tenant_id),
    )
    return TenantLifeOut.of(tenant, request.now)
