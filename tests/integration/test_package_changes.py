"""Changes of package over HTTP: the quote is what is billed, and refusals leave the books."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, sign_up_and_in
from tests.integration.exporting import Exporter
from tests.integration.shop import Item, Shop, created, if_match, item_bytes, ok

PRICE = 300_000  # 10,000 a day in November
NOON = datetime(2026, 11, 1, 7, 0, tzinfo=UTC)


class Counter:
    """A shop in which days pass, and what is asked for at its counter."""

    def __init__(self, shop: Shop, clock: FakeClock) -> None:
        self.shop = shop
        self._clock = clock

    def go_to(self, day: date) -> None:
        """Bill every day before a day and the day itself."""
        self.bill()
        while self._clock.now().date() < day:
            self._clock.set(self._clock.now() + timedelta(days=1))
            self.bill()
        self.shop.sign_in_again()

    def bill(self) -> None:
        """Bill the present day."""
        self.shop.bill(self._clock.now())

    def quote(self, subscription: Item, package: Item, **terms: object) -> Item:
        """Ask what a change would bill."""
        path = f"/v1/subscriptions/{subscription['subscription_id']}/package-change-quotes"
        return ok(self.shop.tenant.api.post(path, json=_body(package, terms)))

    def try_to_change(self, subscription: Item, package: Item, **terms: object) -> Reply:
        """Ask for a change."""
        path = f"/v1/subscriptions/{subscription['subscription_id']}/package-changes"
        key = {"Idempotency-Key": secrets.token_hex(8)}
        return self.shop.tenant.api.post(path, json=_body(package, terms), headers=key)

    def change(self, subscription: Item, package: Item, **terms: object) -> Item:
        """Change a package, and find it as quoted."""
        quoted = self.quote(subscription, package, **terms)
        changed = created(self.try_to_change(subscription, package, **terms))
        assert _comparable(changed) == _comparable(quoted)
        return changed

    def subscription(self, subscription: Item) -> Item:
        """Return a subscription as it stands now."""
        return ok(self.shop.tenant.api.get(f"/v1/subscriptions/{subscription['subscription_id']}"))

    def documents(self, subscriber: Item) -> list[Item]:
        """Return a subscriber's documents, oldest first."""
        path = f"/v1/subscribers/{subscriber['subscriber_id']}/documents"
        return list(reversed(ok(self.shop.tenant.api.get(path))["items"]))

    def subscriber(self, subscriber: Item) -> Item:
        """Return a subscriber as it stands now."""
        return ok(self.shop.tenant.api.get(f"/v1/subscribers/{subscriber['subscriber_id']}"))


def _body(package: Item, terms: dict[str, object]) -> Item:
    return {"package_id": package["package_id"], "effective": "now", "proration": "by_day", **terms}


def _comparable(answer: Item) -> Item:
    documents = [{**one, "document_id": None, "number": None} for one in answer["documents"]]
    return {**answer, "documents": documents}


@pytest.fixture
def counter(services: EngineServices, clock: FakeClock, api: ApiClient) -> Counter:
    """1 November 2026, and the tenant signed up today."""
    clock.set(NOON)
    return Counter(Shop(sign_up_and_in(api, services), services), clock)


def told(documents: list[Item]) -> list[tuple[str, int, int]]:
    """Return kind, total and what credit pays or gets of each document."""
    return [(one["kind"], one["total"]["amount"], one["credit"]["amount"]) for one in documents]


def sold(counter: Counter, **package: object) -> tuple[Item, Item]:
    """Return a subscriber with a package from 1 November, billed."""
    shop, subscriber = counter.shop, counter.shop.subscriber()
    subscription = shop.subscribe(subscriber, shop.package(price=rupees(PRICE), **package))
    counter.bill()
    return subscriber, subscription


def rupees(amount: int) -> Item:
    """An amount in the tenant's currency."""
    return {"amount": amount, "currency": "PKR"}


