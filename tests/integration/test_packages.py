"""Packages over HTTP, on the engine."""

from __future__ import annotations

import pytest

from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.shop import Item, Shop, created, if_match, ok, package_body


@pytest.fixture
def shop(signed_in: SignedIn, services: EngineServices) -> Shop:
    return Shop(signed_in, services)


def package_items(shop: Shop) -> list[Item]:
    return [item for item in shop.items("PKG") if item["pk"]["S"].endswith("#PKG")]


def test_a_package_is_created_read_and_listed(shop: Shop) -> None:
    api = shop.tenant.api
    reply = api.post(
        "/v1/packages", json=package_body(name="  Home   20  ", cycle="quarter", timing="arrears")
    )

    package = created(reply)
    assert package == {
        "package_id": package["package_id"],
        "name": "Home 20",
        "price": {"amount": 310_000, "currency": "PKR"},
        "cycle": {"unit": "month", "count": 3},
        "timing": "arrears",
        "download_kbps": 20_000,
        "upload_kbps": 10_000,
        "tax_group": None,
        "kind": "service",
        "edition": 1,
        "moves_existing_on": None,
        "phases": [],
        "bundle": [],
        "activation_fee": {"amount": 0, "currency": "PKR"},
        "deposit": {"amount": 0, "currency": "PKR"},
        "pause_share": 0,
        "refund": "none",
        "cap": None,
        "valid_minutes": None,
        "top_up_mib": None,
        "state": "active",
        "created_at": package["created_at"],
        "version": 1,
    }
    assert reply.headers["ETag"] == '"1"'
    assert ok(api.get(f"/v1/packages/{package['package_id']}")) == package
    assert ok(api.get("/v1/packages")) == {"items": [package], "next_cursor": None}


@pytest.mark.parametrize(
    ("cycle", "stored"),
    [
        ("day", {"unit": "day", "count": 1}),
        ("week", {"unit": "week", "count": 1}),
        ("month", {"unit": "month", "count": 1}),
        ("half_year", {"unit": "month", "count": 6}),
        ("year", {"unit": "month", "count": 12}),
        ({"unit": "week", "count": 2}, {"unit": "week", "count": 2}),
    ],
)
def test_a_cycle_is_named_or_counted(shop: Shop, cycle: object, stored: object) -> None:
    assert shop.package(cycle=cycle)["cycle"] == stored


BAD_PACKAGES: dict[str, tuple[dict[str, object], str, str]] = {
    "a negative price": ({"price": {"amount": -1, "currency": "PKR"}}, "invalid_value", "price.amount"),
    "an absurd price": ({"price": {"amount": 10**12, "currency": "PKR"}}, "invalid_price", "price.amount"),
    "a price beyond 64 bits": (
        {"price": {"amount": 10**30, "currency": "PKR"}},
        "invalid_value",
        "price.amount",
    ),
    "a price in text": ({"price": {"amount": "5", "currency": "PKR"}}, "invalid_type", "price.amount"),
    "a price with a fraction": (
        {"price": {"amount": 1.5, "currency": "PKR"}},
        "invalid_type",
        "price.amount",
    ),
    "a foreign currency": (
        {"price": {"amount": 1, "currency": "USD"}},
        "currency_mismatch",
        "price.currency",
    ),
    "no currency": ({"price": {"amount": 1, "currency": "rupees"}}, "invalid_value", "price.currency"),
    "an unknown field": ({"colour": "red"}, "unknown_field", "colour"),
    "an unknown cycle": ({"cycle": "fortnight"}, "invalid_value", "cycle"),
    "an endless cycle": ({"cycle": {"unit": "month", "count": 37}}, "invalid_value", "cycle.count"),
    "a cycle of no kind": ({"cycle": 5}, "invalid_type", "cycle"),
    "an unknown timing": ({"timing": "whenever"}, "invalid_value", "timing"),
    "no speed": ({"download_kbps": 0}, "invalid_value", "download_kbps"),
    "light speed": ({"upload_kbps": 10**9}, "invalid_value", "upload_kbps"),
    "an unknown tax group": ({"tax_group": "luxury"}, "unknown_tax_group", "tax_group"),
    "a blank name": ({"name": "   "}, "invalid_value", "name"),
    "a long name": ({"name": "x" * 81}, "invalid_value", "name"),
    "a name with a card number": (
        {"name": "pay to 4111 1111 1111 1111"},
        "card_number_refused",
        "name",
    ),
}


@pytest.mark.parametrize("what", BAD_PACKAGES)
def test_a_package_that_cannot_be_sold_is_refused_and_nothing_changes(shop: Shop, what: str) -> None:
    changes, code, param = BAD_PACKAGES[what]

    reply = shop.tenant.api.post("/v1/packages", json=package_body(**changes))

    assert reply.problem == (422, code, param)
    assert package_items(shop) == []


def test_a_tax_group_of_the_tenant_may_be_named_and_taken_off(shop: Shop) -> None:
    api = shop.tenant.api
    rows = [{"starts_on": "2020-01-01", "components": []}]
    ok(
        api.put(
            "/v1/tenant/tax-groups/internet", json={"name": "x", "rows": rows}, headers={"If-Match": '"2"'}
        )
    )

    package = shop.package(tax_group="internet")
    path = f"/v1/packages/{package['package_id']}"
    untaxed = ok(api.patch(path, json={"tax_group": None}, headers=if_match(package)))

    assert (package["tax_group"], untaxed["tax_group"]) == ("internet", None)


