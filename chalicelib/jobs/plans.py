"""Plans of the platform: tenants that are on none yet, and months that are over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.lifecycle import Capability
from chalicelib.domain.tenants import Tenant
from chalicelib.jobs.deadline import deadline
from chalicelib.jobs.support import settle_accesses
from chalicelib.jobs.tenants import PassIncomplete, see_to_each
from chalicelib.observability import logger
from chalicelib.store.tenant import DynamoTenantStore
from chalicelib.usecases.plan_pauses import resume_plan
from chalicelib.usecases.plans import charge_usage, enrol

# The pass stops before its function's limit (300 s).
PASS_SECONDS_MAX: Final = 240


def keep_plans(services: Services, event: Mapping[str, Any]) -> None:  # noqa: ARG001 - the schedule says nothing more
    """Enrol and charge tenant by tenant, each pass beginning with another; note ends of support."""
    operator = services.operator
    if operator is None:
        return
    at = services.clock.now()
    passed = see_to_each(
        services=services,
        at=at,
        out_of_time=deadline(seconds=PASS_SECONDS_MAX),
        capability=Capability.BILL,
        see_to=lambda tenant: _keep(services, operator, tenant, at),
        trouble="plan not kept",
    )
    unsettled = settle_accesses(services, operator, at)
    logger().info("plans looked at", extra={"tenants_failed": len(passed.left), "accesses_failed": unsettled})
    passed.require_complete(what="plans")
    if unsettled:
        raise PassIncomplete(f"ends of {unsettled} accesses of platform support were not noted")


def _keep(services: Services, operator: DynamoTenantStore, tenant: Tenant, at: datetime) -> bool:
    """See to one tenant's plan; return that nothing of it is left."""
    store = services.stores.of(tenant_id=tenant.tenant_id)
    enrolled = enrol(operator=operator, store=store, tenant=tenant, at=at)
    if enrolled is not None:
        resume_plan(operator=operator, store=store, at=at)
        charge_usage(operator=operator, store=store, tenant=tenant, at=at)
    return True
