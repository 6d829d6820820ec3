"""The retention engine: every day, what is past its time is taken away, tenant by tenant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.holds import HeldCategory, held
from chalicelib.domain.lifecycle import Capability
from chalicelib.domain.tenants import Tenant
from chalicelib.jobs.deadline import deadline
from chalicelib.jobs.tenants import tenants_able
from chalicelib.observability import logger
from chalicelib.usecases.retention import take_away

# A pass stops before its function's limit (900 s); two passes at once do no harm.
PASS_SECONDS_MAX: Final = 780


class RetentionIncomplete(RuntimeError):
    """Of some tenants not all was taken away in this pass; the next one goes on."""


def keep_retention(services: Services, event: Mapping[str, Any]) -> None:  # noqa: ARG001 - the schedule says nothing more
    """Take away what is past its time of every tenant, unless it is held; each pass begins with another."""
    at, out_of_time = services.clock.now(), deadline(seconds=PASS_SECONDS_MAX)
    failed: list[str] = []
    tenants = 0
    for tenant in tenants_able(services=services, at=at, capability=Capability.RETAIN):
        tenants += 1
        if out_of_time() or not _keep(services, tenant, at, out_of_time):
            failed.append(tenant.tenant_id)
    logger().info("retention kept", extra={"tenants": tenants, "tenants_left": len(failed)})
    if failed:
        raise RetentionIncomplete(f"of {len(failed)} tenants not all was taken away: {failed[:5]}")


def _keep(services: Services, tenant: Tenant, at: datetime, out_of_time: Callable[[], bool]) -> bool:
    """See to one tenant; whatever goes wrong with it is logged, and stops no other."""
    retention = services.retention(tenant_id=tenant.tenant_id)
    try:
        if _held(services, tenant):
            return True
        return take_away(retention=retention, tenant=tenant, at=at, out_of_time=out_of_time)
    except Exception:  # noqa: BLE001 - logged with its trace
        logger().exception("retention not kept", extra={"tenant_id": tenant.tenant_id})
        return False


def _held(services: Services, tenant: Tenant) -> bool:
    """Whether a legal hold keeps all that there is of a tenant."""
    holds = services.stores.of(tenant_id=tenant.tenant_id).life.holds.categories()
    return held(holds=holds, category=HeldCategory.EVERYTHING)
