"""What subscriptions are billed through their lives, by runs on the engine, day after day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, sign_up_and_in
from tests.integration.shop import Item, Shop, if_match, ok

PRICE = 310_000  # 10,000 a day in a month of 31 days
NOON = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)


class Days:
    """A shop in which days pass; each is billed at noon in Karachi, in the morning nothing is yet."""

    def __init__(self, shop: Shop, clock: FakeClock) -> None:
        self.shop = shop
        self._clock = clock

    def morning(self, day: date) -> None:
        """Bill every day before, then go to the morning of a day."""
        while self._clock.now().date() < day:
            self.noon()
            self._clock.advance(timedelta(days=1))
        self.shop.sign_in_again()

    def next_day(self) -> None:
        """Go to the next day; the present one is not billed."""
        self._clock.advance(timedelta(days=1))
        self.shop.sign_in_again()

    def noon(self) -> None:
        """Bill the present day."""
        self.shop.bill(self._clock.now())


def days_from(at: datetime, services: EngineServices, clock: FakeClock, api: ApiClient) -> Days:
    """The tenant has signed up at an instant, which is now."""
    clock.set(at)
    return Days(Shop(sign_up_and_in(api, services), services), clock)


@pytest.fixture
def days(services: EngineServices, clock: FakeClock, api: ApiClient) -> Days:
    """1 December 2026, and the tenant signed up today."""
    return days_from(NOON, services, clock, api)


def told(invoices: list[Item]) -> list[tuple[str, str, str, int]]:
    """Return issue date, period and net of each invoice."""
    return [
        (one["issued_on"], one["period_start"], one["period_end"], one["net"]["amount"]) for one in invoices
    ]


def test_a_future_start_before_its_anchor_is_billed_on_its_first_day_and_then_by_the_month(
    days: Days,
) -> None:
    shop, subscriber = days.shop, days.shop.subscriber()
    shop.subscribe(subscriber, shop.package(), starts_on="2026-12-12", anchor_day=1)

    days.morning(date(2027, 2, 2))

    assert told(shop.invoices(subscriber)) == [
        ("2026-12-12", "2026-12-12", "2027-01-01", 200_000),
        ("2027-01-01", "2027-01-01", "2027-02-01", PRICE),
        ("2027-02-01", "2027-02-01", "2027-03-01", PRICE),
    ]


def test_a_common_bill_day_aligns_what_is_sold_by_the_month(days: Days) -> None:
    shop, subscriber = days.shop, days.shop.subscriber()
    api = shop.tenant.api
    ok(api.patch("/v1/tenant", json={"bill_day": 1}, headers=if_match(ok(api.get("/v1/tenant")))))
    monthly = shop.subscribe(subscriber, shop.package(), starts_on="2026-12-12")
    weekly = shop.subscribe(subscriber, shop.package(cycle="week"), starts_on="2026-12-12")

    days.morning(date(2027, 1, 2))

    assert (monthly["anchor_day"], weekly["anchor_day"]) == (1, 6)  # 12 December 2026 is a Saturday
    lines = [line for one in shop.invoices(subscriber) for line in one["lines"]]
    billed = {
        (line["period_start"], line["net"])
        for line in lines
        if line["subscription_id"] == monthly["subscription_id"]
    }
    assert billed == {("2026-12-12", 200_000), ("2027-01-01", PRICE)}


def test_the_thirty_first_is_billed_on_the_last_of_short_months(days: Days) -> None:
    shop, subscriber = days.shop, days.shop.subscriber()
    shop.subscribe(subscriber, shop.package(), starts_on="2026-12-31")

    days.morning(date(2027, 3, 1))

    assert [issued for issued, *_ in told(shop.invoices(subscriber))] == [
        "2026-12-31",
        "2027-01-31",
        "2027-02-28",
    ]


def test_a_sale_after_the_days_run_is_billed_tomorrow(days: Days) -> None:
    shop, subscriber = days.shop, days.shop.subscriber()
    days.noon()
    shop.subscribe(subscriber, shop.package())

    days.morning(date(2026, 12, 3))

    assert told(shop.invoices(subscriber)) == [("2026-12-02", "2026-12-01", "2027-01-01", PRICE)]


def test_a_start_in_the_past_is_caught_up_by_the_next_run(days: Days) -> None:
    shop, subscriber = days.shop, days.shop.subscriber()
    shop.subscribe(subscriber, shop.package(), starts_on="2026-09-20")

    days.noon()

    assert told(shop.invoices(subscriber)) == [
        ("2026-12-01", "2026-09-20", "2026-10-20", PRICE),
        ("2026-12-01", "2026-10-20", "2026-11-20", PRICE),
        ("2026-12-01", "2026-11-20", "2026-12-20", PRICE),
    ]


def test_a_pause_over_the_boundary_is_not_billed_and_the_rest_of_the_month_is_by_the_day(
    days: Days,
) -> None:
    shop, subscriber = days.shop, days.shop.subscriber()
    sold = shop.subscribe(subscriber, shop.package())
    days.morning(date(2026, 12, 20))
    shop.change(sold, state="paused")
    days.morning(date(2027, 1, 12))
    shop.change(sold, state="active")

    days.morning(date(2027, 2, 2))

    assert told(shop.invoices(subscriber)) == [
        ("2026-12-01", "2026-12-01", "2027-01-01", PRICE),
        ("2027-01-12", "2027-01-12", "2027-02-01", 200_000),
        ("2027-02-01", "2027-02-01", "2027-03-01", PRICE),
    ]


def test_in_arrears_the_days_before_a_pause_are_billed_and_those_of_the_pause_are_not(days: Days) -> None:
    shop, subscriber = days.shop, days.shop.subscriber()
    sold = shop.subscribe(subscriber, shop.package(timing="arrears"))
    days.morning(date(2026, 12, 11))
    shop.change(sold, state="suspended")
    days.morning(date(2026, 12, 22))
    shop.change(sold, state="active")

    days.morning(date(2027, 1, 2))

    assert told(shop.invoices(subscriber)) == [
        ("2026-12-11", "2026-12-01", "2026-12-11", 100_000),
        ("2027-01-01", "2026-12-22", "2027-01-01", 100_000),
    ]


def test_days_before_a_pause_have_to_be_billed_before_it_resumes(days: Days) -> None:
    shop, subscriber = days.shop, days.shop.subscriber()
    sold = shop.subscribe(subscriber, shop.package(timing="arrears"))
    days.morning(date(2026, 12, 11))
    days.noon()
    shop.change(sold, state="paused")
    days.next_day()

    now = ok(shop.tenant.api.get(f"/v1/subscriptions/{sold['subscription_id']}"))
    too_early = shop.try_to_change(now, state="active")
    days.noon()

    assert too_early.problem == (409, "billing_behind", "state")
    assert shop.change(sold, state="active")["billed_to"] == "2026-12-12"
    assert told(shop.invoices(subscriber)) == [("2026-12-12", "2026-12-01", "2026-12-11", 100_000)]


def test_an_end_in_arrears_is_billed_on_the_day_it_ends(days: Days) -> None:
    shop, subscriber = days.shop, days.shop.subscriber()
    sold = shop.subscribe(subscriber, shop.package(timing="arrears"))
    days.morning(date(2026, 12, 5))
    shop.change(sold, state="terminated", ends_on="2026-12-16")

    days.morning(date(2027, 2, 2))

    assert told(shop.invoices(subscriber)) == [("2026-12-16", "2026-12-01", "2026-12-16", 150_000)]


def test_an_end_announced_over_the_boundary_is_billed_on_its_day_in_arrears(days: Days) -> None:
    shop, subscriber = days.shop, days.shop.subscriber()
    sold = shop.subscribe(subscriber, shop.package(timing="arrears"))
    days.morning(date(2026, 12, 5))
    shop.change(sold, state="terminated", ends_on="2027-01-06")
    assert shop.filed() == ["m01-00-01", "on-2027-01-06"]
    shop.change(sold, ends_on="2027-01-11")

    days.morning(date(2027, 1, 12))

    assert told(shop.invoices(subscriber)) == [
        ("2027-01-01", "2026-12-01", "2027-01-01", PRICE),
        ("2027-01-11", "2027-01-01", "2027-01-11", 100_000),
    ]


def test_a_pause_while_runs_are_behind_is_billed_as_they_catch_up(days: Days) -> None:
    shop, subscriber = days.shop, days.shop.subscriber()
    sold = shop.subscribe(subscriber, shop.package(timing="arrears"))
    days.morning(date(2026, 12, 20))
    for _ in range(18):
        days.next_day()
    shop.change(sold, state="paused")

    days.noon()

    assert told(shop.invoices(subscriber)) == [
        ("2027-01-01", "2026-12-01", "2027-01-01", PRICE),
        ("2027-01-07", "2027-01-01", "2027-01-07", 60_000),
    ]
    assert shop.change(sold, state="active")["state"] == "active"


def test_a_withdrawn_end_bills_the_rest_of_the_period_from_the_day_it_was_to_end(days: Days) -> None:
    shop, subscriber = days.shop, days.shop.subscriber()
    sold = shop.subscribe(subscriber, shop.package())
    shop.change(sold, state="terminated", ends_on="2026-12-11")
    days.morning(date(2026, 12, 5))
    shop.change(sold, state="active")

    days.morning(date(2027, 1, 2))

    assert told(shop.invoices(subscriber)) == [
        ("2026-12-01", "2026-12-01", "2026-12-11", 100_000),
        ("2026-12-11", "2026-12-11", "2027-01-01", 210_000),
        ("2027-01-01", "2027-01-01", "2027-02-01", PRICE),
    ]


def test_an_end_ahead_cuts_the_last_period_paid_in_advance(days: Days) -> None:
    shop, subscriber = days.shop, days.shop.subscriber()
    sold = shop.subscribe(subscriber, shop.package())
    days.morning(date(2026, 12, 5))
    shop.change(sold, state="terminated", ends_on="2027-01-11")

    days.morning(date(2027, 2, 2))

    assert told(shop.invoices(subscriber)) == [
        ("2026-12-01", "2026-12-01", "2027-01-01", PRICE),
        ("2027-01-01", "2027-01-01", "2027-01-11", 100_000),
    ]


def test_pending_is_not_billed_until_it_is_active(days: Days) -> None:
    shop, subscriber = days.shop, days.shop.subscriber()
    sold = shop.subscribe(subscriber, shop.package(), state="pending")
    days.morning(date(2026, 12, 22))
    shop.change(sold, state="active")

    days.morning(date(2027, 1, 2))

    assert told(shop.invoices(subscriber)) == [
        ("2026-12-22", "2026-12-22", "2027-01-01", 100_000),
        ("2027-01-01", "2027-01-01", "2027-02-01", PRICE),
    ]


def test_a_price_of_its_own_holds_for_what_is_not_invoiced_yet_and_the_packages_for_what_is_sold(
    days: Days,
) -> None:
    shop, subscriber, package = days.shop, days.shop.subscriber(), days.shop.package()
    sold = shop.subscribe(subscriber, package)
    days.morning(date(2026, 12, 2))
    price = {"price": {"amount": 400_000, "currency": "PKR"}}
    path = f"/v1/packages/{package['package_id']}"
    ok(shop.tenant.api.patch(path, json=price, headers={"If-Match": '"1"'}))
    days.morning(date(2027, 1, 2))
    shop.change(sold, price_override={"amount": 5, "currency": "PKR"})
    days.morning(date(2027, 2, 2))

    assert [net for *_, net in told(shop.invoices(subscriber))] == [PRICE, PRICE, 5]


@pytest.mark.parametrize("anchors", [(28, 29), (28, 31), (28, 28), (31, 28, 29, 30)])
def test_subscriptions_of_one_account_due_on_one_day_under_different_anchors_are_all_billed(
    services: EngineServices, clock: FakeClock, api: ApiClient, anchors: tuple[int, ...]
) -> None:
    """Given several such accounts, so that what is due of one does not stand together."""
    days = days_from(datetime(2027, 2, 27, 7, 0, tzinfo=UTC), services, clock, api)
    shop, package = days.shop, days.shop.package()
    subscribers = [shop.subscriber() for _ in range(3)]
    for subscriber in subscribers:
        for anchor in anchors:
            shop.subscribe(subscriber, package, starts_on="2027-02-28", anchor_day=anchor)

    days.morning(date(2027, 3, 1))

    (invoices,) = zip(*(shop.invoices(subscriber) for subscriber in subscribers), strict=True)
    assert [sorted(line["net"] for line in one["lines"]) for one in invoices] == [
        sorted(line["net"] for line in invoices[0]["lines"])
    ] * 3
    assert [len(one["lines"]) for one in invoices] == [len(anchors)] * 3


def test_weekly_daily_and_monthly_of_one_account_are_billed_together(days: Days) -> None:
    shop, subscriber = days.shop, days.shop.subscriber()
    for cycle in ("day", "week", "month"):
        shop.subscribe(subscriber, shop.package(cycle=cycle))

    days.morning(date(2027, 1, 2))

    invoices = told(shop.invoices(subscriber))
    lines = [line for one in shop.invoices(subscriber) for line in one["lines"]]
    assert len(invoices) == 32  # one a day, with what else is due on it
    assert [line["net"] for line in lines] == [PRICE] * (32 + 5 + 2)
    owed = ok(shop.tenant.api.get(f"/v1/subscribers/{subscriber['subscriber_id']}"))["balance"]["amount"]
    assert owed == sum(net for *_, net in invoices) == PRICE * len(lines)


def test_invoices_are_read_by_number_by_subscriber_and_alone(days: Days) -> None:
    shop = days.shop
    ayesha, bilal = shop.subscriber(code="A", name="Ayesha", address="House 1"), shop.subscriber(code="B")
    package = shop.package()
    for subscriber in (ayesha, bilal):
        shop.subscribe(subscriber, package)
    days.morning(date(2027, 1, 2))
    api = shop.tenant.api

    listed = ok(api.get("/v1/invoices?limit=3"))
    rest = ok(api.get(f"/v1/invoices?limit=3&cursor={listed['next_cursor']}"))
    newest = ok(api.get("/v1/invoices?order=-number&limit=1"))["items"]
    mine = shop.invoices(ayesha)

    numbers = [one["number"] for one in listed["items"] + rest["items"]]
    assert numbers == [f"INV-2027-{number:06d}" for number in range(1, 5)]
    assert rest["next_cursor"] is None
    assert newest == rest["items"][-1:]
    assert [one["subscriber_code"] for one in mine] == ["A", "A"]
    assert mine[0]["recipient"] == {"name": "Ayesha", "address": "House 1", "tax_id": ""}
    assert ok(api.get(f"/v1/invoices/{mine[0]['invoice_id']}")) == mine[0]
    assert ok(api.get("/v1/invoices?fiscal_year=2026"))["items"] == []


@pytest.mark.parametrize(
    "invoice_id", ["inv_01JD0000000000000000000000-20261101-1", "inv_x", "x" * 3000, "%23"]
)
def test_what_is_no_invoice_is_absent(days: Days, invoice_id: str) -> None:
    assert days.shop.tenant.api.get(f"/v1/invoices/{invoice_id}").problem == (404, "not_found", "invoice_id")


@pytest.mark.parametrize("query", ["fiscal_year=1999", "fiscal_year=x", "order=date", "x=1"])
def test_a_bad_invoice_query_is_refused(days: Days, query: str) -> None:
    assert days.shop.tenant.api.get(f"/v1/invoices?{query}").status == 422


def test_another_tenants_invoice_is_absent(days: Days, services: EngineServices, api: ApiClient) -> None:
    subscriber = days.shop.subscriber()
    days.shop.subscribe(subscriber, days.shop.package())
    days.noon()
    (invoice,) = days.shop.invoices(subscriber)
    other = sign_up_and_in(api, services)

    assert other.api.get(f"/v1/invoices/{invoice['invoice_id']}").problem == (404, "not_found", "invoice_id")
    assert ok(other.api.get("/v1/invoices"))["items"] == []
