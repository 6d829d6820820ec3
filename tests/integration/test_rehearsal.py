"""Rehearsals on the engine: what runs would bill, and not one item written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.bootstrap import Services
from chalicelib.domain.jobs import JobState
from chalicelib.domain.periods import NAMED_CYCLES
from chalicelib.domain.rehearsals import (
    ChangeKind,
    Rehearsal,
    RehearsalJob,
    RehearsalTooLarge,
    TooManyRehearsals,
)
from chalicelib.domain.runs import RunState
from chalicelib.ports.store import AuditNote
from chalicelib.store import keys
from chalicelib.store.accounts import decode_subscriptions, encode_subscriptions
from chalicelib.store.tenant import DynamoTenantStore
from chalicelib.usecases import rehearsal as rehearsals
from chalicelib.usecases.rehearsal import RehearsalWork, rehearse
from tests.bench.books import BILL_DAY, account_id
from tests.fakes.clock import FakeClock
from tests.integration.billing_harness import AT, TAXED_TOTAL, Books, change_account, new_books, run_of
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.shop import Shop

NOVEMBER_2 = date(2026, 11, 2)


def rehearsed(books: Books, through: date, *, filed_max: int | None = 1_000, parts: int = 1) -> Rehearsal:
    store = with_profile(books)
    work = RehearsalWork(
        store=store,
        books=store.rehearsal_books(wire=books.services.wire),
        out_of_time=lambda: False,
        filed_max=filed_max,
        parts=parts,
    )
    return rehearse(work=work, through=through)


def with_profile(books: Books) -> DynamoTenantStore:
    """The store, its tenant known without a record of its own."""
    store = books.services.stores.of(tenant_id=books.tenant.tenant_id)
    store.profile = lambda: books.tenant  # type: ignore[method-assign]
    return store


def change_subscription(books: Books, index: int, **changes: object) -> None:
    """Change a subscriber's subscription behind the platform's back."""
    pk = keys.account(books.tenant.tenant_id, account_id(index))
    account = next(one for one in books.items() if one["pk"] == pk and one["sk"] == keys.ACCOUNT)
    (sub,) = decode_subscriptions(account["s"])
    encoded = encode_subscriptions((replace(sub, **changes),))  # type: ignore[arg-type]
    change_account(books, pk, "SET s=:s,v=v+:o", {":s": {"S": encoded}, ":o": {"N": "1"}})


def test_a_rehearsal_writes_nothing_and_equals_the_runs_that_follow(on_engine: Services) -> None:
    """Two months ahead, day by day; one has a price of its own, and one cannot be billed."""
    books = new_books(on_engine, subscribers=30)
    change_subscription(books, 3, price_override=99_900)
    broken = keys.account(books.tenant.tenant_id, account_id(7))
    change_account(books, broken, "SET cur=:c", {":c": {"S": "USD"}})
    before = list(books.raw_items())

    found = rehearsed(books, date(2026, 12, 31))

    assert list(books.raw_items()) == before
    books.run(at=datetime(2026, 12, 31, 12, 0, tzinfo=UTC))
    issued = books.invoices()
    assert (found.invoices, found.total) == (len(issued), sum(int(item["t"]) for item in issued))
    store = on_engine.stores.of(tenant_id=books.tenant.tenant_id)
    runs = store.runs.list(limit=100, after=None).items
    assert {on: (day.count, day.net, day.tax) for on, day in found.by_date.items()} == {
        run.on: (run.invoices, sum(one.net for one in run.shards), sum(one.tax for one in run.shards))
        for run in runs
        if run.invoices
    }


def test_a_year_of_days_behind_is_rehearsed_as_it_is_run(on_engine: Services) -> None:
    """Transactions hold 48 invoices: what one does not hold comes in the next, here as there."""
    books = new_books(on_engine, subscribers=2)
    begun = date(2025, 11, 1)
    daily = NAMED_CYCLES["day"]
    change_subscription(
        books, 1, starts_on=begun, billed_to=begun, cycle=daily, anchor_day=1, price_override=5_000
    )

    found = rehearsed(books, BILL_DAY)

    books.run()
    assert found.invoices == len(books.invoices()) == 367


def test_parts_come_to_the_same_as_the_whole(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=40)

    whole, in_parts = rehearsed(books, NOVEMBER_2), rehearsed(books, NOVEMBER_2, filed_max=None, parts=16)

    assert whole == in_parts
    assert (whole.invoices, whole.total) == (40, 40 * TAXED_TOTAL)


def test_who_would_be_set_aside_is_named_with_the_reason(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=5)
    foreign = keys.account(books.tenant.tenant_id, account_id(2))
    change_account(books, foreign, "SET cur=:c", {":c": {"S": "USD"}})
    unreadable = keys.account(books.tenant.tenant_id, account_id(4))
    change_account(
        books, unreadable, "SET who=:w", {":w": {"B": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}
    )

    found = rehearsed(books, BILL_DAY)

    assert [(one.on, one.subscription_id, one.code) for one in found.quarantined] == [
        (BILL_DAY, f"sbn_{account_id(2).removeprefix('sbr_')}-1", "catalogue_mismatch"),
        (BILL_DAY, f"sbn_{account_id(4).removeprefix('sbr_')}-1", "record_unreadable"),
    ]
    assert found.invoices == 3
    books.run()
    assert run_of(books).state is RunState.COMPLETED_WITH_QUARANTINE
    assert run_of(books).quarantined == 2


def test_changes_are_told_against_the_last_run_that_billed(on_engine: Services) -> None:
    """One subscriber leaves, one gets another price, one was not billed then."""
    books = new_books(on_engine, subscribers=6)
    later = date(2026, 12, 1)
    change_subscription(books, 5, billed_to=later, starts_on=BILL_DAY)
    books.run(at=AT + timedelta(days=3))  # the runs of the days after bill nobody
    change_subscription(books, 0, ends_on=later)
    change_subscription(books, 1, price_override=150_000)

    found = rehearsed(books, later).compared

    assert found is not None
    assert found.run_on == BILL_DAY
    ids = {index: f"sbn_{account_id(index).removeprefix('sbr_')}-1" for index in range(6)}
    changes = {
        one.subscription_id: (one.kind, one.before and one.before.net, one.now and one.now.net)
        for one in found.changes
    }
    assert changes == {
        ids[0]: (ChangeKind.GONE, 164_900, None),
        ids[1]: (ChangeKind.CHANGED, 164_900, 150_000),
        ids[5]: (ChangeKind.NEW, None, 164_900),
    }
    assert (found.before.count, found.now.count) == (5, 5)
    assert (found.gone.net, found.new.net, found.changed.net) == (164_900, 164_900, -14_900)


@pytest.mark.parametrize("bound", [{"filed_max": 9}, {"out_of_time": True}])
def test_what_is_too_large_for_one_answer_says_so(on_engine: Services, bound: dict[str, int]) -> None:
    books = new_books(on_engine, subscribers=10)
    store = with_profile(books)
    late: Callable[[], bool] = lambda: bool(bound.get("out_of_time"))  # noqa: E731
    work = RehearsalWork(
        store=store,
        books=store.rehearsal_books(wire=on_engine.wire),
        out_of_time=late,
        filed_max=bound.get("filed_max", 1_000),
    )

    with pytest.raises(RehearsalTooLarge):
        rehearse(work=work, through=BILL_DAY)


# -- as a job ------------------------------------------------------------------------------


@dataclass
class Queue:
    """A queue that keeps what is sent."""

    sent: list[object] = field(default_factory=list)

    def send(self, *, message: object, delay_seconds: int = 0) -> None:
        """Keep the message."""
        self.sent.append(message)


def asked_for(books: Books, store: DynamoTenantStore) -> RehearsalJob:
    rehearsal_id = books.services.ids.new(prefix="rhs")
    note = AuditNote(actor_id="stf_1", action="billing.rehearsed", object_id=rehearsal_id, at=AT)
    return rehearsals.create_rehearsal(
        store=store, queue=Queue(), rehearsal_id=rehearsal_id, through=BILL_DAY, at=AT, note=note
    )


def work_on(books: Books, store: DynamoTenantStore, job: RehearsalJob, *, late: bool = False) -> None:
    rehearsals.work_on_rehearsal(
        store=store,
        books=store.rehearsal_books(wire=books.services.wire),
        rehearsal_id=job.rehearsal_id,
        now=lambda: AT,
        out_of_time=lambda: late,
    )


def test_a_job_keeps_its_result_whole_and_a_message_that_comes_again_changes_nothing(
    on_engine: Services,
) -> None:
    books = new_books(on_engine, subscribers=12)
    broken = keys.account(books.tenant.tenant_id, account_id(7))
    change_account(books, broken, "SET cur=:c", {":c": {"S": "USD"}})
    store = with_profile(books)
    job = asked_for(books, store)
    work_on(books, store, job)
    kept = list(books.raw_items())
    work_on(books, store, job)

    found = rehearsals.result_of(store=store, rehearsal_id=job.rehearsal_id, at=AT)

    assert found == rehearsed(books, BILL_DAY)
    assert list(books.raw_items()) == kept
    books.run()
    again = asked_for_through(books, store, NOVEMBER_2)
    work_on(books, store, again)
    compared = rehearsals.result_of(store=store, rehearsal_id=again.rehearsal_id, at=AT)
    assert compared == rehearsed(books, NOVEMBER_2)
    assert compared.compared is not None
    assert compared.compared.gone.count == 11


def asked_for_through(books: Books, store: DynamoTenantStore, through: date) -> RehearsalJob:
    job = RehearsalJob(books.services.ids.new(prefix="rhs"), through, JobState.QUEUED, "stf_1", AT)
    store.commit(*store.rehearsals.add(job=job))
    return job


def test_a_job_that_takes_too_long_or_fails_again_and_again_ends_as_failed(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=2)
    store = with_profile(books)
    slow, broken = asked_for(books, store), asked_for(books, store)

    work_on(books, store, slow, late=True)
    rehearsals.give_up(store=store, rehearsal_id=broken.rehearsal_id, at=AT)

    shown = [store.rehearsals.get(rehearsal_id=one.rehearsal_id) for one in (slow, broken)]
    assert [one.state for one in shown] == [JobState.FAILED, JobState.FAILED]
    assert [one.failure and one.failure.code for one in shown] == ["rehearsal_too_large", "internal_error"]
    assert shown == list(reversed(store.rehearsals.list(limit=10, after=None).items))


def test_only_so_many_jobs_wait_at_once(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=2)
    store = with_profile(books)
    asked_for(books, store)
    asked_for(books, store)

    with pytest.raises(TooManyRehearsals):
        asked_for(books, store)


# -- over the API --------------------------------------------------------------------------


@pytest.fixture
def shop(signed_in: SignedIn, services: EngineServices) -> Shop:
    return Shop(signed_in, services)


def test_staff_rehearse_the_next_month_over_the_api(shop: Shop, clock: FakeClock) -> None:
    today = shop.tenant.store.profile().local_date(at=clock.now())
    home = shop.package(name="Home 20")
    shop.subscribe(shop.subscriber(), home, starts_on=today.isoformat())
    through = today + timedelta(days=40)

    reply = shop.tenant.api.get(f"/v1/billing/rehearsal?through={through}")

    assert reply.status == 200, reply.text
    found = reply.json
    assert found["invoices"] == 2
    (package,) = found["by_package"]
    assert (package["package_id"], package["kind"], package["count"]) == (home["package_id"], "recurring", 2)
    assert found["total"] == package["total"]
    assert sum(one["total"]["amount"] for one in found["by_date"]) == found["total"]["amount"]


def test_a_date_that_makes_no_sense_is_refused(shop: Shop, clock: FakeClock) -> None:
    today = shop.tenant.store.profile().local_date(at=clock.now())
    for through in (today - timedelta(days=30), today + timedelta(days=500), date(9999, 12, 31)):
        asked = shop.tenant.api.get(f"/v1/billing/rehearsal?through={through}")
        assert (asked.status, asked.json["code"]) == (422, "nothing_to_rehearse"), through
        job = shop.tenant.api.post("/v1/billing/rehearsals", json={"through": through.isoformat()})
        assert (job.status, job.json["code"], job.json["param"]) == (422, "nothing_to_rehearse", "through")
    assert shop.tenant.api.get("/v1/billing/rehearsals").json["items"] == []


def test_a_foreign_or_absent_rehearsal_is_not_found(
    shop: Shop, other_tenant: SignedIn, clock: FakeClock
) -> None:
    today = shop.tenant.store.profile().local_date(at=clock.now())
    through = (today + timedelta(days=2)).isoformat()
    mine = shop.tenant.api.post("/v1/billing/rehearsals", json={"through": through}).json["rehearsal_id"]

    for rehearsal_id in (mine, "rhs_01JD0000000000000000000000", "nonsense"):
        for path in (
            f"/v1/billing/rehearsals/{rehearsal_id}",
            f"/v1/billing/rehearsals/{rehearsal_id}/result",
        ):
            assert other_tenant.api.get(path).status == 404
