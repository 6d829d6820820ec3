"""Mails about new versions of policies, tenant by tenant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.lifecycle import Capability
from chalicelib.domain.tenants import Tenant
from chalicelib.jobs.deadline import deadline
from chalicelib.jobs.tenants import see_to_each
from chalicelib.observability import logger
from chalicelib.usecases.policies import Telling, Told, mail_notices

# The pass stops before its function's limit (300 s).
PASS_SECONDS_MAX: Final = 240


def tell_of_policies(services: Services, event: Mapping[str, Any]) -> None:  # noqa: ARG001 - the schedule says nothing more
    """Tell the staff of active tenants, each pass beginning with another; what was done is not repeated."""
    at, out_of_time = services.clock.now(), deadline(seconds=PASS_SECONDS_MAX)
    address = services.settings.api_base_url or services.settings.public_base_url
    telling = Telling(mailer=services.mailer, address=address, at=at)
    sent: list[int] = []

    def see_to(tenant: Tenant) -> bool:
        told = _tell(services, tenant, telling, out_of_time)
        sent.append(told.sent)
        return told.complete and not told.failed

    passed = see_to_each(
        services=services,
        at=at,
        out_of_time=out_of_time,
        capability=Capability.WORK,
        see_to=see_to,
        trouble="staff not told",
    )
    logger().info("policies told", extra={"sent": sum(sent), "tenants_failed": len(passed.left)})
    passed.require_complete(what="staff to be told")


def _tell(services: Services, tenant: Tenant, telling: Telling, out_of_time: Callable[[], bool]) -> Told:
    """Tell a tenant's staff."""
    return mail_notices(
        store=services.stores.of(tenant_id=tenant.tenant_id),
        library=services.site.policies,
        telling=telling,
        out_of_time=out_of_time,
    )
