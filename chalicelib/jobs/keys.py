"""Tenants' keys: replaced when they are a year old, or when an operator asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.key_rotation import RotationOrder, by_age
from chalicelib.jobs.deadline import deadline
from chalicelib.observability import logger
from chalicelib.usecases.billing import TENANTS_PER_PAGE, planning_turn
from chalicelib.usecases.key_rotation import KeysReplaced, replace_keys

# The pass stops before its function's limit (900 s).
PASS_SECONDS_MAX: Final = 780


class InvalidRotationOrder(InvalidValue):
    """The event's ``detail`` is not an order that can be read, or names no tenant."""

    code = "invalid_rotation_order"


class KeysIncomplete(RuntimeError):
    """Some tenants' keys were not seen to in this pass; the same event again does the rest."""


def keep_keys(services: Services, event: Mapping[str, Any]) -> None:
    """Replace the keys that the event asks for, tenant by tenant.

    A schedule's event asks for what is a year old. An operator's ``detail`` has ``made_before``
    (RFC 3339: what was made before is replaced), and where wanted ``families`` and ``tenant_id``.
    Repeating it does what is left. Raises InvalidValue, or KeysIncomplete.
    """
    at, out_of_time = services.clock.now(), deadline(seconds=PASS_SECONDS_MAX)
    detail: Mapping[str, Any] = event.get("detail") or {}
    order = _order(detail, at)
    rotated = rewrapped = tenants = 0
    failed: list[str] = []
    for tenant_id in _tenants(services, at):
        if detail.get("tenant_id", tenant_id) != tenant_id:
            continue
        tenants += 1
        if out_of_time():
            raise KeysIncomplete("time ran out")
        try:
            done = _replace(services, tenant_id, order, at)
        except KeysIncomplete:
            failed.append(tenant_id)
        else:
            rotated, rewrapped = rotated + done.rotated, rewrapped + done.rewrapped
    told = {"tenants": tenants, "rotated": rotated, "rewrapped": rewrapped, "tenants_failed": len(failed)}
    logger().info("keys looked at", extra=told)
    if "tenant_id" in detail and not tenants:
        raise InvalidRotationOrder("there is no such tenant, or it is not verified", param="tenant_id")
    if failed:
        raise KeysIncomplete(f"keys of {len(failed)} tenants were not seen to: {failed[:5]}")


def _replace(services: Services, tenant_id: str, order: RotationOrder, at: datetime) -> KeysReplaced:
    """See to one tenant's keys; whatever goes wrong with it is logged, and stops no other."""
    try:
        return replace_keys(store=services.stores.of(tenant_id=tenant_id), order=order, at=at)
    except Exception as error:
        logger().exception("keys not replaced", extra={"tenant_id": tenant_id})
        raise KeysIncomplete("the tenant's keys could not be seen to") from error


def _tenants(services: Services, at: datetime) -> Iterator[str]:
    after: str | None = None
    while True:
        page = services.tenants.every(after=after, limit=TENANTS_PER_PAGE, turn=planning_turn(at=at))
        yield from (tenant.tenant_id for tenant in page.items)
        after = page.after
        if after is None:
            return


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
