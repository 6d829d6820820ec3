"""An import comes to the same end whatever happens to its workers."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.bootstrap import Services
from chalicelib.domain.errors import Busy
from chalicelib.store.base import Database, ModelWrite, StoreUnavailable
from chalicelib.store.subscribers import DynamoSubscribers
from chalicelib.usecases.import_batches import ImportTaken, ImportWork
from chalicelib.usecases.import_work import work_on_import
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.importing import Importer, add_package, all_subscribers, mapping, people
from tests.integration.test_exports import bill

Commit = Callable[[], None]
# What the prefix of an import's codes is replaced by, so that two imports can be compared.
ANY = "?"


def rows(prefix: str) -> list[str]:
    """Good rows, and one of each kind of row that is not created."""
    found = []
    for n in range(1, 121):
        bad = [f"{prefix}{n},=bad,,Home,1", f"{prefix}{n - 1},again,,Home,1", f"{prefix}{n},skip,,none,1"]
        good = f"{prefix}{n},Name {n},0300-{n:07d},Home,{n}"
        found.append(good if n % 10 else bad[n // 10 % 3])
    return found


@dataclass(frozen=True)
class Begun:
    """A started import whose codes have a prefix of their own."""

    importer: Importer
    import_id: str
    prefix: str

    def work(self, services: Services | None = None, *, windows: int = 10**6) -> bool:
        """Work on it, for so many windows of rows at most; return whether it is finished."""
        services = services or self.importer.services
        left = iter(range(windows))
        work = ImportWork(
            stores=services.stores,
            blobs=services.blobs,
            ids=services.ids,
            now=services.clock.now,
            pause=lambda _seconds: None,
            out_of_time=lambda: next(left, None) is None,
        )
        tenant_id = self.importer.tenant.tenant_id
        return work_on_import(work=work, tenant_id=tenant_id, import_id=self.import_id)

    def outcome(self) -> tuple[Any, ...]:
        """Return everything that must not depend on what happened to the workers."""
        shown = self.importer.show(self.import_id)
        created = [
            (
                one.code.replace(self.prefix, ANY),
                one.contact,
                [sub.price_override for sub in one.account.subscriptions],
            )
            for one in all_subscribers(self.importer.tenant, prefix=self.prefix)
        ]
        report = [
            [cell.replace(self.prefix, ANY) for cell in row.values()]
            for row in self.importer.report(self.import_id)
        ]
        sizes = ("bytes_done", "bytes_total")
        progress = {name: count for name, count in shown["progress"].items() if name not in sizes}
        return shown["state"], progress, created, report


@pytest.fixture(scope="module")
def counter() -> itertools.count[int]:
    return itertools.count(100)


@pytest.fixture
def begin(
    services: EngineServices, signed_in: SignedIn, counter: itertools.count[int]
) -> Callable[[], Begun]:
    """Start imports of one tenant, each with codes of its own."""
    add_package(signed_in, "Home", 200_000)
    importer = Importer(services, signed_in)
    start = signed_in.store.profile().local_date(at=services.clock.now()) + timedelta(days=30)
    skip = [{"column": "plan", "values": ["none"], "reason": "no internet"}]

    def begun(starts_on: date = start) -> Begun:
        prefix = f"P{next(counter)}-"
        import_id = importer.upload(people(*rows(prefix)))
        assert importer.map(import_id, mapping(starts_on, skip_when=skip)).status == 200
        assert importer.start(import_id).status == 202
        return Begun(importer, import_id, prefix)

    return begun


@pytest.fixture
def expected(begin: Callable[[], Begun]) -> tuple[Any, ...]:
    """What an undisturbed import comes to."""
    undisturbed = begin()
    assert undisturbed.work()
    state, progress, created, report = outcome = undisturbed.outcome()
    assert (state, progress["rows_read"], len(created)) == ("succeeded", 120, 108)
    assert progress["skipped"] == {"no internet": 4}
    assert progress["failed"] == {"formula_cell": 4, "duplicate_in_file": 4}
    assert len(report) == 12
    return outcome


class AroundDatabase(Database):
    """A database on which something happens around every commit."""

    def __init__(self, settings: Any, around: Callable[[Commit], None]) -> None:
        super().__init__(settings=settings)
        self._around = around

    def commit(self, writes: Sequence[ModelWrite]) -> None:
        """Commit as ``around`` wants it."""
        self._around(lambda: super(AroundDatabase, self).commit(writes))


def services_around(services: Services, around: Callable[[Commit], None]) -> Services:
    """Return services of their own, whose commits go through ``around``."""
    fresh = Services(settings=services.settings, clock=services.clock)
    fresh.__dict__["database"] = AroundDatabase(services.settings, around)
    return fresh


def in_a_child(job: Callable[[], object], *, kill_after_s: float | None = None) -> int:
    """Run a job in a forked process; return the signal that ended it, or its negated status."""
    child = os.fork()
    if child == 0:
        try:
            job()
            os._exit(0)
        finally:
            os._exit(3)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status)


def killed_at(number: int, *, done: bool) -> Callable[[Commit], None]:
    """Kill this process at the n-th commit, before the database acts or after."""
    count = itertools.count(1)

    def around(commit: Commit) -> None:
        now = next(count) == number
        if now and not done:
            os.kill(os.getpid(), signal.SIGKILL)
        commit()
        if now:
            os.kill(os.getpid(), signal.SIGKILL)

    return around


def test_every_kill_is_made_good_by_the_next_worker(
    begin: Callable[[], Begun], expected: tuple[Any, ...], services: EngineServices
) -> None:
    """A worker is ended by SIGKILL at each of its commits in turn."""
    number = 0
    ended = int(signal.SIGKILL)
    while ended == signal.SIGKILL:
        number += 1
        for done in (False, True):
            begun = begin()

            def job(begun: Begun = begun, number: int = number, done: bool = done) -> object:  # noqa: FBT001
                return begun.work(services_around(services, killed_at(number, done=done)))

            ended = in_a_child(job)

            assert begun.work()
            assert begun.outcome() == expected, f"commit {number}, {done=}"
    assert ended == 0, "the last child was not killed: the import has no such commit"
    assert number > 5


def test_kills_at_random_moments_change_nothing(
    begin: Callable[[], Begun], expected: tuple[Any, ...], services: EngineServices
) -> None:
    chance = random.Random()
    for seed in (chance.randrange(10**9) for _ in range(4)):
        chance.seed(seed)
        begun = begin()
        for _ in range(3):

            def job(begun: Begun = begun) -> object:
                return begun.work(Services(settings=services.settings, clock=services.clock))

            assert in_a_child(job, kill_after_s=chance.uniform(0.1, 0.9)) in {0, signal.SIGKILL}

        assert begun.work()
        assert begun.outcome() == expected, f"{seed=}"


def test_two_workers_at_once_do_no_harm(
    begin: Callable[[], Begun], expected: tuple[Any, ...], services: EngineServices
) -> None:
    begun = begin()
    together = threading.Barrier(2)
    taken: list[ImportTaken] = []

    def worker() -> None:
        mine = Services(settings=services.settings, clock=services.clock)
        together.wait()
        try:
            begun.work(mine)
        except ImportTaken as error:
            taken.append(error)

    threads = [threading.Thread(target=worker) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    begun.work()
    assert len(taken) <= 1
    assert begun.outcome() == expected


def test_an_answer_that_is_lost_is_our_own_write(
    begin: Callable[[], Begun], expected: tuple[Any, ...], services: EngineServices
) -> None:
    """The database acts and its answer is lost, so that the client sends each write twice."""
    begun = begin()

    def twice(commit: Commit) -> None:
        commit()
        commit()

    with contextlib.suppress(ImportTaken):  # the very last write is nobody's to check
        begun.work(services_around(services, twice))

    assert begun.outcome() == expected


def test_a_contended_batch_is_tried_again(
    begin: Callable[[], Begun], expected: tuple[Any, ...], services: EngineServices
) -> None:
    begun = begin()
    turns = itertools.cycle([True, False])

    def busy_every_other_time(commit: Commit) -> None:
        if next(turns):
            raise Busy("a billing run started meanwhile")
        commit()

    with contextlib.suppress(Busy):  # the end is one write, which the next worker makes
        begun.work(services_around(services, busy_every_other_time))

    assert begun.work()
    assert begun.outcome() == expected


def test_a_run_that_starts_meanwhile_may_make_the_rows_longer(
    begin: Callable[..., Begun], expected: tuple[Any, ...], services: EngineServices, signed_in: SignedIn
) -> None:
    """What starts today is then filed under the next date besides: a full batch holds less of it."""
    today = signed_in.store.profile().local_date(at=services.clock.now())
    begun = begin(today)
    first = iter([True])

    def billing_starts(commit: Commit) -> None:
        if next(first, False):
            bill(services, signed_in, services.clock.now())
        commit()

    assert begun.work(services_around(services, billing_starts))
    assert begun.outcome() == expected


def test_a_database_that_is_away_loses_nothing(
    begin: Callable[[], Begun], expected: tuple[Any, ...], services: EngineServices
) -> None:
    begun = begin()
    count = itertools.count()

    def away_after_two(commit: Commit) -> None:
        if next(count) >= 2:
            raise StoreUnavailable("the database did not answer")
        commit()

    with pytest.raises(StoreUnavailable):
        begun.work(services_around(services, away_after_two))
    assert begun.importer.show(begun.import_id)["state"] == "running"

    assert begun.work()
    assert begun.outcome() == expected


def test_a_worker_that_is_out_of_time_is_followed_by_another(
    begin: Callable[[], Begun], expected: tuple[Any, ...]
) -> None:
    begun = begin()

    stretches = 0
    while not begun.work(windows=1):
        stretches += 1
        assert stretches < 50, "each stretch gets further"

    assert begun.outcome() == expected


def test_a_row_that_the_store_refuses_costs_no_other(
    begin: Callable[[], Begun], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Codes are taken between being looked up and being written."""
    begun = begin()
    for n in (3, 4, 57, 119):
        body = {"code": f"{begun.prefix}{n}".lower(), "name": "was here before"}
        assert begun.importer.tenant.api.post("/v1/subscribers", json=body).status == 201
    monkeypatch.setattr(DynamoSubscribers, "existing_codes", lambda _self, codes: set())  # noqa: ARG005

    assert begun.work()

    _, progress, created, report = begun.outcome()
    assert (progress["created"], progress["existing"], progress["rows_read"]) == (104, 4, 120)
    assert len(created) == 108
    assert [row[0] for row in report if row[1] == "existing"] == ["4", "5", "58", "120"]
    assert sum(contact.name == "was here before" for _, contact, _ in created) == 4
