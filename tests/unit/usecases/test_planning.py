"""The planner's pass over the tenants: all of them, begun elsewhere each time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import cast

import pytest

from chalicelib.domain.runs import BillingRun, RunShard, RunState, ShardProgress
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.runs import Runs
from chalicelib.ports.store import Page, TenantRegistry
from chalicelib.usecases.billing import (
    PLANNED_EVERY,
    PlanReport,
    ShardTask,
    finish_run,
    plan_all,
    planning_turn,
)
from tests.fakes.files import InMemoryQueue
from tests.unit.usecases.isp import TENANT

AT = datetime(2026, 11, 9, 3, 0, tzinfo=UTC)
TENANTS = tuple(replace(TENANT, tenant_id=f"ten_{n}") for n in range(16))


@dataclass
class Registry:
    """Sixteen tenants, listed from another one at each turn, five to a page."""

    asked: list[int] = field(default_factory=list)

    def active(self, *, after: str | None, limit: int, turn: int) -> Page[Tenant]:
        self.asked.append(turn)
        start = turn % len(TENANTS)
        order = TENANTS[start:] + TENANTS[:start]
        first = int(after or 0)
        return Page(order[first : first + 5], str(first + 5) if first + 5 < len(order) else None)


def plan(*, at: datetime, tenants_max: int = 99) -> tuple[list[str], PlanReport, Registry]:
    """One pass whose time is up after so many tenants; return whom it planned, in order."""
    planned: list[str] = []
    registry = Registry()

    def plan_one(tenant: Tenant) -> list[ShardTask]:
        planned.append(tenant.tenant_id)
        return []

    report = plan_all(
        registry=cast(TenantRegistry, registry),
        plan=plan_one,
        queue=InMemoryQueue(),
        at=at,
        out_of_time=lambda: len(planned) >= tenants_max,
    )
    return planned, report, registry


def test_a_pass_plans_every_tenant_once_by_one_turn() -> None:
    planned, report, registry = plan(at=AT)

    assert sorted(planned) == sorted(tenant.tenant_id for tenant in TENANTS)
    assert not report.unfinished
    assert set(registry.asked) == {planning_turn(at=AT)}


def test_a_slow_tenant_does_not_cost_the_same_others_every_pass() -> None:
    """Time is up after three tenants, at every pass of a morning."""
    reached: set[str] = set()
    for tick in range(16):
        planned, report, _ = plan(at=AT + tick * PLANNED_EVERY, tenants_max=3)
        assert report.unfinished
        reached |= set(planned)

    assert len(reached) == len(TENANTS)


def test_the_pass_of_one_hour_begins_elsewhere_every_day() -> None:
    turns = [planning_turn(at=AT + timedelta(days=day)) for day in range(16)]

    assert len({turn % len(TENANTS) for turn in turns}) == len(TENANTS)
    assert planning_turn(at=AT) == planning_turn(at=AT + PLANNED_EVERY - timedelta(seconds=1))


@dataclass
class Ledger:
    """A run ledger in which a run is completed once."""

    completed: list[BillingRun] = field(default_factory=list)

    def complete(self, *, run: BillingRun) -> bool:
        self.completed.append(run)
        return len(self.completed) == 1


@pytest.mark.parametrize(
    ("quarantined", "state"), [(0, RunState.COMPLETED), (2, RunState.COMPLETED_WITH_QUARANTINE)]
)
def test_a_completed_run_is_told_of_once_by_whoever_completed_it(quarantined: int, state: RunState) -> None:
    shard = ShardProgress(
        RunShard(0, 255), done=True, looked_at=5, billed=5 - quarantined, quarantined=quarantined
    )
    run = BillingRun("run_2026-11-09", date(2026, 11, 9), RunState.RUNNING, AT, "PKR", (shard,))
    ledger, told = cast(Runs, Ledger()), list[BillingRun]()

    for _ in range(2):
        assert finish_run(run=run, runs=ledger, at=AT, completed=told.append)

    assert [(one.state, one.quarantined, one.completed_at) for one in told] == [(state, quarantined, AT)]