def test_by_day_now_credits_what_is_paid_and_charges_the_rest_of_the_period(counter: Counter) -> None:
    subscriber, subscription = sold(counter)
    faster = counter.shop.package(price=rupees(600_000))
    counter.go_to(date(2026, 11, 11))

    changed = counter.change(subscription, faster)

    # 20 of 30 days: 200,000 back, which is still open and so offsets; 400,000 for the faster one.
    assert told(changed["documents"]) == [("credit_note", 200_000, 0), ("invoice", 400_000, 0)]
    assert (changed["direction"], changed["effective_on"]) == ("upgrade", "2026-11-11")
    assert changed["next_invoice"]["on"] == "2026-12-01"
    assert changed["next_invoice"]["total"]["amount"] == 600_000
    assert changed["replaced"]["state"] == "terminated"
    assert changed["replaced"]["replaced_by"] == changed["subscription"]["subscription_id"]
    assert changed["subscription"]["replaces"] == subscription["subscription_id"]
    assert counter.subscriber(subscriber)["balance"]["amount"] == 500_000

    counter.go_to(date(2026, 12, 1))
    newest = counter.shop.invoices(subscriber)[-1]
    assert newest["total"]["amount"] == 600_000
    assert newest["lines"] == changed["next_invoice"]["lines"]
    assert counter.subscriber(subscriber)["balance"]["amount"] == 1_100_000


def test_a_change_is_made_once_however_often_its_key_is_sent(counter: Counter) -> None:
    subscriber, subscription = sold(counter)
    other = counter.shop.package(price=rupees(600_000))
    path = f"/v1/subscriptions/{subscription['subscription_id']}/package-changes"
    body, key = _body(other, {}), {"Idempotency-Key": "once"}

    first = created(counter.shop.tenant.api.post(path, json=body, headers=key))
    again = created(counter.shop.tenant.api.post(path, json=body, headers=key))

    assert again == first
    assert len(counter.shop.invoices(subscriber)) == 2


def test_taxes_are_mirrored_and_paid_money_becomes_credit_that_pays(counter: Counter) -> None:
    shop = counter.shop
    rows = [
        {
            "starts_on": "2026-07-01",
            "components": [{"code": "sales_tax", "name": "Sales tax", "rate_millionths": 195_000}],
        }
    ]
    made = shop.tenant.api.put(
        "/v1/tenant/tax-groups/internet",
        json={"name": "Internet", "rows": rows},
        headers=if_match(ok(shop.tenant.api.get("/v1/tenant"))),
    )
    assert made.status == 200, made.text
    subscriber, subscription = sold(counter, tax_group="internet")
    counter.go_to(date(2026, 11, 16))
    paid = shop.tenant.api.post(
        f"/v1/subscribers/{subscriber['subscriber_id']}/payments",
        json={"amount": rupees(358_500), "channel": "cash"},
        headers={"Idempotency-Key": "p1"},
    )
    created(paid)
    slower = shop.package(price=rupees(150_000), tax_group="internet")

    changed = counter.change(subscription, slower)

    # Half of 300,000 and 58,500 of tax; then half of 150,000 with 14,625 of tax, from that credit.
    note, invoice = changed["documents"]
    assert (note["net"]["amount"], note["tax"]["amount"], note["credit"]["amount"]) == (
        150_000,
        29_250,
        179_250,
    )
    assert (invoice["net"]["amount"], invoice["tax"]["amount"]) == (75_000, 14_625)
    assert invoice["credit"]["amount"] == 89_625
    assert changed["direction"] == "downgrade"
    assert (changed["credit"]["amount"], changed["balance"]["amount"]) == (89_625, -89_625)


def test_without_proration_the_new_price_begins_with_the_next_bill(counter: Counter) -> None:
    subscriber, subscription = sold(counter)
    faster = counter.shop.package(price=rupees(600_000))
    counter.go_to(date(2026, 11, 11))

    changed = counter.change(subscription, faster, proration="none")
    assert changed["documents"] == []
    assert changed["subscription"]["billed_to"] == "2026-12-01"

    counter.go_to(date(2026, 12, 1))
    assert [one["total"]["amount"] for one in counter.shop.invoices(subscriber)] == [PRICE, 600_000]


def test_in_full_the_period_is_credited_and_charged_whole(counter: Counter) -> None:
    subscriber, subscription = sold(counter)
    faster = counter.shop.package(price=rupees(600_000))
    counter.go_to(date(2026, 11, 11))

    changed = counter.change(subscription, faster, proration="full")

    assert told(changed["documents"]) == [("credit_note", PRICE, 0), ("invoice", 600_000, 0)]
    line = changed["documents"][1]["lines"][0]
    assert (line["period_start"], line["period_end"]) == ("2026-11-01", "2026-12-01")
    counter.go_to(date(2026, 12, 1))
    assert counter.subscriber(subscriber)["balance"]["amount"] == 1_200_000


def test_in_arrears_each_part_is_billed_by_the_run(counter: Counter) -> None:
    subscriber, subscription = sold(counter, timing="arrears")
    faster = counter.shop.package(price=rupees(600_000), timing="arrears")
    counter.go_to(date(2026, 11, 11))

    changed = counter.change(subscription, faster)
    assert changed["documents"] == []

    counter.go_to(date(2026, 12, 1))
    assert [one["total"]["amount"] for one in counter.shop.invoices(subscriber)] == [100_000, 400_000]


