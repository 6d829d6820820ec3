"""What pauses and ends give back, and what a return from a pause costs, by runs on the engine."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from chalicelib.domain.accounts import SubscriptionState
from chalicelib.domain.errors import Busy
from chalicelib.ports.store import AuditNote
from chalicelib.usecases.subscriptions import SubscriptionChange, change_subscription
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, sign_up_and_in
from tests.integration.shop import Item, Shop, if_match
from tests.integration.test_import_kills import Commit, services_around
from tests.integration.test_package_changes import Counter, rupees, sold

NOON = datetime(2026, 11, 1, 7, 0, tzinfo=UTC)
PRICE = 300_000  # 10,000 a day in November, in December 9,677 and some


@pytest.fixture
def counter(services: EngineServices, clock: FakeClock, api: ApiClient) -> Counter:
    """1 November 2026, and the tenant signed up today."""
    clock.set(NOON)
    return Counter(Shop(sign_up_and_in(api, services), services), clock)


def credited(counter: Counter, subscriber: Item) -> list[int]:
    """Return the totals of a subscriber's credit notes, oldest first."""
    notes = [one for one in counter.documents(subscriber) if one["kind"] == "credit_note"]
    return [one["amount"]["amount"] for one in notes]


def billed(counter: Counter, subscriber: Item) -> list[tuple[str, str, int]]:
    """Return period and total of each line of a subscriber's invoices, by their first day."""
    lines = [line for one in counter.shop.invoices(subscriber) for line in one["lines"]]
    return sorted((one["period_start"], one["period_end"], one["total"]) for one in lines)


def test_days_of_a_free_pause_are_credited_when_service_resumes(counter: Counter) -> None:
    subscriber, subscription = sold(counter)
    counter.go_to(date(2026, 11, 11))
    counter.shop.change(subscription, state="paused")
    assert credited(counter, subscriber) == []
    counter.go_to(date(2026, 11, 16))

    back = counter.shop.change(subscription, state="active")

    assert back["billed_to"] == "2026-12-01"
    assert credited(counter, subscriber) == [50_000]
    assert counter.subscriber(subscriber)["balance"]["amount"] == 250_000
    counter.go_to(date(2026, 12, 1))
    assert billed(counter, subscriber)[-1] == ("2026-12-01", "2027-01-01", PRICE)


def test_a_pause_beyond_the_paid_period_credits_its_days_and_bills_from_the_return(counter: Counter) -> None:
    subscriber, subscription = sold(counter)
    counter.go_to(date(2026, 11, 21))
    counter.shop.change(subscription, state="paused")
    counter.go_to(date(2026, 12, 22))

    counter.shop.change(subscription, state="active")
    counter.go_to(date(2027, 1, 1))

    assert credited(counter, subscriber) == [100_000]
    assert billed(counter, subscriber) == [
        ("2026-11-01", "2026-12-01", PRICE),
        ("2026-12-22", "2027-01-01", 96_774),  # 300,000 x 10 / 31
        ("2027-01-01", "2027-02-01", PRICE),
    ]


def test_of_a_pause_at_a_share_only_the_difference_is_credited(counter: Counter) -> None:
    subscriber, subscription = sold(counter, pause_share=200_000)
    counter.go_to(date(2026, 11, 11))
    counter.shop.change(subscription, state="paused")
    counter.go_to(date(2026, 11, 21))

    counter.shop.change(subscription, state="active")
    counter.go_to(date(2026, 12, 1))

    # Ten days of 10,000, less the fifth part that a pause costs.
    assert credited(counter, subscriber) == [80_000]
    assert counter.subscriber(subscriber)["balance"]["amount"] == 2 * PRICE - 80_000


def test_days_billed_ahead_at_the_share_are_charged_in_full_from_the_return(counter: Counter) -> None:
    subscriber, subscription = sold(counter, pause_share=200_000)
    counter.go_to(date(2026, 11, 21))
    counter.shop.change(subscription, state="paused")
    counter.go_to(date(2026, 12, 11))
    assert billed(counter, subscriber)[-1] == ("2026-12-01", "2027-01-01", 60_000)

    back = counter.shop.change(subscription, state="active")

    # November: 8,000 of each of ten days. December: 21 of 31 days at the share go back (40,645 by
    # what was billed of them) and are charged in full (300,000 - 96,774).
    assert back["billed_to"] == "2027-01-01"
    assert sorted(credited(counter, subscriber)) == [40_645, 80_000]
    assert ("2026-12-11", "2027-01-01", 203_226) in billed(counter, subscriber)
    owed = 300_000 - 80_000 + 60_000 - 40_645 + 203_226
    assert counter.subscriber(subscriber)["balance"]["amount"] == owed
    counter.go_to(date(2027, 1, 1))
    assert counter.subscriber(subscriber)["balance"]["amount"] == owed + PRICE


