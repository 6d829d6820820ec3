"""Terms and editions of packages over HTTP, on the engine."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn, sign_up_and_in
from tests.integration.shop import Item, Shop, created, if_match, ok, package_body

NOON = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)


@pytest.fixture
def shop(signed_in: SignedIn, services: EngineServices) -> Shop:
    return Shop(signed_in, services)


def money(amount: int, currency: str = "PKR") -> Item:
    return {"amount": amount, "currency": currency}


def cap(**changes: object) -> Item:
    return {"included_mib": 1024, "action": "block", **changes}


FAIR = {"fair_use_down_kbps": 1_000, "fair_use_up_kbps": 500}
PARTS = [{"name": "Internet", "weight": 3, "tax_group": "internet"}, {"name": "TV", "weight": 1}]
PHASES = [
    {"name": "Trial", "periods": 1, "price": money(0)},
    {"name": "Welcome", "periods": 2, "price": money(100_000)},
]


def with_tax_group(shop: Shop) -> None:
    rows = [{"starts_on": "2020-01-01", "components": []}]
    body = {"name": "Internet", "rows": rows}
    ok(shop.tenant.api.put("/v1/tenant/tax-groups/internet", json=body, headers={"If-Match": '"2"'}))


def test_every_term_is_kept_as_it_was_given(shop: Shop) -> None:
    with_tax_group(shop)
    terms = {
        "tax_group": "internet",
        "phases": PHASES,
        "bundle": PARTS,
        "activation_fee": money(50_000),
        "deposit": money(200_000),
        "pause_share": 250_000,
        "refund": "by_day",
        "cap": cap(action="charge", rollover=True, overage_per_gib=money(2_500)),
    }

    package = shop.package(**terms)

    kept = {
        **terms,
        "bundle": [{"tax_group": None, **part} for part in PARTS],
        "cap": {
            **cap(action="charge", rollover=True, overage_per_gib=money(2_500)),
            "fair_use_down_kbps": None,
            "fair_use_up_kbps": None,
        },
    }
    assert {name: package[name] for name in terms} == kept
    assert ok(shop.tenant.api.get(f"/v1/packages/{package['package_id']}")) == package


def test_packages_of_each_kind(shop: Shop) -> None:
    assert shop.package(kind="addon", price=money(0))["kind"] == "addon"
    day = shop.package(kind="prepaid", valid_minutes=24 * 60, cap=cap(action="fair_use", **FAIR))
    assert (day["kind"], day["valid_minutes"], day["cap"]["fair_use_down_kbps"]) == ("prepaid", 1440, 1_000)
    assert shop.package(kind="top_up", top_up_mib=5 * 1024)["top_up_mib"] == 5 * 1024


BAD_TERMS: dict[str, tuple[Item, str, str]] = {
    "six phases": ({"phases": [PHASES[1]] * 6}, "invalid_value", "phases"),
    "a phase of no period": ({"phases": [{**PHASES[0], "periods": 0}]}, "invalid_value", "phases.0.periods"),
    "a phase for ever": ({"phases": [{**PHASES[0], "periods": 61}]}, "invalid_value", "phases.0.periods"),
    "a phase that pays": (
        {"phases": [{**PHASES[0], "price": money(-1)}]},
        "invalid_value",
        "phases.0.price.amount",
    ),
    "a phase in dollars": (
        {"phases": [PHASES[0], {**PHASES[1], "price": money(1, "USD")}]},
        "currency_mismatch",
        "phases.1.price.currency",
    ),
    "a phase beyond price": (
        {"phases": [{**PHASES[0], "price": money(10**12)}]},
        "invalid_price",
        "phases.0.price.amount",
    ),
    "a bundle of one": ({"bundle": PARTS[1:]}, "invalid_terms", "bundle"),
    "a bundle of eleven": ({"bundle": [PARTS[1]] * 11}, "invalid_value", "bundle"),
    "a weightless part": (
        {"bundle": [PARTS[1], {**PARTS[1], "weight": 0}]},
        "invalid_value",
        "bundle.1.weight",
    ),
    "a part of no group": ({"bundle": [PARTS[1], PARTS[0]]}, "unknown_tax_group", "bundle.1.tax_group"),
    "a negative fee": ({"activation_fee": money(-1)}, "invalid_value", "activation_fee.amount"),
    "an absurd fee": ({"activation_fee": money(10**12)}, "invalid_price", "activation_fee.amount"),
    "a deposit in dollars": ({"deposit": money(1, "USD")}, "currency_mismatch", "deposit.currency"),
    "more than all while paused": ({"pause_share": 1_000_001}, "invalid_value", "pause_share"),
    "less than nothing while paused": ({"pause_share": -1}, "invalid_value", "pause_share"),
    "an unknown refund": ({"refund": "perhaps"}, "invalid_value", "refund"),
    "fair use at no speed": ({"cap": cap(action="fair_use")}, "invalid_terms", "cap.fair_use_down_kbps"),
    "fair use one way": (
        {"cap": cap(action="fair_use", fair_use_down_kbps=1)},
        "invalid_terms",
        "cap.fair_use_up_kbps",
    ),
    "a speed of nothing": ({"cap": cap(**FAIR)}, "invalid_terms", "cap.fair_use_down_kbps"),
    "a negative cap": ({"cap": cap(included_mib=-1)}, "invalid_value", "cap.included_mib"),
    "more at no price": ({"cap": cap(action="charge")}, "invalid_terms", "cap.overage_per_gib"),
    "a price of what is blocked": (
        {"cap": cap(overage_per_gib=money(1))},
        "invalid_terms",
        "cap.overage_per_gib",
    ),
    "more in dollars": (
        {"cap": cap(action="charge", overage_per_gib=money(1, "USD"))},
        "currency_mismatch",
        "cap.overage_per_gib.currency",
    ),
    "minutes of a service": ({"valid_minutes": 60}, "invalid_terms", "valid_minutes"),
    "a prepaid minute": ({"kind": "prepaid", "valid_minutes": 59}, "invalid_value", "valid_minutes"),
    "a prepaid age": ({"kind": "prepaid", "valid_minutes": 1_054_081}, "invalid_value", "valid_minutes"),
    "a prepaid trial": ({"kind": "prepaid", "phases": PHASES}, "invalid_terms", "phases"),
    "a top-up of nothing": ({"kind": "top_up"}, "invalid_terms", "top_up_mib"),
    "a top-up with a cap": ({"kind": "top_up", "top_up_mib": 1, "cap": cap()}, "invalid_terms", "cap"),
    "a service that tops up": ({"top_up_mib": 1}, "invalid_terms", "top_up_mib"),
    "a card number for a phase": (
        {"phases": [{**PHASES[0], "name": "4111 1111 1111 1111"}]},
        "card_number_refused",
        "phases.0.name",
    ),
}


@pytest.mark.parametrize("what", BAD_TERMS)
def test_bad_terms_are_refused_and_nothing_changes(shop: Shop, what: str) -> None:
    changes, code, param = BAD_TERMS[what]
    good = shop.package()
    path = f"/v1/packages/{good['package_id']}"

    assert shop.tenant.api.post("/v1/packages", json=package_body(**changes)).problem == (422, code, param)
    if "kind" not in changes:
        assert shop.tenant.api.patch(path, json=changes, headers=if_match(good)).problem == (422, code, param)

    assert ok(shop.tenant.api.get("/v1/packages"))["items"] == [good]
    assert ok(shop.tenant.api.get(f"{path}/editions"))["items"] == [good]


def change(shop: Shop, package: Item, **changes: object) -> Item:
    path = f"/v1/packages/{package['package_id']}"
    return ok(shop.tenant.api.patch(path, json=changes, headers=if_match(package)))


def editions(shop: Shop, package: Item) -> list[Item]:
    found: list[Item] = ok(shop.tenant.api.get(f"/v1/packages/{package['package_id']}/editions"))["items"]
    return found


def test_price_and_terms_make_editions_and_name_and_speeds_do_not(shop: Shop) -> None:
    first = shop.package()
    renamed = change(shop, first, name="Home 30", download_kbps=30_000)
    assert renamed["edition"] == 1
    assert editions(shop, renamed) == [renamed]

    dearer = change(shop, renamed, price=money(320_000))
    capped = change(shop, dearer, cap=cap())
    same = change(shop, capped, cap=cap(), price=money(320_000))
    free = change(shop, same, cap=None)

    assert [one["edition"] for one in (dearer, capped, same, free)] == [2, 3, 3, 4]
    assert editions(shop, free) == [renamed, dearer, same, free]
    archived = ok(shop.tenant.api.post(f"/v1/packages/{first['package_id']}/archive"))
    assert editions(shop, free) == [renamed, dearer, same, archived]


def test_editions_of_what_is_no_package_of_mine(shop: Shop, other_tenant: SignedIn) -> None:
    package = shop.package()
    change(shop, package, price=money(1))
    path = f"/v1/packages/{package['package_id']}/editions"

    assert other_tenant.api.get(path).problem == (404, "not_found", "package_id")
    assert shop.tenant.api.get("/v1/packages/pkg_x/editions").problem == (404, "not_found", "package_id")


def test_existing_subscriptions_move_on_a_date_that_no_run_has_started_for(shop: Shop) -> None:
    package = shop.package()
    today = date.fromisoformat(ok(shop.tenant.api.get("/v1/billing"))["started_through"])
    path = f"/v1/packages/{package['package_id']}"
    first_open = today + timedelta(days=1)

    def move(read: Item, on: str | None, **changes: object) -> Reply:
        body = {"moves_existing_on": on, **changes}
        return shop.tenant.api.patch(path, json=body, headers=if_match(read))

    price = money(320_000)
    nobody = (422, "invalid_move", "moves_existing_on")
    assert move(package, first_open.isoformat()).problem == nobody
    assert move(package, today.isoformat(), price=price).problem == nobody
    assert move(package, "9999-12-31", price=price).problem == nobody
    assert move(package, "2026-02-30", price=price).status == 422
    assert editions(shop, package) == [package]

    second = ok(move(package, first_open.isoformat(), price=price))
    assert (second["edition"], second["moves_existing_on"]) == (2, first_open.isoformat())
    back = ok(move(second, None))
    assert (back["edition"], back["moves_existing_on"], back["version"]) == (2, None, 3)


@pytest.fixture
def december(clock: FakeClock, api: ApiClient, services: EngineServices) -> Shop:
    """A shop that signed up on 1 December 2026, at noon."""
    clock.set(NOON)
    return Shop(sign_up_and_in(api, services), services)


def bill_through(shop: Shop, clock: FakeClock, day: date) -> None:
    clock.set(datetime(day.year, day.month, day.day, 7, 0, tzinfo=UTC))
    shop.bill(clock.now())
    shop.sign_in_again()


def test_what_was_sold_keeps_its_price_until_it_is_moved(december: Shop, clock: FakeClock) -> None:
    shop = december
    package = shop.package(price=money(310_000))
    before, after = shop.subscriber(), shop.subscriber()
    shop.subscribe(before, package)
    dearer = change(shop, package, price=money(400_000))
    sold = shop.subscribe(after, dearer)
    assert sold["edition"] == 2

    bill_through(shop, clock, date(2027, 1, 2))
    package = ok(shop.tenant.api.get(f"/v1/packages/{package['package_id']}"))
    change(shop, package, price=money(500_000), moves_existing_on="2027-02-01")
    bill_through(shop, clock, date(2027, 2, 2))

    assert [one["net"]["amount"] for one in shop.invoices(before)] == [310_000, 310_000, 500_000]
    assert [one["net"]["amount"] for one in shop.invoices(after)] == [400_000, 400_000, 500_000]
    lines = shop.tenant.api.get(f"/v1/invoices/{shop.invoices(before)[0]['invoice_id']}").json
    assert lines["lines"][0]["description"] == package["name"]


def test_a_trial_then_a_discount_then_the_price(december: Shop, clock: FakeClock) -> None:
    shop, subscriber = december, december.subscriber()
    shop.subscribe(subscriber, shop.package(price=money(310_000), phases=PHASES))

    bill_through(shop, clock, date(2027, 5, 2))

    amounts = [one["net"]["amount"] for one in shop.invoices(subscriber)]
    assert amounts == [0, 100_000, 100_000, 310_000, 310_000, 310_000]


def test_the_same_key_changes_nothing_twice(shop: Shop) -> None:
    body = package_body(phases=PHASES)
    key = {"Idempotency-Key": "phased"}
    first = shop.tenant.api.post("/v1/packages", json=body, headers=key)
    again = shop.tenant.api.post("/v1/packages", json=body, headers=key)
    assert created(first) == again.json
