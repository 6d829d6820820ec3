"""Billing runs: the planner that starts them and the worker that bills a shard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.errors import Busy, DomainError
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.tenants import Tenant
from chalicelib.jobs.collector import few_collections
from chalicelib.jobs.deadline import deadline
from chalicelib.jobs.sqs import each_message
from chalicelib.observability import logger, tell_completed
from chalicelib.ports.billing import BillingBooks
from chalicelib.store.base import ServiceUnavailable
from chalicelib.store.tenant import DynamoTenantStore
from chalicelib.usecases.billing import (
    Completed,
    ShardTask,
    plan_all,
    plan_tenant,
    shard_task,
    work_shard,
)
from chalicelib.usecases.billing_shard import ShardTaken
from chalicelib.usecases.late_fees import FeePass, charge_late_fees
from chalicelib.usecases.rehearsal import give_up, work_on_rehearsal
from chalicelib.usecases.usage_closings import UsagePass, close_due_usage

# A worker stops well before its function's limit (900 s) and hands the rest to a new message.
WORK_SECONDS_MAX: Final = 780
# The planner stops before its function's limit (300 s), and says so by failing.
PLAN_SECONDS_MAX: Final = 240


def plan_billing(services: Services, event: Mapping[str, Any]) -> None:  # noqa: ARG001 - the schedule says nothing more
    """Start the runs of tenants whose local billing hour has come."""
    at = services.clock.now()
    report = plan_all(
        registry=services.tenants,
        plan=lambda tenant: _plan(services, tenant, at),
        queue=services.billing_queue,
        at=at,
        out_of_time=deadline(seconds=PLAN_SECONDS_MAX),
    )
    logger().info("billing planned", extra={"shards": report.sent, "tenants_failed": len(report.failed)})
    if report.failed or report.unfinished:
        # The others are planned; the schedule's failure makes the rest visible, and the next
        # tick tries them again.
        told = "time ran out" if report.unfinished else f"{report.failed[:5]}"
        raise PlanningIncomplete(f"{len(report.failed)} tenants could not be planned: {told}")


def _plan(services: Services, tenant: Tenant, at: datetime) -> list[ShardTask]:
    """Plan one tenant; whatever goes wrong with it is logged, and stops no other."""
    try:
        return plan_tenant(
            tenant=tenant,
            store=services.stores.of(tenant_id=tenant.tenant_id),
            at=at,
            completed=_teller(services, tenant.tenant_id),
        )
    except Exception as error:
        logger().exception("tenant not planned", extra={"tenant_id": tenant.tenant_id})
        raise TenantNotPlanned("the tenant could not be planned") from error


class TenantNotPlanned(DomainError):
    """One tenant's run could not be planned; the next tick tries again."""

    code = "tenant_not_planned"


class PlanningIncomplete(RuntimeError):
    """Some tenants' runs could not be planned in this tick."""


def work_billing(services: Services, event: Mapping[str, Any]) -> dict[str, Any]:
    """Bill the shard that each message names, or work out the rehearsal."""
    with few_collections():
        return each_message(
            event,
            lambda message: _work(services, message),
            gave_up=lambda message: _give_up(services, message),
        )


def _work(services: Services, message: Mapping[str, Any]) -> None:
    if "rehearsal_id" in message:
        _rehearse(services, message)
    else:
        _bill(services, message)


def _rehearse(services: Services, message: Mapping[str, Any]) -> None:
    store = services.stores.of(tenant_id=str(message["tenant_id"]))
    work_on_rehearsal(
        store=store,
        books=store.rehearsal_books(wire=services.wire),
        rehearsal_id=str(message["rehearsal_id"]),
        now=services.clock.now,
        out_of_time=deadline(seconds=WORK_SECONDS_MAX),
    )


def _give_up(services: Services, message: Mapping[str, Any]) -> None:
    """Show a rehearsal as failed; a shard needs no such word, for the planner asks for it again."""
    if "rehearsal_id" in message:
        store = services.stores.of(tenant_id=str(message["tenant_id"]))
        give_up(store=store, rehearsal_id=str(message["rehearsal_id"]), at=services.clock.now())


def _bill(services: Services, message: Mapping[str, Any]) -> None:
    task = shard_task(message=message)
    store = services.stores.of(tenant_id=task.tenant_id)
    tenant = store.profile()
    if not may(state=tenant.state, capability=Capability.BILL):
        logger().info("the tenant is not billed any more", extra=_named(task))
        return
    books = store.books(wire=services.wire)
    try:
        following = work_shard(
            task=task,
            tenant=tenant,
            store=store,
            books=books,
            now=services.clock.now,
            out_of_time=deadline(seconds=WORK_SECONDS_MAX),
            completed=_teller(services, task.tenant_id),
            prepare=lambda one: _prepare(services, store, books, one),
        )
    except ShardTaken:
        logger().info("another worker bills this shard", extra=_named(task))
        return
    logger().info("shard worked on", extra={**_named(task), "following": len(following)})
    for next_task in following:
        services.billing_queue.send(message=next_task.message())


def _prepare(services: Services, store: DynamoTenantStore, books: BillingBooks, task: ShardTask) -> bool:
    """Charge what the shard's date brings besides its cycles, so that its bills have it."""
    out_of_time = deadline(seconds=WORK_SECONDS_MAX // 2)
    closed = close_due_usage(
        work=UsagePass(
            store=store,
            books=books,
            on=task.on,
            shard=task.shard,
            at=services.clock.now(),
            out_of_time=out_of_time,
            passing=(Busy, ServiceUnavailable),
        )
    )
    return closed and _charge_late_fees(services, store, task, out_of_time)


def _charge_late_fees(
    services: Services, store: DynamoTenantStore, task: ShardTask, out_of_time: Callable[[], bool]
) -> bool:
    return charge_late_fees(
        work=FeePass(
            store=store,
            on=task.on,
            shard=task.shard,
            at=services.clock.now(),
            out_of_time=out_of_time,
            refused=lambda account_id, code: logger().error(
                "late fees not charged", extra={**_named(task), "subscriber_id": account_id, "code": code}
            ),
            passing=(Busy, ServiceUnavailable),
        )
    )


def _teller(services: Services, tenant_id: str) -> Completed:
    return lambda run: tell_completed(stage=services.settings.stage, tenant_id=tenant_id, run=run)


def _named(task: ShardTask) -> dict[str, str]:
    return {"tenant_id": task.tenant_id, "on": task.on.isoformat(), "shard": task.shard.key}
