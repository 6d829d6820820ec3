"""Paying online: one collection an invoice, each event once, and no money lost, whatever comes when."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from urllib.parse import urlsplit

import pytest

from chalicelib.adapters.payments import sandbox
from chalicelib.domain.gateways import Received
from chalicelib.usecases.gateway_callbacks import answer_callback
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.counter import line, pkr
from tests.integration.crashing import Crashed, CrashingServices, crashes
from tests.integration.gatewaying import CREDENTIALS, SECRET, Till
from tests.integration.portal_user import with_portal
from tests.integration.shop import Item, Shop, created, ok


@pytest.fixture
def shop(signed_in: SignedIn, services: EngineServices) -> Shop:
    return Shop(signed_in, services)


@pytest.fixture
def till(shop: Shop, api: ApiClient) -> Till:
    return Till.open(shop, api)


# -- gateways --------------------------------------------------------------------------------


def test_secrets_are_kept_and_never_shown(till: Till, services: EngineServices) -> None:
    changed = till.set_up(secrets=None, enabled=False)
    assert changed["secrets_set"] == ["signing_secret"]
    assert changed["callback_url"] == till.callback
    listed = ok(till.staff.get("/v1/gateways"))
    audited = till.staff.get("/v1/audit?limit=20").text
    stored = json.dumps(till.counter.shop.items("GATEWAYS"))

    assert [one["gateway"] for one in listed["items"]] == ["sandbox"]
    for text in (json.dumps(listed), audited, stored, repr(till.counter.shop.tenant.store.gateways.all())):
        assert SECRET not in text
    assert "gateway.put" in audited
    assert till.staff.put("/v1/gateways/sandbox", json={"enabled": True, "secrets": {}}).problem == (
        422,
        "invalid_credentials",
        "signing_secret",
    )
    assert till.staff.put("/v1/gateways/onebill2", json={"enabled": True}).problem[:2] == (404, "not_found")
    assert till.try_to_begin(amount=pkr(100)).problem == (409, "gateway_off", "gateway")


def test_another_callback_address_takes_the_place_of_the_one_before(till: Till) -> None:
    _, collection = till.invoice_and_collection()
    rotated = ok(till.staff.post("/v1/gateways/sandbox/rotate"))["callback_url"]
    assert till.send(till.told(collection)).problem[:2] == (404, "not_found")

    till.callback = rotated
    assert till.notify(collection) == "done"
    assert till.staff.delete("/v1/gateways/sandbox").status == 204
    assert till.send(till.told(collection)).problem[:2] == (404, "not_found")


def test_a_gateway_is_not_forgotten_while_payments_are_under_way(till: Till, clock: FakeClock) -> None:
    till.invoice_and_collection()
    assert till.staff.delete("/v1/gateways/sandbox").problem[:2] == (409, "gateway_in_use")
    clock.advance(timedelta(minutes=31))
    assert till.staff.delete("/v1/gateways/sandbox").status == 204


# -- beginning -------------------------------------------------------------------------------


def test_an_invoice_is_collected_once_at_a_time(till: Till, clock: FakeClock) -> None:
    invoice, first = till.invoice_and_collection()
    assert (first["state"], first["amount"]) == ("open", pkr(50_000))

    assert till.begin(invoice)["collection_id"] == first["collection_id"]
    other = till.try_to_begin(invoice, amount=pkr(100))
    assert other.problem == (409, "collection_open", "invoice_id")
    assert first["collection_id"] in other.json["message"]
    clock.advance(timedelta(minutes=31))
    assert till.now(first)["state"] == "expired"
    second = till.begin(invoice, amount=pkr(100))

    assert second["collection_id"] != first["collection_id"]
    states = {one["collection_id"]: one["state"] for one in till.counter.get("collections")["items"]}
    assert states == {first["collection_id"]: "expired", second["collection_id"]: "open"}
    opened = ok(till.staff.get("/v1/collections?state=open"))["items"]
    assert [one["collection_id"] for one in opened] == [second["collection_id"]]
    ok(till.staff.post(f"/v1/collections/{second['collection_id']}/cancellation"))
    assert till.staff.post(f"/v1/collections/{second['collection_id']}/cancellation").problem[:2] == (
        409,
        "collection_over",
    )
    assert till.begin(invoice)["state"] == "open"


def test_what_cannot_be_collected(till: Till, other_tenant: SignedIn, services: EngineServices) -> None:
    void = till.counter.invoice(line(1_000))
    till.counter.credit(void)
    paid = till.counter.invoice(line(2_000))
    till.counter.pay(2_000)
    theirs = Till.open(Shop(other_tenant, services), till.visitor).counter.invoice(line(1_000))
    assert till.try_to_begin().problem[:2] == (409, "nothing_open")
    for invoice in (void, paid):
        assert till.try_to_begin(invoice).problem[:2] == (409, "nothing_open")
    assert till.try_to_begin(theirs).problem == (404, "not_found", "invoice_id")
    due = till.counter.invoice(line(3_000))
    assert till.try_to_begin(due, amount=pkr(3_001)).problem[:2] == (409, "exceeds_open")
    assert till.try_to_begin(due, amount={"amount": 1, "currency": "USD"}).problem[:2] == (
        422,
        "currency_mismatch",
    )
    assert till.begin(amount=pkr(900_000))["invoice_id"] is None
    assert till.begin()["amount"] == pkr(3_000)


def test_a_subscriber_pays_their_own(till: Till, services: EngineServices) -> None:
    invoice = till.counter.invoice(line(4_000))
    foreign = Till.open(till.counter.shop, till.visitor)
    other = foreign.counter.invoice(line(1_000))
    theirs = foreign.begin(other)
    subscriber_id = till.counter.subscriber["subscriber_id"]
    portal = with_portal(till.counter.shop.tenant, services, subscriber_id).api

    assert ok(portal.get("/v1/portal/gateways")) == {"items": ["sandbox"]}
    body = {"gateway": "sandbox", "invoice_id": invoice["invoice_id"]}
    made = created(portal.post("/v1/portal/collections", json=body))
    assert set(made["collection"]) == {
        "collection_id", "gateway", "invoice_id", "amount", "state", "receipts", "created_at", "expires_at",
    }  # fmt: skip
    refused = portal.post("/v1/portal/collections", json={**body, "invoice_id": other["invoice_id"]})
    assert refused.problem == (404, "not_found", "invoice_id")
    assert portal.get(f"/v1/portal/collections/{theirs['collection_id']}").status == 404
    till.notify(till.now(made["collection"]))

    mine = ok(portal.get("/v1/portal/collections"))["items"]
    assert [(one["state"], len(one["receipts"])) for one in mine] == [("paid", 1)]
    assert till.counter.now(invoice)["state"] == "paid"


# -- notices ---------------------------------------------------------------------------------


def test_a_payment_settles_its_invoice_then_the_oldest_and_the_rest_is_credit(till: Till) -> None:
    oldest, middle = till.counter.invoice(line(1_000)), till.counter.invoice(line(2_000))
    collection = till.begin(middle)
    till.counter.pay(500, allocations=[{"invoice_id": middle["invoice_id"], "amount": pkr(500)}])
    money = till.told(collection)
    assert till.send(money).json == {"received": "done"}

    paid = till.now(collection)
    receipt = till.counter.get(f"/v1/documents/{paid['receipts'][0]}")
    assert paid["state"] == "paid"
    assert (receipt["channel"], receipt["reference"]) == ("sandbox", json.loads(money)["transaction"])
    assert [(one["invoice_id"], one["amount"]) for one in receipt["settled"]] == [
        (middle["invoice_id"], 1_500),
        (oldest["invoice_id"], 500),
    ]
    assert {one["account"] for one in receipt["postings"]} == {"cash:sandbox", "receivable"}
    assert till.counter.books() == {"balance": 500, "credit": 0, "deposits": 0}
    # The same event again, and another event of the same transaction: nothing more.
    before = till.counter.shop.items()
    assert till.send(money).json == {"received": "repeated"}
    assert till.send(till.told(collection, transaction=json.loads(money)["transaction"])).json == {
        "received": "repeated"
    }
    for late in ("declined", "paid"):
        body = json.loads(money) | {"status": late, "id": json.loads(money)["id"]}
        assert till.send(json.dumps(body).encode()).status == 200
    assert till.counter.shop.items() == before


def test_what_comes_out_of_order(till: Till, clock: FakeClock) -> None:
    invoice, collection = till.invoice_and_collection()
    assert till.notify(collection, status="declined", reason="no funds") == "done"
    assert (till.now(collection)["state"], till.now(collection)["reason"]) == ("failed", "no funds")
    assert till.notify(collection) == "done"
    assert till.notify(collection, status="declined") == "done"
    assert till.now(collection)["state"] == "paid"
    assert till.counter.now(invoice)["state"] == "paid"

    _, late = till.invoice_and_collection()
    clock.advance(timedelta(days=3))
    till.counter.shop.sign_in_again()
    assert till.notify(late) == "done"
    assert till.now(late)["state"] == "paid"
    till.counter.books()


def test_a_second_capture_is_credit_and_the_owner_hears_of_it(till: Till, services: EngineServices) -> None:
    _, collection = till.invoice_and_collection()
    invoice, at_the_counter = till.invoice_and_collection(7_000)
    till.counter.pay(7_000, allocations=[{"invoice_id": invoice["invoice_id"], "amount": pkr(7_000)}])
    assert [till.notify(collection), till.notify(collection), till.notify(at_the_counter)] == ["done"] * 3

    assert len(till.now(collection)["receipts"]) == 2
    assert till.counter.books()["credit"] == 57_000
    mail = services.mailer.last_to(till.counter.shop.tenant.email)
    assert "paid once more through a gateway" in mail.text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount": 49_999}, "amount_differs"),
        ({"currency": "USD"}, "currency_differs"),
        ({"reference": "C0000000000000000000"}, "unknown_reference"),
        ({"reference": "nonsense"}, "unknown_reference"),
    ],
)
def test_what_nobody_can_place_waits_for_a_person(till: Till, changes: Item, reason: str) -> None:
    invoice, collection = till.invoice_and_collection()
    body = till.told(collection, **changes)
    assert till.send(body).json == {"received": "parked"}
    assert till.send(body).json == {"received": "repeated"}

    [waiting] = till.parked()
    assert (waiting["reason"], waiting["status"]) == (reason, "paid")
    whole = ok(till.staff.get(f"/v1/parked-notices/{waiting['notice_id']}"))
    assert json.loads(body)["transaction"] in whole["message"]
    assert till.counter.now(invoice)["state"] == "open"
    path = f"/v1/parked-notices/{waiting['notice_id']}"
    assign = {"subscriber_id": till.counter.subscriber["subscriber_id"]}
    made = till.counter.send(f"{path}/assignment", assign)
    if reason == "currency_differs":
        assert made.problem[:2] == (422, "currency_mismatch")
        dismissed = ok(till.staff.post(f"{path}/dismissal", json={"reason": "given back by the vendor"}))
        assert (dismissed["state"], dismissed["why"]) == ("dismissed", "given back by the vendor")
    else:
        assert created(made)["amount"]["amount"] == json.loads(body)["amount"]
        assert till.parked("assigned")[0]["receipt_id"] == made.json["document_id"]
    assert till.counter.send(f"{path}/assignment", assign).problem[:2] == (409, "notice_resolved")
    assert till.staff.post(f"{path}/dismissal", json={"reason": "again"}).problem[:2] == (
        409,
        "notice_resolved",
    )
    assert till.parked() == []
    till.counter.books()


def test_paid_after_it_was_cancelled_or_to_another_isp_waits_too(
    till: Till, other_tenant: SignedIn, services: EngineServices
) -> None:
    _, collection = till.invoice_and_collection()
    ok(till.staff.post(f"/v1/collections/{collection['collection_id']}/cancellation"))
    elsewhere = Till.open(Shop(other_tenant, services), till.visitor)
    _, theirs = elsewhere.invoice_and_collection()

    assert [till.notify(collection), till.notify(theirs)] == ["parked", "parked"]
    assert {one["reason"] for one in till.parked()} == {"unknown_reference", "cancelled"}
    assert [till.now(collection)["state"], elsewhere.now(theirs)["state"]] == ["cancelled", "open"]
    assert elsewhere.parked() == []


def test_messages_that_are_not_believed_leave_no_trace(
    till: Till, other_tenant: SignedIn, services: EngineServices
) -> None:
    _, collection = till.invoice_and_collection()
    body, before = till.told(collection), till.counter.shop.items()
    elsewhere = Till.open(Shop(other_tenant, services), till.visitor)
    elsewhere.set_up(secrets={"signing_secret": "quite another secret"})
    elsewhere.callback = ok(elsewhere.staff.get("/v1/gateways/sandbox"))["callback_url"]

    assert till.send(body, **{sandbox.SIGNATURE_HEADER: ""}).status == 401
    assert till.send(body + b" ", **{sandbox.SIGNATURE_HEADER: signature(till, body)}).status == 401
    for seconds in (-301, 301):
        old = sandbox.signature(body=body, credentials=CREDENTIALS, at=till.at + timedelta(seconds=seconds))
        assert till.send(body, **{sandbox.SIGNATURE_HEADER: old}).status == 401
    assert elsewhere.send(elsewhere.told(collection)).status == 401
    assert till.send(b"[]").status == 400
    path = urlsplit(till.callback).path
    assert till.visitor.get(path).status == 401
    assert till.visitor.post(f"{path[:-1]}x").problem[:2] == (404, "not_found")
    assert till.counter.shop.items() == before


def signature(till: Till, body: bytes) -> str:
    return sandbox.signature(body=body, credentials=CREDENTIALS, at=till.at)


def test_the_same_event_on_many_machines_at_once_has_one_effect(till: Till) -> None:
    _, collection = till.invoice_and_collection()
    once, transaction = till.told(collection), "txn_the_same"
    bodies = [once, once, once, *(till.told(collection, transaction=transaction) for _ in range(3))]
    together = Barrier(len(bodies))

    def send(body: bytes) -> int:
        together.wait()
        return till.send(body).status

    with ThreadPoolExecutor(len(bodies)) as pool:
        statuses = list(pool.map(send, bodies))
    answers = [till.send(body).json["received"] for body in bodies]

    assert set(statuses) <= {200, 503}
    assert set(answers) == {"repeated"}
    assert len(till.now(collection)["receipts"]) == 2
    assert till.counter.books()["credit"] == 50_000


@pytest.mark.parametrize("changes", [{}, {"amount": 1}], ids=["paid", "parked"])
def test_a_crash_leaves_nothing_or_everything(till: Till, services: EngineServices, changes: Item) -> None:
    for crash in crashes():
        _, collection = till.invoice_and_collection()
        body, before = till.told(collection, **changes), len(till.counter.shop.items())
        dying = CrashingServices(settings=services.settings, clock=services.clock, crash=crash)
        headers = {sandbox.SIGNATURE_HEADER: signature(till, body)}
        try:
            answer_callback(
                ports=dying.gateways,
                token=till.callback.rpartition("/")[2],
                received=Received("POST", headers, "", body),
                at=till.at,
            )
        except Crashed:
            written = len(till.counter.shop.items()) > before
            assert written == (crash.after or crash.at > 1), crash
        assert till.send(body).status == 200
        assert till.send(body).json == {"received": "repeated"}
        assert len(till.now(collection)["receipts"]) == (0 if changes else 1)
        till.counter.books()
    assert len(till.parked()) == (4 if changes else 0)
