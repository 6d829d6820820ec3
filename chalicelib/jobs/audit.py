"""Audit logs: entries chained every minute, and the chains' heads anchored every day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.anomalies import Anomaly
from chalicelib.domain.tenants import Tenant
from chalicelib.jobs.deadline import deadline
from chalicelib.observability import logger, tell_sealed
from chalicelib.ports.audit import ChainMoved
from chalicelib.usecases.audit_sealing import ChainDamaged, Sealed, anchor_head, seal_entries
from chalicelib.usecases.billing import TENANTS_PER_PAGE, planning_turn

# A pass stops before its function's limit (300 s); two passes at once do no harm.
PASS_SECONDS_MAX: Final = 240


class AuditIncomplete(RuntimeError):
    """Some tenants' audit logs were not seen to in this tick; the next one tries again."""


def seal_audit_logs(services: Services, event: Mapping[str, Any]) -> None:  # noqa: ARG001 - the schedule says nothing more
    """Chain what was written, tenant by tenant; each pass begins with another of them."""
    at, out_of_time = services.clock.now(), deadline(seconds=PASS_SECONDS_MAX)
    reports: list[Sealed] = []
    failed: list[str] = []
    tenants = 0
    for tenant in _tenants(services, at):
        tenants += 1
        report = None if out_of_time() else _seal(services, tenant, at, out_of_time)
        if report is None:
            failed.append(tenant.tenant_id)
            continue
        reports.append(report)
        if report.unfinished:
            failed.append(tenant.tenant_id)
    tell_sealed(
        stage=services.settings.stage,
        at=at,
        tenants=tenants,
        sealed=sum(one.sealed for one in reports),
        late=sum(one.late for one in reports),
        waited_seconds=max((one.waited_seconds for one in reports), default=0),
        left=len(failed),
    )
    if failed:
        raise AuditIncomplete(f"audit logs of {len(failed)} tenants were not sealed: {failed[:5]}")


def _seal(services: Services, tenant: Tenant, at: datetime, out_of_time: Callable[[], bool]) -> Sealed | None:
    """Seal one tenant's log; whatever goes wrong with it is logged, and stops no other."""
    log = services.stores.of(tenant_id=tenant.tenant_id).audit
    try:
        return seal_entries(log=log, created_at=tenant.created_at, at=at, out_of_time=out_of_time)
    except ChainMoved:
        return Sealed()  # another sealer is at it
    except ChainDamaged:
        logger().exception("audit log not sealed", extra={"tenant_id": tenant.tenant_id})
        services.alarms.tell(kind=Anomaly.AUDIT_BROKEN, tenant_id=tenant.tenant_id, at=at)
        return None
    except Exception:  # noqa: BLE001 - logged with its trace
        logger().exception("audit log not sealed", extra={"tenant_id": tenant.tenant_id})
        return None


def anchor_audit_chains(services: Services, event: Mapping[str, Any]) -> None:  # noqa: ARG001 - the schedule says nothing more
    """Anchor the head of every tenant's chain; the same head on the same day once."""
    at, out_of_time = services.clock.now(), deadline(seconds=PASS_SECONDS_MAX)
    failed: list[str] = []
    anchored = 0
    for tenant in _tenants(services, at):
        done = None if out_of_time() else _anchor(services, tenant, at)
        if done is None:
            failed.append(tenant.tenant_id)
        anchored += bool(done)
    logger().info("audit chains anchored", extra={"anchored": anchored, "tenants_failed": len(failed)})
    if failed:
        raise AuditIncomplete(f"chains of {len(failed)} tenants were not anchored: {failed[:5]}")


def _anchor(services: Services, tenant: Tenant, at: datetime) -> bool | None:
    """Anchor one tenant's chain and return whether it has one; None where that failed."""
    log = services.stores.of(tenant_id=tenant.tenant_id).audit
    try:
        made = anchor_head(log=log, anchors=services.anchors, tenant_id=tenant.tenant_id, at=at)
    except Exception:  # noqa: BLE001 - logged with its trace
        logger().exception("audit chain not anchored", extra={"tenant_id": tenant.tenant_id})
        return None
    return made is not None


def _tenants(services: Services, at: datetime) -> Iterator[Tenant]:
    after: str | None = None
    while True:
        page = services.tenants.active(after=after, limit=TENANTS_PER_PAGE, turn=planning_turn(at=at))
        yield from page.items
        after = page.after
        if after is None:
            return