def test_a_return_on_the_day_the_share_was_billed_is_billed_in_full_once(counter: Counter) -> None:
    subscriber, subscription = sold(counter, pause_share=200_000)
    counter.go_to(date(2026, 11, 21))
    counter.shop.change(subscription, state="paused")
    counter.go_to(date(2026, 12, 1))

    counter.shop.change(subscription, state="active")
    counter.go_to(date(2027, 1, 1))

    assert sorted(credited(counter, subscriber)) == [60_000, 80_000]
    assert counter.subscriber(subscriber)["balance"]["amount"] == 220_000 + PRICE + PRICE


def test_in_arrears_the_days_of_the_pause_are_charged_when_it_ends(counter: Counter) -> None:
    subscriber, subscription = sold(counter, timing="arrears", pause_share=200_000)
    counter.go_to(date(2026, 11, 11))
    counter.shop.change(subscription, state="paused")
    counter.go_to(date(2026, 11, 21))

    counter.shop.change(subscription, state="active")
    counter.go_to(date(2026, 12, 1))

    assert credited(counter, subscriber) == []
    assert billed(counter, subscriber) == [
        ("2026-11-01", "2026-11-11", 100_000),
        ("2026-11-11", "2026-11-21", 20_000),
        ("2026-11-21", "2026-12-01", 100_000),
    ]


def test_a_suspension_gives_nothing_back_and_is_not_billed(counter: Counter) -> None:
    subscriber, subscription = sold(counter)
    counter.go_to(date(2026, 11, 11))
    counter.shop.change(subscription, state="suspended")
    counter.go_to(date(2026, 12, 22))

    counter.shop.change(subscription, state="active")
    counter.go_to(date(2027, 1, 1))

    assert credited(counter, subscriber) == []
    assert [start for start, *_ in billed(counter, subscriber)] == ["2026-11-01", "2026-12-22", "2027-01-01"]


@pytest.mark.parametrize(("refund", "back"), [("none", []), ("by_day", [200_000]), ("full", [300_000])])
def test_an_end_gives_back_what_the_package_promises(counter: Counter, refund: str, back: list[int]) -> None:
    subscriber, subscription = sold(counter, refund=refund)
    counter.go_to(date(2026, 11, 11))

    counter.shop.change(subscription, state="terminated")

    assert credited(counter, subscriber) == back
    counter.go_to(date(2026, 12, 2))
    assert counter.subscriber(subscriber)["balance"]["amount"] == PRICE - sum(back)


def test_an_end_ahead_is_credited_at_once_moved_and_billed_again_where_withdrawn(counter: Counter) -> None:
    subscriber, subscription = sold(counter, refund="by_day")
    counter.go_to(date(2026, 11, 11))

    counter.shop.change(subscription, state="terminated", ends_on="2026-11-26")
    counter.shop.change(subscription, ends_on="2026-11-21")
    assert credited(counter, subscriber) == [50_000, 50_000]

    counter.shop.change(subscription, state="active")
    counter.go_to(date(2026, 12, 1))
    assert billed(counter, subscriber) == [
        ("2026-11-01", "2026-12-01", PRICE),
        ("2026-11-21", "2026-12-01", 100_000),
        ("2026-12-01", "2027-01-01", PRICE),
    ]


def test_days_given_back_once_are_not_given_back_again_by_an_end_in_the_past(counter: Counter) -> None:
    subscriber, subscription = sold(counter, refund="by_day")
    counter.go_to(date(2026, 11, 11))
    counter.shop.change(subscription, state="paused")
    counter.go_to(date(2026, 11, 16))
    counter.shop.change(subscription, state="active")

    counter.shop.change(subscription, state="terminated", ends_on="2026-11-06")

    # 5 days of the pause; then 6 to 10 and 16 to 30 November.
    assert credited(counter, subscriber) == [50_000, 200_000]


def test_a_refund_may_be_more_generous_with_a_reason_and_never_less(counter: Counter) -> None:
    subscriber, subscription = sold(counter, refund="by_day")
    counter.go_to(date(2026, 11, 11))
    now = counter.subscription(subscription)

    less = counter.shop.try_to_change(now, state="terminated", refund="none")
    bare = counter.shop.try_to_change(now, state="terminated", refund="full")
    astray = counter.shop.try_to_change(now, state="paused", refund="full")
    assert less.problem == (422, "refund_not_allowed", "refund")
    assert bare.problem == (422, "refund_not_allowed", "refund_reason")
    assert astray.problem == (422, "invalid_value", "refund")
    assert credited(counter, subscriber) == []

    counter.shop.change(subscription, state="terminated", refund="full", refund_reason="no signal all month")
    assert credited(counter, subscriber) == [PRICE]


