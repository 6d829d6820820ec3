"""Mails about new versions of policies, tenant by tenant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.errors import DomainError
from chalicelib.domain.lifecycle import Capability
from chalicelib.jobs.deadline import deadline
from chalicelib.jobs.tenants import see_to_each
from chalicelib.observability import logger
from chalicelib.usecases.policies import Telling, mail_notices

# The pass stops before its function's limit (300 s).
PASS_SECONDS_MAX: Final = 240


class NotAllTold(DomainError):
    """Some of one tenant's people were not told; the next tick goes on."""

    code = "not_all_told"


class NoticesIncomplete(RuntimeError):
    """Some people were not told of a new version in this tick; the next one goes on."""


def tell_of_policies(services: Services, event: Mapping[str, Any]) -> None:  # noqa: ARG001 - the schedule says nothing more
    """Tell the staff of active tenants, each pass beginning with another; what was done is not repeated."""
    at, out_of_time = services.clock.now(), deadline(seconds=PASS_SECONDS_MAX)
    address = services.settings.api_base_url or services.settings.public_base_url
    telling = Telling(mailer=services.mailer, address=address, at=at)
    sent: list[int] = []
    passed = see_to_each(
        services=services,
        at=at,
        out_of_time=out_of_time,
        capability=Capability.WORK,
        see_to=lambda tenant: sent.append(_tell(services, tenant.tenant_id, telling, out_of_time)),
        left=NotAllTold,
    )
    told = {"sent": sum(sent), "tenants_failed": len(passed.failed)}
    logger().info("policies told", extra=told)
    if not passed.complete:
        raise NoticesIncomplete(f"staff of {len(passed.failed)} tenants are not all told: {passed.told}")


def _tell(services: Services, tenant_id: str, telling: Telling, out_of_time: Callable[[], bool]) -> int:
    """Tell a tenant's staff, and return how many; one tenant's trouble is not the others'."""
    store = services.stores.of(tenant_id=tenant_id)
    try:
        told = mail_notices(
            store=store, library=services.site.policies, telling=telling, out_of_time=out_of_time
        )
    except Exception as error:
        logger().exception("staff not told", extra={"tenant_id": tenant_id})
        raise NotAllTold("the tenant's staff could not be told") from error
    if told.failed or not told.complete:
        raise NotAllTold("some of the tenant's staff are left")
    return told.sent