def test_at_the_end_of_the_period_the_change_waits_and_can_be_withdrawn(counter: Counter) -> None:
    subscriber, subscription = sold(counter)
    faster = counter.shop.package(price=rupees(600_000))
    counter.go_to(date(2026, 11, 11))

    first = counter.change(subscription, faster, effective="period_end")
    assert (first["effective_on"], first["documents"]) == ("2026-12-01", [])
    again = counter.try_to_change(subscription, faster)
    assert again.problem[:2] == (409, "package_change_pending")
    ended = counter.shop.try_to_change(counter.subscription(subscription), state="active")
    assert ended.code == "package_change_pending"

    path = f"/v1/subscriptions/{subscription['subscription_id']}/package-changes"
    now = counter.subscription(subscription)
    back = ok(counter.shop.tenant.api.delete(path, headers=if_match(now)))
    assert (back["state"], back["ends_on"], back["billed_to"]) == ("active", None, "2026-12-01")
    assert (
        counter.shop.tenant.api.get(f"/v1/subscriptions/{first['subscription']['subscription_id']}").status
        == 404
    )

    second = counter.change(subscription, faster, effective="period_end")
    assert second["subscription"]["subscription_id"].endswith("-3")
    counter.go_to(date(2026, 12, 1))
    assert [one["total"]["amount"] for one in counter.shop.invoices(subscriber)] == [PRICE, 600_000]


def test_on_a_date_ahead_credit_comes_at_once_and_the_rest_is_billed_on_its_day(counter: Counter) -> None:
    subscriber, subscription = sold(counter)
    faster = counter.shop.package(price=rupees(600_000))
    counter.go_to(date(2026, 11, 11))

    changed = counter.change(subscription, faster, effective="2026-11-21")

    assert told(changed["documents"]) == [("credit_note", 100_000, 0)]
    assert (changed["next_invoice"]["on"], changed["next_invoice"]["total"]["amount"]) == (
        "2026-11-21",
        200_000,
    )
    counter.go_to(date(2026, 12, 1))
    assert [one["total"]["amount"] for one in counter.shop.invoices(subscriber)] == [PRICE, 200_000, 600_000]
    assert counter.subscriber(subscriber)["balance"]["amount"] == PRICE - 100_000 + 200_000 + 600_000


def test_what_was_credited_for_a_withdrawn_change_is_billed_again(counter: Counter) -> None:
    subscriber, subscription = sold(counter)
    faster = counter.shop.package(price=rupees(600_000))
    counter.go_to(date(2026, 11, 11))
    counter.change(subscription, faster, effective="2026-11-21")

    path = f"/v1/subscriptions/{subscription['subscription_id']}/package-changes"
    ok(counter.shop.tenant.api.delete(path, headers=if_match(counter.subscription(subscription))))
    counter.go_to(date(2026, 12, 1))

    assert [one["total"]["amount"] for one in counter.shop.invoices(subscriber)] == [PRICE, 100_000, PRICE]
    assert counter.subscriber(subscriber)["balance"]["amount"] == 2 * PRICE


def test_twice_on_one_day_each_is_charged_for_what_is_left(counter: Counter) -> None:
    subscriber, subscription = sold(counter)
    faster, fastest = (counter.shop.package(price=rupees(price)) for price in (600_000, 900_000))
    counter.go_to(date(2026, 11, 11))

    first = counter.change(subscription, faster)
    second = counter.change(first["subscription"], fastest)

    assert told(second["documents"]) == [("credit_note", 400_000, 0), ("invoice", 600_000, 0)]
    assert counter.subscriber(subscriber)["balance"]["amount"] == 100_000 + 600_000
    over = counter.try_to_change(first["subscription"], faster)
    assert over.problem[:2] == (409, "package_change_pending")


def test_on_the_twenty_ninth_of_february(counter: Counter, clock: FakeClock) -> None:
    clock.set(datetime(2028, 2, 1, 7, tzinfo=UTC))
    shop = counter.shop
    shop.sign_in_again()
    subscriber = shop.subscriber()
    subscription = shop.subscribe(subscriber, shop.package(price=rupees(290_000)))
    path = f"/v1/subscriptions/{subscription['subscription_id']}"
    assert ok(shop.tenant.api.get(path))["starts_on"] == "2028-02-01"
    faster = shop.package(price=rupees(580_000))

    changed = counter.change(subscription, faster, effective="2028-02-29")

    assert (changed["effective_on"], changed["documents"]) == ("2028-02-29", [])
    assert changed["subscription"]["anchor_day"] == 1
    assert changed["next_invoice"]["total"]["amount"] == 280_000


