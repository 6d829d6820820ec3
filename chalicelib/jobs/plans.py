"""Plans of the platform: tenants that are on none yet, and months that are over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.errors import DomainError
from chalicelib.domain.tenants import Tenant
from chalicelib.jobs.deadline import deadline
from chalicelib.jobs.support import settle_accesses
from chalicelib.observability import logger
from chalicelib.store.tenant import DynamoTenantStore
from chalicelib.usecases.billing import TENANTS_PER_PAGE, planning_turn
from chalicelib.usecases.plans import charge_usage, enrol

# The pass stops before its function's limit (300 s).
PASS_SECONDS_MAX: Final = 240


class PlanNotKept(DomainError):
    """One tenant could not be put on its plan or charged for its use; the next tick tries again."""

    code = "plan_not_kept"


class PlansIncomplete(RuntimeError):
    """Some tenants' plans were not seen to in this tick; the next one tries again."""


def keep_plans(services: Services, event: Mapping[str, Any]) -> None:  # noqa: ARG001 - the schedule says nothing more
    """Enrol and charge tenant by tenant, each pass beginning with another; note ends of support."""
    operator = services.operator
    if operator is None:
        return
    at, out_of_time = services.clock.now(), deadline(seconds=PASS_SECONDS_MAX)
    failed: list[str] = []
    after: str | None = None
    while not out_of_time():
        page = services.tenants.active(after=after, limit=TENANTS_PER_PAGE, turn=planning_turn(at=at))
        for tenant in page.items:
            try:
                _keep(services, operator, tenant, at, out_of_time)
            except PlanNotKept:
                failed.append(tenant.tenant_id)
        after = page.after
        if after is None:
            break
    unsettled = settle_accesses(services, operator, at)
    logger().info("plans looked at", extra={"tenants_failed": len(failed), "accesses_failed": unsettled})
    if failed or after is not None:
        told = "time ran out" if after is not None else f"{failed[:5]}"
        raise PlansIncomplete(f"plans of {len(failed)} tenants were not seen to: {told}")
    if unsettled:
        raise PlansIncomplete(f"ends of {unsettled} accesses of platform support were not noted")


def _keep(
    services: Services,
    operator: DynamoTenantStore,
    tenant: Tenant,
    at: datetime,
    out_of_time: Callable[[], bool],
) -> None:
    """See to one tenant's plan; whatever goes wrong with it is logged, and stops no other."""
    if out_of_time():
        raise PlanNotKept("time ran out")
    store = services.stores.of(tenant_id=tenant.tenant_id)
    try:
        enrolled = enrol(operator=operator, store=store, tenant=tenant, at=at)
        if enrolled is not None:
            charge_usage(operator=operator, store=store, tenant=tenant, at=at)
    except Exception as error:
        logger().exception("plan not kept", extra={"tenant_id": tenant.tenant_id})
        raise PlanNotKept("the tenant's plan could not be seen to") from error
