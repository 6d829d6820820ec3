"""Tenants' keys: replaced when they are a year old, or when an operator asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.key_rotation import RotationOrder, by_age
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.tenants import Tenant
from chalicelib.jobs.deadline import deadline
from chalicelib.jobs.tenants import see_to_each, tried
from chalicelib.observability import logger
from chalicelib.usecases.key_rotation import replace_keys
from chalicelib.usecases.year_keys import destroy_old_years

# The pass stops before its function's limit (900 s).
PASS_SECONDS_MAX: Final = 780


class InvalidRotationOrder(InvalidValue):
    """The event's ``detail`` is not an order that can be read, or names no tenant."""

    code = "invalid_rotation_order"


def keep_keys(services: Services, event: Mapping[str, Any]) -> None:
    """Replace the keys that the event asks for, tenant by tenant.

    A schedule's event asks for what is a year old, and destroys keys of billing years that the law does
    not ask for any more. An operator's ``detail`` has ``made_before``
    (RFC 3339: what was made before is replaced), and where wanted ``families`` and ``tenant_id``.
    Repeating it does what is left. Raises InvalidValue, or PassIncomplete.
    """
    at = services.clock.now()
    detail: Mapping[str, Any] = event.get("detail") or {}
    work = _Pass(services, _order(detail, at), at, detail.get("tenant_id"), ordered=bool(detail))
    passed = see_to_each(
        services=services,
        at=at,
        out_of_time=deadline(seconds=PASS_SECONDS_MAX),
        capability=Capability.KEYS,
        see_to=work.see_to,
        trouble="keys not replaced",
    )
    told = {
        "tenants": work.found,
        "rotated": work.rotated,
        "rewrapped": work.rewrapped,
        "destroyed": work.destroyed,
        "tenants_failed": len(passed.left),
    }
    logger().info("keys looked at", extra=told)
    passed.require_complete(what="keys")
    if work.wanted is not None and not work.found:
        raise InvalidRotationOrder("there is no such tenant, or it is not verified", param="tenant_id")


@dataclass(slots=True)
class _Pass:
    """A pass over the tenants, or for an order over one: what it works with, and what it came to."""

    services: Services
    order: RotationOrder
    at: datetime
    wanted: str | None
    ordered: bool
    found: int = 0
    rotated: int = 0
    rewrapped: int = 0
    destroyed: int = 0

    def see_to(self, tenant: Tenant) -> bool:
        """See to one tenant's keys; return whether those that are old are destroyed too."""
        if self.wanted not in {None, tenant.tenant_id}:
            return True
        self.found += 1
        self._replace(tenant)
        if self.ordered:
            return True
        old = partial(self._destroy, tenant)
        return tried(old, tenant_id=tenant.tenant_id, trouble="old keys not destroyed")

    def _replace(self, tenant: Tenant) -> None:
        """Replace what the order asks for.

        What seals nothing any more, of a tenant that is purged, keeps its keys; its root is wrapped anew.
        """
        order = self.order
        if not may(state=tenant.state, capability=Capability.SEAL):
            order = replace(order, families=frozenset())
        store = self.services.stores.of(tenant_id=tenant.tenant_id)
        replaced = replace_keys(store=store, order=order, at=self.at)
        self.rotated += replaced.rotated
        self.rewrapped += replaced.rewrapped

    def _destroy(self, tenant: Tenant) -> bool:
        """Destroy the keys of billing years that are over."""
        store = self.services.stores.of(tenant_id=tenant.tenant_id)
        self.destroyed += destroy_old_years(store=store, tenant=tenant, at=self.at)
        return True


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
