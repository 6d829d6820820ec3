"""Banks ask what is to be paid under a consumer number, and pay it: the bill they were told, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.counter import line
from tests.integration.gatewaying import Till
from tests.integration.shop import Item, Shop, created, ok

BANK = {"username": "onelink", "password": "a bridge over the canal".replace(" ", "-")}


@pytest.fixture
def till(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Till:
    till = Till.open(Shop(signed_in, services), api)
    settings = {"prefix": "12345", "allowed_addresses": api.caller, "padding": "none"}
    body = {"enabled": True, "settings": settings, "secrets": BANK}
    till.callback = ok(till.staff.put("/v1/gateways/onebill", json=body))["callback_url"]
    return till


def ask(till: Till, tail: str, body: Item, **headers: str) -> Item:
    """Ask as a bank does; business errors come with status 200."""
    path = f"{urlsplit(till.callback).path}/{tail}"
    reply = till.visitor.post(path, json={"reserved": "", **body}, headers={**BANK, **headers})
    assert reply.status == 200, reply.text
    found: Item = reply.json
    return found


def number_of(till: Till, invoice: Item) -> str:
    """The number that a payer is shown."""
    shown = created(till.try_to_begin(invoice, gateway="onebill"))["checkout"]
    return str(shown["fields"]["consumer_number"])


def inquire(till: Till, number: str) -> Item:
    return ask(till, "BillInquiry", {"consumer_number": number, "bank_mnemonic": "HBL"})


def pay(till: Till, number: str, amount: int, auth_id: str = "123456") -> str:
    body = {
        "consumer_number": number,
        "tran_auth_id": auth_id,
        "transaction_amount": f"{amount:012d}",
        "tran_date": "20410515",
        "tran_time": "110000",
        "bank_mnemonic": "HBL",
    }
    return str(ask(till, "BillPayment", body)["response_Code"])


def test_a_bill_is_asked_for_and_paid_once(till: Till, clock: FakeClock) -> None:
    till.counter.invoice(line(1_000))
    invoice = till.counter.invoice(line(250_000))
    number = number_of(till, invoice)

    bill = inquire(till, number)
    assert (bill["response_Code"], bill["bill_status"]) == ("00", "U")
    assert bill["amount_within_dueDate"] == "+0000000250000"
    assert "Ali Raza" not in str(bill)
    assert pay(till, number, 249_900) == "02"
    assert pay(till, number, 250_000) == "00"
    assert pay(till, number, 250_000) == "03"

    assert till.counter.now(invoice)["state"] == "paid"
    [collection] = till.counter.get("collections")["items"]
    assert (collection["state"], len(collection["receipts"])) == ("paid", 1)
    # Without a collection under way it is all that is owed.
    assert inquire(till, number)["amount_within_dueDate"] == "+0000000001000"
    assert pay(till, number, 1_000, auth_id="123457") == "00"
    assert inquire(till, number)["bill_status"] == "P"
    assert pay(till, number, 1_000, auth_id="123458") == "06"
    assert till.counter.books() == {"balance": 0, "credit": 0, "deposits": 0}


def test_a_number_is_one_subscribers_for_good(till: Till) -> None:
    first = number_of(till, till.counter.invoice(line(1_000)))
    other = Till(type(till.counter)(till.counter.shop), till.visitor, till.callback)
    second = number_of(other, other.counter.invoice(line(2_000)))

    assert first != second
    assert number_of(till, till.counter.invoice(line(3_000))) == first
    assert pay(other, second, 2_000) == "00"
    balances = [ok(till.staff.get(one.counter.path))["balance"]["amount"] for one in (till, other)]
    assert balances == [4_000, 0]


def test_what_is_not_a_banks_changes_nothing(till: Till) -> None:
    number = number_of(till, till.counter.invoice(line(1_000)))
    before = till.counter.shop.items()

    assert inquire(till, f"{number[:-1]}{(int(number[-1]) + 1) % 10}")["response_Code"] == "01"
    assert pay(till, "123450000000", 1_000) == "01"
    for wrong in ({"username": "other"}, {"password": "wrong-wrong"}):
        body = {"consumer_number": number, "bank_mnemonic": "HBL"}
        assert ask(till, "BillInquiry", body, **wrong)["response_Code"] == "04"
    assert ask(till, "BillInquiry", {"consumer_number": 5})["response_Code"] == "04"
    assert till.counter.shop.items() == before


def test_the_same_payment_at_once_is_one(till: Till) -> None:
    number = number_of(till, till.counter.invoice(line(1_000)))
    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(lambda _: pay(till, number, 1_000), range(4)))
    assert set(codes) == {"00", "03"}
    assert codes.count("00") == 1
    assert till.counter.books() == {"balance": 0, "credit": 0, "deposits": 0}
