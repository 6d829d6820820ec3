"""Audit logs: entries chained every minute, the chains' heads anchored and verified every day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.anomalies import Anomaly
from chalicelib.domain.audit_chain import Flaw
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.lifecycle import Capability
from chalicelib.domain.tenants import Tenant
from chalicelib.jobs.deadline import deadline
from chalicelib.jobs.tenants import see_to_each
from chalicelib.observability import logger, tell_sealed
from chalicelib.ports.audit import ChainMoved, RoundMoved
from chalicelib.usecases.audit_rounds import BROKEN, Checked, check_chain
from chalicelib.usecases.audit_sealing import ChainDamaged, Sealed, anchor_head, seal_entries

# A pass stops before its function's limit (300 s); two passes at once do no harm.
PASS_SECONDS_MAX: Final = 240
# Of the verifier, whose function has 900 s.
VERIFYING_SECONDS_MAX: Final = 780
FLAWS_LOGGED_MAX: Final = 20


class InvalidVerificationOrder(InvalidValue):
    """The event's ``detail`` is not an order that can be read, or names no active tenant."""

    code = "invalid_verification_order"


def seal_audit_logs(services: Services, event: Mapping[str, Any]) -> None:  # noqa: ARG001 - the schedule says nothing more
    """Chain what was written, tenant by tenant; each pass begins with another of them."""
    at, out_of_time = services.clock.now(), deadline(seconds=PASS_SECONDS_MAX)
    reports: list[Sealed] = []

    def see_to(tenant: Tenant) -> bool:
        reports.append(_seal(services, tenant, at, out_of_time))
        return not reports[-1].unfinished

    passed = see_to_each(
        services=services,
        at=at,
        out_of_time=out_of_time,
        capability=Capability.SEAL,
        see_to=see_to,
        trouble="audit log not sealed",
    )
    tell_sealed(
        stage=services.settings.stage,
        at=at,
        tenants=passed.tenants,
        sealed=sum(one.sealed for one in reports),
        late=sum(one.late for one in reports),
        waited_seconds=max((one.waited_seconds for one in reports), default=0),
        left=len(passed.left),
    )
    passed.require_complete(what="audit logs")


def _seal(services: Services, tenant: Tenant, at: datetime, out_of_time: Callable[[], bool]) -> Sealed:
    """Seal one tenant's log; the operator is told of a damaged chain."""
    log = services.stores.of(tenant_id=tenant.tenant_id).audit
    try:
        return seal_entries(log=log, created_at=tenant.created_at, at=at, out_of_time=out_of_time)
    except ChainMoved:
        return Sealed()  # another sealer is at it
    except ChainDamaged:
        services.alarms.tell(kind=Anomaly.AUDIT_BROKEN, tenant_id=tenant.tenant_id, at=at)
        raise


def anchor_audit_chains(services: Services, event: Mapping[str, Any]) -> None:  # noqa: ARG001 - the schedule says nothing more
    """Anchor the head of every tenant's chain; the same head on the same day once."""
    at, out_of_time = services.clock.now(), deadline(seconds=PASS_SECONDS_MAX)
    anchored: list[bool] = []

    def see_to(tenant: Tenant) -> bool:
        log = services.stores.of(tenant_id=tenant.tenant_id).audit
        head = anchor_head(log=log, anchors=services.anchors, tenant_id=tenant.tenant_id, at=at)
        anchored.append(head is not None)
        return True

    passed = see_to_each(
        services=services,
        at=at,
        out_of_time=out_of_time,
        capability=Capability.SEAL,
        see_to=see_to,
        trouble="audit chain not anchored",
    )
    told = {"anchored": sum(anchored), "tenants_failed": len(passed.left)}
    logger().info("audit chains anchored", extra=told)
    passed.require_complete(what="heads of audit chains")


def verify_audit_chains(services: Services, event: Mapping[str, Any]) -> None:
    """Verify what is due of every tenant's chain, each pass beginning with another of them.

    An operator's event may have a ``detail`` with ``tenant_id`` (of that tenant alone) and ``full``
    (true: from the beginning); raises InvalidVerificationOrder. Whoever runs out of time leaves the
    rest to the next pass.
    """
    at, out_of_time = services.clock.now(), deadline(seconds=VERIFYING_SECONDS_MAX)
    wanted, full = _verification_order(event.get("detail") or {})
    found: list[str] = []
    reports: list[Checked] = []

    def see_to(tenant: Tenant) -> bool:
        if wanted not in {None, tenant.tenant_id}:
            return True
        found.append(tenant.tenant_id)
        reports.append(_verify(services, tenant, at, out_of_time, full=full))
        return not reports[-1].unfinished

    passed = see_to_each(
        services=services,
        at=at,
        out_of_time=out_of_time,
        capability=Capability.SEAL,
        see_to=see_to,
        trouble="audit chain not verified",
    )
    told = {
        "tenants": len(found),
        "entries": sum(one.entries for one in reports),
        "faults": sum(one.faults for one in reports),
        "news": sum(one.news for one in reports),
        "tenants_left": len(passed.left),
    }
    logger().info("audit chains verified", extra=told)
    passed.require_complete(what="audit chains")
    if wanted is not None and not found:
        raise InvalidVerificationOrder("there is no such active tenant", param="tenant_id")


def _verification_order(detail: Mapping[str, Any]) -> tuple[str | None, bool]:
    """Return whose chain is to be verified (None: everybody's), and whether from the beginning."""
    full = detail.get("full", False)
    if not set(detail) <= {"tenant_id", "full"} or not isinstance(full, bool):
        raise InvalidVerificationOrder("detail has, where wanted, tenant_id, and full as true or false")
    return detail.get("tenant_id"), full


def _verify(
    services: Services, tenant: Tenant, at: datetime, out_of_time: Callable[[], bool], *, full: bool
) -> Checked:
    """Verify one tenant's chain; the operator and the owners are told of what is wrong with it."""

    def tell(found: tuple[Flaw, ...], news: tuple[Flaw, ...]) -> None:
        _tell_broken(services, tenant.tenant_id, found, at, news=bool(news))

    store = services.stores.of(tenant_id=tenant.tenant_id)
    try:
        return check_chain(
            store=store,
            rounds=services.audit_rounds(tenant_id=tenant.tenant_id),
            anchors=services.anchors,
            created_at=tenant.created_at,
            at=at,
            out_of_time=out_of_time,
            tell=tell,
            full=full,
        )
    except RoundMoved:
        return Checked()  # another verifier is at it


def _tell_broken(
    services: Services, tenant_id: str, flaws: tuple[Flaw, ...], at: datetime, *, news: bool
) -> None:
    """Tell the operator what is wrong, and have the owners told by who has the keys to their addresses.

    Each fault is logged whenever it is found, for whoever looks anew; alarm and mail are for news.
    """
    for one in flaws[:FLAWS_LOGGED_MAX]:
        facts = {"fault": one.fault.value, "sequence": one.sequence, "about": one.about}
        logger().error("audit chain broken", extra={"tenant_id": tenant_id, **facts})
    if not news:
        return
    services.alarms.tell(kind=Anomaly.AUDIT_BROKEN, tenant_id=tenant_id, at=at)
    services.mail_queue.send(message={"mail": BROKEN, "tenant_id": tenant_id})
