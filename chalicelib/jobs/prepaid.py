"""Prepaid lines that run out: renewed from the wallet, or marked as ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.errors import Busy
from chalicelib.domain.lifecycle import Capability
from chalicelib.domain.tenants import Tenant
from chalicelib.jobs.deadline import deadline
from chalicelib.jobs.tenants import see_to_each
from chalicelib.observability import logger
from chalicelib.store.base import ServiceUnavailable
from chalicelib.usecases.prepaid_endings import EndingPass, see_to_endings

# The pass stops before its function's limit (300 s); no tenant takes more than a part of it.
PASS_SECONDS_MAX: Final = 240
TENANT_SECONDS_MAX: Final = 60


def expire_prepaid_lines(services: Services, event: Mapping[str, Any]) -> None:  # noqa: ARG001 - the schedule says nothing more
    """See to what runs out, tenant by tenant; each pass begins with another of them."""
    at = services.clock.now()
    out_of_time = deadline(seconds=PASS_SECONDS_MAX)
    passed = see_to_each(
        services=services,
        at=at,
        out_of_time=out_of_time,
        capability=Capability.BILL,
        see_to=lambda tenant: _see_to(services, tenant, at, out_of_time),
        trouble="prepaid lines not seen to",
    )
    logger().info(
        "prepaid lines looked at", extra={"tenants": passed.tenants, "tenants_failed": len(passed.left)}
    )
    passed.require_complete(what="prepaid lines")


def _see_to(services: Services, tenant: Tenant, at: datetime, out_of_time: Callable[[], bool]) -> bool:
    """See to one tenant's lines; return whether all of them are."""
    named: dict[str, object] = {"tenant_id": tenant.tenant_id}
    slow = deadline(seconds=TENANT_SECONDS_MAX)
    work = EndingPass(
        store=services.stores.of(tenant_id=tenant.tenant_id),
        at=at,
        out_of_time=lambda: out_of_time() or slow(),
        passing=(Busy, ServiceUnavailable),
    )
    report = see_to_endings(work=work)
    told = {"renewed": report.renewed, "ended": report.ended, "failed": report.failed[:5]}
    if any(told.values()) or report.unfinished:
        logger().info("prepaid lines seen to", extra={**named, **told, "unfinished": report.unfinished})
    return not (report.failed or report.unfinished)
