"""Rehearsals: what billing would come to through a date, before anything is billed."""

from __future__ import annotations

import time
from datetime import date, datetime
from typing import Final

from pydantic import Field

from chalicelib.api.files import FailureOut
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import ListAnswer, ListQuery, MoneyOut, Schema
from chalicelib.domain.accounts import ChargeKind as Charged
from chalicelib.domain.jobs import JobState
from chalicelib.domain.money import Money
from chalicelib.domain.rehearsals import (
    ChangeKind,
    Comparison,
    Rehearsal,
    RehearsalJob,
    RehearsedChange,
    RehearsedCharge,
    Sums,
)
from chalicelib.domain.staff import Permission
from chalicelib.usecases import rehearsal as rehearsals

# Far from a request's 29 seconds.
SECONDS_MAX: Final = 15


class RehearsalIn(Schema):
    """The last date to be rehearsed: at most 400 days after the last one billed."""

    through: date = Field(examples=["2026-12-01"])


class RehearsalQuery(Schema):
    """The last date to be rehearsed: at most 400 days after the last one billed."""

    through: date = Field(examples=["2026-12-01"])


class SumsOut(Schema):
    """How many, and what they come to."""

    count: int
    net: MoneyOut
    tax: MoneyOut
    total: MoneyOut


def _money(amount: int, currency: str) -> MoneyOut:
    return MoneyOut.of(Money(amount, currency))


def _sums(sums: Sums, currency: str) -> dict[str, object]:
    return {
        "count": sums.count,
        "net": _money(sums.net, currency),
        "tax": _money(sums.tax, currency),
        "total": _money(sums.total, currency),
    }


class DateSumsOut(SumsOut):
    """The invoices of a date."""

    date: date


class PackageSumsOut(SumsOut):
    """The lines of a package and kind; the package is null where a charge is of none."""

    package_id: str | None
    kind: Charged


class RehearsedQuarantineOut(Schema):
    """A subscription that would be set aside, and why; null where it is the pending charges."""

    date: date
    subscriber_id: str
    subscription_id: str | None
    code: str
    message: str


class CountOut(Schema):
    """How many subscriptions, and their net."""

    count: int
    net: MoneyOut

    @classmethod
    def of(cls, sums: Sums, currency: str) -> CountOut:
        """Render sums."""
        return cls(count=sums.count, net=_money(sums.net, currency))


class ChargeOut(Schema):
    """What the first bill of a subscription comes to before tax."""

    package_id: str
    net: MoneyOut

    @classmethod
    def of(cls, charge: RehearsedCharge | None, currency: str) -> ChargeOut | None:
        """Render a charge."""
        if charge is None:
            return None
        return cls(package_id=charge.package_id, net=_money(charge.net, currency))


class ChangeOut(Schema):
    """A subscription that is billed now and was not, was and is not, or otherwise."""

    kind: ChangeKind
    subscription_id: str
    before: ChargeOut | None
    now: ChargeOut | None

    @classmethod
    def of(cls, change: RehearsedChange, currency: str) -> ChangeOut:
        """Render a change."""
        return cls(
            kind=change.kind,
            subscription_id=change.subscription_id,
            before=ChargeOut.of(change.before, currency),
            now=ChargeOut.of(change.now, currency),
        )


class ComparisonOut(Schema):
    """The changes against the newest run that billed anything, each subscription by its first bill."""

    run_date: date
    before: CountOut
    now: CountOut
    new: CountOut
    gone: CountOut
    changed: CountOut = Field(description="its net is the difference")
    changes: list[ChangeOut] = Field(description="the first 500")
    changes_left_off: int

    @classmethod
    def of(cls, compared: Comparison, currency: str) -> ComparisonOut:
        """Render a comparison."""
        return cls(
            run_date=compared.run_on,
            before=CountOut.of(compared.before, currency),
            now=CountOut.of(compared.now, currency),
            new=CountOut.of(compared.new, currency),
            gone=CountOut.of(compared.gone, currency),
            changed=CountOut.of(compared.changed, currency),
            changes=[ChangeOut.of(one, currency) for one in compared.changes],
            changes_left_off=compared.changes_left_off,
        )


