"""Collections that nobody heard of are asked for, and ended; receipts whose mail waits are sent for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.errors import DomainError
from chalicelib.domain.tenants import Tenant
from chalicelib.jobs.deadline import deadline
from chalicelib.observability import logger
from chalicelib.usecases.billing import TENANTS_PER_PAGE, planning_turn
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
    failed: list[str] = []
    tenants = 0
    after: str | None = None
    while not out_of_time():
        page = services.tenants.active(after=after, limit=TENANTS_PER_PAGE, turn=planning_turn(at=at))
        for tenant in page.items:
            try:
                _keep(services, tenant, at, out_of_time)
            except CollectionsNotKept:
                failed.append(tenant.tenant_id)
        tenants += len(page.items)
        after = page.after
        if after is None:
            break
    logger().info("collections looked at", extra={"tenants": tenants, "tenants_failed": len(failed)})
    if failed or after is not None:
        told = "time ran out" if after is not None else f"{failed[:5]}"
        raise KeepingIncomplete(f"collections of {len(failed)} tenants were not looked at: {told}")


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
