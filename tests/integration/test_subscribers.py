"""Subscribers over HTTP, on the engine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.shop import Item, Shop, created, if_match, item_bytes, ok, subscriber_body

PERSON: Item = {
    "name": "Zubaida Qureshi",
    "email": "Zubaida.Qureshi@mail.example",
    "phone": "+92 300 7654321",
    "address": "House 12, Street 7, Gulberg III",
    "national_id": "35202-7654321-8",
    "tax_id": "7654321-8",
    "note": "Gate code 4711\nCall before",
}


@pytest.fixture
def shop(signed_in: SignedIn, services: EngineServices) -> Shop:
    return Shop(signed_in, services)


def codes(shop: Shop, query: str = "") -> list[str]:
    return [row["code"] for row in ok(shop.tenant.api.get(f"/v1/subscribers{query}"))["items"]]


def found(shop: Shop, text: str) -> list[str]:
    """The codes of whom a search finds."""
    reply = shop.tenant.api.post("/v1/subscriber-searches", json={"text": text})
    return [row["code"] for row in ok(reply)["items"]]


def path_of(subscriber: Item) -> str:
    return f"/v1/subscribers/{subscriber['subscriber_id']}"


# -- create, read, change -------------------------------------------------------------------


def test_a_subscriber_is_created_read_and_listed(shop: Shop) -> None:
    api = shop.tenant.api
    reply = api.post("/v1/subscribers", json={"code": "LHR-1", "area": " Gulberg  III ", **PERSON})

    subscriber = created(reply)
    assert subscriber == {
        "subscriber_id": subscriber["subscriber_id"],
        "code": "LHR-1",
        "area": "Gulberg III",
        "dealer_id": "",
        **PERSON,
        "consolidated": None,
        "status": "new",
        "archived": False,
        "balance": {"amount": 0, "currency": "PKR"},
        "subscriptions": [],
        "created_at": subscriber["created_at"],
        "version": 1,
    }
    assert reply.headers["ETag"] == '"1"'
    assert ok(api.get(path_of(subscriber))) == subscriber
    assert ok(api.get("/v1/subscribers"))["items"] == [
        {
            "subscriber_id": subscriber["subscriber_id"],
            "code": "LHR-1",
            "name": "Zubaida Qureshi",
            "area": "Gulberg III",
            "dealer_id": "",
            "status": "new",
            "archived": False,
            "package_ids": [],
        }
    ]


def test_a_code_is_all_that_a_subscriber_needs(shop: Shop) -> None:
    subscriber = shop.subscriber()

    assert {subscriber[field] for field in PERSON} == {""}


BAD_SUBSCRIBERS: dict[str, tuple[Item, str, str | None]] = {
    "no code": ({"code": " "}, "invalid_code", "code"),
    "a long code": ({"code": "x" * 41}, "invalid_value", "code"),
    "a code with a delimiter": ({"code": "a#b"}, "invalid_code", "code"),
    "a code of another script": ({"code": "گاہک"}, "invalid_code", "code"),
    "a formula for a code": ({"code": "=cmd"}, "invalid_code", "code"),
    "a bad email": ({"email": "nobody"}, "invalid_email", "email"),
    "a phone of four digits": ({"phone": "1234"}, "invalid_contact", "phone"),
    "a phone of letters": ({"phone": "call me"}, "invalid_contact", "phone"),
    "a national id of dashes": ({"national_id": "---"}, "invalid_contact", "national_id"),
    "a long name": ({"name": "x" * 121}, "invalid_value", "name"),
    "a name with a control character": ({"name": "a\u0007b"}, "invalid_value", "name"),
    "a note with a control character": ({"note": "a\u0000b"}, "invalid_contact", "note"),
    "a card number": ({"note": "card 4111-1111-1111-1111"}, "card_number_refused", "note"),
    "an unknown field": ({"colour": "red"}, "unknown_field", "colour"),
    "null": ({"name": None}, "invalid_type", "name"),
    "a number": ({"phone": 3001234567}, "invalid_type", "phone"),
    "a balance": ({"balance": 5}, "unknown_field", "balance"),
}


@pytest.mark.parametrize("what", BAD_SUBSCRIBERS)
def test_bad_data_is_refused_and_nothing_changes(shop: Shop, what: str) -> None:
    changes, code, param = BAD_SUBSCRIBERS[what]

    reply = shop.tenant.api.post("/v1/subscribers", json=subscriber_body(**changes))

    assert reply.problem == (422, code, param)
    assert shop.items("A#") == shop.items("DIR") == []


def test_a_lone_surrogate_is_refused(shop: Shop) -> None:
    body = b'{"code": "C1", "name": "\\ud800"}'
    reply = shop.tenant.api.post("/v1/subscribers", body=body, headers={"Content-Type": "application/json"})

    assert reply.status in {400, 422}
    assert shop.items("DIR") == []


def test_codes_are_unique_whatever_their_case(shop: Shop) -> None:
    shop.subscriber(code="LHR-1")

    reply = shop.tenant.api.post("/v1/subscribers", json={"code": "lhr-1"})

    assert reply.problem == (409, "code_taken", "code")
    assert len(shop.items("DIR")) == 1


def test_of_eight_at_once_with_one_code_exactly_one_is_created(shop: Shop) -> None:
    def create(_: int) -> int:
        return shop.tenant.api.post("/v1/subscribers", json={"code": "RACE-1"}).status

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(create, range(8)))

    assert statuses == [201, *[409] * 7]
    assert len(shop.items("A#")) == 2


def test_a_subscriber_changes_by_the_version_that_was_read(shop: Shop) -> None:
    api, subscriber = shop.tenant.api, shop.subscriber(**PERSON)
    change = {"name": "Zubaida Khan", "area": "Model Town", "phone": "", "note": ""}

    changed = ok(api.patch(path_of(subscriber), json=change, headers=if_match(subscriber)))

    assert changed == {**subscriber, **change, "version": 2}
    assert ok(api.get(path_of(subscriber))) == changed
    stale = api.patch(path_of(subscriber), json={"name": "Late"}, headers=if_match(subscriber))
    assert stale.problem == (412, "stale_version", "If-Match")
    assert api.patch(path_of(subscriber), json={"name": "Blind"}).status == 428
    assert ok(api.get(path_of(subscriber))) == changed


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({}, "invalid_value", None),
        ({"name": None}, "invalid_type", "name"),
        ({"code": ""}, "invalid_value", "code"),
        ({"email": "nobody"}, "invalid_email", "email"),
        ({"archived": True}, "unknown_field", "archived"),
    ],
)
def test_a_bad_change_is_refused_and_nothing_changes(
    shop: Shop, change: Item, code: str, param: str | None
) -> None:
    subscriber = shop.subscriber(**PERSON)

    reply = shop.tenant.api.patch(path_of(subscriber), json=change, headers=if_match(subscriber))

    assert reply.problem == (422, code, param)
    assert ok(shop.tenant.api.get(path_of(subscriber))) == subscriber


def test_of_two_changes_of_one_version_one_wins(shop: Shop) -> None:
    subscriber = shop.subscriber()

    def rename(name: str) -> int:
        body = {"name": name}
        return shop.tenant.api.patch(path_of(subscriber), json=body, headers=if_match(subscriber)).status

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(rename, ["a", "b", "c", "d"]))

    assert statuses == [200, 412, 412, 412]


def test_a_new_code_takes_the_row_and_the_search_along_and_frees_the_old(shop: Shop) -> None:
    api = shop.tenant.api
    subscriber = shop.subscriber(code="OLD-1", **PERSON)
    subscription = shop.subscribe(subscriber, shop.package())

    changed = ok(api.patch(path_of(subscriber), json={"code": "NEW-1"}, headers=if_match(subscriber)))

    assert changed["code"] == "NEW-1"
    assert codes(shop) == ["NEW-1"]
    assert codes(shop, "?status=active") == ["NEW-1"]
    assert found(shop, PERSON["phone"]) == found(shop, PERSON["email"]) == ["NEW-1"]
    assert found(shop, "OLD") == []
    assert shop.change(subscription, state="paused")["state"] == "paused"
    assert codes(shop, "?status=paused") == ["NEW-1"]
    shop.subscriber(code="OLD-1")


def test_a_code_changes_in_case_only(shop: Shop) -> None:
    subscriber = shop.subscriber(code="lhr-1")

    ok(shop.tenant.api.patch(path_of(subscriber), json={"code": "LHR-1"}, headers=if_match(subscriber)))

    assert codes(shop) == ["LHR-1"]


def test_a_code_that_is_taken_cannot_be_changed_to(shop: Shop) -> None:
    shop.subscriber(code="A-1")
    subscriber = shop.subscriber(code="A-2")

    reply = shop.tenant.api.patch(path_of(subscriber), json={"code": "a-1"}, headers=if_match(subscriber))

    assert reply.problem == (409, "code_taken", "code")
    assert codes(shop) == ["A-1", "A-2"]


def test_the_same_key_creates_one_subscriber(shop: Shop) -> None:
    body, key = {"code": "ONCE-1"}, {"Idempotency-Key": "k1"}

    first = shop.tenant.api.post("/v1/subscribers", json=body, headers=key)
    second = shop.tenant.api.post("/v1/subscribers", json=body, headers=key)

    assert (first.status, second.status) == (201, 201)
    assert second.body == first.body
    assert codes(shop) == ["ONCE-1"]


# -- archive --------------------------------------------------------------------------------


def test_archived_subscribers_leave_the_lists_and_come_back(shop: Shop) -> None:
    api, subscriber = shop.tenant.api, shop.subscriber(**PERSON)

    archived = ok(api.post(f"{path_of(subscriber)}/archive"))

    assert archived == {**subscriber, "archived": True, "version": 2}
    assert codes(shop) == found(shop, PERSON["phone"]) == []
    assert codes(shop, "?archived=true") == [subscriber["code"]]
    assert ok(api.post(f"{path_of(subscriber)}/archive")) == archived
    assert ok(api.get(path_of(subscriber))) == archived
    assert ok(api.post(f"{path_of(subscriber)}/unarchive"))["archived"] is False
    assert codes(shop) == [subscriber["code"]]


def test_a_subscriber_in_service_cannot_be_archived_and_an_archived_one_buys_nothing(shop: Shop) -> None:
    api, subscriber, package = shop.tenant.api, shop.subscriber(), shop.package()
    subscription = shop.subscribe(subscriber, package)

    in_service = api.post(f"{path_of(subscriber)}/archive")
    shop.change(subscription, state="terminated")
    archived = api.post(f"{path_of(subscriber)}/archive")
    sale = shop.try_to_subscribe(subscriber, package)

    assert in_service.problem == (409, "subscriber_in_service", None)
    assert archived.status == 200
    assert sale.problem == (409, "subscriber_archived", None)


def test_archiving_and_selling_at_once_never_do_both(shop: Shop) -> None:
    package = shop.package()

    for _ in range(6):
        subscriber = shop.subscriber()
        with ThreadPoolExecutor(2) as pool:
            archive = pool.submit(shop.tenant.api.post, f"{path_of(subscriber)}/archive")
            sale = pool.submit(shop.try_to_subscribe, subscriber, package)
        statuses = (archive.result().status, sale.result().status)

        now = ok(shop.tenant.api.get(path_of(subscriber)))
        assert not (now["archived"] and now["subscriptions"]), statuses
        assert {200, 201} & set(statuses)


# -- isolation and what is stored -----------------------------------------------------------


@pytest.mark.parametrize(
    "subscriber_id", ["sbr_01JD0000000000000000000000", "sbr_x", "x" * 3000, "sbr_%00", "%23", "ünïcode"]
)
def test_what_is_no_subscriber_is_absent(shop: Shop, subscriber_id: str) -> None:
    for method, path in (("GET", ""), ("POST", "/archive"), ("POST", "/unarchive"), ("GET", "/invoices")):
        assert shop.tenant.api.request(method, f"/v1/subscribers/{subscriber_id}{path}").status == 404


def test_another_tenants_subscriber_is_absent(shop: Shop, other_tenant: SignedIn) -> None:
    subscriber = shop.subscriber(**PERSON)
    api, path = other_tenant.api, path_of(subscriber)

    assert api.get(path).problem == (404, "not_found", "subscriber_id")
    assert api.patch(path, json={"name": "x"}, headers={"If-Match": '"1"'}).status == 404
    assert api.post(f"{path}/archive").status == 404
    assert api.get(f"{path}/invoices").problem == (404, "not_found", "subscriber_id")
    assert ok(api.get("/v1/subscribers?archived=true"))["items"] == []
    assert ok(api.post("/v1/subscriber-searches", json={"text": PERSON["phone"]}))["items"] == []
    assert ok(shop.tenant.api.get(path)) == subscriber


def test_nothing_personal_stands_in_the_clear(shop: Shop) -> None:
    subscriber = shop.subscriber(code="LHR-1", **PERSON)
    change = {"name": "Zubaida Khan", "tax_id": "9999999-9"}
    ok(shop.tenant.api.patch(path_of(subscriber), json=change, headers=if_match(subscriber)))

    stored = repr([(item, _decoded(item)) for item in shop.items()]).casefold()

    assert "lhr-1" in stored
    personal = [*PERSON.values(), *change.values(), "zubaida", "7654321", "gulberg", "gate code"]
    assert [text for text in personal if text.casefold() in stored] == []


def _decoded(item: Item) -> list[Any]:
    from base64 import b64decode

    return [b64decode(value["B"]) for value in item.values() if "B" in value]


def test_an_account_with_two_subscriptions_is_smaller_than_a_write_unit(shop: Shop) -> None:
    subscriber = shop.subscriber(code="LHR-000123", **PERSON)
    package = shop.package()
    price = {"amount": 164_900, "currency": "PKR"}
    shop.subscribe(subscriber, package, price_override=price)
    shop.change(shop.subscribe(subscriber, package, price_override=price), state="paused")

    (account,) = (item for item in shop.items("A#") if item["sk"]["S"] == "ACCOUNT")

    assert "who" in account
    assert item_bytes(account) < 1024


def test_the_account_shows_invoices_the_recipient_as_it_stands(shop: Shop) -> None:
    """Given a person without a name who gets one, then loses everything."""
    api, subscriber = shop.tenant.api, shop.subscriber(email="a@b.example")

    def sealed() -> bool:
        (account,) = (item for item in shop.items("A#") if item["sk"]["S"] == "ACCOUNT")
        return "who" in account

    assert not sealed()
    named = ok(api.patch(path_of(subscriber), json={"name": "Ayesha"}, headers=if_match(subscriber)))
    assert sealed()
    ok(api.patch(path_of(subscriber), json={"name": ""}, headers=if_match(named)))
    assert not sealed()


def test_every_change_leaves_an_audit_entry(shop: Shop) -> None:
    before = len(shop.items("AUD"))
    subscriber = shop.subscriber()
    ok(shop.tenant.api.patch(path_of(subscriber), json={"name": "x"}, headers=if_match(subscriber)))
    ok(shop.tenant.api.post(f"{path_of(subscriber)}/archive"))

    actions = [item["action"]["S"] for item in shop.items("AUD")]

    assert len(actions) - before == 3
    assert {"subscriber.created", "subscriber.changed", "subscriber.archived"} <= set(actions)
