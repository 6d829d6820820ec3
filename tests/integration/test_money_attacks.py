"""What staff, dealers, collectors and subscribers may try with money, and what stops them."""

from __future__ import annotations

import pytest

from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.fakes.services import InMemoryMailer
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.counter import Counter, pkr
from tests.integration.field import AREA, Field, receipt, send, sync
from tests.integration.portal_user import portal_session_as
from tests.integration.shop import Item, Shop, created, if_match, ok
from tests.integration.staffing import Company
from tests.integration.trading import TENTH, Trade
from tests.integration.voucher_desk import VoucherDesk, redeem

RAAST = {"alias": "lahore-net", "merchant_name": "Lahore Net", "city": "Lahore"}


@pytest.fixture
def trade(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Trade:
    found = Trade(Shop(signed_in, services), Company(signed_in, services, api))
    found.till = created(found.api.post("/v1/funds", json={"name": "Till", "channel": "cash"}))["fund_id"]
    found.dealer("DLR-1", commission=TENTH)
    return found


@pytest.fixture
def field(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Field:
    return Field.of(Shop(signed_in, services), Company(signed_in, services, api))


def test_a_dealer_with_a_wallet_takes_no_payment_beside_it(trade: Trade) -> None:
    counter, outside = trade.customer("DLR-1"), trade.customer("DLR-OLD")
    seller = trade.company.join("dealer", dealer_id="DLR-1").api
    word = trade.company.join("dealer", dealer_id="DLR-OLD").api  # a word, without a wallet

    for channel in ("cash", "bank_transfer", "cheque", "other"):
        body = {"amount": pkr(100_000), "channel": channel}
        refused = trade.post(f"{counter.path}/payments", body, seller)
        assert refused.problem == (409, "wallet_pays", None)

    assert counter.books() == {"balance": 0, "credit": 0, "deposits": 0}
    created(trade.post(f"{outside.path}/payments", {"amount": pkr(100), "channel": "cash"}, word))
    created(trade.move("DLR-1", "top-ups", 90_000))
    created(trade.post(f"{counter.path}/dealer-payments", {"amount": pkr(100_000)}, seller))
    assert trade.wallet("DLR-1") == 0
    trade.check()


def test_who_takes_money_in_the_field_does_not_say_what_reached_the_bank(field: Field) -> None:
    ali = field.customer(owes=5_000)
    ok(field.owner.put("/v1/gateways/raast", json={"enabled": True, "settings": RAAST}))
    dealer = field.company.join("dealer", dealer_id="DLR-1").api
    ok(
        field.owner.patch(
            ali.path, json={"dealer_id": "DLR-1"}, headers=if_match(ok(field.owner.get(ali.path)))
        )
    )
    made = created(field.collector.api.post(f"{ali.path}/collections", json={"gateway": "raast"}))
    path = f"/v1/collections/{made['collection']['collection_id']}/confirmation"

    for api in (field.collector.api, dealer):
        assert api.post(path, json={"transaction": "FT1"}).problem[:2] == (403, "permission_denied")

    assert ok(field.owner.get(ali.path))["balance"]["amount"] == 5_000
    clerk = field.company.join("billing").api
    assert ok(clerk.post(path, json={"transaction": "FT1"}))["state"] == "paid"


def test_a_collector_keeps_no_cash_by_calling_it_a_transfer(field: Field) -> None:
    ali = field.customer(owes=5_000)

    for channel in ("bank_transfer", "other"):
        refused = send(
            field.collector.api, f"{ali.path}/payments", {"amount": pkr(5_000), "channel": channel}
        )
        assert refused.problem == (409, "not_in_hand", "channel")

    assert ok(field.owner.get(ali.path))["balance"]["amount"] == 5_000
    created(send(field.collector.api, f"{ali.path}/payments", {"amount": pkr(5_000), "channel": "cash"}))
    assert field.held() == 5_000


def test_one_transfer_of_the_bank_confirms_one_collection(field: Field) -> None:
    ali, sana = field.customer(owes=5_000), field.customer(owes=5_000)
    ok(field.owner.put("/v1/gateways/raast", json={"enabled": True, "settings": RAAST}))
    begun = [
        created(field.owner.post(f"{one.path}/collections", json={"gateway": "raast"}))["collection"]
        for one in (ali, sana)
    ]
    first, second = (f"/v1/collections/{one['collection_id']}/confirmation" for one in begun)
    ok(field.owner.post(first, json={"transaction": "FT26329XK1"}))

    again = field.owner.post(second, json={"transaction": "ft26329xk1"})

    assert again.problem == (409, "transaction_confirmed", "transaction")
    assert ok(field.owner.get(sana.path))["balance"]["amount"] == 5_000
    assert ok(field.owner.post(second, json={"transaction": "FT26329XK2"}))["state"] == "paid"


def charge_back(counter: Counter, receipt: Item) -> Reply:
    return counter.send(f"/v1/documents/{receipt['document_id']}/chargebacks", {"case": "dp_1"})


def test_no_bank_takes_back_what_came_by_hand_wallet_or_voucher(
    trade: Trade, services: EngineServices, api: ApiClient
) -> None:
    counter = trade.customer("DLR-1")
    seller = trade.company.join("dealer", dealer_id="DLR-1").api
    created(trade.move("DLR-1", "top-ups", 90_000))
    sold = created(trade.post(f"{counter.path}/dealer-payments", {"amount": pkr(100_000)}, seller))
    desk = VoucherDesk(trade.shop)
    [code] = desk.codes(desk.batch(1))
    redeemed = created(redeem(trade.api, counter.path, code))
    [in_hand] = sync(trade.api, receipt(counter.subscriber["subscriber_id"], 300))

    for one in (sold, redeemed, in_hand):
        assert charge_back(counter, one).problem[:2] == (409, "not_by_bank"), one
    refund = {"amount": pkr(100_000), "channel": "cash"}
    given = counter.send(f"/v1/documents/{sold['document_id']}/refunds", refund)

    assert given.problem[:2] == (409, "not_a_payment")  # the dealer would keep its share of it
    created(charge_back(counter, counter.pay(700, channel="bank_transfer")))
    trade.check()


def test_a_key_of_ones_own_shows_nothing_of_another_and_does_not_stand_for_it(
    field: Field, services: EngineServices, api: ApiClient
) -> None:
    other = field.company.join("collector", areas=[AREA])
    ali = field.customer()
    for who in (field.collector.api, other.api):
        sync(who, receipt(ali.subscriber["subscriber_id"], 100))
    mine = created(send(field.collector.api, "/v1/hand-overs", {"amount": pkr(100)}, "evening"))

    theirs = send(other.api, "/v1/hand-overs", {"amount": pkr(100)}, "evening")

    assert theirs.problem[:2] == (422, "idempotency_key_reused")
    assert created(send(field.collector.api, "/v1/hand-overs", {"amount": pkr(100)}, "evening")) == mine
    assert ok(other.api.get("/v1/hand-overs"))["items"] == []


def test_subscribers_have_keys_of_their_own(
    signed_in: SignedIn, services: EngineServices, api: ApiClient
) -> None:
    shop = Shop(signed_in, services)
    desk = VoucherDesk(shop)
    first, second = desk.codes(desk.batch(2))
    ali, sana = (shop.subscriber()["subscriber_id"] for _ in range(2))
    now = services.clock.now()
    clients = [api.bearer(portal_session_as(services, signed_in, one, now)) for one in (ali, sana)]

    def used(client: ApiClient, code: str) -> Reply:
        return redeem(client, "/v1/portal", code, "1")

    created(used(clients[0], first))

    assert used(clients[1], first).problem[:2] == (409, "voucher_redeemed")
    created(used(clients[1], second))


def test_receipts_are_not_mailed_without_end(field: Field, mailbox: InMemoryMailer, clock: FakeClock) -> None:
    ali = field.customer(email="ali@raza.example")
    paid = ali.pay(100)
    where = f"/v1/documents/{paid['document_id']}/mails"
    mailbox.sent.clear()

    replies = [field.collector.api.post(where).status for _ in range(7)]

    assert replies == [202] * 5 + [429] * 2
    assert len(mailbox.sent) == 5
