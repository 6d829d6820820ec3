"""An invoice is paid by whoever has its link, on pages that tell nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from chalicelib.adapters.payments.sandbox import MEMORY, SandboxGateway
from chalicelib.domain.errors import Busy
from chalicelib.domain.gateways import GatewayUnavailable, Notice
from chalicelib.jobs import gateway_collections
from chalicelib.jobs.gateway_collections import keep_collections
from chalicelib.jobs.tenants import PassIncomplete
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.counter import line
from tests.integration.gatewaying import Till
from tests.integration.shop import Shop, created, ok


@pytest.fixture
def till(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Till:
    return Till.open(Shop(signed_in, services), api)


def test_an_invoice_is_paid_by_its_link(till: Till, services: EngineServices, clock: FakeClock) -> None:
    invoice = till.counter.invoice(line(164_900))
    link = till.link(invoice)
    shown = till.visitor.get(link)
    assert (shown.status, shown.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert shown.headers["Cache-Control"] == "no-store"
    assert shown.headers["Referrer-Policy"] == "no-referrer"
    for word in ("Lahore Net", invoice["number"], "PKR 1,649.00", "22 May 2041"):
        assert word in shown.text
    for word in ("Ali Raza", "Street 7", invoice["invoice_id"], till.counter.subscriber["code"], "<script"):
        assert word not in shown.text

    begun = till.press(link, gateway="sandbox")
    assert begun.status == 303, begun.text
    page = till.visitor.get(vendors(begun.headers["Location"]))
    assert "PKR 1,649.00" in page.text
    assert till.visitor.get(vendors(begun.headers["Location"]).replace("164900", "100")).status == 404
    assert till.press(begun.headers["Location"], act="steal").status == 404
    done = till.press(begun.headers["Location"], act="pay")

    assert done.status == 303
    for path in (urlsplit(done.headers["Location"]).path, link):
        assert "Already paid" in till.visitor.get(path).text
    assert till.press(link, gateway="sandbox").status == 409
    assert till.counter.now(invoice)["state"] == "paid"
    assert till.visitor.get(f"{link}x").status == 404
    clock.advance(timedelta(days=31))
    assert till.visitor.get(link).status == 404


def vendors(address: str) -> str:
    """A page's address within this app."""
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


def test_a_lost_callback_is_asked_for(till: Till, clock: FakeClock) -> None:
    invoice = till.counter.invoice(line(5_000))
    link = till.link(invoice)
    address = till.press(link, gateway="sandbox").headers["Location"]
    page = urlsplit(till.press(address, act="lose").headers["Location"]).path
    assert till.counter.now(invoice)["state"] == "open"
    assert "Already paid" not in till.visitor.get(page).text

    clock.advance(timedelta(minutes=3))

    assert "Already paid" in till.visitor.get(page).text
    assert till.counter.now(invoice)["state"] == "paid"
    declined = till.counter.invoice(line(5_000))
    address = till.press(till.link(declined), gateway="sandbox").headers["Location"]
    page = urlsplit(till.press(address, act="decline").headers["Location"]).path
    assert "did not go through" in till.visitor.get(page).text
    assert till.press(page, gateway="sandbox").status == 303


def test_an_invoice_is_mailed_with_its_link(till: Till, services: EngineServices) -> None:
    invoice = till.counter.invoice(line(5_000))
    path = f"/v1/invoices/{invoice['invoice_id']}/mails"
    assert till.staff.post(path).problem[:2] == (409, "no_address")
    person = till.counter.subscriber
    given = {"email": "ali.raza@mail.example"}
    match = {"If-Match": f'"{ok(till.staff.get(till.counter.path))["version"]}"'}
    ok(till.staff.patch(f"/v1/subscribers/{person['subscriber_id']}", json=given, headers=match))

    sent = till.staff.post(path)

    assert (sent.status, sent.json) == (202, {"to": "a***@mail.example"})
    text = services.mailer.last_to("ali.raza@mail.example").text
    link = next(word for word in text.split() if "/pay/" in word)
    assert "PKR 50.00" in text
    assert invoice["number"] in till.visitor.get(urlsplit(link).path).text
    token = link.rpartition("/")[2]
    assert token not in till.staff.get("/v1/audit?limit=20").text
    assert token not in json.dumps(till.counter.shop.items())
    for _ in range(4):
        till.staff.post(path)
    assert till.staff.post(path).problem[:2] == (429, "too_many_attempts")


