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
from chalicelib.jobs.tenants import PassIncomplete, see_to_each
from chalicelib.observability import logger
from chalicelib.usecases.lapsed_sign_ups import Sweep, sweep_sign_ups
from chalicelib.usecases.retention import take_away

# A pass stops before its function's limit (900 s); two passes at once do no harm.
PASS_SECONDS_MAX: Final = 780


def keep_retention(services: Services, event: Mapping[str, Any]) -> None:  # noqa: ARG001 - the schedule says nothing more
    """Take away what is past its time of every tenant, unless it is held, and sign-ups that nobody confirmed.

    Each pass begins with another tenant.
    """
    at, out_of_time = services.clock.now(), deadline(seconds=PASS_SECONDS_MAX)
    # First: it is little, and many tenants may take all the time there is.
    swept = _sweep(services, at, out_of_time)
    passed = see_to_each(
        services=services,
        at=at,
        out_of_time=out_of_time,
        capability=Capability.RETAIN,
        see_to=lambda tenant: _keep(services, tenant, at, out_of_time),
        trouble="retention not kept",
    )
    told = {"tenants": passed.tenants, "tenants_left": len(passed.left), "sign_ups_swept": swept}
    logger().info("retention kept", extra=told)
    passed.require_complete(what="periods of retention")
    if swept is None:
        raise PassIncomplete("not all sign-ups that lapsed were taken away")


def _sweep(services: Services, at: datetime, out_of_time: Callable[[], bool]) -> int | None:
    """Take away sign-ups that lapsed; return how many, or None where not all of them are."""
    operator = services.operator
    try:
        sweep = Sweep(
            sign_ups=services.sign_ups,
            destroy_keys=lambda tenant_id: services.stores.discard(tenant_id=tenant_id),
            report=services.retention(tenant_id=operator.tenant_id) if operator else None,
            on=operator.profile().local_date(at=at) if operator else at.date(),
        )
        return sweep_sign_ups(sweep=sweep, at=at, out_of_time=out_of_time)
    except Exception:  # noqa: BLE001 - logged with its trace
        logger().exception("sign-ups not swept")
        return None


def _keep(services: Services, tenant: Tenant, at: datetime, out_of_time: Callable[[], bool]) -> bool:
    """See to one tenant; return whether nothing of it is past its time, or all of it is held."""
    if _held(services, tenant):
        return True
    retention = services.retention(tenant_id=tenant.tenant_id)
    return take_away(retention=retention, tenant=tenant, at=at, out_of_time=out_of_time)


def _held(services: Services, tenant: Tenant) -> bool:
    """Whether a legal hold keeps all that there is of a tenant."""
    holds = services.stores.of(tenant_id=tenant.tenant_id).life.holds.categories()
    return held(holds=holds, category=HeldCategory.EVERYTHING)
