"""Dealers over HTTP: what they sell comes out of their wallets, once, and the books say the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from tests.fakes.api_client import Reply
from tests.fakes.clock import FakeClock
from tests.fakes.services import InMemoryMailer
from tests.integration.conftest import SignedIn
from tests.integration.counter import Counter, line, pkr
from tests.integration.field import receipt
from tests.integration.shop import created, if_match, ok
from tests.integration.trading import MONTH, Trade, trade
from tests.integration.voucher_desk import VoucherDesk, redeem

__all__ = ["trade"]


def test_a_recharge_is_paid_out_of_the_wallet_and_the_parent_earns_on_it(trade: Trade) -> None:
    counter, package = trade.customer("DLR-2"), trade.package()
    created(trade.move("DLR-2", "top-ups", 200_000))
    seller = trade.company.join("dealer", dealer_id="DLR-2").api

    made = created(trade.recharge(counter, package, seller, key="once"))

    assert created(trade.recharge(counter, package, seller, key="once")) == made
    sale = made["sale"]
    assert (sale["retail"], sale["price"], sale["commission"]) == (pkr(100_000), pkr(90_000), pkr(10_000))
    assert sale["wallet"] == pkr(110_000)
    invoice = made["recharge"]["invoice"]
    assert (invoice["state"], invoice["total"]) == ("paid", pkr(100_000))
    receipt = counter.get(f"/v1/documents/{sale['document_id']}")
    assert (receipt["channel"], receipt["about"]) == ("dealer", invoice["invoice_id"])
    assert (trade.wallet("DLR-2"), trade.wallet("DLR-1")) == (110_000, 2_000)
    assert trade.statement("DLR-2") == [
        ("dealer_recharge", -90_000, 110_000),
        ("dealer_top_up", 200_000, 200_000),
    ]
    assert trade.statement("DLR-1") == [("override", 2_000, 2_000)]
    (row,) = ok(trade.api.get(f"/v1/dealer-commissions{MONTH}"))["items"]
    assert (row["sales"], row["retail"], row["commission"], row["override"]) == (1, 100_000, 10_000, 2_000)
    trade.check()


def test_what_the_wallet_does_not_hold_is_refused_and_nothing_is_written(trade: Trade) -> None:
    counter, package = trade.customer("DLR-2"), trade.package()
    created(trade.move("DLR-2", "top-ups", 89_999))
    before = sorted(str(item) for item in trade.shop.items())

    refused = trade.recharge(counter, package)

    assert refused.problem == (409, "insufficient_wallet", None)
    assert "89999" in refused.json["message"]
    assert "90000" in refused.json["message"]
    assert sorted(str(item) for item in trade.shop.items()) == before


def test_of_two_sales_at_once_a_wallet_pays_as_many_as_it_holds(trade: Trade) -> None:
    package = trade.package()
    customers = [trade.customer("DLR-2") for _ in range(4)]
    created(trade.move("DLR-2", "top-ups", 180_000))

    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda counter: trade.recharge(counter, package), customers))

    assert sorted(reply.status for reply in replies) == [201, 201, 409, 409]
    assert (trade.wallet("DLR-2"), trade.wallet("DLR-1")) == (0, 4_000)
    trade.check()


def test_prices_stand_from_their_dates_and_history_is_kept(trade: Trade, clock: FakeClock) -> None:
    counter, package = trade.customer("DLR-1"), trade.package()
    created(trade.move("DLR-1", "top-ups", 1_000_000))

    def price(amount: int, starts_on: str) -> Reply:
        body = {"package_id": package["package_id"], "price": pkr(amount), "starts_on": starts_on}
        return trade.post(trade.path("DLR-1", "prices"), body)

    created(price(80_000, "2041-05-15"))
    created(price(70_000, "2041-05-16"))
    assert price(75_000, "2041-05-16").problem == (409, "dealer_price_exists", "starts_on")
    assert price(60_000, "2041-05-14").problem == (422, "invalid_value", "starts_on")
    assert price(0, "2041-06-01").problem == (422, "invalid_amount", "price.amount")
    first = created(trade.recharge(counter, package))
    clock.advance(timedelta(days=1))
    trade.shop.sign_in_again()
    second = created(trade.recharge(counter, package))

    assert [one["sale"]["price"]["amount"] for one in (first, second)] == [80_000, 70_000]
    prices = ok(trade.api.get(trade.path("DLR-1", "prices")))["items"]
    assert [one["starts_on"] for one in prices] == ["2041-05-15", "2041-05-16"]
    created(price(200_000, "2041-05-17"))
    clock.advance(timedelta(days=1))
    trade.shop.sign_in_again()
    assert trade.recharge(counter, package).problem == (409, "dealer_price_above_retail", "package_id")
    trade.check()


def test_a_recharge_is_taken_back_once_with_everything_that_it_moved(trade: Trade) -> None:
    counter, package = trade.customer("DLR-2"), trade.package()
    created(trade.move("DLR-2", "top-ups", 200_000))
    sale = created(trade.recharge(counter, package))["sale"]
    generic = counter.reverse({"document_id": sale["document_id"]})
    assert generic.problem[:2] == (409, "not_a_payment")

    with ThreadPoolExecutor(3) as pool:
        replies = list(pool.map(lambda _: trade.take_back(sale["document_id"]), range(3)))

    assert sorted(reply.status for reply in replies) == [201, 409, 409]
    assert {reply.problem[1] for reply in replies if reply.status == 409} == {"already_reversed"}
    assert (trade.wallet("DLR-2"), trade.wallet("DLR-1")) == (200_000, 0)
    (prepaid,) = counter.get("prepaid")["items"]
    assert prepaid["state"] == "expired"
    assert counter.get("invoices")["items"][0]["open"]["amount"] == 0
    (row,) = ok(trade.api.get(f"/v1/dealer-commissions{MONTH}"))["items"]
    assert (row["commission"], row["refunded_commission"], row["net_commission"]) == (10_000, 10_000, 0)
    assert (row["net_retail"], row["net_override"], row["refunds"]) == (0, 0, 1)
    trade.check()


def test_a_recharge_that_became_credit_is_taken_back_while_the_credit_is_there(trade: Trade) -> None:
    counter, package = trade.customer("DLR-2"), trade.package()
    created(trade.move("DLR-2", "top-ups", 200_000))
    made = created(trade.recharge(counter, package))
    path = f"/v1/invoices/{made['recharge']['invoice']['invoice_id']}/recharge-reversal"
    created(counter.send(path, {"reason": "the wrong package"}))
    other = counter.invoice(line(60_000))  # which the credit pays
    created(counter.send("refunds", {"amount": pkr(40_000), "channel": "cash"}))

    spent = trade.take_back(made["sale"]["document_id"])
    assert spent.problem[:2] == (409, "insufficient_credit")
    counter.pay(40_000, allocate="none")
    created(trade.take_back(made["sale"]["document_id"]))

    assert (trade.wallet("DLR-2"), counter.now(other)["open"]["amount"]) == (200_000, 60_000)
    trade.check()


def test_a_payment_is_taken_out_of_the_wallet_less_the_share_and_taken_back(trade: Trade) -> None:
    counter = trade.customer("DLR-2")
    owed = counter.invoice(line(50_000))
    created(trade.move("DLR-2", "top-ups", 100_000))
    body = {"amount": pkr(60_000)}

    made = created(trade.post(f"{counter.path}/dealer-payments", body))

    assert (made["price"], made["commission"], made["wallet"]) == (pkr(54_000), pkr(6_000), pkr(46_000))
    assert counter.now(owed)["state"] == "paid"
    assert trade.wallet("DLR-1") == 1_200
    created(trade.take_back(made["document_id"]))
    assert counter.now(owed)["state"] == "open"
    assert (trade.wallet("DLR-2"), trade.wallet("DLR-1")) == (100_000, 0)
    too_much = {"amount": pkr(10), "allocations": [{"invoice_id": owed["invoice_id"], "amount": pkr(11)}]}
    assert trade.post(f"{counter.path}/dealer-payments", too_much).problem[:2] == (422, "exceeds_payment")
    trade.check()


def test_money_goes_from_the_till_to_wallets_between_relatives_and_back(trade: Trade) -> None:
    stranger = trade.dealer("DLR-9")
    created(trade.move("DLR-1", "top-ups", 100_000))

    def transfer(to: str, amount: int) -> Reply:
        body = {"to_dealer_id": trade.dealers[to]["dealer_id"], "amount": pkr(amount)}
        return trade.post(trade.path("DLR-1", "transfers"), body)

    moved = created(transfer("DLR-2", 30_000))
    assert (moved["wallet"], trade.wallet("DLR-2")) == (pkr(70_000), 30_000)
    assert transfer("DLR-2", 70_001).problem == (409, "insufficient_wallet", "amount")
    assert transfer("DLR-9", 1).problem == (409, "dealers_not_related", "to_dealer_id")
    assert trade.move("DLR-1", "withdrawals", 70_001).problem == (409, "insufficient_wallet", "amount")
    created(trade.move("DLR-1", "withdrawals", 70_000))
    wrong = {"fund_id": trade.dealers["DLR-2"]["fund_id"], "amount": pkr(1)}
    assert trade.post(trade.path("DLR-1", "top-ups"), wrong).problem == (422, "wrong_fund", "fund_id")
    for amount, code in (
        (0, "invalid_amount"),
        (-1, "invalid_value"),
        (1.5, "invalid_type"),
        (10**14, "invalid_value"),
    ):
        body = {"fund_id": trade.till, "amount": {"amount": amount, "currency": "PKR"}}
        assert trade.post(trade.path("DLR-1", "top-ups"), body).problem[:2] == (422, code)
    dollars = {"fund_id": trade.till, "amount": {"amount": 1, "currency": "USD"}}
    assert trade.post(trade.path("DLR-1", "top-ups"), dollars).problem[:2] == (422, "currency_mismatch")
    held = {one["fund_id"]: one["balance"]["amount"] for one in ok(trade.api.get("/v1/funds"))["items"]}
    assert held[trade.till] == 30_000 == sum(held[one["fund_id"]] for one in trade.dealers.values())
    assert stranger["level"] == 1
    trade.check()


def test_who_works_for_a_dealer_sees_and_moves_its_own_alone(trade: Trade) -> None:
    trade.dealer("DLR-9")
    created(trade.move("DLR-1", "top-ups", 50_000))
    mine, theirs = trade.customer("DLR-1"), trade.customer("DLR-9")
    seller = trade.company.join("dealer", dealer_id="DLR-1").api

    assert ok(seller.get("/v1/me/dealer"))["wallet"] == pkr(50_000)
    assert ok(seller.get("/v1/me/dealer/prices"))["items"] == []
    assert ok(seller.get(f"/v1/me/dealer/commissions{MONTH}"))["items"] == []
    for path in ("/v1/dealers", trade.path("DLR-1"), trade.path("DLR-9", "movements"), "/v1/funds"):
        assert seller.get(path).status == 403
    for to, status in (("DLR-2", 201), ("DLR-9", 404)):
        body = {"to_dealer_id": trade.dealers[to]["dealer_id"], "amount": pkr(10_000)}
        assert trade.post("/v1/me/dealer/transfers", body, seller).status == status
    table = seller.get("/v1/me/dealer/movements?format=csv")
    assert (table.status, table.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert [row.split(",")[2:4] for row in table.text.splitlines()[1:]] == [
        ["'-10000", "40000"],
        ["50000", "50000"],
    ]
    assert trade.recharge(theirs, trade.package(), seller).problem == (404, "not_found", "subscriber_id")
    assert created(trade.recharge(mine, trade.package(10_000), seller))["sale"]["wallet"] == pkr(31_000)
    assert trade.api.get("/v1/me/dealer").status == 404
    trade.check()


def test_nothing_is_sold_that_nobody_can_sell(trade: Trade, other_tenant: SignedIn) -> None:
    trade.dealer("DLR-9")
    package, service = trade.package(), trade.shop.package()
    created(trade.move("DLR-1", "top-ups", 500_000))
    nobodys, bare, mine = Counter(trade.shop), trade.customer("DLR-9"), trade.customer("DLR-1")

    assert trade.recharge(nobodys, package).problem == (409, "no_dealer", None)
    assert trade.recharge(bare, package).problem == (409, "no_dealer_price", "package_id")
    assert trade.recharge(mine, service).problem == (422, "not_prepaid", "package_id")
    assert trade.recharge(mine, trade.package(0)).problem == (409, "no_dealer_price", "package_id")
    assert trade.recharge(mine, {"package_id": "pkg_none"}).problem == (404, "not_found", "package_id")
    assert trade.recharge(mine, package, other_tenant.api).status == 404
    dollars = {"amount": {"amount": 1, "currency": "USD"}}
    assert trade.post(f"{mine.path}/dealer-payments", dollars).problem[:2] == (422, "currency_mismatch")
    nothing = {"amount": pkr(0)}
    assert trade.post(f"{mine.path}/dealer-payments", nothing).problem == (
        422,
        "invalid_amount",
        "amount.amount",
    )
    gone = trade.customer("DLR-1")
    ok(trade.api.post(f"{gone.path}/archive"))
    assert trade.recharge(gone, package).problem[:2] == (409, "subscriber_archived")
    paid = trade.post(f"{gone.path}/dealer-payments", {"amount": pkr(1)})
    assert paid.problem[:2] == (409, "subscriber_archived")
    receipt = mine.pay(1_000)
    assert trade.take_back(receipt["document_id"]).problem[:2] == (409, "not_a_dealer_sale")
    assert other_tenant.api.get(trade.path("DLR-1")).status == 404


def test_a_dealer_is_archived_empty_and_its_code_stays_taken(trade: Trade) -> None:
    created(trade.move("DLR-2", "top-ups", 1_000))
    mine = trade.customer("DLR-2")

    def archive(code: str) -> Reply:
        now = ok(trade.api.get(trade.path(code)))
        return trade.api.post(trade.path(code, "archive"), headers=if_match(now))

    assert archive("DLR-2").problem[:2] == (409, "dealer_not_empty")
    assert archive("DLR-1").problem[:2] == (409, "dealer_not_empty")
    created(trade.move("DLR-2", "withdrawals", 1_000))
    assert ok(archive("DLR-2"))["archived"] is True
    assert trade.move("DLR-2", "top-ups", 1).problem[:2] == (409, "dealer_archived")
    assert trade.recharge(mine, trade.package()).problem[:2] == (409, "dealer_archived")
    again = trade.post("/v1/dealers", {"code": "dlr-2", "name": "Another"})
    assert again.problem == (409, "dealer_code_taken", "code")
    assert ok(archive("DLR-1"))["children"] == 0
    assert ok(trade.api.get("/v1/dealers"))["items"] == []
    listed = ok(trade.api.get("/v1/dealers?archived=true"))["items"]
    assert {one["code"] for one in listed} == {"DLR-1", "DLR-2"}
    trade.check()


def test_a_dealer_is_changed_from_the_next_sale_on(trade: Trade) -> None:
    counter, package = trade.customer("DLR-1"), trade.package()
    created(trade.move("DLR-1", "top-ups", 500_000))
    now = ok(trade.api.get(trade.path("DLR-1")))
    body = {"name": "Gulberg", "commission": {"amount": 5_000}}

    changed = ok(trade.api.patch(trade.path("DLR-1"), json=body, headers=if_match(now)))
    stale = trade.api.patch(trade.path("DLR-1"), json=body, headers=if_match(now))
    both = {"commission": {"share_millionths": 1, "amount": 1}}
    wrong = trade.api.patch(trade.path("DLR-1"), json=both, headers=if_match(changed))

    assert (changed["name"], stale.status) == ("Gulberg", 412)
    assert wrong.problem == (422, "invalid_commission", "commission")
    assert created(trade.recharge(counter, package))["sale"]["price"] == pkr(95_000)


def test_vouchers_are_paid_for_at_the_till_or_out_of_a_wallet(trade: Trade) -> None:
    desk, counter = VoucherDesk(trade.shop), Counter(trade.shop)
    created(trade.move("DLR-1", "top-ups", 40_000))
    batch = desk.batch(2, dealer_id=trade.dealers["DLR-1"]["dealer_id"])
    path = f"/v1/voucher-batches/{batch['batch_id']}/sales"

    created(trade.post(path, {"fund_id": trade.till, "amount": pkr(50_000)}))
    created(trade.post(path, {"fund_id": trade.dealers["DLR-1"]["fund_id"], "amount": pkr(40_000)}))
    refused = trade.post(path, {"fund_id": trade.dealers["DLR-1"]["fund_id"], "amount": pkr(1)})
    created(redeem(trade.api, counter.path, desk.codes(batch)[0]))

    assert refused.problem == (409, "insufficient_wallet", "amount")
    assert desk.show(batch["batch_id"])["sold_value"] == pkr(90_000)
    assert trade.wallet("DLR-1") == 0
    rows = ok(trade.api.get("/v1/ledger/trial-balance"))["rows"]
    assert {row["account"]: row["closing"] for row in rows}["vouchers"] == -40_000
    assert desk.ask(1, dealer_id="dlr_none").problem == (404, "not_found", "dealer_id")
    trade.check()


def test_whoever_takes_the_money_the_receipt_is_mailed(trade: Trade, mailbox: InMemoryMailer) -> None:
    created(trade.move("DLR-1", "top-ups", 500_000))
    customer, api = trade.customer("DLR-1"), trade.api
    email = {"email": "ali@raza.example"}
    ok(api.patch(customer.path, json=email, headers=if_match(ok(api.get(customer.path)))))
    ok(api.patch("/v1/tenant", json={"receipt_mails": True}, headers=if_match(ok(api.get("/v1/tenant")))))
    desk = VoucherDesk(trade.shop)
    (code,) = desk.codes(desk.batch(1))
    mailbox.sent.clear()

    created(trade.recharge(customer, trade.package()))
    created(trade.post(f"{customer.path}/dealer-payments", {"amount": pkr(1_000)}))
    created(trade.post(f"{customer.path}/voucher-redemptions", {"code": code}))
    cash = receipt(customer.subscriber["subscriber_id"], 700)
    ok(api.post("/v1/field-receipts", json={"receipts": [cash]}))
    ok(api.post("/v1/field-receipts", json={"receipts": [cash]}))

    receipts = customer.get("documents?kind=receipt")["items"][::-1]
    assert [mail.subject for mail in mailbox.sent] == [f"Receipt {one['number']}" for one in receipts]
    assert len(receipts) == 4
