"""A billing run issues each invoice once, whatever happens to the workers.

The books are read back whole from the table: numbers, register, balances, run ledger.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace

from chalicelib.adapters.clock import SystemClock
from chalicelib.bootstrap import Services
from chalicelib.domain.accounts import SUBSCRIPTIONS_PER_ACCOUNT_MAX
from chalicelib.domain.errors import Busy
from chalicelib.domain.runs import RunShard, RunState
from chalicelib.domain.subscriptions import bucket_of
from chalicelib.store import keys
from chalicelib.store.accounts import decode_subscriptions, encode_subscriptions
from chalicelib.store.base import put_new
from chalicelib.store.due import DueItem, due_sort_key
from chalicelib.usecases.billing import ShardTask, work_shard
from chalicelib.usecases.billing_shard import ShardTaken
from tests.bench.books import BILL_DAY, account_id
from tests.integration.billing_harness import (
    AT,
    TAXED_TOTAL,
    Books,
    Counting,
    KilledAt,
    LostAnswers,
    Meddling,
    assert_books_are_right,
    change_account,
    new_books,
    run_of,
)


def test_a_run_bills_everyone_once_with_the_taxes_of_the_day(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=130)

    books.run()

    assert_books_are_right(books, invoices=130)
    run = run_of(books)
    assert (run.state, run.invoices, run.total) == (RunState.COMPLETED, 130, 130 * TAXED_TOTAL)
    assert {int(item["t"]) for item in books.invoices()} == {TAXED_TOTAL}


def test_a_second_run_changes_nothing(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=60)
    books.run()
    before = books.items()

    books.run()
    store = on_engine.stores.of(tenant_id=books.tenant.tenant_id)
    again = ShardTask(books.tenant.tenant_id, BILL_DAY, RunShard(0, 255))
    following = work_shard(
        task=again,
        tenant=books.tenant,
        store=store,
        books=store.books(wire=on_engine.wire),
        now=lambda: AT,
        out_of_time=lambda: False,
    )

    assert following == []
    assert books.items() == before


def test_every_kill_is_made_good_by_the_next_run(on_engine: Services) -> None:
    """A worker is ended by SIGKILL at each of its calls in turn, before and after the database acts.

    After a read nothing differs from before the next call.
    """
    reference = new_books(on_engine, subscribers=100)
    counting = Counting(on_engine.wire)
    reference.run(wire=counting)
    expected = reference.meaning()
    assert counting.operations.count("TransactWriteItems") > 3
    for call, operation in enumerate(counting.operations, start=1):
        for sent in (False, True) if operation == "TransactWriteItems" else (False,):
            books = new_books(on_engine, subscribers=100)
            assert in_a_killed_child(books, call=call, sent=sent) == signal.SIGKILL, f"call {call}"

            books.run()

            assert_books_are_right(books, invoices=100)
            assert without_versions(books.meaning()) == without_versions(expected), f"call {call}, {sent=}"


def in_a_killed_child(books: Books, *, call: int, sent: bool) -> int:
    """Run the books in a forked process with a wire that kills it; return the signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            fresh = Services(settings=books.services.settings, clock=SystemClock())
            mine = Books(fresh, books.tenant)
            mine.run(wire=KilledAt(fresh.wire, call=call, sent=sent))
        finally:
            os._exit(3)  # not killed: the test says so
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status)


def without_versions(meaning: list[dict[str, object]]) -> list[dict[str, object]]:
    """Leave out how many steps a shard took: a rerun may cut its batches elsewhere."""
    return [
        {name: value for name, value in item.items() if name != "shards" and "SHARD#" not in str(item["sk"])}
        for item in meaning
        if "#REG#" not in str(item["pk"])
    ]


def test_answers_lost_on_the_way_bill_nobody_twice(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=120)

    books.run(wire=LostAnswers(on_engine.wire))

    assert_books_are_right(books, invoices=120)
    assert run_of(books).state is RunState.COMPLETED


