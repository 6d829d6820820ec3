"""Mails about new versions of policies, tenant by tenant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.errors import DomainError
from chalicelib.jobs.deadline import deadline
from chalicelib.observability import logger
from chalicelib.usecases.billing import TENANTS_PER_PAGE, planning_turn
from chalicelib.usecases.policies import Telling, Told, mail_notices

# The pass stops before its function's limit (300 s).
PASS_SECONDS_MAX: Final = 240


class NoticesIncomplete(RuntimeError):
    """Some people were not told of a new version in this tick; the next one goes on."""


def tell_of_policies(services: Services, event: Mapping[str, Any]) -> None:  # noqa: ARG001 - the schedule says nothing more
    """Tell the staff of active tenants, each pass beginning with another; what was done is not repeated."""
    at, out_of_time = services.clock.now(), deadline(seconds=PASS_SECONDS_MAX)
    address = services.settings.api_base_url or services.settings.public_base_url
    telling = Telling(mailer=services.mailer, address=address, at=at)
    sent, failed, after = 0, list[str](), None
    while not out_of_time():
        page = services.tenants.active(after=after, limit=TENANTS_PER_PAGE, turn=planning_turn(at=at))
        for tenant in page.items:
            told = _tell(services, tenant.tenant_id, telling, out_of_time)
            sent += told.sent if told else 0
            if told is None or told.failed or not told.complete:
                failed.append(tenant.tenant_id)
        after = page.after
        if after is None:
            break
    logger().info("policies told", extra={"sent": sent, "tenants_failed": len(failed)})
    if failed or after is not None:
        raise NoticesIncomplete(f"staff of {len(failed)} tenants are not all told: {failed[:5]}")


def _tell(
    services: Services, tenant_id: str, telling: Telling, out_of_time: Callable[[], bool]
) -> Told | None:
    """Tell a tenant's staff; one tenant's trouble is not the others'."""
    store = services.stores.of(tenant_id=tenant_id)
    try:
        return mail_notices(
            store=store, library=services.site.policies, telling=telling, out_of_time=out_of_time
        )
    except DomainError as error:
        logger().warning("staff not told", extra={"tenant_id": tenant_id, "code": error.code})
        return None
