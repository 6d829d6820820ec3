"""What a billing run leaves in its ledger: set aside, caught up, sold late, dated and numbered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest

from chalicelib.bootstrap import Services
from chalicelib.domain.periods import NAMED_CYCLES, date_bucket
from chalicelib.domain.runs import RunState
from chalicelib.ports.store import AuditNote
from chalicelib.store import keys
from chalicelib.store.accounts import decode_subscriptions, encode_subscriptions
from chalicelib.store.due import due_sort_key
from chalicelib.store.tenant import DynamoTenantStore
from chalicelib.usecases import billing
from chalicelib.usecases.billing import Retried, retry_quarantined, start_due, work_shard
from tests.bench.billing_run import MeasuringWire
from tests.bench.books import BILL_DAY, account_id
from tests.integration.billing_harness import (
    AT,
    TAXED_TOTAL,
    Books,
    Meddling,
    assert_books_are_right,
    change_account,
    new_books,
    run_of,
)
from tests.integration.shop import item_bytes


def test_an_account_that_changes_meanwhile_is_billed_from_its_new_state(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=10)
    pays = keys.account(books.tenant.tenant_id, account_id(3))

    def credit() -> None:
        change_account(books, pays, "SET b=:b,v=v+:o", {":b": {"N": "-5000"}, ":o": {"N": "1"}})

    books.run(wire=Meddling(on_engine.wire, credit))

    balances = {item["pk"]: int(item["b"]) for item in books.items() if item["sk"] == "ACCOUNT"}
    assert balances.pop(pays) == TAXED_TOTAL - 5_000
    assert set(balances.values()) == {TAXED_TOTAL}
    assert [item["n"] for item in books.invoices()] == list(range(1, 11))


def test_one_account_that_cannot_be_billed_is_set_aside_and_stops_nobody(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=50)
    broken = keys.account(books.tenant.tenant_id, account_id(7))
    change_account(books, broken, "SET cur=:c", {":c": {"S": "USD"}})

    books.run()

    run = run_of(books)
    assert run.state is RunState.COMPLETED_WITH_QUARANTINE
    assert (run.invoices, run.quarantined) == (49, 1)
    held = on_engine.stores.of(tenant_id=books.tenant.tenant_id).runs.quarantined(
        on=BILL_DAY, limit=10, after=None
    )
    assert [(one.subscription_id, one.code) for one in held.items] == [
        (f"sbn_{account_id(7).removeprefix('sbr_')}-1", "catalogue_mismatch")
    ]
    assert [item["n"] for item in books.invoices()] == list(range(1, 50))


def test_an_account_whose_record_cannot_be_read_is_set_aside_and_stops_nobody(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=50)
    broken = keys.account(books.tenant.tenant_id, account_id(7))
    change_account(books, broken, "SET who=:w", {":w": {"B": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}})

    books.run()

    held = on_engine.stores.of(tenant_id=books.tenant.tenant_id).runs.quarantined(
        on=BILL_DAY, limit=10, after=None
    )
    assert [one.code for one in held.items] == ["record_unreadable"]
    assert [item["n"] for item in books.invoices()] == list(range(1, 50))


def test_what_was_set_aside_is_billed_by_the_next_run_once_it_is_mended(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=5)
    broken = keys.account(books.tenant.tenant_id, account_id(2))
    change_account(books, broken, "SET cur=:c", {":c": {"S": "USD"}})
    books.run()
    change_account(books, broken, "SET cur=:c", {":c": {"S": "PKR"}})
    store = on_engine.stores.of(tenant_id=books.tenant.tenant_id)
    note = AuditNote(actor_id="usr_1", action="billing.quarantine_retried", object_id="run", at=AT)

    assert retry_quarantined(store=store, on=BILL_DAY, actor=note) == Retried(filed=1, remaining=0)
    assert retry_quarantined(store=store, on=BILL_DAY, actor=note) == Retried(filed=0, remaining=0)
    books.run(at=AT.replace(day=2))

    assert_books_are_right(books, invoices=5)
    assert store.runs.quarantined(on=BILL_DAY, limit=10, after=None).items == ()


def test_what_was_set_aside_is_filed_again_so_many_at_a_time(
    on_engine: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = new_books(on_engine, subscribers=5)
    for index in range(5):
        broken = keys.account(books.tenant.tenant_id, account_id(index))
        change_account(books, broken, "SET cur=:c", {":c": {"S": "USD"}})
    books.run()
    store = on_engine.stores.of(tenant_id=books.tenant.tenant_id)
    note = AuditNote(actor_id="usr_1", action="billing.quarantine_retried", object_id="run", at=AT)
    monkeypatch.setattr(billing, "RETRIED_PER_COMMIT", 1)
    monkeypatch.setattr(billing, "RETRIED_PER_REQUEST_MAX", 2)

    retried = [retry_quarantined(store=store, on=BILL_DAY, actor=note) for _ in range(3)]

    assert retried == [Retried(2, 3), Retried(2, 1), Retried(1, 0)]
    assert store.runs.count_quarantined(on=BILL_DAY, most=10) == 0


def test_a_long_list_of_what_was_set_aside_is_counted_up_to_a_limit(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=4)
    for index in range(4):
        broken = keys.account(books.tenant.tenant_id, account_id(index))
        change_account(books, broken, "SET cur=:c", {":c": {"S": "USD"}})
    books.run()
    runs = on_engine.stores.of(tenant_id=books.tenant.tenant_id).runs

    assert [runs.count_quarantined(on=BILL_DAY, most=most) for most in (3, 4, 5)] == [3, 4, 4]


def test_what_is_sold_after_todays_run_is_billed_today_when_asked_for(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=3)
    books.run()
    store = on_engine.stores.of(tenant_id=books.tenant.tenant_id)
    late = sell_today(books)
    queue = KeptMessages()

    start = partial(start_due, store=with_profile(store, books), queue=queue, at=AT)
    start()
    start()  # while it is running: nothing more
    assert len(queue.sent) == 1
    books.run()

    assert_books_are_right(books, invoices=4)
    assert books.registered()[-1] == f"inv_{late.removeprefix('sbr_')}-20261101-1"
    run = run_of(books)
    assert (run.state, run.invoices, run.total) == (RunState.COMPLETED, 4, 4 * TAXED_TOTAL)
    books.run(at=AT.replace(day=2))
    assert len(books.invoices()) == 4


def test_a_run_that_goes_on_counts_once_what_it_looks_at_again(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=3)
    sell_today(books, 900, paid_through=BILL_DAY + timedelta(days=30))  # looked at, and not due
    books.run()
    store = on_engine.stores.of(tenant_id=books.tenant.tenant_id)

    for number in (901, 902):
        sell_today(books, number)
        start_due(store=with_profile(store, books), queue=KeptMessages(), at=AT)
        books.run()

    run = run_of(books)
    assert (run.invoices, run.skipped) == (5, {"not_due": 1})
    assert sum(shard.looked_at for shard in run.shards) == 6


def sell_today(books: Books, number: int = 900, *, paid_through: date = BILL_DAY) -> str:
    """Copy a subscriber as one sold after today's run has started; return the account."""
    fresh = account_id(number)
    model = next(item for item in books.raw_items() if item["sk"]["S"] == keys.ACCOUNT)
    (sub,) = decode_subscriptions(model["s"]["S"])
    unbilled = encode_subscriptions((replace(sub, billed_to=paid_through),))
    pk = keys.account(books.tenant.tenant_id, fresh)
    item = {"pk": {"S": pk}, "sk": {"S": keys.ACCOUNT}, "c": {"S": "C-late"}, "cur": {"S": "PKR"}}
    item |= {"b": {"N": "0"}, "v": {"N": "1"}, "s": {"S": unbilled}}
    filed = {
        "pk": {"S": keys.due(books.tenant.tenant_id, date_bucket(on=BILL_DAY + timedelta(days=1)))},
        "sk": {"S": due_sort_key(account_id=fresh, slot=1)},
    }
    table = books.services.settings.tenants_table
    for one in (item, filed):
        books.services.wire.call("PutItem", {"TableName": table, "Item": one})
    return fresh


