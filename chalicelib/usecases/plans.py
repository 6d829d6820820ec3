"""ISPs as subscribers of the operator's: putting them on a plan, counting their use, showing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.accounts import Account
from chalicelib.domain.contacts import Contact
from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.packages import Package
from chalicelib.domain.pending_charges import with_charges
from chalicelib.domain.plans import (
    EXPORTS_A_DAY_MAX,
    Enrolment,
    NotTheOperator,
    PlanTerms,
    check_terms,
    first_counted,
    next_month,
    require_room,
    room_limit,
    starts_on,
    usage_charges,
)
from chalicelib.domain.subscribers import CodeTaken, new_subscriber
from chalicelib.domain.subscriptions import subscribe
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.plans import CountedAlready, EnrolledAlready
from chalicelib.ports.store import AuditNote, TenantStore

SCHEDULE_ACTOR: Final = "plans"
CHARGE_ATTEMPTS_MAX: Final = 5
INVOICES_SHOWN: Final = 12


# -- the operator's side ---------------------------------------------------------------------


def put_plan(
    *, operator: TenantStore | None, store: TenantStore, terms: PlanTerms, note: AuditNote
) -> PlanTerms:
    """Make a package of the operator's a plan, or change its terms.

    ISPs that are on the plan keep the terms that they came with. Raises NotTheOperator, NotFound
    or InvalidPlan.
    """
    if operator is None or operator.tenant_id != store.tenant_id:
        raise NotTheOperator("only the platform's operator sells plans")
    check_terms(terms=terms)
    store.packages.get(package_id=terms.package_id)
    store.commit(
        *store.plans.put_terms(terms=terms), store.note(note=replace(note, details={"terms": terms}))
    )
    return terms


def list_plans(*, store: TenantStore) -> tuple[PlanTerms, ...]:
    """Return the plans that this tenant sells."""
    return store.plans.terms()


def isp_account_id(*, tenant: Tenant) -> str:
    """Return an ISP's id as a subscriber of the operator's: of the same ULID, so that there is one."""
    return f"sbr_{tenant.tenant_id.removeprefix('ten_')}"


def enrol(*, operator: TenantStore, store: TenantStore, tenant: Tenant, at: datetime) -> Enrolment | None:
    """Put an ISP on the offered plan, its trial beginning today; return the plan that it is on then.

    None where no plan is offered, or the ISP is the operator itself. The operator's books come
    first; whoever is ended between the two finds the rest to do. Raises what selling raises.
    """
    known = store.plans.standing().enrolment
    if known is not None or tenant.tenant_id == operator.tenant_id:
        return known
    terms = next((one for one in operator.plans.terms() if one.offered), None)
    if terms is None:
        return None
    package = operator.packages.get(package_id=terms.package_id)
    account = _as_subscriber(operator, tenant, package, terms, at)
    billed_from = account.subscriptions[0].starts_on
    enrolment = Enrolment(
        package_id=package.package_id,
        name=package.name,
        account_id=account.account_id,
        currency=package.price.currency,
        price=package.price.amount,
        tiers=terms.tiers,
        limits=terms.limits,
        starts_on=billed_from,
        counted_to=first_counted(starts_on=billed_from),
    )
    note = AuditNote(SCHEDULE_ACTOR, "plan.enrolled", tenant.tenant_id, at, details={"plan": package.name})
    try:
        store.commit(*store.plans.enrol(before=None, after=enrolment), store.note(note=note))
    except EnrolledAlready:
        return store.plans.standing().enrolment
    return enrolment


def _as_subscriber(
    operator: TenantStore, tenant: Tenant, package: Package, terms: PlanTerms, at: datetime
) -> Account:
    """Return the ISP's account with the operator, made with its subscription where there is none."""
    account_id = isp_account_id(tenant=tenant)
    try:
        return operator.subscribers.get(subscriber_id=account_id).account
    except NotFound:
        pass
    seller = operator.profile()
    subscriber = new_subscriber(
        subscriber_id=account_id,
        code=tenant.subdomain,
        area="",
        contact=Contact(name=tenant.company),
        currency=seller.currency,
        at=at,
    )
    first = starts_on(today=seller.local_date(at=at), trial_days=terms.trial_days)
    sold = subscribe(account=subscriber.account, package=package, starts_on=first)
    account = subscriber.account.with_subscription(subscription=sold)
    operator.billing_state()  # as it stands now, for what files the line as due
    note = AuditNote(SCHEDULE_ACTOR, "plan.sold", account_id, at, details={"tenant_id": tenant.tenant_id})
    try:
        operator.commit(
            *operator.subscribers.add(subscriber=replace(subscriber, account=account)),
            operator.plans.counted(more=1, of=account_id),
            operator.note(note=note),
        )
    except CodeTaken:  # somebody was quicker; a code of another's making is refused below
        return operator.subscribers.get(subscriber_id=account_id).account
    return account


