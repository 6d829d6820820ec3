"""The ledger over the engine: trial balances by hand, runs in it, and closed months."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest

from chalicelib.domain.ledger import TrialBalance
from chalicelib.domain.runs import BillingRun, RunShard, RunState, ShardProgress
from chalicelib.ports.store import AuditNote
from chalicelib.store.ledger import run_totals
from chalicelib.store.tenant import DynamoTenantStore
from chalicelib.usecases.billing import load_catalogue, shard_task, start_due, work_shard
from chalicelib.usecases.billing_shard import ShardRun, bill_shard
from chalicelib.usecases.ledger import read_trial_balance
from chalicelib.usecases.posting import Posted, post
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.books_check import check_books
from tests.integration.conftest import EngineServices, sign_up_and_in
from tests.integration.shop import Item, Shop, ok
from tests.integration.test_posting import pay

# Noon in Karachi.
NOVEMBER_2 = datetime(2027, 11, 2, 7, tzinfo=UTC)
PAKISTAN = [
    {"code": "sales_tax", "name": "Sales tax", "rate_millionths": 195_000},
    {
        "code": "advance_income_tax",
        "name": "Advance income tax",
        "rate_millionths": 150_000,
        "base": "net_plus_previous",
    },
]


@dataclass
class Ledger:
    """An ISP in Karachi that signed up on 2 November 2027, and what its books say."""

    shop: Shop
    services: EngineServices
    clock: FakeClock

    @property
    def tenant_id(self) -> str:
        """The ISP's id."""
        return self.shop.tenant.tenant_id

    @property
    def store(self) -> DynamoTenantStore:
        """A store that has read nothing yet."""
        return self.services.stores.of(tenant_id=self.tenant_id)

    def get(self, path: str) -> Item:
        """Ask the API as the owner."""
        return ok(self.shop.tenant.api.get(path))

    def until(self, at: datetime) -> None:
        """Let time pass, and sign in again."""
        self.clock.set(at)
        self.shop.sign_in_again()

    def post(self, subscriber: Item, make: object) -> Posted:
        """Post an entry of a subscriber now."""
        subscriber_id, at = subscriber["subscriber_id"], self.clock.now()
        note = AuditNote(actor_id="stf_1", action="test.posted", object_id=subscriber_id, at=at)
        return post(store=self.store, subscriber_id=subscriber_id, make=make, at=at, note=note)  # type: ignore[arg-type]

    def work(self, messages: list[dict[str, object]], at: datetime) -> None:
        """Work on what was put into the queue."""
        store = self.store
        for message in messages:
            work_shard(
                task=shard_task(message=message),
                tenant=store.profile(),
                store=store,
                books=store.books(wire=self.services.wire),
                now=lambda: at,
                out_of_time=lambda: False,
                pause=lambda _seconds: None,
            )

    def served(self, *, price: int = 164_900, group: str | None = "internet") -> Item:
        """A subscriber with a package from today."""
        if group and not self.store.profile().tax_group(code=group):
            self._tax(group)
        package = self.shop.package(price={"amount": price, "currency": "PKR"}, tax_group=group)
        subscriber = self.shop.subscriber()
        today = self.store.profile().local_date(at=self.clock.now())
        self.shop.subscribe(subscriber, package, starts_on=today.isoformat())
        return subscriber

    def _tax(self, group: str) -> None:
        row = {"starts_on": "2027-07-01", "components": PAKISTAN}
        version = self.store.profile().version
        ok(
            self.shop.tenant.api.put(
                f"/v1/tenant/tax-groups/{group}",
                json={"name": "Internet service", "rows": [row]},
                headers={"If-Match": f'"{version}"'},
            )
        )

    def trial(self, first: date, last: date | None = None) -> dict[str, tuple[int, int, int, int]]:
        """Return opening, debit, credit and closing by account; they always sum to zero."""
        trial = read_trial_balance(store=self.store, first=first, last=last, at=self.clock.now())
        assert trial.balanced
        return figures(trial)


class Queue:
    """A queue that keeps its messages."""

    def __init__(self) -> None:
        self.messages: list[dict[str, object]] = []

    def send(self, *, message: Mapping[str, object], delay_seconds: int = 0) -> None:
        """Keep a message."""
        self.messages.append(dict(message))


def figures(trial: TrialBalance) -> dict[str, tuple[int, int, int, int]]:
    """Return a trial balance's rows by account."""
    return {row.account: (row.opening, row.debit, row.credit, row.closing) for row in trial.rows}


@pytest.fixture
def ledger(api: ApiClient, services: EngineServices, clock: FakeClock) -> Ledger:
    clock.set(NOVEMBER_2)
    return Ledger(Shop(sign_up_and_in(api, services), services), services, clock)


def test_the_pakistani_example_by_hand(ledger: Ledger) -> None:
    """1,649.00, sales tax 19.5 % 321.56, advance income tax 15 % on the sum 295.58: 2,266.14."""
    subscriber = ledger.served()
    ledger.shop.bill(NOVEMBER_2)
    ledger.post(subscriber, lambda books: pay(books, 250_000))

    assert ledger.trial(date(2027, 11, 1), date(2027, 11, 30)) == {
        "receivable": (0, 226_614, 226_614, 0),
        "cash:cash": (0, 250_000, 0, 250_000),
        "credit": (0, 0, 23_386, -23_386),
        "tax:advance_income_tax": (0, 0, 29_558, -29_558),
        "tax:sales_tax": (0, 0, 32_156, -32_156),
        "revenue:recurring": (0, 0, 164_900, -164_900),
    }
    assert ledger.trial(date(2027, 11, 3))["cash:cash"] == (250_000, 0, 0, 250_000)
    assert ledger.trial(date(2027, 11, 1), date(2027, 11, 1)) == {}
    audit = check_books(ledger.services, ledger.tenant_id)
    assert (audit.accounts, audit.documents, audit.numbers) == (1, 2, 2)