@pytest.mark.parametrize(
    ("terms", "problem"),
    [
        ({"effective": "2026-11-10"}, (422, "change_out_of_range", "effective")),
        ({"effective": "9999-12-31"}, (422, "change_out_of_range", "effective")),
        ({"effective": "2026-13-01"}, (422, "invalid_value", "effective")),
        ({"effective": "soon"}, (422, "invalid_value", "effective")),
        ({"effective": ["now"]}, (422, "invalid_value", "effective")),
        ({"effective": 20261201}, (422, "invalid_value", "effective")),
        ({"quantity": 0}, (422, "invalid_value", "quantity")),
        (
            {"price_override": {"amount": 1, "currency": "USD"}},
            (422, "currency_mismatch", "price_override.currency"),
        ),
        ({"package_id": "pkg_none"}, (422, "unknown_package", "package_id")),
        ({"proration": "full", "effective": "2026-11-21"}, (409, "proration_impossible", "proration")),
    ],
)
def test_what_cannot_be_changed_is_refused_and_leaves_the_books(
    counter: Counter, terms: Item, problem: tuple[int, str, str | None]
) -> None:
    _, subscription = sold(counter)
    other = counter.shop.package(price=rupees(600_000))
    counter.go_to(date(2026, 11, 11))
    before = counter.shop.items()

    reply = counter.try_to_change(subscription, other, **terms)

    assert (*reply.problem[:2], reply.json["param"]) == problem, reply.text
    assert counter.shop.items() == before


def test_states_and_packages_that_cannot_change(counter: Counter) -> None:
    shop = counter.shop
    _, subscription = sold(counter)
    same = {"package_id": subscription["package_id"]}
    prepaid = shop.package(kind="prepaid", valid_minutes=1_440)
    archived, yearly = shop.package(), shop.package(cycle="year")
    ok(shop.tenant.api.post(f"/v1/packages/{archived['package_id']}/archive"))
    later = shop.subscribe(shop.subscriber(), shop.package(), starts_on="2026-12-24")

    assert counter.try_to_change(subscription, same).problem[:2] == (409, "nothing_to_change")
    assert counter.try_to_change(subscription, prepaid).problem[:2] == (422, "not_subscribable")
    assert counter.try_to_change(subscription, archived).problem[:2] == (409, "package_archived")
    assert counter.try_to_change(subscription, yearly, proration="full").code == "proration_impossible"
    assert counter.try_to_change(later, yearly).problem[:2] == (422, "change_before_start")
    shop.change(subscription, state="paused")
    assert counter.try_to_change(subscription, yearly).problem[:2] == (409, "invalid_transition")
    shop.change(subscription, state="active")
    # The same package at a price of its own, or of a newer edition, is a change.
    assert counter.change(subscription, same, quantity=2)["direction"] == "upgrade"


def test_after_ten_changes_the_account_is_small_and_old_subscriptions_answer(
    counter: Counter, services: EngineServices
) -> None:
    shop = counter.shop
    contact = {"name": "Muhammad Usman Ghani", "address": "House 12, Street 4, Model Town, Lahore"}
    subscriber = shop.subscriber(**contact)
    first = current = shop.subscribe(subscriber, shop.package(price=rupees(PRICE)))
    counter.bill()
    packages = [shop.package(price=rupees(300_000 + 1_000 * index)) for index in range(10)]

    for package in packages:
        current = counter.change(current, package)["subscription"]

    (account,) = [item for item in shop.items("A#") if item["sk"]["S"] == "ACCOUNT"]
    assert item_bytes(account) <= 1_024
    assert current["subscription_id"].endswith("-11")
    old = counter.subscription(first)
    assert (old["state"], old["ends_on"]) == ("terminated", "2026-11-01")
    assert len(counter.subscriber(subscriber)["subscriptions"]) <= 3
    _, archive = Exporter(services, shop.tenant).run()
    exported = [json.loads(line) for line in archive.read("subscriptions.jsonl").splitlines()]
    assert [int(one["subscription_id"].rpartition("-")[2]) for one in exported] == list(range(1, 12))
    # Nothing of those that left waits in the due list.
    assert len([one for one in shop.filed() if one == "m01-00-01"]) <= 1
    assert counter.subscriber(subscriber)["balance"]["amount"] == 309_000
