"""Periods of use that runs close: once, before the bills of the day, and whatever happens to the worker."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest

from chalicelib.domain.runs import RunShard
from chalicelib.jobs.billing import work_billing
from chalicelib.store.due import due_sort_key
from chalicelib.usecases.billing import ShardTask
from chalicelib.usecases.usage_closings import UsagePass, close_due_usage
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.capped import (
    CHARGED,
    cap,
    close,
    go_to,
    money,
    path,
    read,
    record,
    top_up,
    wake,
)
from tests.integration.conftest import EngineServices, sign_up_and_in
from tests.integration.shop import Item, Shop, created, ok
from tests.integration.test_round_trips import RoundTrips

NOON = datetime(2026, 12, 28, 7, 0, tzinfo=UTC)
NEW_YEAR = date(2027, 1, 1)
WHOLE = RunShard(0, 255)
# 25.00 for each GiB beyond one, and nothing carried over.
PLAIN = cap(action="charge", overage_per_gib=money(2_500))


@pytest.fixture
def shop(clock: FakeClock, api: ApiClient, services: EngineServices) -> Shop:
    """A shop that signed up on 28 December 2026, at noon."""
    clock.set(NOON)
    return Shop(sign_up_and_in(api, services), services)


def user(shop: Shop, used_mib: int = 3_072, **package: object) -> tuple[Item, Item]:
    """Return a subscriber of a capped package since 1 December who used some data today."""
    subscriber = shop.subscriber()
    line = shop.subscribe(subscriber, shop.package(**{"cap": PLAIN, **package}), starts_on="2026-12-01")
    ok(record(shop, line, "a", used_mib))
    return subscriber, line


def overage(shop: Shop, subscriber: Item) -> list[tuple[str, int]]:
    """Return issue date and net of each line for data beyond a cap."""
    return [
        (invoice["issued_on"], line["net"])
        for invoice in shop.invoices(subscriber)
        for line in read(shop, invoice)["lines"]
        if line["kind"] == "usage"
    ]


def filed(shop: Shop) -> list[str]:
    """Return the dates for which closings are filed."""
    return sorted(item["sk"]["S"].partition("#")[0] for item in shop.items("USE"))


def is_closed(shop: Shop, line: Item, on: str) -> bool:
    return bool(ok(shop.tenant.api.get(f"{path(line)}?on={on}"))["closed"])


def task(shop: Shop, on: date = NEW_YEAR) -> ShardTask:
    return ShardTask(shop.tenant.tenant_id, on, WHOLE)


def test_the_run_closes_a_period_and_its_charge_rides_on_the_bill_of_the_day(
    shop: Shop, clock: FakeClock
) -> None:
    subscriber, line = user(shop)
    ok(record(shop, line, "b", 1_024))
    assert filed(shop) == ["20270101"]
    go_to(shop, clock, date(2026, 12, 31))
    assert not is_closed(shop, line, "2026-12-01")

    go_to(shop, clock, NEW_YEAR)

    assert is_closed(shop, line, "2026-12-01")
    assert overage(shop, subscriber) == [("2027-01-01", 7_500)]
    newest = read(shop, shop.invoices(subscriber)[-1])
    assert sorted(one["net"] for one in newest["lines"]) == [7_500, 310_000]
    assert filed(shop) == []
    go_to(shop, clock, date(2027, 1, 3))
    assert overage(shop, subscriber) == [("2027-01-01", 7_500)]
    assert record(shop, line, "c", 1, used_at="2026-12-31T10:00:00+05:00").code == "usage_period_closed"


def test_days_without_runs_are_made_good_oldest_first(shop: Shop, clock: FakeClock) -> None:
    """Each period is charged on the bill of its own day, with what the one before left over."""
    subscriber, line = user(shop, 24, cap=CHARGED)
    wake(shop, clock, date(2027, 3, 3))
    ok(record(shop, line, "b", 3_000, used_at="2027-01-20T10:00:00+05:00"))
    ok(record(shop, line, "c", 2_048, used_at="2027-02-20T10:00:00+05:00"))
    ok(record(shop, line, "d", 5))
    assert filed(shop) == ["20270101", "20270201", "20270301", "20270401"]

    shop.bill(clock.now())

    # January had 1,000 carried over and 1,024: 976 beyond; February its own 1,024 alone.
    assert overage(shop, subscriber) == [("2027-02-01", 2_383), ("2027-03-01", 2_500)]
    assert filed(shop) == ["20270401"]


def test_late_records_of_a_period_that_nobody_had_recorded_are_charged_by_the_next_run(
    shop: Shop, clock: FakeClock
) -> None:
    subscriber = shop.subscriber()
    line = shop.subscribe(subscriber, shop.package(cap=PLAIN), starts_on="2026-12-01")
    go_to(shop, clock, date(2027, 1, 5))
    ok(record(shop, line, "late", 2_048, used_at="2026-12-24T10:00:00+05:00"))

    go_to(shop, clock, date(2027, 1, 6))

    assert overage(shop, subscriber) == [("2027-01-06", 2_500)]


def test_what_was_closed_by_hand_is_not_charged_again(shop: Shop, clock: FakeClock) -> None:
    subscriber, line = user(shop)
    go_to(shop, clock, date(2026, 12, 31))
    wake(shop, clock, NEW_YEAR)
    ok(close(shop, line, "2026-12-01"))

    shop.bill(clock.now())

    assert overage(shop, subscriber) == [("2027-01-01", 5_000)]
    assert filed(shop) == []


def test_two_workers_at_once_and_again_charge_once(shop: Shop, clock: FakeClock) -> None:
    people = [user(shop)[0] for _ in range(4)]
    go_to(shop, clock, date(2026, 12, 31))
    wake(shop, clock, NEW_YEAR)

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: shop.close_usage(task(shop), clock.now()), range(4)))
    assert done == [True] * 4
    shop.bill(clock.now())
    shop.close_usage(task(shop), clock.now())
    go_to(shop, clock, date(2027, 1, 3))

    assert [overage(shop, one) for one in people] == [[("2027-01-01", 5_000)]] * 4


def test_a_killed_worker_is_gone_on_with(shop: Shop, clock: FakeClock) -> None:
    """A child process is killed after three of five subscriptions; the next worker closes the others."""
    people = [user(shop) for _ in range(5)]
    go_to(shop, clock, date(2026, 12, 31))
    wake(shop, clock, NEW_YEAR)
    killed_after(shop, clock, 3)
    assert sum(is_closed(shop, line, "2026-12-01") for _, line in people) == 3

    shop.bill(clock.now())

    assert [overage(shop, one) for one, _ in people] == [[("2027-01-01", 5_000)]] * 5


def killed_after(shop: Shop, clock: FakeClock, closings: int) -> None:
    store = shop.services.stores.of(tenant_id=shop.tenant.tenant_id)
    books = store.books(wire=shop.services.wire)
    asked = iter([False] * closings)

    def dies() -> bool:
        if next(asked, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return False

    child = os.fork()
    if child == 0:
        close_due_usage(work=UsagePass(store, books, NEW_YEAR, WHOLE, clock.now(), dies))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


def test_a_pass_is_bounded_and_the_next_goes_on(shop: Shop, clock: FakeClock) -> None:
    people = [user(shop) for _ in range(5)]
    wake(shop, clock, NEW_YEAR)
    passes: list[bool] = []
    while not passes or not passes[-1]:
        passes.append(shop.close_usage(task(shop), clock.now(), closings_max=2))

    assert passes == [False, False, True]
    assert all(is_closed(shop, line, "2026-12-01") for _, line in people)


def test_a_subscription_that_cannot_be_closed_is_set_aside_and_stops_nobody(
    shop: Shop, clock: FakeClock
) -> None:
    """One account has as many charges waiting as one may have; it is retried when they are billed."""
    before, _ = user(shop)
    full, line = user(shop)
    after, _ = user(shop)
    go_to(shop, clock, date(2026, 12, 31))
    pack = shop.package(kind="top_up", top_up_mib=1, price=money(100))
    for index in range(40):
        created(top_up(shop, line, pack, f"t{index}"))

    go_to(shop, clock, NEW_YEAR)

    assert overage(shop, before) == overage(shop, after) == [("2027-01-01", 5_000)]
    assert overage(shop, full) == []
    run = ok(shop.tenant.api.get("/v1/billing/runs/2027-01-01"))
    assert (run["state"], run["quarantined"]) == ("completed_with_quarantine", 1)
    assert run["looked_at"] == run["billed"] + run["quarantined"] + sum(run["skipped"].values())
    (held,) = ok(shop.tenant.api.get("/v1/billing/runs/2027-01-01/quarantined"))["items"]
    assert (held["subscription_id"], held["code"]) == (line["subscription_id"], "too_many_charges")
    assert held["message"].startswith("its use of data is not closed")
    assert not is_closed(shop, line, "2026-12-01")

    go_to(shop, clock, date(2027, 1, 2))
    assert overage(shop, full) == []
    retry = shop.tenant.api.post("/v1/billing/runs/2027-01-01/quarantined/retry")
    assert (retry.status, retry.json["retried"], retry.json["remaining"]) == (202, 1, 0)
    go_to(shop, clock, date(2027, 1, 3))
    # 40 MiB of the top-ups count: 2,008 MiB beyond.
    assert overage(shop, full) == [("2027-01-03", 4_902)]


def test_a_worker_that_set_somebody_aside_and_stopped_goes_on_before_it_bills(
    shop: Shop, clock: FakeClock
) -> None:
    """The first in the file cannot be closed, and a pass ends after each subscription."""
    people = sorted((user(shop) for _ in range(3)), key=_place)
    (full, line), *others = people
    go_to(shop, clock, date(2026, 12, 31))
    pack = shop.package(kind="top_up", top_up_mib=1, price=money(100))
    for index in range(40):
        created(top_up(shop, line, pack, f"t{index}"))

    wake(shop, clock, NEW_YEAR)
    shop.bill(clock.now(), closings_max=1)

    assert overage(shop, full) == []
    assert [overage(shop, one) for one, _ in others] == [[("2027-01-01", 5_000)]] * 2
    run = ok(shop.tenant.api.get("/v1/billing/runs/2027-01-01"))
    assert (run["state"], run["quarantined"]) == ("completed_with_quarantine", 1)


def _place(sold: tuple[Item, Item]) -> str:
    return due_sort_key(account_id=sold[0]["subscriber_id"], slot=1)


def test_what_stays_set_aside_is_closed_with_the_next_period(shop: Shop, clock: FakeClock) -> None:
    full, line = user(shop)
    pack = shop.package(kind="top_up", top_up_mib=1, price=money(100))
    go_to(shop, clock, date(2026, 12, 31))
    for index in range(40):
        created(top_up(shop, line, pack, f"t{index}"))
    go_to(shop, clock, NEW_YEAR)
    ok(record(shop, line, "b", 2_048))

    go_to(shop, clock, date(2027, 2, 1))

    assert overage(shop, full) == [("2027-02-01", 4_902), ("2027-02-01", 2_500)]


def test_an_end_of_service_settles_the_use_on_its_day(shop: Shop, clock: FakeClock) -> None:
    """Paid in arrears, so that one last invoice has both."""
    subscriber, line = user(shop, timing="arrears")
    go_to(shop, clock, date(2026, 12, 29))
    shop.change(line, state="terminated", ends_on="2026-12-30")

    go_to(shop, clock, date(2026, 12, 31))

    (last,) = shop.invoices(subscriber)
    assert last["issued_on"] == "2026-12-30"
    assert [one["kind"] for one in read(shop, last)["lines"]] == ["recurring", "usage"]
    assert overage(shop, subscriber) == [("2026-12-30", 5_000)]
    go_to(shop, clock, date(2027, 1, 2))
    assert overage(shop, subscriber) == [("2026-12-30", 5_000)]


def test_an_end_that_is_withdrawn_leaves_the_period_whole(shop: Shop, clock: FakeClock) -> None:
    """All that was used came while the end stood, and so the period was filed for that day."""
    subscriber = shop.subscriber()
    line = shop.subscribe(subscriber, shop.package(cap=PLAIN), starts_on="2026-12-01")
    shop.change(line, state="terminated", ends_on="2026-12-30")
    ok(record(shop, line, "a", 3_072))
    assert filed(shop) == ["20261230"]
    shop.change(line, state="active")

    go_to(shop, clock, date(2026, 12, 31))
    assert not is_closed(shop, line, "2026-12-01")
    assert filed(shop) == ["20270101"]
    go_to(shop, clock, NEW_YEAR)

    assert overage(shop, subscriber) == [("2027-01-01", 5_000)]


def test_pauses_do_not_cut_a_period(shop: Shop, clock: FakeClock) -> None:
    subscriber, line = user(shop)
    go_to(shop, clock, date(2026, 12, 29))
    shop.change(line, state="paused")
    go_to(shop, clock, date(2026, 12, 31))
    assert not is_closed(shop, line, "2026-12-01")

    go_to(shop, clock, NEW_YEAR)

    assert overage(shop, subscriber) == [("2027-01-01", 5_000)]


def test_a_change_of_package_closes_the_old_period_and_begins_another(shop: Shop, clock: FakeClock) -> None:
    subscriber, line = user(shop)
    go_to(shop, clock, date(2026, 12, 29))
    package = shop.package(cap=PLAIN)
    body = {"package_id": package["package_id"], "effective": "now", "proration": "by_day"}
    headers = {"Idempotency-Key": "change"}
    reply = shop.tenant.api.post(path(line, "package-changes"), json=body, headers=headers)
    ok(record(shop, created(reply)["subscription"], "b", 2_048))

    go_to(shop, clock, date(2026, 12, 30))
    assert overage(shop, subscriber) == [("2026-12-30", 5_000)]
    go_to(shop, clock, NEW_YEAR)

    assert overage(shop, subscriber) == [("2026-12-30", 5_000), ("2027-01-01", 2_500)]


def test_the_use_of_a_subscription_that_left_its_account_is_charged(shop: Shop, clock: FakeClock) -> None:
    """Two more were sold and ended since, so that the account has no more room for the first."""
    subscriber, line = user(shop)
    go_to(shop, clock, date(2026, 12, 29))
    shop.change(line, state="terminated")
    package = shop.package()
    for _ in range(2):
        shop.change(shop.subscribe(subscriber, package), state="terminated")
    shop.subscribe(subscriber, package)
    now = ok(shop.tenant.api.get(f"/v1/subscribers/{subscriber['subscriber_id']}"))
    assert line["subscription_id"] not in [one["subscription_id"] for one in now["subscriptions"]]

    go_to(shop, clock, date(2026, 12, 30))

    assert overage(shop, subscriber) == [("2026-12-30", 5_000)]


def test_a_tenant_without_caps_pays_one_request_a_shard(
    shop: Shop, clock: FakeClock, services: EngineServices
) -> None:
    lines = [user(shop, cap=None)[1] for _ in range(3)]
    shop.change(lines[0], state="terminated", ends_on="2026-12-30")
    assert filed(shop) == []
    wake(shop, clock, NEW_YEAR)
    trips = RoundTrips(services)

    with trips.counted() as operations:
        assert shop.close_usage(task(shop), clock.now())

    assert operations == ["Query"]
    assert not is_closed(shop, lines[1], "2026-12-01")


def test_the_queue_closes_before_it_bills(shop: Shop, clock: FakeClock, services: EngineServices) -> None:
    subscriber, _ = user(shop)
    go_to(shop, clock, date(2026, 12, 31))
    wake(shop, clock, NEW_YEAR)
    assert shop.tenant.api.post("/v1/billing/runs").status == 202
    event = {"Records": [{"messageId": "m", "body": json.dumps(task(shop).message())}]}

    assert work_billing(services, event) == {"batchItemFailures": []}

    assert overage(shop, subscriber) == [("2027-01-01", 5_000)]
