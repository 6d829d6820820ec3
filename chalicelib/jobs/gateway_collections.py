"""Collections that nobody heard of are asked for, and ended; receipts whose mail waits are sent for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.lifecycle import Capability
from chalicelib.domain.tenants import Tenant
from chalicelib.jobs.deadline import deadline
from chalicelib.jobs.tenants import see_to_each
from chalicelib.observability import logger
from chalicelib.usecases.collection_keeping import keep_tenants_collections
from chalicelib.usecases.receipt_mails import queue_waiting

# The pass stops before its function's limit (300 s); no tenant takes more than a part of it.
PASS_SECONDS_MAX: Final = 240
TENANT_SECONDS_MAX: Final = 60


def keep_collections(services: Services, event: Mapping[str, Any]) -> None:  # noqa: ARG001 - the schedule says nothing more
    """Look at collections under way, tenant by tenant; each pass begins with another of them."""
    at = services.clock.now()
    out_of_time = deadline(seconds=PASS_SECONDS_MAX)
    passed = see_to_each(
        services=services,
        at=at,
        out_of_time=out_of_time,
        capability=Capability.BILL,
        see_to=lambda tenant: _keep(services, tenant, at, out_of_time),
        trouble="collections not looked at",
    )
    logger().info(
        "collections looked at", extra={"tenants": passed.tenants, "tenants_failed": len(passed.left)}
    )
    passed.require_complete(what="collections")


def _keep(services: Services, tenant: Tenant, at: datetime, out_of_time: Callable[[], bool]) -> bool:
    """Look at one tenant's collections; return whether there was time, and raise what one failed with.

    A tenant with more than its part of the pass goes on with the next one, and is not left.
    """
    slow = deadline(seconds=TENANT_SECONDS_MAX)
    store = services.stores.of(tenant_id=tenant.tenant_id)
    kept = keep_tenants_collections(
        ports=services.gateways, store=store, at=at, out_of_time=lambda: out_of_time() or slow()
    )
    mails = queue_waiting(store=store, queue=services.mail_queue, at=at)
    if kept.paid or kept.expired or kept.unfinished or mails:
        told = {"paid": kept.paid, "expired": kept.expired, "unfinished": kept.unfinished}
        named = {"tenant_id": tenant.tenant_id, "receipt_mails": mails}
        logger().info("collections kept", extra={**named, **told})
    if kept.error is not None:
        raise kept.error
    return not (kept.unfinished and out_of_time())
