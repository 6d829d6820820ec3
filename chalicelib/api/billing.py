"""Billing runs: how far billing has come, the run ledger, and starting what is due."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from chalicelib.api.request import Answer
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import ListAnswer, ListQuery, MoneyOut, Schema
from chalicelib.domain.billing_state import BillingState
from chalicelib.domain.errors import NotFound
from chalicelib.domain.money import Money
from chalicelib.domain.runs import BillingRun, QuarantinedSubscription, run_id
from chalicelib.domain.staff import Permission
from chalicelib.observability import tell_completed
from chalicelib.usecases.billing import Retried, retry_quarantined, start_due


class BillingStateOut(Schema):
    """Runs have started and completed for every local date through these."""

    started_through: date
    completed_through: date

    @classmethod
    def of(cls, state: BillingState) -> BillingStateOut:
        """Render the state."""
        return cls(started_through=state.started_through, completed_through=state.completed_through)


class RunOut(Schema):
    """One tenant's billing for one local date.

    Every subscription that was looked at is billed, skipped for a reason, or quarantined.
    """

    run_id: str = Field(examples=["run_2026-11-01"])
    date: date
    state: Literal["running", "completed", "completed_with_quarantine"]
    started_at: datetime
    completed_at: datetime | None
    looked_at: int
    billed: int
    skipped: dict[str, int] = Field(
        description="by reason; a run that goes on again counts once more what it looks at again",
        examples=[{"not_due": 12, "paused": 3}],
    )
    quarantined: int
    invoices: int
    net: MoneyOut
    tax: MoneyOut
    total: MoneyOut
    ledger: dict[str, int] = Field(
        description="the sum of the invoices' postings by ledger account, debit positive: together zero",
        examples=[{"receivable": 226614, "revenue:recurring": -164900, "tax:sales_tax": -61714}],
    )

    @classmethod
    def of(cls, run: BillingRun) -> RunOut:
        """Render a run."""
        net, tax = sum(one.net for one in run.shards), sum(one.tax for one in run.shards)
        return cls(
            run_id=run.run_id,
            date=run.on,
            state=run.state.value,
            started_at=run.started_at,
            completed_at=run.completed_at,
            looked_at=sum(one.looked_at for one in run.shards),
            billed=sum(one.billed for one in run.shards),
            skipped=run.skipped,
            quarantined=run.quarantined,
            invoices=run.invoices,
            net=MoneyOut.of(Money(net, run.currency)),
            tax=MoneyOut.of(Money(tax, run.currency)),
            total=MoneyOut.of(Money(net + tax, run.currency)),
            ledger=run.ledger,
        )


class RunList(ListAnswer):
    """Runs, newest first."""

    items: list[RunOut]


class QuarantinedOut(Schema):
    """A due subscription that could not be billed, or whose use of data could not be closed, and why.

    The subscription is null where it is the subscriber's pending charges that could not be billed.
    """

    subscriber_id: str
    subscription_id: str | None
    code: str = Field(examples=["tax_rate_missing"])
    message: str
    at: datetime

    @classmethod
    def of(cls, held: QuarantinedSubscription) -> QuarantinedOut:
        """Render what was set aside."""
        return cls(
            subscriber_id=held.account_id,
            subscription_id=None if held.of_charges else held.subscription_id,
            code=held.code,
            message=held.message,
            at=held.at,
        )


class QuarantinedList(ListAnswer):
    """What a run set aside."""

    items: list[QuarantinedOut]


@endpoint("GET", "/v1/billing", permission=Permission.BILLING_READ, answer=BillingStateOut)
def get_billing_state(request: Request) -> BillingStateOut:
    """Say how far billing has come."""
    return BillingStateOut.of(request.store.billing_state())


@endpoint("GET", "/v1/billing/runs", permission=Permission.BILLING_READ, query=ListQuery, answer=RunList)
def list_billing_runs(request: Request) -> RunList:
    """List runs, newest first."""
    limit = request.query_as(ListQuery).limit
    return request.listing(RunList, request.store.runs.list(limit=limit, after=request.after), RunOut.of)


@endpoint("POST", "/v1/billing/runs", permission=Permission.BILLING_RUN, answer=BillingStateOut, status=202)
def start_billing_runs(request: Request) -> Answer:
    """Start billing now for every date that is due and not billed, oldest first.

    The schedule does this by itself; asking twice, or beside it, bills nothing twice.
    """
    stage, tenant_id = request.services.settings.stage, request.principal.tenant_id
    state = start_due(
        store=request.store,
        queue=request.services.billing_queue,
        at=request.now,
        completed=lambda run: tell_completed(stage=stage, tenant_id=tenant_id, run=run),
    )
    return Answer(BillingStateOut.of(state))


@endpoint("GET", "/v1/billing/runs/{date}", permission=Permission.BILLING_READ, answer=RunOut)
def get_billing_run(request: Request) -> RunOut:
    """Show the run of a local date."""
    return RunOut.of(request.store.runs.get(on=_date(request)))


@endpoint(
    "GET",
    "/v1/billing/runs/{date}/quarantined",
    permission=Permission.BILLING_READ,
    query=ListQuery,
    answer=QuarantinedList,
)
def list_quarantined(request: Request) -> QuarantinedList:
    """List the subscriptions that a run set aside, with the reasons."""
    limit = request.query_as(ListQuery).limit
    page = request.store.runs.quarantined(on=_date(request), limit=limit, after=request.after)
    return request.listing(QuarantinedList, page, QuarantinedOut.of)


class RetriedOut(Schema):
    """How many subscriptions the next run looks at again, and how many are still set aside."""

    retried: int
    remaining: int = Field(description="ask again while there are any; no more than 10,000 are counted")

    @classmethod
    def of(cls, done: Retried) -> RetriedOut:
        """Render what was filed again."""
        return cls(retried=done.filed, remaining=done.remaining)


@endpoint(
    "POST",
    "/v1/billing/runs/{date}/quarantined/retry",
    permission=Permission.BILLING_RUN,
    answer=RetriedOut,
    status=202,
)
def retry_quarantined_subscriptions(request: Request) -> RetriedOut:
    """File what a run set aside for the next run, once its cause is mended: 480 at a time."""
    on = _date(request)
    note = request.note("billing.quarantine_retried", run_id(on=on))
    return RetriedOut.of(retry_quarantined(store=request.store, on=on, actor=note))


def _date(request: Request) -> date:
    try:
        return date.fromisoformat(request.path["date"])
    except ValueError:
        raise NotFound("no run for this date", param="date") from None
