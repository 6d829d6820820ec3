"""Where parts of the money meet: ways of paying, suspended lines, full transactions, files and reversals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.fakes.api_client import Reply
from tests.integration.conftest import NOW
from tests.integration.counter import Counter, line, pkr
from tests.integration.shop import Item, Shop, if_match, ok
from tests.integration.test_settlements import Accountant, accountant
from tests.integration.trading import Trade, trade
from tests.integration.voucher_desk import VoucherDesk, redeem

__all__ = ["accountant", "trade"]


def suspended(counter: Counter, *, invoices: int, lines: int) -> list[Item]:
    """Return lines that are suspended for invoices of 1.00 each, which were due two days ago."""
    shop = counter.shop
    package = shop.package()
    found = [shop.subscribe(counter.subscriber, package) for _ in range(lines)]
    for _ in range(invoices):
        counter.invoice(line(100), due_on=NOW.date().isoformat())
    shop.services.clock.set(NOW + timedelta(days=2))  # type: ignore[attr-defined]
    shop.sign_in_again()
    for one in found:
        shop.change(one, state="suspended", suspended_for="non_payment")
    return found


def states(counter: Counter, lines: list[Item]) -> list[str]:
    return [counter.get(f"/v1/subscriptions/{one['subscription_id']}")["state"] for one in lines]


def mail_receipts(shop: Shop, counter: Counter) -> None:
    api = shop.tenant.api
    ok(api.patch("/v1/tenant", json={"receipt_mails": True}, headers=if_match(ok(api.get("/v1/tenant")))))
    now = ok(api.get(counter.path))
    ok(api.patch(counter.path, json={"email": "ali@raza.example"}, headers=if_match(now)))


def test_the_fullest_payment_of_a_dealer_fits_one_transaction(trade: Trade) -> None:
    counter = trade.customer("DLR-2")
    assert trade.move("DLR-2", "top-ups", 100_000).status == 201
    mail_receipts(trade.shop, counter)
    lines = suspended(counter, invoices=40, lines=11)

    paid = counter.send("dealer-payments", {"amount": pkr(4_000)})

    assert paid.status == 201, paid.text
    # What of the lines has no room in it is restored by hand.
    assert states(counter, lines) == ["active"] * 10 + ["suspended"]
    assert {one["state"] for one in counter.get("invoices?limit=200")["items"]} == {"paid"}
    trade.check()


def voucher(counter: Counter) -> Reply:
    desk = VoucherDesk(counter.shop)
    [code] = desk.codes(desk.batch(1))
    return redeem(counter.shop.tenant.api, counter.path, code)


def field_receipt(counter: Counter) -> Reply:
    receipt = {
        "receipt_id": "0193648e-3b5f-7c1a-9d2e-5a4b6c7d8e9f",
        "subscriber_id": counter.subscriber["subscriber_id"],
        "amount": pkr(100),
        "taken_at": "2041-05-17T09:30:00+05:00",
    }
    return counter.shop.tenant.api.post("/v1/field-receipts", json={"receipts": [receipt]})


def dealer_payment(counter: Counter) -> Reply:
    return counter.send("dealer-payments", {"amount": pkr(100)})


def credit_set_off(counter: Counter) -> Reply:
    counter.pay(100, allocate="none")
    return counter.send("allocations", {"source": "credit"})


@pytest.mark.parametrize("pay", [voucher, field_receipt, dealer_payment, credit_set_off])
def test_whichever_way_money_comes_it_brings_a_line_back(
    trade: Trade, pay: Callable[[Counter], Reply]
) -> None:
    counter = trade.customer("DLR-1")
    assert trade.move("DLR-1", "top-ups", 100_000).status == 201
    lines = suspended(counter, invoices=1, lines=1)

    paid = pay(counter)

    assert paid.status in {200, 201}, paid.text
    assert states(counter, lines) == ["active"]
    trade.check()


def test_a_row_is_not_linked_to_a_payment_that_was_reversed(accountant: Accountant) -> None:
    counter = accountant.counter
    taken_back, stands = counter.pay(30_000), counter.pay(30_000)
    assert counter.reverse(taken_back).status == 201
    done = accountant.compare("T9,O9,300,3,paid,PKR\n")

    def link(receipt: Item) -> Reply:
        return accountant.resolve(done, "missing_here-1", kind="linked", document_id=receipt["document_id"])

    assert link(taken_back).problem == (422, "unknown_payment", "document_id")
    assert link(stands).status == 201
