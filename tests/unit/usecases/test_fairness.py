"""Tenants take turns: a thousand of them beside a large one, by the real planner and worker in memory."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.domain.runs import SHARDS_MAX, RunState
from tests.bench.books import BILL_DAY
from tests.bench.many_tenants import AT, Platform, platform, tenant_books

TENANTS = 1_000


def test_each_tenants_first_shard_is_done_before_any_ones_second() -> None:
    made = platform(tenants=TENANTS, subscribers=1, large=60)

    assert made.plan(at=AT) == TENANTS + SHARDS_MAX
    made.work(at=AT)

    turns = [tenant_id for tenant_id, _ in made.worked]
    assert len(set(turns[: TENANTS + 1])) == TENANTS + 1
    assert len(turns) == TENANTS + SHARDS_MAX
    for books in made.books.values():
        run = books.runs.get(on=BILL_DAY)
        assert run.state is RunState.COMPLETED
        assert run.invoices == len(books.kept)
        assert sorted(books.numbers) == list(range(1, len(books.kept) + 1))


def test_two_large_tenants_take_turns_shard_by_shard() -> None:
    large = [tenant_books(number=number, subscribers=1, looked_at=400_000) for number in (1, 2)]
    made = Platform({one.tenant.tenant_id: one for one in large})

    made.plan(at=AT)

    turns = [str(message["tenant_id"]) for message in made.queue.sent]
    assert turns == [one.tenant.tenant_id for one in large] * SHARDS_MAX


def test_missed_days_are_one_date_a_pass_and_then_follow_each_other_oldest_first() -> None:
    """Sixty days without a schedule: a pass starts the oldest date; each one's worker starts the next."""
    books = tenant_books(number=1, subscribers=3)
    made = Platform({books.tenant.tenant_id: books})
    late = AT + timedelta(days=60)

    assert made.plan(at=late) == 1
    assert books.runs.state.started_through == BILL_DAY
    assert made.plan(at=late) == 1  # its message is lost, say: the same date is asked for again
    assert books.runs.state.started_through == BILL_DAY
    made.work(at=late)

    assert list(books.runs.kept) == [BILL_DAY + timedelta(days=day) for day in range(61)]
    assert len(books.numbers) == 3 * 2  # 1 November and 1 December
    assert books.runs.state.completed_through == BILL_DAY + timedelta(days=60)
