"""Data used, topped up and charged, over HTTP and through billing runs on the engine."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

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
    sold,
    told,
    top_up,
    wake,
)
from tests.integration.conftest import EngineServices, SignedIn, sign_up_and_in
from tests.integration.shop import Item, Shop, created, if_match, ok

NOON = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)


@pytest.fixture
def shop(clock: FakeClock, api: ApiClient, services: EngineServices) -> Shop:
    """A shop that signed up on 1 December 2026, at noon."""
    clock.set(NOON)
    return Shop(sign_up_and_in(api, services), services)


def test_usage_counts_up_to_the_cap_and_then_service_is_slow(shop: Shop) -> None:
    line = sold(shop, cap=cap(action="fair_use", fair_use_down_kbps=1_000, fair_use_up_kbps=500))
    fresh = ok(shop.tenant.api.get(path(line)))
    assert fresh == {
        "subscription_id": line["subscription_id"],
        "period_start": "2026-12-01",
        "period_end": "2027-01-01",
        "up_mib": 0,
        "down_mib": 0,
        "used_mib": 0,
        "included_mib": 1_024,
        "carried_mib": 0,
        "topped_up_mib": 0,
        "left_mib": 1_024,
        "over_mib": 0,
        "overage": money(0),
        "state": "allowed",
        "download_kbps": 20_000,
        "upload_kbps": 10_000,
        "closed": False,
    }

    ok(record(shop, line, "a", 1_000, up_mib=23))
    slow = ok(record(shop, line, "b", 2))

    assert told(slow, "used_mib", "left_mib", "state", "download_kbps", "upload_kbps") == (
        1_025,
        0,
        "fair_use",
        1_000,
        500,
    )
    assert ok(shop.tenant.api.get(path(line))) == slow


def test_a_record_counts_once_and_another_of_its_name_is_refused(shop: Shop) -> None:
    line = sold(shop, cap=cap())

    once, again = ok(record(shop, line, "a", 10)), ok(record(shop, line, "a", 10))
    other = record(shop, line, "a", 11)

    assert once == again
    assert other.problem == (422, "record_id_reused", "record_id")
    assert ok(shop.tenant.api.get(path(line)))["used_mib"] == 10


def test_usage_without_a_cap_is_counted_and_never_stops_service(shop: Shop) -> None:
    line = sold(shop)
    used = ok(record(shop, line, "a", 2**30))
    assert told(used, "used_mib", "included_mib", "left_mib", "state") == (2**30, None, None, "allowed")
    pack = shop.package(kind="top_up", top_up_mib=1_024)
    assert top_up(shop, line, pack).problem == (409, "nothing_to_top_up", "subscription_id")


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"down_mib": -1}, "invalid_value", "down_mib"),
        ({"down_mib": 2**30 + 1}, "invalid_value", "down_mib"),
        ({"down_mib": 1.5}, "invalid_type", "down_mib"),
        ({"record_id": ""}, "invalid_value", "record_id"),
        ({"record_id": "a b"}, "invalid_value", "record_id"),
        ({"record_id": "a\n"}, "invalid_value", "record_id"),
        ({"record_id": "x" * 81}, "invalid_value", "record_id"),
        ({"used_at": "2026-12-03T00:00:00+05:00"}, "usage_in_future", "used_at"),
        ({"used_at": "0001-01-01T00:00:00+14:00"}, "no_service", "used_at"),
        ({"used_at": "9999-12-31T23:59:59+00:00"}, "usage_in_future", "used_at"),
        ({"used_at": "2026-11-30T23:59:59+05:00"}, "no_service", "on"),
        ({"used_at": "2026-12-01T00:00:00"}, "invalid_value", "used_at"),
    ],
)
def test_a_bad_record_is_refused_and_nothing_is_counted(
    shop: Shop, changes: Item, code: str, param: str
) -> None:
    line = sold(shop, cap=cap())

    assert record(shop, line, **{"record_id": "a", "down_mib": 1, **changes}).problem == (422, code, param)

    assert ok(shop.tenant.api.get(path(line)))["used_mib"] == 0


def test_usage_of_what_is_no_subscription_of_mine(shop: Shop, other_tenant: SignedIn) -> None:
    line = sold(shop, cap=cap())
    other = Shop(other_tenant, shop.services)
    for whose, line_ in ((other, line), (shop, {"subscription_id": "sbn_x"})):
        assert record(whose, line_, "a", 1).problem == (404, "not_found", "subscription_id")
        assert whose.tenant.api.get(path(line_)).problem == (404, "not_found", "subscription_id")
        assert close(whose, line_, "2026-12-01").problem == (404, "not_found", "subscription_id")
    assert ok(shop.tenant.api.get(path(line)))["used_mib"] == 0


def test_a_top_up_restores_service_and_is_on_the_next_invoice_once(shop: Shop, clock: FakeClock) -> None:
    subscriber, pack = shop.subscriber(), shop.package(kind="top_up", top_up_mib=500, price=money(9_900))
    line = shop.subscribe(subscriber, shop.package(cap=cap()))
    go_to(shop, clock, date(2026, 12, 1))
    assert ok(record(shop, line, "a", 1_200))["state"] == "blocked"

    first, again = top_up(shop, line, pack), top_up(shop, line, pack)
    assert created(first) == again.json
    assert told(first.json, "topped_up_mib", "left_mib", "state") == (500, 324, "allowed")
    assert told(created(top_up(shop, line, pack, "t2")), "topped_up_mib") == (1_000,)
    go_to(shop, clock, date(2027, 1, 2))

    amounts = [[one["net"] for one in read(shop, i)["lines"]] for i in shop.invoices(subscriber)]
    assert sorted(map(sorted, amounts)) == [[9_900, 9_900], [310_000], [310_000]]


def test_what_cannot_be_bought_as_a_top_up(shop: Shop) -> None:
    line = sold(shop, cap=cap())
    pack = shop.package(kind="top_up", top_up_mib=500)
    shop.change(line, state="suspended")
    assert top_up(shop, line, pack).problem == (409, "nothing_to_top_up", "subscription_id")
    shop.change(line, state="active")
    assert top_up(shop, line, shop.package(), "a").problem == (422, "not_a_top_up", "package_id")
    nothing = {"package_id": "pkg_x"}
    assert top_up(shop, line, nothing, "b").problem == (422, "unknown_top_up", "package_id")
    ok(shop.tenant.api.post(f"/v1/packages/{pack['package_id']}/archive"))
    assert top_up(shop, line, pack, "c").problem == (409, "package_archived", "package_id")
    assert ok(shop.tenant.api.get(path(line)))["topped_up_mib"] == 0


def test_a_period_closed_by_hand_is_closed_once_charged_once_and_carries_over(
    shop: Shop, clock: FakeClock
) -> None:
    subscriber = shop.subscriber()
    line = shop.subscribe(subscriber, shop.package(cap=CHARGED))
    ok(record(shop, line, "a", 24))
    assert close(shop, line, "2026-12-01").problem == (409, "usage_period_open", "period_start")
    wake(shop, clock, date(2027, 1, 3))
    ok(record(shop, line, "late", 100, used_at="2026-12-31T23:00:00+05:00"))
    ok(record(shop, line, "b", 3_000))
    assert ok(shop.tenant.api.get(path(line)))["carried_mib"] == 900
    wake(shop, clock, date(2027, 2, 2))

    assert close(shop, line, "2027-01-01").problem == (409, "usage_period_open", "period_start")
    assert close(shop, line, "2026-12-02").problem == (422, "not_a_period", "period_start")
    december = ok(close(shop, line, "2026-12-01"))
    january = ok(close(shop, line, "2027-01-01"))
    assert told(december, "over_mib", "closed") == (0, True)
    # 3,000 of 900 carried and 1,024 included: 1,076 more, at 25.00 a GiB.
    assert told(january, "carried_mib", "over_mib", "overage") == (900, 1_076, money(2_627))
    assert ok(close(shop, line, "2027-01-01", "another")) == january
    assert ok(close(shop, line, "2027-01-01")) == january
    refused = record(shop, line, "c", 1, used_at="2027-01-31T10:00:00+05:00")
    assert refused.problem == (409, "usage_period_closed", None)

    go_to(shop, clock, date(2027, 3, 2))
    lines = [one for invoice in shop.invoices(subscriber) for one in read(shop, invoice)["lines"]]
    assert [one["net"] for one in lines if one["net"] != 310_000] == [2_627]


def test_usage_of_an_ended_subscription_is_that_of_its_last_period(shop: Shop, clock: FakeClock) -> None:
    line = sold(shop, cap=CHARGED)
    ok(record(shop, line, "a", 5_120))
    shop.change(line, state="terminated", ends_on="2026-12-10")
    go_to(shop, clock, date(2026, 12, 12))

    shown = ok(shop.tenant.api.get(path(line)))
    assert told(shown, "period_end", "over_mib") == ("2026-12-10", 4_096)
    assert ok(close(shop, line, "2026-12-01"))["overage"] == money(10_000)


def test_a_new_edition_caps_only_whom_it_moves(shop: Shop) -> None:
    package = shop.package(cap=cap())
    line = shop.subscribe(shop.subscriber(), package)
    more = {"cap": cap(2_048), "moves_existing_on": "2027-01-01", "download_kbps": 50_000}
    ok(shop.tenant.api.patch(f"/v1/packages/{package['package_id']}", json=more, headers=if_match(package)))

    assert told(ok(shop.tenant.api.get(path(line))), "included_mib", "download_kbps") == (1_024, 50_000)