def test_an_addon_is_given_back_with_its_service_by_its_own_policy(counter: Counter) -> None:
    subscriber, subscription = sold(counter)
    addon = counter.shop.package(kind="addon", price=rupees(30_000), refund="by_day")
    counter.shop.subscribe(subscriber, addon, parent_id=subscription["subscription_id"])
    counter.go_to(date(2026, 11, 11))

    counter.shop.change(subscription, state="terminated")

    assert credited(counter, subscriber) == [20_000]


def test_a_paused_bundle_comes_back_at_its_price_once(counter: Counter) -> None:
    parts = [{"name": "Line", "weight": 1}, {"name": "Box", "weight": 1}]
    subscriber, subscription = sold(counter, pause_share=500_000, bundle=parts)
    counter.go_to(date(2026, 11, 30))
    counter.shop.change(subscription, state="paused")
    counter.go_to(date(2026, 12, 11))  # December was billed at half

    counter.shop.change(subscription, state="active")

    # 21 days of December at 300,000 / 31, in two halves; the ten days before at half of that.
    assert billed(counter, subscriber)[-2:] == [("2026-12-11", "2027-01-01", 101_613)] * 2
    assert sum(credited(counter, subscriber)) == 5_000 + 101_612  # a day of November, 21 at half


def test_what_was_written_off_neither_holds_a_subscription_nor_gives_money_back(counter: Counter) -> None:
    subscriber, subscription = sold(counter, refund="by_day")
    (invoice,) = counter.shop.invoices(subscriber)
    path = f"/v1/invoices/{invoice['invoice_id']}/write-offs"
    headers = {"Idempotency-Key": "lost"}
    lost = counter.shop.tenant.api.post(path, json={"reason": "uncollectible"}, headers=headers)
    assert lost.status == 201, lost.text
    counter.go_to(date(2026, 11, 11))
    counter.shop.change(subscription, state="paused")
    counter.go_to(date(2026, 11, 15))
    counter.shop.change(subscription, state="active")

    ended = counter.shop.change(subscription, state="terminated")

    assert (ended["state"], ended["overbilled_days"]) == ("terminated", 0)
    assert credited(counter, subscriber) == []
    assert counter.subscriber(subscriber)["balance"]["amount"] == 0


def test_a_paused_subscription_ends_today_or_before(counter: Counter) -> None:
    subscriber, subscription = sold(counter, refund="by_day")
    counter.go_to(date(2026, 11, 11))
    paused = counter.shop.change(subscription, state="paused")

    later = counter.shop.try_to_change(paused, state="terminated", ends_on="2026-11-26")

    assert later.problem == (409, "invalid_transition", "ends_on")
    counter.shop.change(subscription, state="terminated")
    assert credited(counter, subscriber) == [200_000]


def test_a_discount_taken_away_is_gone_from_what_waits_too(counter: Counter) -> None:
    subscriber, subscription = sold(counter)
    api, sub = counter.shop.tenant.api, f"/v1/subscriptions/{subscription['subscription_id']}"
    two = counter.shop.package(price={"amount": 600_000, "currency": "PKR"})
    half = {"code": "HALF", "share_millionths": 500_000}
    change = {"package_id": two["package_id"], "effective": "2026-12-01", "proration": "by_day"}
    for path, body in (("discounts", half), ("package-changes", change)):
        assert api.post(f"{sub}/{path}", json=body, headers={"Idempotency-Key": path}).status == 201

    gone = api.delete(f"{sub}/discounts/HALF", headers=if_match(api.get(sub).json))

    assert gone.status == 200, gone.text
    counter.go_to(date(2026, 12, 1))
    assert billed(counter, subscriber)[-1] == ("2026-12-01", "2027-01-01", 600_000)


def test_of_two_who_end_service_at_once_whatever_was_read_one_does(
    counter: Counter, services: EngineServices
) -> None:
    subscriber, subscription = sold(counter, refund="by_day")
    counter.go_to(date(2026, 11, 11))
    first = iter([True])

    def ended_before(commit: Commit) -> None:
        if next(first, False):
            counter.shop.change(subscription, state="terminated", ends_on="2026-11-21")
        commit()

    at, named = services.clock.now(), subscription["subscription_id"]
    with pytest.raises(Busy, match="nothing was written"):
        change_subscription(
            store=services_around(services, ended_before).stores.of(tenant_id=counter.shop.tenant.tenant_id),
            subscription_id=named,
            change=SubscriptionChange(state=SubscriptionState.TERMINATED, ends_on=date(2026, 11, 21)),
            if_match=None,
            at=at,
            note=AuditNote("system", "subscription.changed", named, at),
        )

    assert credited(counter, subscriber) == [100_000]