def charge_usage(*, operator: TenantStore, store: TenantStore, tenant: Tenant, at: datetime) -> int:
    """Charge an ISP for the months that are over and not charged yet; return how many.

    Its active subscribers are counted when this is called first after the month's end, in its own
    zone. A month is charged once: what says so is written with the charges. The next run bills them.
    """
    enrolment = store.plans.standing().enrolment
    if enrolment is None:
        return 0
    months = 0
    while next_month(on=enrolment.counted_to) <= tenant.local_date(at=at):
        month = enrolment.counted_to
        active = store.plans.active_subscribers(at=at)
        _charge(operator, enrolment, active, at)
        after = replace(enrolment, counted_to=next_month(on=month))
        store.commit(*store.plans.enrol(before=enrolment, after=after))
        enrolment = replace(after, version=enrolment.version + 1)
        months += 1
    return months


def _charge(operator: TenantStore, enrolment: Enrolment, active: int, at: datetime) -> None:
    """Put a month's charges on the ISP's account with the operator, once."""
    month = enrolment.counted_to
    package = operator.packages.get(package_id=enrolment.package_id)
    charges = usage_charges(enrolment=enrolment, month=month, active=active, tax_group=package.tax_group)
    details = {"month": f"{month:%Y-%m}", "active": active}
    note = AuditNote(SCHEDULE_ACTOR, "plan.usage_charged", enrolment.account_id, at, details=details)

    for attempt in range(1, CHARGE_ATTEMPTS_MAX + 1):
        # With how far billing has come now: a pass has one store of the operator's for many ISPs.
        account = operator.subscribing(subscriber_id=enrolment.account_id).subscriber.account
        after = with_charges(account=account, charges=charges)
        try:
            operator.commit(
                operator.plans.charged(account_id=account.account_id, month=month, active=active),
                *(operator.subscribers.change_account(before=account, after=after) if charges else ()),
                operator.note(note=note),
            )
        except CountedAlready:
            return
        except (StaleVersion, Busy):
            if attempt == CHARGE_ATTEMPTS_MAX:
                raise
        else:
            return


# -- the ISP's side --------------------------------------------------------------------------


class NoPlan(NotFound):
    """The tenant is on no plan: this platform sells none, or the tenant is its operator."""

    code = "no_plan"


@dataclass(frozen=True, slots=True)
class PlanShown:
    """An ISP's plan, how much of it is used, and the operator's newest invoices to it."""

    enrolment: Enrolment
    subscribers: int
    exports_today: int
    on_trial: bool
    invoices: Sequence[Invoice]


def show_plan(*, operator: TenantStore | None, store: TenantStore, at: datetime) -> PlanShown:
    """Return the tenant's plan, or raise NoPlan."""
    standing = store.plans.standing()
    enrolment = standing.enrolment
    if enrolment is None or operator is None:
        raise NoPlan("this tenant is on no plan")
    page = operator.invoices.of_account(account_id=enrolment.account_id, limit=INVOICES_SHOWN, after=None)
    return PlanShown(
        enrolment=enrolment,
        subscribers=standing.subscribers,
        exports_today=_exports_today(store, standing.tenant, at),
        on_trial=standing.tenant.local_date(at=at) < enrolment.starts_on,
        invoices=page.items,
    )


def subscriber_room(*, store: TenantStore, more: int = 1) -> Tenant:
    """Return the tenant where its plan allows so many subscribers more, or raise PlanLimitReached.

    Whoever comes at the same instant may pass too: the limit is the plan's, not the books'.
    """
    standing = store.plans.standing()
    require_room(enrolment=standing.enrolment, param="subscribers", used=standing.subscribers, more=more)
    return standing.tenant


def subscribers_left(*, store: TenantStore) -> int | None:
    """Return how many subscribers more the plan allows; None where it does not say."""
    standing = store.plans.standing()
    limit = room_limit(enrolment=standing.enrolment, param="subscribers")
    return None if limit is None else max(0, limit - standing.subscribers)


def require_export_room(*, store: TenantStore, at: datetime) -> None:
    """Raise PlanLimitReached where the plan allows no more exports on the tenant's today."""
    standing = store.plans.standing()
    if room_limit(enrolment=standing.enrolment, param="exports_a_day") is not None:
        used = _exports_today(store, standing.tenant, at)
        require_room(enrolment=standing.enrolment, param="exports_a_day", used=used)


def _exports_today(store: TenantStore, tenant: Tenant, at: datetime) -> int:
    jobs = store.exports.list(limit=EXPORTS_A_DAY_MAX, after=None).items
    return sum(tenant.local_date(at=job.created_at) == tenant.local_date(at=at) for job in jobs)
