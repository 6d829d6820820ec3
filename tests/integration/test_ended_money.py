"""What becomes of money while an account has ended, of holds, and of books that are kept after a purge."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from chalicelib.domain.errors import InvalidValue, NotFound
from chalicelib.jobs.retention import keep_retention
from chalicelib.local.gateway import Gateway
from chalicelib.usecases.kept_books import BooksNotKept
from tests.integration.conftest import EngineServices
from tests.integration.endings import DAY, HOUR, Ending, little, visitor
from tests.integration.gatewaying import Till
from tests.integration.privacy_desk import Desk, complete, taken_in
from tests.integration.shop import created, ok


@pytest.fixture
def small(gateway: Gateway, services: EngineServices) -> Ending:
    """A company with a subscriber, who has an invoice."""
    return little(gateway, services)


def test_a_payment_told_of_in_recovery_waits_for_a_person_and_is_recorded_once(
    small: Ending, gateway: Gateway
) -> None:
    till = Till.open(small.shop, visitor(gateway))
    invoice, found = till.invoice_and_collection()
    link = till.link(invoice)
    told = till.told(found)
    small.cancel()

    assert [till.send(told).json["received"] for _ in range(2)] == ["parked", "repeated"]

    assert till.visitor.get(link).status == 404
    [waiting] = till.parked()
    assert (waiting["reason"], waiting["amount"]["amount"]) == ("account_ended", 50_000)
    assert ok(till.staff.get(f"/v1/invoices/{invoice['invoice_id']}"))["state"] == "open"
    assign = f"/v1/parked-notices/{waiting['notice_id']}/assignment"
    body = {"subscriber_id": found["subscriber_id"]}
    key = {"Idempotency-Key": "one"}
    assert till.staff.post(assign, json=body, headers=key).code == "tenant_in_recovery"
    ok(till.staff.post("/v1/tenant/recovery"))
    created(till.staff.post(assign, json=body, headers=key))
    assert ok(till.staff.get(f"/v1/invoices/{invoice['invoice_id']}"))["state"] == "paid"
    assert till.send(told).json["received"] == "repeated"


def test_after_the_stop_of_a_purge_a_gateways_address_is_nobodys(small: Ending, gateway: Gateway) -> None:
    till = Till.open(small.shop, visitor(gateway))
    found = till.begin(amount={"amount": 5_000, "currency": "PKR"})
    assert [item["sk"]["S"] for item in small.shop.items("GATEWAYS")] == ["sandbox"]
    small.cancel()
    small.keep(29 * DAY)
    small.keep(DAY)

    reply = till.send(till.told(found))

    assert (small.state, reply.status) == ("purging", 404)
    assert small.shop.items("GATEWAYS") == []
    small.keep(HOUR)
    assert small.shop.items("COLS") == small.shop.items("EVT") == small.shop.items("PARKED") == []


def test_books_of_a_purged_company_are_read_by_the_operator_and_each_reading_is_audited(
    small: Ending,
) -> None:
    asked = {"tenant_id": small.tenant_id, "kind": "INV", "fiscal_year": 2041, "reason": "Tax office, file 7"}
    with pytest.raises(BooksNotKept):
        small.order(books=asked)
    small.cancel()
    small.purge()

    shown = small.order(books=asked)

    [invoice] = shown["documents"]
    assert (invoice["recipient"]["name"], invoice["issued_on"]) == ("Ali Raza", "2041-05-15")
    assert [one["net"] for one in invoice["lines"]] == [50_000]
    assert small.order(books={**asked, "kind": "RCP"}) == {"documents": [], "after": None}
    entries = [item for item in small.shop.items("AUD#") if item["action"]["S"] == "books.read"]
    assert [item["actor_id"]["S"] for item in entries] == ["platform-operator"] * 2
    assert b"Tax office" not in json.dumps(entries).encode()
    before = small.shop.items()
    for changes in ({"kind": "XYZ"}, {"reason": " "}, {"fiscal_year": 7}, {"after": "x"}):
        with pytest.raises(InvalidValue):
            small.order(books={**asked, **changes})
    with pytest.raises(NotFound):
        small.order(books={**asked, "tenant_id": "ten_021HH36TR0NKE2D9D9BDH8RWSH"})
    assert small.shop.items() == before, "a refusal leaves nothing"


def test_a_hold_on_everything_stops_retention_and_erasures(small: Ending, services: EngineServices) -> None:
    held = small.order(hold={"tenant_id": small.tenant_id, "category": "everything", "reason": "a lawsuit"})
    small.clock.advance(timedelta(days=400))
    desk = Desk(small.shop.tenant, services)
    desk.sign_in_again()
    (person,) = ok(desk.tenant.api.get("/v1/subscribers"))["items"]
    erasure = taken_in(desk, person, "deletion")
    addresses = with_address(small)

    keep_retention(services, {})

    assert complete(desk, erasure, despite_debt=True, words="asked for").code == "legal_hold"
    assert with_address(small) >= addresses > 0
    small.order(lift={"tenant_id": small.tenant_id, "hold_id": held["hold_id"]})
    keep_retention(services, {})
    assert with_address(small) < addresses
    assert ok(complete(desk, erasure, despite_debt=True, words="asked for"))["state"] == "in_work"


def with_address(ending: Ending) -> int:
    """How many audit entries tell an address."""
    return sum("access" in item for item in ending.shop.items("AUD#"))
