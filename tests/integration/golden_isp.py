"""The ISP of the golden book: its days and nights, and what its staff does over the API.

Staff works at one o'clock at night in Karachi, an hour before the day's bills are made.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from chalicelib.usecases.billing import plan_tenant, work_shard
from tests.fakes.api_client import Reply
from tests.fakes.clock import FakeClock
from tests.integration.shop import Item, Shop, created, if_match, ok

FIRST: Final = date(2026, 7, 1)
LAST: Final = date(2027, 7, 1)
# 01:00 and 12:00 in Karachi, five hours ahead of UTC.
NIGHT: Final = timedelta(hours=-4)
NOON: Final = timedelta(hours=7)


def day(text: str) -> date:
    """Read ``07-31``: in 2026 from July on, in 2027 before."""
    month, _, number = text.partition("-")
    return date(2026 if int(month) >= 7 else 2027, int(month), int(number))


def instant(on: date, hour: timedelta) -> datetime:
    """Return an hour, NIGHT or NOON, of a date in Karachi."""
    return datetime(on.year, on.month, on.day, tzinfo=UTC) + hour


def pkr(amount: int) -> Item:
    """An amount in paisa."""
    return {"amount": amount, "currency": "PKR"}


def tax(code: str, rate_millionths: int, base: str = "net") -> Item:
    """A component of a tax row."""
    return {"code": code, "name": code, "rate_millionths": rate_millionths, "base": base}


def tax_row(starts_on: str, sales_tax: int) -> Item:
    """Sales tax on the charge, and advance income tax of 15 % on both."""
    components = [tax("sales_tax", sales_tax), tax("ait", 150_000, "net_plus_previous")]
    return {"starts_on": starts_on, "components": components}


class GoldenIsp:
    """One ISP, its packages and subscribers by name, and what is to happen on which day."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.today = FIRST
        self.packages: dict[str, Item] = {}
        self.people: dict[str, Item] = {}
        self.sold: dict[str, Item] = {}
        self.rule: Item = {}
        self.plan: dict[date, list[Callable[[], object]]] = defaultdict(list)

    # -- time ------------------------------------------------------------------------------

    def on(self, text: str, *happens: Callable[[], object]) -> None:
        """Let something happen in the night of a day, before its bills."""
        self.plan[day(text)] += happens

    def live(self) -> None:
        """Let the year pass, day by day."""
        while self.today <= LAST:
            if self.plan[self.today]:
                self.at(NIGHT)
                self.shop.sign_in_again()
                for happens in self.plan[self.today]:
                    happens()
            self.bill(self.at(NOON))
            self.today += timedelta(days=1)
        self.today = LAST
        self.shop.sign_in_again()

    def bill(self, at: datetime) -> None:
        """Make the bills of today, as the schedule and the queue do."""
        store = self.shop.services.stores.of(tenant_id=self.shop.tenant.tenant_id)
        tenant = store.profile()
        books = store.books(wire=self.shop.services.wire)
        tasks = plan_tenant(tenant=tenant, store=store, at=at)
        assert [task.on for task in tasks] == [self.today]
        while tasks:
            tasks = tasks[1:] + work_shard(
                task=tasks[0],
                tenant=tenant,
                store=store,
                books=books,
                now=lambda: at,
                out_of_time=lambda: False,
                prepare=lambda task: self.shop.prepare(task, at),
            )

    def at(self, hour: timedelta) -> datetime:
        """Set the clock to an hour of today."""
        clock = self.shop.services.clock
        assert isinstance(clock, FakeClock)
        at = instant(self.today, hour)
        clock.set(at)
        return at

    # -- requests --------------------------------------------------------------------------

    def get(self, path: str) -> Item:
        """Read something."""
        return ok(self.shop.tenant.api.get(path))

    def post(self, path: str, body: Item) -> Item:
        """Send a command with a key of its own; it succeeds."""
        return created(self.send(path, body))

    def send(self, path: str, body: Item) -> Reply:
        """Send a command with a key of its own."""
        return self.shop.tenant.api.post(path, json=body, headers={"Idempotency-Key": secrets.token_hex(8)})

    def put(self, path: str, body: Item, read: str | None = None) -> Item:
        """Put what is at a path as it stands now; ``read`` is where its version is."""
        now = self.get(read or path)
        return ok(self.shop.tenant.api.put(path, json=body, headers=if_match(now)))

    def settings(self, **changes: object) -> Item:
        """Change the ISP's settings."""
        now = self.get("/v1/tenant")
        return ok(self.shop.tenant.api.patch("/v1/tenant", json=changes, headers=if_match(now)))

    # -- what staff does -------------------------------------------------------------------

    def of(self, who: str) -> str:
        """Return a subscriber's path."""
        return f"/v1/subscribers/{self.people[who]['subscriber_id']}"

    def taxes(self, *rows: Item, group: str = "internet", inclusive: bool = False) -> None:
        """Set a tax group."""
        body = {"name": group, "rows": rows, "inclusive": inclusive}
        self.put(f"/v1/tenant/tax-groups/{group}", body, read="/v1/tenant")

    def sell(self, who: str, package: str, **terms: object) -> None:
        """Sell a package from today; a subscriber is made where there is none of the name."""
        if who not in self.people:
            self.people[who] = self.shop.subscriber(name=who)
        key = f"{who}/{package}"
        self.sold[key] = self.shop.subscribe(self.people[who], self.packages[package], **terms)

    def change(self, key: str, **changes: object) -> Callable[[], object]:
        """A change of what was sold."""
        return lambda: self.shop.change(self.sold[key], **changes)

    def end(self, key: str, ends_on: str) -> Callable[[], object]:
        """The announcement of an end of service."""
        return self.change(key, state="terminated", ends_on=day(ends_on).isoformat())

    def pay(self, who: str, amount: int, channel: str = "cash", **terms: object) -> Callable[[], object]:
        """A payment."""
        body = {"amount": pkr(amount), "channel": channel, **terms}
        return lambda: self.post(f"{self.of(who)}/payments", body)

    def give_back(self, who: str, amount: int, source: str) -> Callable[[], object]:
        """Money given back in cash."""
        body = {"amount": pkr(amount), "channel": "cash", "source": source}
        return lambda: self.post(f"{self.of(who)}/refunds", body)

    def repackage(self, key: str, package: str, **terms: object) -> Callable[[], object]:
        """Another package in the place of what was sold; the quote says what is then billed."""

        def happens() -> None:
            path = f"/v1/subscriptions/{self.sold[key]['subscription_id']}/package-change"
            body = {"package_id": self.packages[package]["package_id"], "proration": "by_day", **terms}
            quoted = ok(self.send(f"{path}-quotes", body))
            done = self.post(f"{path}s", body)
            assert [one["total"] for one in quoted["documents"]] == [
                one["total"] for one in done["documents"]
            ]
            assert (quoted["balance"], quoted["credit"]) == (done["balance"], done["credit"])
            self.sold[f"{key.partition('/')[0]}/{package}"] = done["subscription"]

        return happens

    def correct(self, who: str, issued_on: str, how: str, body: Item) -> Callable[[], object]:
        """A credit note, debit note or write-off of the invoice issued to somebody on a day."""

        def happens() -> None:
            (invoice,) = self.invoices(who, issued_on)
            self.post(f"/v1/invoices/{invoice['invoice_id']}/{how}", body)

        return happens

    def by_hand(self, who: str, due_on: str, *lines: Item) -> Callable[[], object]:
        """An invoice by hand; a subscriber is made where there is none of the name."""

        def happens() -> None:
            if who not in self.people:
                self.people[who] = self.shop.subscriber(name=who)
            body = {"lines": lines, "due_on": day(due_on).isoformat()}
            preview = ok(self.send(f"{self.of(who)}/invoice-previews", body))
            assert self.post(f"{self.of(who)}/invoices", body)["total"] == preview["total"]

        return happens

    def invoices(self, who: str, issued_on: str | None = None) -> list[Item]:
        """Somebody's invoices and debit notes, in the order of their dates."""
        found = self.get(f"{self.of(who)}/invoices?limit=200")["items"]
        wanted = [one for one in found if issued_on is None or one["issued_on"] == day(issued_on).isoformat()]
        return sorted(wanted, key=lambda one: (one["issued_on"], one["number"]))