def test_a_run_that_completes_again_replaces_what_it_posted(ledger: Ledger) -> None:
    """Its rounding was a debit, then nothing at all, then a credit."""
    on = date(2027, 11, 2)
    for rounding in (30, 0, -20):
        totals = {"receivable": 1_000 - rounding, "revenue:recurring": -1_000, "rounding": rounding}
        progress = ShardProgress(shard=RunShard(0, 255), done=True, ledger=totals)
        run = BillingRun("run_2027-11-02", on, RunState.COMPLETED, NOVEMBER_2, "PKR", (progress,))
        ledger.store.commit(*run_totals(tenant_id=ledger.tenant_id, run=run))

        (kept,) = ledger.store.ledger.month(month=on.replace(day=1))

        assert {name: one.net for name, one in kept.turnover.items()} == {
            name: amount for name, amount in totals.items() if amount
        }


def test_a_run_counts_once_at_work_and_when_it_goes_on(ledger: Ledger) -> None:
    """What it posted before it went on is in its item and its shards; what it posts then, in these alone."""
    ledger.served(price=100_000, group=None)
    ledger.shop.bill(NOVEMBER_2)
    ledger.served(price=50_000, group=None)
    queue = Queue()
    start_due(store=ledger.store, queue=queue, at=NOVEMBER_2)
    (message,) = queue.messages

    def revenue() -> int:
        return ledger.trial(date(2027, 11, 2), date(2027, 11, 2))["revenue:recurring"][2]

    assert (ledger.store.billing_state().completed_through, revenue()) == (date(2027, 11, 1), 100_000)
    store, task = ledger.store, shard_task(message=message)
    tenant = store.profile()
    progress = bill_shard(
        run=ShardRun(
            tenant=tenant,
            on=task.on,
            shard=task.shard,
            books=store.books(wire=ledger.services.wire),
            catalogue=load_catalogue(tenant=tenant, store=store),
            today=task.on,
            pause=lambda _seconds: None,
            out_of_time=lambda: False,
        )
    )

    # Every shard is done, and nobody has completed the run.
    assert progress.done
    assert (ledger.store.runs.get(on=task.on).state, revenue()) == (RunState.RUNNING, 150_000)
    check_books(ledger.services, ledger.tenant_id)
    ledger.shop.bill(NOVEMBER_2)
    assert (ledger.store.runs.get(on=task.on).state, revenue()) == (RunState.COMPLETED, 150_000)
    check_books(ledger.services, ledger.tenant_id)


def test_the_days_of_a_month_by_source(ledger: Ledger) -> None:
    subscriber = ledger.served(price=100_000, group=None)
    ledger.shop.bill(NOVEMBER_2)
    ledger.post(subscriber, lambda books: pay(books, 40_000))

    found = ledger.get("/v1/ledger/days?month=2027-11")["items"]

    told = {(day["date"], day["source"]): day["accounts"] for day in found}
    assert told == {
        ("2027-11-02", "run"): [
            {"account": "receivable", "debit": 100_000, "credit": 0},
            {"account": "revenue:recurring", "debit": 0, "credit": 100_000},
        ],
        ("2027-11-02", "documents"): [
            {"account": "cash:cash", "debit": 40_000, "credit": 0},
            {"account": "receivable", "debit": 0, "credit": 40_000},
        ],
    }
    assert ledger.get("/v1/ledger/days?month=2027-10")["items"] == []
    assert ledger.shop.tenant.api.get("/v1/ledger/days?month=2027-13").status == 422


def test_the_trial_balance_over_http(ledger: Ledger) -> None:
    ledger.served(price=100_000, group=None)
    ledger.shop.bill(NOVEMBER_2)

    found = ledger.get("/v1/ledger/trial-balance")

    assert (found["first"], found["last"], found["currency"]) == ("2027-11-01", "2027-11-02", "PKR")
    assert [(row["account"], row["type"], row["closing"]) for row in found["rows"]] == [
        ("receivable", "asset", 100_000),
        ("revenue:recurring", "income", -100_000),
    ]
    assert (found["debit"], found["credit"], found["balanced"]) == (100_000, 100_000, True)
    chart = {one["account"]: one["normal_side"] for one in ledger.get("/v1/ledger/accounts")["items"]}
    assert (chart["receivable"], chart["tax:"], chart["commission"]) == ("debit", "credit", "debit")
    ages = ledger.get("/v1/ledger/trial-balance?from=2000-01-01&to=2199-12-31")
    assert ages["rows"] == found["rows"]
    for query in ("from=1999-12-31", "to=2200-01-01", "from=0999-01-01", "to=9999-12-31", "from=soon"):
        assert ledger.shop.tenant.api.get(f"/v1/ledger/trial-balance?{query}").status == 422
    backwards = ledger.shop.tenant.api.get("/v1/ledger/trial-balance?from=2027-11-02&to=2027-11-01")
    assert (backwards.status, backwards.json["param"]) == (422, "to")
