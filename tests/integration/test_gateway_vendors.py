"""Vendors' own messages, sent to the callback address of an ISP: what the books and the payer see."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from chalicelib.adapters.payments.jazzcash import secure_hash
from chalicelib.domain.gateways import Credentials, Received
from tests.fakes import gateways
from tests.fakes.api_client import ApiClient, Reply
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.counter import line, pkr
from tests.integration.gatewaying import Till
from tests.integration.shop import Item, Shop, created, ok


@pytest.fixture
def till(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Till:
    return Till.open(Shop(signed_in, services), api)


def set_up(till: Till, kind: str, credentials: Credentials) -> str:
    """Set a vendor's gateway up; return the path of its callback address."""
    body = {"enabled": True, "secrets": dict(credentials.secrets), "settings": dict(credentials.settings)}
    return urlsplit(ok(till.staff.put(f"/v1/gateways/{kind}", json=body))["callback_url"]).path


def send(till: Till, path: str, received: Received) -> Reply:
    target = f"{path}?{received.query}" if received.query else path
    return till.visitor.request(received.method, target, body=received.body, headers=dict(received.headers))


def begun_with(till: Till, kind: str) -> tuple[Item, Item, Item]:
    """Begin to collect a new invoice; return it, the collection, and what the payer is given."""
    invoice = till.counter.invoice(line(50_000))
    begun = created(till.try_to_begin(invoice, gateway=kind))
    return invoice, begun["collection"], begun["checkout"]


def test_a_payment_by_jazzcash_settles_the_invoice_and_leads_the_payer_on(till: Till) -> None:
    callback = set_up(till, "jazzcash", gateways.JAZZCASH)
    invoice, collection, checkout = begun_with(till, "jazzcash")
    form: dict[str, str] = checkout["fields"]
    assert form["pp_SecureHash"] == secure_hash(form, salt="0F5DD14AE2")
    assert form["pp_TxnRefNo"] == collection["reference"]

    said = {"pp_TxnRefNo": form["pp_TxnRefNo"], "pp_BillReference": "", "ppmpf_1": form["ppmpf_1"]}
    reply = gateways.jazzcash_reply(amount=form["pp_Amount"], at=till.at, **said)
    forged = Received("POST", {}, "", reply.body.replace(b"pp_Amount=5", b"pp_Amount=9"))
    assert send(till, callback, forged).status == 400
    assert till.now(collection)["state"] == "open"

    for _ in range(2):
        came = send(till, callback, reply)
        assert (came.status, came.headers["Location"]) == (303, form["ppmpf_1"])
    assert till.now(collection)["state"] == "paid"
    assert till.counter.now(invoice)["open"] == pkr(0)
    assert till.parked() == []


def test_a_payer_by_raast_is_shown_a_code_and_nobody_can_tell_that_it_was_paid(till: Till) -> None:
    settings = {"alias": "03001234567", "merchant_name": "Ravi Broadband", "city": "Lahore"}
    callback = set_up(till, "raast", Credentials({}, settings))
    _, collection, checkout = begun_with(till, "raast")

    assert (checkout["step"], checkout["fields"]["amount"]) == ("show", "500.00")
    assert collection["reference"] in checkout["fields"]["qr"]
    told = Received("POST", {}, "", b"{}")
    assert send(till, callback, told).status == 400
    assert till.now(collection)["state"] == "open"
    page = till.press(till.link(till.counter.invoice(line(7_000))), gateway="raast")
    assert page.status == 200
    assert '<svg role="img" aria-label="QR code' in page.text
    assert "03001234567" in page.text
    assert "000201" not in page.text, "the code's text is for scanners"
