"""A pass over accounts that end: what is quick comes first, and purges share what time is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from chalicelib.domain.tenants import Ending, Tenant
from chalicelib.jobs import endings
from chalicelib.jobs.deadline import Deadline, deadline
from tests.bench.books import bench_tenant

AT = datetime(2041, 5, 15, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """The machine's monotonic clock, moved by hand."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


@dataclass
class Endings:
    """What a pass does of each tenant: those of ``large`` take all the time that a purge is given."""

    clock: Clock
    large: frozenset[str]
    failing: frozenset[str] = frozenset()
    seen_to: list[str] = field(default_factory=list)
    purged_for: dict[str, float] = field(default_factory=dict)

    def advance(
        self, *, ports: object, tenant: Tenant, at: datetime, out_of_time: Callable[[], bool]
    ) -> bool:
        """Stand in for the use case."""
        assert (ports, at) == (None, AT)
        name = tenant.company
        if not out_of_time():
            if name in self.failing:
                raise RuntimeError("the database is away")
            began = self.clock.now
            while name in self.large and not out_of_time():
                self.clock.now += 1
            self.purged_for[name] = self.clock.now - began
            return name in self.large
        assert not self.purged_for, "what is quick comes first"
        self.seen_to.append(name)
        return name.startswith("purge")


def passed(endings_of: Endings, monkeypatch: pytest.MonkeyPatch, *names: str) -> tuple[endings._Pass, Any]:
    monkeypatch.setattr(endings, "advance", endings_of.advance)
    work = endings._Pass(cast(Any, None), AT, deadline(seconds=60), None)
    for name in names:
        assert work.see_to(
            replace(bench_tenant(tenant_id=f"ten_{name}"), company=name, ending=Ending(AT, AT))
        )
    return work, work.delete()


def test_nobody_waits_for_the_purge_of_a_large_company(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Endings(clock, large=frozenset({"purge 1"}))

    work, failed = passed(seen, monkeypatch, "purge 1", "notice", "purge 2")

    assert seen.seen_to == ["purge 1", "notice", "purge 2"]
    assert seen.purged_for == {"purge 1": 30, "purge 2": 0}
    assert (work.ending, work.unfinished, failed) == (3, 1, [])


def test_large_purges_share_the_time_and_what_others_leave_of_it(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Endings(clock, large=frozenset({"purge 2", "purge 3"}), failing=frozenset({"purge 1"}))

    work, failed = passed(seen, monkeypatch, "purge 1", "purge 2", "purge 3")

    assert seen.purged_for == {"purge 2": 30, "purge 3": 30}
    assert (work.unfinished, failed) == (2, ["ten_purge 1"])
    assert deadline(seconds=0)()
    assert Deadline(clock.now - 5).share(among=3)(), "what is over is shared as nothing"


def test_who_is_not_come_to_is_left_to_the_next_pass(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Endings(clock, large=frozenset())
    monkeypatch.setattr(endings, "advance", seen.advance)
    work = endings._Pass(cast(Any, None), AT, deadline(seconds=0), None)

    assert work.see_to(replace(bench_tenant(tenant_id="ten_1"), ending=Ending(AT, AT)))

    assert (seen.seen_to, work.unfinished, work.delete()) == ([], 1, [])