def with_profile(store: DynamoTenantStore, books: Books) -> DynamoTenantStore:
    """The store, its tenant known without a record of its own."""
    store.profile = lambda: books.tenant  # type: ignore[method-assign]
    return store


@dataclass
class KeptMessages:
    """A queue that keeps what is sent."""

    sent: list[Mapping[str, object]] = field(default_factory=list)

    def send(self, *, message: Mapping[str, object], delay_seconds: int = 0) -> None:
        """Keep the message."""
        self.sent.append(message)


def test_missed_days_are_caught_up_oldest_first(on_engine: Services) -> None:
    """No schedule ran from 31 December to 2 March: the run for each date bills what was due on it."""
    books = new_books(on_engine, subscribers=3, on=date(2026, 12, 31))

    books.run(at=datetime(2027, 3, 2, 12, 0, tzinfo=UTC))

    issued = [(item["i"], item["sk"].removeprefix("INV#"), int(item["n"])) for item in books.invoices()]
    assert [(on, key) for on, key, _ in issued] == [
        *[("2026-12-31", "20261231-1")] * 3,
        *[("2027-01-31", "20270131-1")] * 3,
        *[("2027-02-28", "20270228-1")] * 3,
    ]
    state = on_engine.stores.of(tenant_id=books.tenant.tenant_id).billing_state()
    assert state.completed_through == date(2027, 3, 2)


