"""Tenants' keys: replaced when they are a year old, or when an operator asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.key_rotation import RotationOrder, by_age
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.tenants import Tenant
from chalicelib.jobs.deadline import deadline
from chalicelib.jobs.tenants import tenants_able
from chalicelib.observability import logger
from chalicelib.usecases.key_rotation import KeysReplaced, replace_keys
from chalicelib.usecases.year_keys import destroy_old_years

# The pass stops before its function's limit (900 s).
PASS_SECONDS_MAX: Final = 780


class InvalidRotationOrder(InvalidValue):
    """The event's ``detail`` is not an order that can be read, or names no tenant."""

    code = "invalid_rotation_order"


class KeysIncomplete(RuntimeError):
    """Some tenants' keys were not seen to in this pass; the same event again does the rest."""


def keep_keys(services: Services, event: Mapping[str, Any]) -> None:
    """Replace the keys that the event asks for, tenant by tenant.

    A schedule's event asks for what is a year old, and destroys keys of billing years that the law does
    not ask for any more. An operator's ``detail`` has ``made_before``
    (RFC 3339: what was made before is replaced), and where wanted ``families`` and ``tenant_id``.
    Repeating it does what is left. Raises InvalidValue, or KeysIncomplete.
    """
    at, out_of_time = services.clock.now(), deadline(seconds=PASS_SECONDS_MAX)
    detail: Mapping[str, Any] = event.get("detail") or {}
    order = _order(detail, at)
    rotated = rewrapped = destroyed = tenants = 0
    failed: list[str] = []
    for tenant in tenants_able(services=services, at=at, capability=Capability.KEYS):
        tenant_id = tenant.tenant_id
        if detail.get("tenant_id", tenant_id) != tenant_id:
            continue
        tenants += 1
        if out_of_time():
            raise KeysIncomplete("time ran out")
        try:
            done = _replace(services, tenant, order, at)
            destroyed += 0 if detail else _destroy(services, tenant, at)
        except KeysIncomplete:
            failed.append(tenant_id)
        else:
            rotated, rewrapped = rotated + done.rotated, rewrapped + done.rewrapped
    told = {
        "tenants": tenants,
        "rotated": rotated,
        "rewrapped": rewrapped,
        "destroyed": destroyed,
        "tenants_failed": len(failed),
    }
    logger().info("keys looked at", extra=told)
    if "tenant_id" in detail and not tenants:
        raise InvalidRotationOrder("there is no such tenant, or it is not verified", param="tenant_id")
    if failed:
        raise KeysIncomplete(f"keys of {len(failed)} tenants were not seen to: {failed[:5]}")


def _replace(services: Services, tenant: Tenant, order: RotationOrder, at: datetime) -> KeysReplaced:
    """See to one tenant's keys; whatever goes wrong with it is logged, and stops no other.

    What seals nothing any more, of a tenant that is purged, keeps its keys; its root is wrapped anew.
    """
    tenant_id = tenant.tenant_id
    if not may(state=tenant.state, capability=Capability.SEAL):
        order = replace(order, families=frozenset())
    try:
        return replace_keys(store=services.stores.of(tenant_id=tenant_id), order=order, at=at)
    except Exception as error:
        logger().exception("keys not replaced", extra={"tenant_id": tenant_id})
        raise KeysIncomplete("the tenant's keys could not be seen to") from error


def _destroy(services: Services, tenant: Tenant, at: datetime) -> int:
    """Destroy one tenant's keys of billing years that are over; whatever goes wrong stops no other."""
    try:
        return destroy_old_years(store=services.stores.of(tenant_id=tenant.tenant_id), tenant=tenant, at=at)
    except Exception as error:
        logger().exception("old keys not destroyed", extra={"tenant_id": tenant.tenant_id})
        raise KeysIncomplete("the tenant's old keys could not be destroyed") from error


def _order(detail: Mapping[str, Any], at: datetime) -> RotationOrder:
    if not detail:
        return by_age(at=at)
    known = {"made_before", "families", "tenant_id"}
    if not set(detail) <= known or "made_before" not in detail:
        raise InvalidRotationOrder("detail has made_before, and where wanted families and tenant_id")
    try:
        made_before = datetime.fromisoformat(str(detail["made_before"]))
    except ValueError:
        raise InvalidRotationOrder("made_before is not a time", param="made_before") from None
    if made_before.tzinfo is None or made_before > at:
        raise InvalidRotationOrder("made_before has a zone, and is not to come", param="made_before")
    order = RotationOrder(made_before=made_before)
    if "families" not in detail:
        return order
    return RotationOrder(made_before=made_before, families=frozenset(map(str, detail["families"])))
