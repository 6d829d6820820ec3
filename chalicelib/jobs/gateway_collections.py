"""Collections that nobody heard of are asked for, and ended; receipts whose mail waits are sent for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.errors import DomainError
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


class CollectionsNotKept(DomainError):
    """One tenant's collections could not all be looked at; the next tick tries again."""

    code = "collections_not_kept"


class KeepingIncomplete(RuntimeError):
    """Some tenants' collections were not looked at in this tick; the next one tries again."""


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
        left=CollectionsNotKept,
    )
    logger().info(
        "collections looked at", extra={"tenants": passed.tenants, "tenants_failed": len(passed.failed)}
    )
    if not passed.complete:
        raise KeepingIncomplete(
            f"collections of {len(passed.failed)} tenants were not looked at: {passed.told}"
        )


def _keep(services: Services, tenant: Tenant, at: datetime, out_of_time: Callable[[], bool]) -> None:
    """Look at one tenant's collections; whatever goes wrong with it is logged, and stops no other."""
    named: dict[str, object] = {"tenant_id": tenant.tenant_id}
    slow = deadline(seconds=TENANT_SECONDS_MAX)
    try:
        store = services.stores.of(tenant_id=tenant.tenant_id)
        kept = keep_tenants_collections(
            ports=services.gateways,
            store=store,
            at=at,
            out_of_time=lambda: out_of_time() or slow(),
        )
        mails = queue_waiting(store=store, queue=services.mail_queue, at=at)
        if kept.paid or kept.expired or kept.unfinished or mails:
            told = {"paid": kept.paid, "expired": kept.expired, "unfinished": kept.unfinished}
            logger().info("collections kept", extra={**named, **told, "receipt_mails": mails})
    except Exception as error:
        raise _not_kept(error, named) from error
    if kept.error is not None:
        raise _not_kept(kept.error, named) from kept.error
    if kept.unfinished and out_of_time():
        raise CollectionsNotKept("the pass ran out of time")


def _not_kept(error: Exception, named: Mapping[str, object]) -> CollectionsNotKept:
    logger().error("collections not looked at", extra=named, exc_info=error)
    return CollectionsNotKept("the tenant's collections could not all be looked at")
