"""Plans of the platform: the one that the ISP is on; and, for the operator, those that it sells."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from pydantic import Field

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import MoneyOut, Schema
from chalicelib.domain.invoices import InvoiceState
from chalicelib.domain.money import Money
from chalicelib.domain.packages import PRICE_MINOR_MAX
from chalicelib.domain.plans import (
    EXPORTS_A_DAY_MAX,
    LIMIT_MAX,
    TIERS_MAX,
    TRIAL_DAYS_DEFAULT,
    TRIAL_DAYS_MAX,
    PlanLimits,
    PlanTerms,
    Tier,
)
from chalicelib.domain.staff import Permission
from chalicelib.usecases import plans

Limit = Annotated[int, Field(ge=1, le=LIMIT_MAX)]


class PlanTier(Schema):
    """Up to how many active subscribers each costs ``price`` minor units a month; null: without end."""

    up_to: Limit | None = Field(examples=[500])
    price: int = Field(ge=0, le=PRICE_MINOR_MAX, examples=[1_000])


class PlanLimitsBody(Schema):
    """How much a plan allows; null is as much as one likes."""

    subscribers: Limit | None = None
    staff: Limit | None = None
    exports_a_day: Annotated[int, Field(ge=1, le=EXPORTS_A_DAY_MAX)] | None = None


class PlanTermsBody(Schema):
    """What makes a package a plan: graduated tiers, limits, the trial; new ISPs get the one offered."""

    tiers: list[PlanTier] = Field(default=[], max_length=TIERS_MAX)
    limits: PlanLimitsBody = PlanLimitsBody()
    trial_days: int = Field(default=TRIAL_DAYS_DEFAULT, ge=0, le=TRIAL_DAYS_MAX)
    offered: bool = False

    def terms(self, *, package_id: str) -> PlanTerms:
        """Return the domain's value."""
        return PlanTerms(
            package_id,
            tuple(Tier(one.up_to, one.price) for one in self.tiers),
            PlanLimits(**self.limits.model_dump()),
            self.trial_days,
            self.offered,
        )


class PlanTermsOut(PlanTermsBody):
    """A plan that this tenant sells."""

    package_id: str

    @classmethod
    def of(cls, terms: PlanTerms) -> PlanTermsOut:
        """Render the terms of a plan."""
        limits = terms.limits
        return cls(
            package_id=terms.package_id,
            tiers=[PlanTier(up_to=one.up_to, price=one.price) for one in terms.tiers],
            limits=PlanLimitsBody(
                subscribers=limits.subscribers, staff=limits.staff, exports_a_day=limits.exports_a_day
            ),
            trial_days=terms.trial_days,
            offered=terms.offered,
        )


class PlansOut(Schema):
    """The plans that this tenant sells."""

    items: list[PlanTermsOut]


class PlanUse(Schema):
    """How much of the plan is used: subscribers that are not archived, and exports of today."""

    subscribers: int
    exports_today: int


class PlanInvoice(Schema):
    """An invoice of the platform's to the ISP."""

    number: str
    state: InvoiceState
    issued_on: date
    due_on: date
    total: MoneyOut
    open: MoneyOut


class PlanOut(Schema):
    """The plan that the ISP is on. Billing starts the day after ``trial_ends_on``.

    ``price`` is of a cycle before tax; besides, active subscribers are counted when a month is over
    and charged by ``tiers``, the first time for the first whole month after the trial.
    """

    name: str
    price: MoneyOut
    tiers: list[PlanTier]
    limits: PlanLimitsBody
    on_trial: bool
    trial_ends_on: date
    usage: PlanUse
    invoices: list[PlanInvoice]

    @classmethod
    def of(cls, shown: plans.PlanShown) -> PlanOut:
        """Render a plan."""
        plan, limits = shown.enrolment, shown.enrolment.limits
        return cls(
            name=plan.name,
            price=MoneyOut.of(Money(plan.price, plan.currency)),
            tiers=[PlanTier(up_to=one.up_to, price=one.price) for one in plan.tiers],
            limits=PlanLimitsBody(
                subscribers=limits.subscribers, staff=limits.staff, exports_a_day=limits.exports_a_day
            ),
            on_trial=shown.on_trial,
            trial_ends_on=plan.starts_on - timedelta(days=1),
            usage=PlanUse(subscribers=shown.subscribers, exports_today=shown.exports_today),
            invoices=[
                PlanInvoice(
                    number=one.number,
                    state=one.state,
                    issued_on=one.issued_on,
                    due_on=one.due_on,
                    total=MoneyOut(amount=one.total, currency=one.currency),
                    open=MoneyOut(amount=one.open_amount, currency=one.currency),
                )
                for one in shown.invoices
            ],
        )


@endpoint("GET", "/v1/plan", permission=Permission.TENANT_READ, answer=PlanOut)
def get_plan(request: Request) -> PlanOut:
    """Show the plan that this ISP is on, how much of it is used, and the platform's invoices."""
    return PlanOut.of(
        plans.show_plan(operator=request.services.operator, store=request.store, at=request.now)
    )


@endpoint("GET", "/v1/plans", permission=Permission.PACKAGES_READ, answer=PlansOut)
def list_plans(request: Request) -> PlansOut:
    """List the plans that this tenant sells to others, where it is the platform's operator."""
    return PlansOut(items=[PlanTermsOut.of(one) for one in plans.list_plans(store=request.store)])


@endpoint(
    "PUT",
    "/v1/plans/{package_id}",
    permission=Permission.PACKAGES_WRITE,
    body=PlanTermsBody,
    answer=PlanTermsOut,
)
def put_plan(request: Request) -> PlanTermsOut:
    """Make a package a plan, or change its terms; only the platform's operator may."""
    package_id = request.path["package_id"]
    terms = plans.put_plan(
        operator=request.services.operator,
        store=request.store,
        terms=request.body_as(PlanTermsBody).terms(package_id=package_id),
        note=request.note("plan.put", package_id),
    )
    return PlanTermsOut.of(terms)