def test_what_nobody_looks_at_is_asked_for_and_ended(till: Till, clock: FakeClock) -> None:
    invoice, lost = till.invoice_and_collection()
    _, left = till.invoice_and_collection()
    MEMORY.keep(reference=lost["reference"], body=till.told(lost))
    clock.advance(timedelta(minutes=4))
    keep_collections(till.counter.shop.services, {})
    assert till.now(lost)["state"] == "open"
    clock.advance(timedelta(minutes=27))

    keep_collections(till.counter.shop.services, {})

    assert till.counter.now(invoice)["state"] == "paid"
    assert [till.now(lost)["state"], till.now(left)["state"]] == ["paid", "expired"]
    assert ok(till.staff.get("/v1/collections?state=expired"))["items"][0]["reference"] == left["reference"]
    assert list(till.counter.shop.tenant.store.collections.under_way(limit=9)) == []


def test_what_was_paid_at_the_last_moment_is_asked_for(till: Till, clock: FakeClock) -> None:
    invoice, last = till.invoice_and_collection()
    clock.advance(timedelta(minutes=28))
    keep_collections(till.counter.shop.services, {})
    MEMORY.keep(reference=last["reference"], body=till.told(last))
    clock.advance(timedelta(minutes=3))

    keep_collections(till.counter.shop.services, {})

    assert (till.counter.now(invoice)["state"], till.now(last)["state"]) == ("paid", "paid")