def test_two_workers_on_one_shard_bill_nobody_twice(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=400)
    tasks = books.plan()
    assert len(tasks) == 1

    in_parallel([worker(books, tasks[0]), worker(books, tasks[0])])

    assert_books_are_right(books, invoices=400)
    assert run_of(books).state is RunState.COMPLETED


def test_two_planners_and_their_workers_at_once_bill_nobody_twice(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=200)

    def schedule() -> None:
        with contextlib.suppress(ShardTaken):  # the other's worker is at it: its message is done with
            books.run()

    in_parallel([schedule, schedule])

    assert run_of(books).state is RunState.COMPLETED
    assert_books_are_right(books, invoices=200)


def test_shards_side_by_side_share_one_gapless_series(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=300)
    store = on_engine.stores.of(tenant_id=books.tenant.tenant_id)
    state = store.billing_states
    state_item = state.get()
    assert state_item.looked_at == 0
    set_looked_at(books, 70_000)
    tasks = books.plan()
    assert len(tasks) == 4

    in_parallel([worker(books, task) for task in tasks])

    assert_books_are_right(books, invoices=300)
    run = run_of(books)
    assert run.state is RunState.COMPLETED
    assert all(shard.invoices > 30 for shard in run.shards)


def set_looked_at(books: Books, count: int) -> None:
    books.services.wire.call(
        "UpdateItem",
        {
            "TableName": books.services.settings.tenants_table,
            "Key": {"pk": {"S": keys.billing(books.tenant.tenant_id)}, "sk": {"S": keys.STATE}},
            "UpdateExpression": "SET looked_at=:n",
            "ExpressionAttributeValues": {":n": {"N": str(count)}},
        },
    )


def worker(books: Books, task: ShardTask) -> Callable[[], None]:
    """One worker with connections of its own; another's shard is left to the other."""

    def work() -> None:
        mine = Services(settings=books.services.settings, clock=SystemClock())
        store = mine.stores.of(tenant_id=books.tenant.tenant_id)
        try:
            work_shard(
                task=task,
                tenant=books.tenant,
                store=store,
                books=store.books(wire=mine.wire),
                now=lambda: AT,
                out_of_time=lambda: False,
            )
        except ShardTaken:
            return

    return work


def in_parallel(jobs: list[Callable[[], None]]) -> None:
    failures: list[BaseException] = []

    def guarded(job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - handed to the test's thread
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not failures, failures


def test_an_account_that_never_stands_still_is_set_aside_with_all_of_its_lines(on_engine: Services) -> None:
    """What is set aside for each line takes more of a transaction than the one invoice of them all did."""
    books = new_books(on_engine, subscribers=48)
    pk = keys.account(books.tenant.tenant_id, account_id(7))
    [stored] = [item for item in books.items() if (item["pk"], item["sk"]) == (pk, "ACCOUNT")]
    [line] = decode_subscriptions(stored["s"])
    lines = [replace(line, slot=slot) for slot in range(line.slot, line.slot + SUBSCRIPTIONS_PER_ACCOUNT_MAX)]
    change_account(books, pk, "SET s=:s", {":s": {"S": encode_subscriptions(tuple(lines))}})
    store = on_engine.stores.of(tenant_id=books.tenant.tenant_id)
    bucket = keys.due(books.tenant.tenant_id, bucket_of(subscription=line))
    for one in lines[1:]:
        item = DueItem(bucket, due_sort_key(account_id=account_id(7), slot=one.slot))
        store.commit(put_new(item, refused=Busy("it is filed")))

    def moves() -> None:
        change_account(books, pk, "SET v=v+:o", {":o": {"N": "1"}})

    books.run(wire=Meddling(on_engine.wire, moves, each=True))

    assert len(books.invoices()) == 47
    run = run_of(books)
    assert (run.state, run.quarantined) == (RunState.COMPLETED_WITH_QUARANTINE, SUBSCRIPTIONS_PER_ACCOUNT_MAX)
    held = store.runs.quarantined(on=BILL_DAY, limit=50, after=None).items
    assert {(one.account_id, one.code) for one in held} == {(account_id(7), "contended")}