def test_a_year_of_days_is_caught_up_in_one_run_and_due_from_the_day_it_is_done(
    on_engine: Services,
) -> None:
    """Transactions hold 48 invoices: a subscription with more due periods takes several of them.

    A month's price each day is more than the tenant's default limit: this one has none.
    """
    seeded = new_books(on_engine, subscribers=2, on=date(2026, 11, 1))
    books = Books(seeded.services, replace(seeded.tenant, invoice_limit=0))
    for index in range(2):
        daily = keys.account(books.tenant.tenant_id, account_id(index))
        account = next(one for one in books.items() if one["pk"] == daily and one["sk"] == keys.ACCOUNT)
        (sub,) = decode_subscriptions(account["s"])
        begun = replace(sub, cycle=NAMED_CYCLES["day"], anchor_day=1, starts_on=date(2025, 11, 1))
        encoded = encode_subscriptions((replace(begun, billed_to=date(2025, 11, 1)),))
        change_account(books, daily, "SET s=:s,v=v+:o", {":s": {"S": encoded}, ":o": {"N": "1"}})

    books.run()

    issued = assert_books_are_right(books, invoices=2 * 366)
    assert {item["d"] for item in issued} == {"2026-11-08"}
    run = run_of(books)
    assert (run.state, sum(shard.billed for shard in run.shards)) == (RunState.COMPLETED, 2)


def test_an_invoice_made_late_is_due_from_the_day_it_is_made(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=1)

    books.run(at=AT.replace(day=20))

    assert [(item["i"], item["d"]) for item in books.invoices()] == [("2026-11-01", "2026-11-27")]


def test_the_series_begins_anew_with_the_fiscal_year(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=2, on=date(2026, 6, 15))

    books.run(at=datetime(2026, 7, 15, 12, 0, tzinfo=UTC))

    assert [(int(item["fy"]), int(item["n"])) for item in books.invoices()] == [
        (2026, 1),
        (2026, 2),
        (2027, 1),
        (2027, 2),
    ]


def test_nothing_is_billed_before_the_billing_hour_of_the_tenants_zone(on_engine: Services) -> None:
    """02:00 in Karachi is 21:00 UTC of the day before."""
    books = new_books(on_engine, subscribers=2)

    books.run(at=datetime(2026, 10, 31, 20, 59, tzinfo=UTC))
    assert books.invoices() == []

    books.run(at=datetime(2026, 10, 31, 21, 0, tzinfo=UTC))
    assert len(books.invoices()) == 2


