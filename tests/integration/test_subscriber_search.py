"""The list of subscribers over HTTP, on the engine: filters, search and pages."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.shop import Shop, if_match, ok
from tests.integration.test_subscribers import PERSON, codes, found, path_of

SEARCHES = "/v1/subscriber-searches"


@pytest.fixture
def shop(signed_in: SignedIn, services: EngineServices) -> Shop:
    return Shop(signed_in, services)


def test_filters_leave_what_fits_all_of_them(shop: Shop) -> None:
    fast, slow = shop.package(), shop.package()
    shop.subscribe(shop.subscriber(code="A", area="Gulberg"), fast)
    paused = shop.subscribe(shop.subscriber(code="B", area="Gulberg"), slow)
    shop.change(paused, state="paused")
    shop.subscribe(shop.subscriber(code="C", area="Johar Town"), fast)
    shop.subscriber(code="D", area="gulberg")

    assert codes(shop) == ["A", "B", "C", "D"]
    assert codes(shop, "?status=active") == ["A", "C"]
    assert codes(shop, "?status=paused") == ["B"]
    assert codes(shop, "?status=new") == ["D"]
    assert codes(shop, "?area=GULBERG") == ["A", "B", "D"]
    assert codes(shop, f"?package_id={fast['package_id']}") == ["A", "C"]
    assert codes(shop, f"?package_id={fast['package_id']}&area=gulberg") == ["A"]
    assert codes(shop, "?status=terminated") == []


@pytest.mark.parametrize(
    "text",
    [
        "0300-7654321",
        "+923007654321",
        "00923007654321",
        "0300 765 4321",
        "zubaida.qureshi@MAIL.example",
        "3520276543218",
        "35202-7654321-8",
    ],
)
def test_a_person_is_found_by_email_phone_or_national_id_in_full(shop: Shop, text: str) -> None:
    shop.subscriber(code="LHR-1", **PERSON)
    shop.subscriber(code="LHR-2")

    assert found(shop, text) == ["LHR-1"]


@pytest.mark.parametrize("text", ["0300765432", "zubaida", "mail.example", "35202", "Gulberg", "*", "%", "#"])
def test_a_person_is_not_found_by_less(shop: Shop, text: str) -> None:
    shop.subscriber(code="LHR-1", **PERSON)

    assert found(shop, text) == []


def test_codes_are_found_by_how_they_begin_whatever_their_case(shop: Shop) -> None:
    for code in ("LHR-1", "lhr-2", "KHI-1", "LH-9"):
        shop.subscriber(code=code)

    assert found(shop, "lhr") == ["LHR-1", "lhr-2"]
    assert found(shop, "LHR-2") == ["lhr-2"]
    assert found(shop, "hr") == []


def test_what_was_changed_is_found_by_the_new_only(shop: Shop) -> None:
    subscriber = shop.subscriber(**PERSON)
    change = {"phone": "0321-1112223", "email": "", "national_id": "61101-1111111-1"}
    ok(shop.tenant.api.patch(path_of(subscriber), json=change, headers=if_match(subscriber)))

    assert found(shop, PERSON["phone"]) == found(shop, PERSON["email"]) == []
    assert found(shop, PERSON["national_id"]) == []
    assert found(shop, "+92 321 1112223") == found(shop, "6110111111111") == [subscriber["code"]]


def test_all_who_share_a_phone_are_found_page_by_page_together_with_codes(shop: Shop) -> None:
    for index in range(7):
        shop.subscriber(code=f"S-{index}", phone="0300-1234567")
    shop.subscriber(code="03001234567-X")
    shop.subscriber(code="S-9", phone="0300-7654321")

    seen, cursor = [], None
    for _ in range(4):
        search = {"limit": 2, "text": "03001234567", "cursor": cursor}
        page = ok(shop.tenant.api.post(SEARCHES, json=search))
        seen += [row["code"] for row in page["items"]]
        cursor = page["next_cursor"]

    assert cursor is None
    assert seen == ["03001234567-X", *[f"S-{index}" for index in range(7)]]


def all_codes(shop: Shop, query: str) -> list[str]:
    seen: list[str] = []
    cursor = ""
    while True:
        page = ok(shop.tenant.api.get(f"/v1/subscribers?{query}{cursor}"))
        seen += [row["code"] for row in page["items"]]
        if page["next_cursor"] is None:
            return seen
        cursor = f"&cursor={page['next_cursor']}"


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
def test_pages_hold_everyone_once_in_the_order_of_codes(shop: Shop, count: int) -> None:
    expected = sorted((shop.subscriber()["code"] for _ in range(count)), key=str.casefold)

    assert all_codes(shop, "limit=2") == expected
    assert all_codes(shop, "limit=2&text=C-") == expected
    assert all_codes(shop, "limit=200") == expected


def test_a_filtered_list_goes_on_after_what_it_left_out(shop: Shop) -> None:
    package = shop.package()
    for index in range(6):
        subscriber = shop.subscriber(code=f"F-{index}")
        if index % 2:
            shop.subscribe(subscriber, package)

    assert all_codes(shop, "limit=1&status=active") == ["F-1", "F-3", "F-5"]
    assert all_codes(shop, "limit=2&status=new&text=f-") == ["F-0", "F-2", "F-4"]


def test_a_cursor_is_good_for_its_list_and_tenant_alone(shop: Shop, other_tenant: SignedIn) -> None:
    shop.subscriber()
    shop.subscriber()
    cursor = ok(shop.tenant.api.get("/v1/subscribers?limit=1"))["next_cursor"]

    for api, query in (
        (other_tenant.api, f"limit=1&cursor={cursor}"),
        (shop.tenant.api, f"limit=1&status=new&cursor={cursor}"),
        (shop.tenant.api, f"limit=1&cursor={cursor[:-2]}xx"),
    ):
        assert api.get(f"/v1/subscribers?{query}").problem == (422, "invalid_cursor", "cursor")


def test_a_searchs_cursor_is_good_for_it_and_its_tenant_alone(shop: Shop, other_tenant: SignedIn) -> None:
    shop.subscriber(phone="0300-1234567")
    shop.subscriber(phone="0300-1234567")
    search = {"limit": 1, "text": "03001234567"}
    cursor = ok(shop.tenant.api.post(SEARCHES, json=search))["next_cursor"]

    for api, changes in (
        (other_tenant.api, {}),
        (shop.tenant.api, {"text": "03007654321"}),
        (shop.tenant.api, {"cursor": f"{cursor[:-2]}xx"}),
    ):
        reply = api.post(SEARCHES, json={**search, "cursor": cursor, **changes})
        assert reply.problem == (422, "invalid_cursor", "cursor")
    assert shop.tenant.api.get(f"/v1/subscribers?limit=1&cursor={cursor}").problem[1] == "invalid_cursor"


def test_a_search_has_the_filters_of_the_list_and_changes_nothing(shop: Shop) -> None:
    package = shop.package()
    shop.subscribe(shop.subscriber(code="A", area="Gulberg", phone="0300-1234567"), package)
    shop.subscriber(code="B", area="Gulberg", phone="0300-1234567")
    before = shop.items()

    for filters, expected in (
        ({}, ["A", "B"]),
        ({"status": "active"}, ["A"]),
        ({"status": "new", "area": "gulberg"}, ["B"]),
        ({"package_id": package["package_id"]}, ["A"]),
        ({"dealer_id": "DLR-7"}, []),
    ):
        reply = shop.tenant.api.post(SEARCHES, json={"text": "03001234567", **filters})
        assert [row["code"] for row in ok(reply)["items"]] == expected, filters
    assert shop.items() == before


@pytest.mark.parametrize(
    "text", [PERSON["email"], "a@", "0300-7654321", "+92 300 765", "35202-7654321-8", "٣٥٢٠٢"]
)
def test_an_address_holds_nothing_by_which_a_person_is_known(shop: Shop, text: str) -> None:
    shop.subscriber(code="LHR-1", **PERSON)

    reply = shop.tenant.api.get(f"/v1/subscribers?text={quote(text)}")

    assert reply.problem == (422, "personal_data_in_url", "text")
    assert "/v1/subscriber-searches" in reply.json["message"]
    assert text not in reply.text


def test_an_address_finds_codes_alone(shop: Shop) -> None:
    shop.subscriber(code="LHR-00042", national_id="AB1234567")

    assert codes(shop, "?text=lhr-00042") == ["LHR-00042"]
    assert codes(shop, "?text=AB1234567") == []
    assert found(shop, "AB1234567") == ["LHR-00042"]


@pytest.mark.parametrize(
    "query",
    ["status=happy", "limit=0", "limit=201", "limit=x", "text=", f"text={'x' * 255}", "archived=2", "x=1"],
)
def test_a_bad_query_is_refused(shop: Shop, query: str) -> None:
    assert shop.tenant.api.get(f"/v1/subscribers?{query}").status == 422