def test_a_vendor_that_is_away_at_the_end_is_asked_again_and_stops_no_other(
    till: Till, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a vendor that does not answer, and a notice that cannot be handled, the third is paid."""
    cases = [till.invoice_and_collection() for _ in range(3)]
    away, broken, found = (collection for _, collection in cases)
    for one in (away, found):
        MEMORY.keep(reference=one["reference"], body=till.told(one))
    clock.advance(timedelta(minutes=31))
    asked = SandboxGateway.inquire

    def inquire(self: SandboxGateway, *, reference: str, **named: Any) -> Notice:
        if reference == away["reference"]:
            raise GatewayUnavailable("the gateway did not answer")
        if reference == broken["reference"]:
            raise Busy("the collection kept changing")
        return asked(self, reference=reference, **named)

    with monkeypatch.context() as patch:
        patch.setattr(SandboxGateway, "inquire", inquire)
        with pytest.raises(PassIncomplete):
            keep_collections(till.counter.shop.services, {})
    store = till.counter.shop.tenant.store
    left = {one.reference for one in store.collections.under_way(limit=9)}
    assert left == {away["reference"], broken["reference"]}
    assert till.now(found)["state"] == "paid"
    clock.advance(timedelta(minutes=31))

    keep_collections(till.counter.shop.services, {})

    assert [till.now(one)["state"] for one in (away, broken)] == ["paid", "expired"]
    assert list(store.collections.under_way(limit=9)) == []


def test_a_pass_that_runs_out_of_time_does_not_end_green(
    till: Till, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a pass whose time is over at its first tenants, whose collections nobody looks at."""
    _, collection = till.invoice_and_collection()
    clock.advance(timedelta(minutes=31))
    asked: list[int] = []

    def deadline(*, seconds: float) -> Callable[[], bool]:
        def over() -> bool:
            asked.append(1)
            return len(asked) > 1

        return over if seconds == gateway_collections.PASS_SECONDS_MAX else lambda: False

    monkeypatch.setattr(gateway_collections, "deadline", deadline)
    with pytest.raises(PassIncomplete):
        keep_collections(till.counter.shop.services, {})

    left = till.counter.shop.tenant.store.collections.under_way(limit=9)
    assert [one.collection_id for one in left] == [collection["collection_id"]]


def test_a_vendor_that_stays_away_is_asked_for_six_hours(
    till: Till, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, collection = till.invoice_and_collection()
    asked: list[str] = []

    def inquire(_: SandboxGateway, *, reference: str, **__: Any) -> Notice:
        asked.append(reference)
        raise GatewayUnavailable("the gateway did not answer")

    monkeypatch.setattr(SandboxGateway, "inquire", inquire)
    for _ in range(15):
        clock.advance(timedelta(minutes=30))
        keep_collections(till.counter.shop.services, {})

    assert asked.count(collection["reference"]) == 13
    assert list(till.counter.shop.tenant.store.collections.under_way(limit=9)) == []


def test_what_a_vendor_sends_back_in_the_middle_is_led_on(till: Till) -> None:
    settings = {"store_id": "12345"}
    body = {"enabled": True, "settings": settings, "secrets": {"hash_key": "0123456789abcdef"}}
    ok(till.staff.put("/v1/gateways/easypaisa", json=body))
    invoice = till.counter.invoice(line(5_000))
    link = till.link(invoice)
    assert till.visitor.get(link).text.count('type="radio"') == 2
    first = till.press(link, gateway="easypaisa")
    assert (first.status, 'method="post" action="https://' in first.text) == (200, True)
    [begun] = ok(till.staff.get(f"{till.counter.path}/collections"))["items"]
    back = till.page_of(begun["collection_id"])

    second = till.visitor.get(f"{back}?auth_token=abc123")

    assert 'name="auth_token" value="abc123"' in second.text
    assert "auth_token" not in till.visitor.get(f"{back}?auth_token=%3Cb%3E").text
    assert till.press(back, err_code="000").status == 200


def test_staff_confirm_what_reached_the_bank_where_nobody_tells(till: Till) -> None:
    settings = {"alias": "lahore-net", "merchant_name": "Lahore Net", "city": "Lahore"}
    ok(till.staff.put("/v1/gateways/raast", json={"enabled": True, "settings": settings}))
    invoice = till.counter.invoice(line(5_000))
    made = created(till.try_to_begin(invoice, gateway="raast"))
    collection = made["collection"]
    assert made["checkout"]["step"] == "show"
    shown = till.press(till.link(invoice), gateway="raast")
    assert collection["reference"] in shown.text
    path = f"/v1/collections/{collection['collection_id']}/confirmation"
    told = till.begin(amount={"amount": 100, "currency": "PKR"})
    other = f"/v1/collections/{told['collection_id']}/confirmation"
    assert till.staff.post(other, json={"transaction": "FT1"}).problem[:2] == (409, "gateway_tells")

    confirmed = ok(till.staff.post(path, json={"transaction": "FT26329XK1"}))

    assert (confirmed["state"], confirmed["vendor_id"]) == ("paid", "FT26329XK1")
    assert till.staff.post(path, json={"transaction": "FT2"}).problem[:2] == (409, "collection_over")
    assert till.counter.now(invoice)["state"] == "paid"
    [entry] = [
        one for one in ok(till.staff.get("/v1/audit?limit=20"))["items"] if one["action"] == "collection.paid"
    ]
    assert entry["actor_id"].startswith("stf_")


def test_whoever_chose_the_wrong_way_gives_it_up_and_chooses_again(till: Till) -> None:
    settings = {"alias": "lahore-net", "merchant_name": "Lahore Net", "city": "Lahore"}
    ok(till.staff.put("/v1/gateways/raast", json={"enabled": True, "settings": settings}))
    link = till.link(till.counter.invoice(line(5_000)))
    assert till.press(link, gateway="raast").status == 200
    refused = till.press(link, gateway="sandbox")
    assert (refused.status, "give_up" in refused.text) == (409, True)

    assert till.press(link, give_up="yes").status == 200

    assert till.press(link, gateway="sandbox").status == 303
    states = [one["state"] for one in till.counter.get("collections")["items"]]
    assert sorted(states) == ["cancelled", "open"]