class RehearsalOut(Schema):
    """What the runs of every date from ``first`` through ``through`` would bill, as the books stand."""

    first: date
    through: date
    invoices: int
    net: MoneyOut
    tax: MoneyOut
    total: MoneyOut
    by_date: list[DateSumsOut] = Field(description="the dates on which anything is billed")
    by_package: list[PackageSumsOut]
    quarantined: list[RehearsedQuarantineOut] = Field(description="the first 200")
    quarantined_left_off: int
    compared: ComparisonOut | None = Field(description="null where nothing was billed yet")

    @classmethod
    def of(cls, found: Rehearsal) -> RehearsalOut:
        """Render a rehearsal."""
        currency = found.currency
        return cls(
            first=found.first,
            through=found.through,
            invoices=found.invoices,
            net=_money(found.net, currency),
            tax=_money(found.tax, currency),
            total=_money(found.total, currency),
            by_date=[
                DateSumsOut.model_validate({"date": on, **_sums(sums, currency)})
                for on, sums in found.by_date.items()
            ],
            by_package=[
                PackageSumsOut.model_validate(
                    {"package_id": package or None, "kind": kind, **_sums(sums, currency)}
                )
                for (package, kind), sums in found.by_package.items()
            ],
            quarantined=[
                RehearsedQuarantineOut(
                    date=one.on,
                    subscriber_id=one.account_id,
                    subscription_id=one.subscription_id,
                    code=one.code,
                    message=one.message,
                )
                for one in found.quarantined
            ],
            quarantined_left_off=found.quarantined_left_off,
            compared=ComparisonOut.of(found.compared, currency) if found.compared else None,
        )


class RehearsalJobOut(Schema):
    """A rehearsal as a job: ``queued``, ``running``, then ``succeeded`` or ``failed``."""

    rehearsal_id: str = Field(examples=["rhs_01JD0000000000000000000000"])
    through: date
    state: JobState
    created_at: datetime
    finished_at: datetime | None
    failure: FailureOut | None

    @classmethod
    def of(cls, job: RehearsalJob) -> RehearsalJobOut:
        """Render a job."""
        return cls(
            rehearsal_id=job.rehearsal_id,
            through=job.through,
            state=job.state,
            created_at=job.created_at,
            finished_at=job.finished_at,
            failure=FailureOut.of(job.failure) if job.failure else None,
        )


class RehearsalJobList(ListAnswer):
    """Rehearsals, newest first."""

    items: list[RehearsalJobOut]


@endpoint(
    "GET",
    "/v1/billing/rehearsal",
    permission=Permission.BILLING_READ,
    query=RehearsalQuery,
    answer=RehearsalOut,
)
def rehearse_billing(request: Request) -> RehearsalOut:
    """Rehearse billing through a date: nothing is written. What is too large is asked for as a job."""
    ends = time.monotonic() + SECONDS_MAX
    work = rehearsals.RehearsalWork(
        store=request.store,
        books=request.store.rehearsal_books(wire=request.services.wire),
        out_of_time=lambda: time.monotonic() >= ends,
    )
    return RehearsalOut.of(rehearsals.rehearse(work=work, through=request.query_as(RehearsalQuery).through))


@endpoint(
    "GET",
    "/v1/billing/rehearsals",
    permission=Permission.BILLING_READ,
    query=ListQuery,
    answer=RehearsalJobList,
)
def list_rehearsals(request: Request) -> RehearsalJobList:
    """List the rehearsals that were asked for as jobs, newest first."""
    limit = request.query_as(ListQuery).limit
    page = rehearsals.list_rehearsals(store=request.store, limit=limit, after=request.after, at=request.now)
    return request.listing(RehearsalJobList, page, RehearsalJobOut.of)


@endpoint(
    "POST",
    "/v1/billing/rehearsals",
    permission=Permission.BILLING_RUN,
    body=RehearsalIn,
    answer=RehearsalJobOut,
    status=202,
    idempotent=True,
    without_terms=True,
)
def create_rehearsal(request: Request) -> RehearsalJobOut:
    """Ask for a rehearsal of any size: it is worked out in the background, and kept."""
    through, rehearsal_id = request.body_as(RehearsalIn).through, request.services.ids.new(prefix="rhs")
    job = rehearsals.create_rehearsal(
        store=request.store,
        queue=request.services.billing_queue,
        rehearsal_id=rehearsal_id,
        through=through,
        at=request.now,
        note=request.note("billing.rehearsed", rehearsal_id, through=through.isoformat()),
        idempotency=request.idempotency,
    )
    return RehearsalJobOut.of(job)


@endpoint(
    "GET",
    "/v1/billing/rehearsals/{rehearsal_id}",
    permission=Permission.BILLING_READ,
    answer=RehearsalJobOut,
)
def get_rehearsal(request: Request) -> RehearsalJobOut:
    """Show how far a rehearsal is."""
    rehearsal_id = request.path["rehearsal_id"]
    job = rehearsals.show_rehearsal(store=request.store, rehearsal_id=rehearsal_id, at=request.now)
    return RehearsalJobOut.of(job)


@endpoint(
    "GET",
    "/v1/billing/rehearsals/{rehearsal_id}/result",
    permission=Permission.BILLING_READ,
    answer=RehearsalOut,
)
def get_rehearsal_result(request: Request) -> RehearsalOut:
    """Show what a rehearsal came to."""
    rehearsal_id = request.path["rehearsal_id"]
    found = rehearsals.result_of(store=request.store, rehearsal_id=rehearsal_id, at=request.now)
    return RehearsalOut.of(found)