def test_a_stalled_shard_is_asked_for_again_and_a_fresh_one_is_not(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=2)
    started = datetime.now(UTC)
    tenant = replace(books.tenant, time_zone="UTC", billing_hour=0)
    mine = Books(books.services, tenant)
    assert len(mine.plan(at=started)) == 1

    assert mine.plan(at=started) == []
    assert len(mine.plan(at=started.replace(year=started.year + 1))) == 1


def test_a_shard_that_runs_out_of_time_hands_on_its_rest(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=400)
    store = on_engine.stores.of(tenant_id=books.tenant.tenant_id)
    tasks = books.plan()
    rounds = 0
    while tasks:
        rounds += 1
        looks = iter([False, True])  # time for one read of pointers a round
        tasks = tasks[1:] + work_shard(
            task=tasks[0],
            tenant=books.tenant,
            store=store,
            books=store.books(wire=on_engine.wire),
            now=lambda: AT,
            out_of_time=lambda looks=looks: next(looks, True),  # type: ignore[misc]
        )

    assert rounds > 2
    assert_books_are_right(books, invoices=400)


def test_a_recipient_is_sealed_for_its_invoice_under_the_years_key(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=1)
    books.run()

    store = with_profile(on_engine.stores.of(tenant_id=books.tenant.tenant_id), books)
    shown = store.invoices.get(invoice_id=books.registered()[0])

    assert shown.recipient is not None
    assert shown.recipient.name == "Subscriber 0"
    assert shown.number == "INV-2027-000001"
    assert sum(posting.amount for posting in shown.postings) == 0
    raw = str(books.items())
    assert "Subscriber 0" not in raw
    assert "House 0" not in raw


@pytest.mark.parametrize("full", [False, True])
def test_an_invoice_and_its_account_fit_one_write_unit_each(on_engine: Services, full: bool) -> None:  # noqa: FBT001
    """With the full rules: two lines of two taxes in a jurisdiction, a price of its own and a discount."""
    books = new_books(on_engine, subscribers=1, full=full)
    books.run()

    sizes = {item["sk"]["S"]: item_bytes(item) for item in books.raw_items() if "#A#" in item["pk"]["S"]}

    assert sorted(sizes) == [keys.ACCOUNT, "INV#20261101-1"]
    assert max(sizes.values()) <= 1024, sizes
    account = next(item for item in books.items() if item["sk"] == keys.ACCOUNT)
    assert decode_subscriptions(account["s"])[0].billed_to == date(2026, 12, 1)


def test_an_invoice_above_the_tenants_limit_waits_until_the_limit_is_raised(on_engine: Services) -> None:
    books = new_books(on_engine, subscribers=3)
    limited = Books(books.services, replace(books.tenant, invoice_limit=TAXED_TOTAL - 1))
    limited.run()

    run = run_of(limited)
    store = on_engine.stores.of(tenant_id=books.tenant.tenant_id)
    held = store.runs.quarantined(on=BILL_DAY, limit=10, after=None).items
    assert (run.state, run.invoices, run.quarantined) == (RunState.COMPLETED_WITH_QUARANTINE, 0, 3)
    assert {one.code for one in held} == {"safety_bound"}
    assert limited.invoices() == []

    note = AuditNote(actor_id="usr_1", action="billing.quarantine_retried", object_id="run", at=AT)
    assert retry_quarantined(store=store, on=BILL_DAY, actor=note) == Retried(filed=3, remaining=0)
    raised = Books(books.services, replace(books.tenant, invoice_limit=TAXED_TOTAL))
    raised.run(at=AT.replace(day=2))

    assert_books_are_right(raised, invoices=3)


def test_an_invoice_of_the_full_rules_costs_four_write_units_and_a_little(on_engine: Services) -> None:
    """Two items of a unit each, doubled by the transaction, and a batch's share of its four others."""
    books = new_books(on_engine, subscribers=480, full=True)
    wire = MeasuringWire(on_engine.wire)

    books.run(wire=wire)

    assert len(books.invoices()) == 480
    assert wire.write_units / 480 <= 4.2
    assert wire.index_write_units == 0