def test_a_package_changes_by_the_version_that_was_read(shop: Shop) -> None:
    api, package = shop.tenant.api, shop.package()
    path = f"/v1/packages/{package['package_id']}"
    change = {"name": "Home 30", "price": {"amount": 1, "currency": "PKR"}, "download_kbps": 30_000}

    changed = ok(api.patch(path, json=change, headers=if_match(package)))

    assert changed == {**package, **change, "edition": 2, "version": 2}
    assert ok(api.get(path)) == changed
    assert api.patch(path, json={"name": "Late"}, headers=if_match(package)).problem == (
        412,
        "stale_version",
        "If-Match",
    )
    assert api.patch(path, json={"name": "Blind"}).problem == (428, "precondition_required", "If-Match")
    assert ok(api.get(path)) == changed


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({}, "invalid_value", None),
        ({"name": None}, "invalid_type", "name"),
        ({"cycle": "year"}, "cycle_fixed", "cycle"),
        ({"timing": "arrears"}, "timing_fixed", "timing"),
        ({"kind": "addon"}, "kind_fixed", "kind"),
        ({"price": {"amount": 1, "currency": "USD"}}, "currency_mismatch", "price.currency"),
        ({"price": {"amount": 10**12, "currency": "PKR"}}, "invalid_price", "price.amount"),
        ({"tax_group": "luxury"}, "unknown_tax_group", "tax_group"),
    ],
)
def test_a_bad_change_is_refused_and_nothing_changes(
    shop: Shop, change: dict[str, object], code: str, param: str | None
) -> None:
    package = shop.package()
    path = f"/v1/packages/{package['package_id']}"

    reply = shop.tenant.api.patch(path, json=change, headers=if_match(package))

    assert reply.problem == (422, code, param)
    assert ok(shop.tenant.api.get(path)) == package


def test_names_are_unique_whatever_case_and_blanks_and_free_again_after_a_change(shop: Shop) -> None:
    api, package = shop.tenant.api, shop.package(name="Home 20")

    taken = api.post("/v1/packages", json=package_body(name="HOME  20"))
    assert taken.problem == (409, "package_name_taken", "name")

    path = f"/v1/packages/{package['package_id']}"
    ok(api.patch(path, json={"name": "Home 25"}, headers=if_match(package)))
    shop.package(name="home 20")


def test_archived_and_back(shop: Shop) -> None:
    api, package = shop.tenant.api, shop.package()
    path = f"/v1/packages/{package['package_id']}"

    archived = ok(api.post(f"{path}/archive"))
    again = ok(api.post(f"{path}/archive"))
    back = ok(api.post(f"{path}/unarchive"))

    assert (archived["state"], archived["version"]) == ("archived", 2)
    assert again == archived
    assert (back["state"], back["version"]) == ("active", 3)
    assert api.post(f"{path}/archive", headers={"If-Match": '"1"'}).status == 412


def test_the_same_key_creates_one_package_and_another_body_is_refused(shop: Shop) -> None:
    api, body = shop.tenant.api, package_body()
    key = {"Idempotency-Key": "create-home-20"}

    first = api.post("/v1/packages", json=body, headers=key)
    second = api.post("/v1/packages", json=body, headers=key)
    other = api.post("/v1/packages", json=package_body(), headers=key)

    assert second.body == first.body
    assert second.status == 201
    assert other.problem == (422, "idempotency_key_reused", "Idempotency-Key")
    assert len(package_items(shop)) == 1


def test_pages_of_none_one_and_many(shop: Shop) -> None:
    api = shop.tenant.api
    assert ok(api.get("/v1/packages?limit=1")) == {"items": [], "next_cursor": None}
    ids = [shop.package()["package_id"]]
    assert ok(api.get("/v1/packages?limit=1"))["next_cursor"] is None
    ids += [shop.package()["package_id"] for _ in range(4)]

    seen: list[str] = []
    cursor = ""
    while True:
        page = ok(api.get(f"/v1/packages?limit=2{cursor}"))
        seen += [item["package_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert sorted(seen) == sorted(ids)
    assert len(seen) == 5


@pytest.mark.parametrize(
    "package_id", ["pkg_01JD0000000000000000000000", "pkg_x", "x" * 3000, "pkg_%00", "%2F", "ünïcode"]
)
def test_what_is_no_package_is_absent(shop: Shop, package_id: str) -> None:
    for method, path in (("GET", ""), ("POST", "/archive"), ("POST", "/unarchive")):
        assert shop.tenant.api.request(method, f"/v1/packages/{package_id}{path}").status == 404


def test_another_tenants_package_is_absent(shop: Shop, other_tenant: SignedIn) -> None:
    package = shop.package()
    path = f"/v1/packages/{package['package_id']}"
    api = other_tenant.api

    assert api.get(path).problem == (404, "not_found", "package_id")
    assert api.patch(path, json={"name": "Mine"}, headers={"If-Match": '"1"'}).status == 404
    assert api.post(f"{path}/archive").status == 404
    assert ok(api.get("/v1/packages"))["items"] == []
    assert ok(shop.tenant.api.get(path)) == package
