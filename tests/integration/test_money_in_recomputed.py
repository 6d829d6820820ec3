"""Money that comes in by every way, recomputed by hand: the trial balance to the minor unit after each."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.books_check import check_books
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.counter import Counter, line, pkr
from tests.integration.field import Field, receipt, send, sync
from tests.integration.gatewaying import Till
from tests.integration.shop import Shop, created, ok
from tests.integration.staffing import Company
from tests.integration.trading import Trade, trade
from tests.integration.voucher_desk import VoucherDesk, redeem

__all__ = ["trade"]


@pytest.fixture
def counter(services: EngineServices, signed_in: SignedIn) -> Counter:
    return Counter(Shop(signed_in, services))


def trial(counter: Counter, query: str = "") -> dict[str, int]:
    """What every account of the ledger comes to, and the books are right."""
    check_books(counter.shop.services, counter.shop.tenant.tenant_id)
    told = ok(counter.shop.tenant.api.get(f"/v1/ledger/trial-balance{query}"))
    assert told["balanced"]
    return {row["account"]: row["closing"] for row in told["rows"] if row["closing"]}


def result(counter: Counter) -> int:
    """The profit of the month."""
    return int(ok(counter.shop.tenant.api.get("/v1/profit-and-loss"))["result"])


def owed(counter: Counter) -> int:
    """The closing balance of the subscriber's statement."""
    return int(counter.get("statement?from=2041-05-01")["closing"]["amount"])


def test_from_the_door_to_the_till(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> None:
    field = Field.of(Shop(signed_in, services), Company(signed_in, services, api))
    ali = field.customer(100_000)
    [taken] = sync(field.collector.api, receipt(ali.subscriber["subscriber_id"], 60_000))
    assert trial(ali) == {"receivable": 40_000, "cash:in_hand": 60_000, "revenue:one_time": -100_000}
    offered = created(field.offer(60_000))
    ok(field.count(offered, 59_000))
    ok(field.accept(offered, 59_000))
    path = f"/v1/funds/{field.till['fund_id']}/closings"
    created(send(field.owner, path, {"counted": pkr(58_500), "reason": "a note was torn"}))
    assert trial(ali) == {
        "receivable": 40_000,
        "cash:in_hand": 1_000,
        "cash:cash": 58_500,
        "cash_difference": 500,
        "revenue:one_time": -100_000,
    }
    assert result(ali) == 99_500

    created(ali.reverse({"document_id": taken["document_id"]}))

    assert (field.held(), field.in_till(), owed(ali)) == (-59_000, 58_500, 100_000)
    assert trial(ali) == {
        "receivable": 100_000,
        "cash:in_hand": -59_000,
        "cash:cash": 58_500,
        "cash_difference": 500,
        "revenue:one_time": -100_000,
    }


def test_a_dealers_sale_and_back(trade: Trade) -> None:
    ali, package = trade.customer("DLR-2"), trade.package(99_999)
    created(trade.move("DLR-2", "top-ups", 200_000))
    sold = created(trade.recharge(ali, package))["sale"]
    # A tenth of 999.99 is 100.00, a fiftieth for the parent 20.00, both half up.
    assert trial(ali) == {
        "cash:cash": 200_000,
        "dealer_wallets": -(200_000 - 89_999) - 2_000,
        "commission": 12_000,
        "revenue:recharge": -99_999,
    }
    assert result(ali) == 87_999
    assert owed(ali) == 0

    created(trade.take_back(sold["document_id"]))

    assert trial(ali) == {"cash:cash": 200_000, "dealer_wallets": -200_000}
    assert (trade.wallet("DLR-1"), trade.wallet("DLR-2"), result(ali), owed(ali)) == (0, 200_000, 0, 0)


def test_vouchers_sold_redeemed_and_taken_back(counter: Counter) -> None:
    desk, api = VoucherDesk(counter.shop), counter.shop.tenant.api
    till = created(api.post("/v1/funds", json={"name": "Till", "channel": "cash"}))["fund_id"]
    batch = desk.batch(2)
    path = f"/v1/voucher-batches/{batch['batch_id']}/sales"
    # A shop pays 900.00 for vouchers of 1,000.00.
    sale = {"fund_id": till, "amount": pkr(90_000), "commission": pkr(10_000)}
    for wrong in (pkr(-1), pkr(10**15), {"amount": 1, "currency": "USD"}):
        assert counter.send(path, {**sale, "commission": wrong}).status == 422
    created(counter.send(path, sale))
    assert trial(counter) == {"cash:cash": 90_000, "vouchers": -100_000, "commission": 10_000}
    assert desk.show(batch["batch_id"])["sold_value"] == pkr(90_000)
    counter.invoice(line(30_000))
    made = created(redeem(api, counter.path, desk.codes(batch)[0]))
    assert trial(counter) == {
        "cash:cash": 90_000,
        "commission": 10_000,
        "vouchers": -50_000,
        "credit": -20_000,
        "revenue:one_time": -30_000,
    }
    assert result(counter) == 20_000
    created(counter.reverse({"document_id": made["document_id"]}))
    ok(desk.change(batch, "reinstatement", made["serial"]))
    assert trial(counter) == {
        "cash:cash": 90_000,
        "commission": 10_000,
        "vouchers": -100_000,
        "receivable": 30_000,
        "revenue:one_time": -30_000,
    }


def test_by_a_gateway_with_its_fee_given_back_charged_back_and_won(
    counter: Counter, api: ApiClient, services: EngineServices
) -> None:
    till, staff = Till.open(counter.shop, api, counter), counter.shop.tenant.api
    invoice, collection = till.invoice_and_collection(100_000)
    till.notify(collection)
    [paid] = counter.get("documents?kind=receipt")["items"]
    assert trial(counter) == {"cash:sandbox": 100_000, "revenue:one_time": -100_000}
    # The vendor pays out what it has kept 2,500 of: that is an expense of the vendor's fund.
    vendor = created(staff.post("/v1/funds", json={"name": "Vendor", "channel": "sandbox"}))["fund_id"]
    bank = created(staff.post("/v1/funds", json={"name": "Bank", "channel": "bank_transfer"}))["fund_id"]
    fee = {"category": "gateway_fees", "amount": pkr(2_500), "paid_from": vendor}
    created(counter.send("/v1/expenses", fee))
    created(counter.send(f"/v1/funds/{vendor}/transfers", {"amount": pkr(97_500), "to_fund_id": bank}))
    settled = {
        "cash:bank_transfer": 97_500,
        "expense:gateway_fees": 2_500,
        "revenue:one_time": -100_000,
    }
    assert trial(counter) == settled
    path = f"/v1/documents/{paid['document_id']}"
    created(counter.send(f"{path}/reallocations", {}))
    created(counter.send(f"{path}/gateway-refunds", {"amount": pkr(30_000)}))
    assert trial(counter) == {**settled, "receivable": 100_000, "credit": -70_000, "cash:sandbox": -30_000}

    created(counter.send(f"{path}/chargebacks", {"case": "dp_1"}))

    # The bank takes 100,000: 70,000 is there as credit, 30,000 was given back and is owed anew.
    assert trial(counter) == {**settled, "receivable": 130_000, "cash:sandbox": -130_000}
    assert (owed(counter), result(counter)) == (130_000, 97_500)
    created(counter.send(f"{path}/chargeback-wins", {"case": "dp_1"}))
    assert trial(counter) == {**settled, "receivable": 100_000, "credit": -70_000, "cash:sandbox": -30_000}
    assert (owed(counter), counter.now(invoice)["open"]["amount"]) == (30_000, 100_000)


def test_what_was_given_back_on_a_gateways_page_is_the_gateways(counter: Counter, api: ApiClient) -> None:
    till = Till.open(counter.shop, api, counter)
    till.notify(till.begin(amount=pkr(50_000)))
    [paid] = counter.get("documents?kind=receipt")["items"]
    by_gateway = {"amount": pkr(20_000), "channel": "gateway", "reference": "seen on the dashboard"}

    made = created(counter.send(f"/v1/documents/{paid['document_id']}/refunds", by_gateway))

    assert (made["channel"], made["about"]) == ("sandbox", paid["document_id"])
    assert trial(counter) == {"cash:sandbox": 30_000, "credit": -30_000}
    in_cash = counter.pay(50_000)
    refused = counter.send(f"/v1/documents/{in_cash['document_id']}/refunds", by_gateway)
    assert refused.problem[:2] == (409, "not_a_gateway_payment")


def test_a_debit_note_for_a_chargeback_that_is_credited_is_a_loss(counter: Counter) -> None:
    paid = counter.pay(40_000)
    path = f"/v1/documents/{paid['document_id']}"
    created(counter.send(f"{path}/refunds", {"amount": pkr(40_000), "channel": "cash"}))
    case = created(counter.send(f"{path}/chargebacks", {"case": "dp_2"}))
    assert (trial(counter), result(counter)) == ({"receivable": 40_000, "cash:cash": -40_000}, 0)

    counter.credit({"invoice_id": case["debit_note_id"]}, reason="goodwill")

    assert trial(counter) == {"chargebacks": 40_000, "cash:cash": -40_000}
    assert result(counter) == -40_000
    # Won, the money is the company's again: the subscriber had it back, and owes nothing.
    created(counter.send(f"{path}/chargeback-wins", {"case": "dp_2"}))
    assert (trial(counter), result(counter), owed(counter)) == ({}, 0, 0)


def test_what_was_written_off_for_a_chargeback_is_paid_when_it_is_won(counter: Counter) -> None:
    invoice, paid = counter.invoice(line(90_000)), counter.pay(100_000)
    path = f"/v1/documents/{paid['document_id']}"
    created(counter.send(f"{path}/chargebacks", {"case": "dp_3"}))
    lost = {"reason": "uncollectible"}
    created(counter.send(f"/v1/invoices/{invoice['invoice_id']}/write-offs", lost))
    assert trial(counter) == {"revenue:one_time": -90_000, "write_off": 90_000}

    created(counter.send(f"{path}/chargeback-wins", {"case": "dp_3"}))

    assert trial(counter) == {"cash:cash": 100_000, "credit": -10_000, "revenue:one_time": -90_000}
    assert (counter.now(invoice)["state"], owed(counter)) == ("paid", -10_000)
    created(counter.reverse(paid))
    assert trial(counter) == {"receivable": 90_000, "revenue:one_time": -90_000}


def test_a_cheque_that_bounces_after_it_was_moved(counter: Counter) -> None:
    counter.tax()
    first, second = counter.invoice(line(60_000)), counter.invoice(line(30_000))
    cheque = counter.pay(70_000, channel="cheque", reference="CHQ-9")
    path = f"/v1/documents/{cheque['document_id']}"
    moved = [{"invoice_id": second["invoice_id"], "amount": pkr(30_000)}]
    created(counter.send(f"{path}/reallocations", {"allocations": moved}))
    assert trial(counter) == {
        "receivable": 60_000,
        "credit": -40_000,
        "cash:cheque": 70_000,
        "revenue:one_time": -90_000,
    }
    fee = {"amount": pkr(1_649), "tax_group": "internet"}
    bounced = {"reason": "no funds", "kind": "bounced_cheque", "fee": fee}

    created(counter.send(f"{path}/reversal", bounced))

    assert trial(counter) == {"receivable": 90_000, "revenue:one_time": -90_000}
    assert [counter.now(one)["open"]["amount"] for one in (first, second)] == [60_000, 30_000]
    [billed] = counter.get("next-invoices?on=2041-06-15")["invoices"]
    # 16.49, a sales tax of 19.5 % 3.22, an income tax of 15 % on both 2.96.
    assert billed["total"]["amount"] == 1_649 + 322 + 296


def test_expenses_over_the_turn_of_a_fiscal_year(counter: Counter, clock: FakeClock) -> None:
    staff = counter.shop.tenant.api
    bank = created(staff.post("/v1/funds", json={"name": "Bank", "channel": "bank_transfer"}))["fund_id"]
    clock.set(datetime(2041, 7, 2, 7, tzinfo=UTC))
    counter.shop.sign_in_again()
    bill = {"category": "upstream", "amount": pkr(45_000), "on": "2041-06-30"}
    expense = created(counter.send("/v1/expenses", bill))
    june = "?from=2041-06-01&to=2041-06-30"
    assert trial(counter, june) == {"payable": -45_000, "expense:upstream": 45_000}
    path = f"/v1/expenses/{expense['expense_id']}"
    ok(counter.send(f"{path}/payment", {"paid_from": bank}))
    assert trial(counter, june) == {"payable": -45_000, "expense:upstream": 45_000}
    assert trial(counter) == {"cash:bank_transfer": -45_000, "expense:upstream": 45_000}
    ok(counter.send(f"{path}/reversal", {"reason": "recorded twice"}))
    assert trial(counter) == {}
    july = ok(counter.shop.tenant.api.get("/v1/profit-and-loss?from=2041-07-01&to=2041-07-31"))
    assert july["result"] == 45_000


def test_what_is_taken_back_after_a_month_was_closed_leaves_the_month(
    trade: Trade, clock: FakeClock, services: EngineServices
) -> None:
    """At 18:59 UTC it is a minute to midnight in Karachi, on the last day of the fiscal year."""
    clock.set(datetime(2041, 6, 30, 18, 59, tzinfo=UTC))
    trade.shop.sign_in_again()
    ali, package = trade.customer("DLR-2"), trade.package(99_999)
    created(trade.move("DLR-2", "top-ups", 200_000))
    sold = created(trade.recharge(ali, package))["sale"]
    cheque, bill = ali.pay(5_000, channel="cheque"), {"category": "rent", "amount": pkr(1_000)}
    owing = created(ali.send("/v1/expenses", bill))
    june, july = "?from=2041-06-01&to=2041-06-30", "?from=2041-07-01&to=2041-07-31"
    closed = trial(ali, june)
    clock.set(datetime(2041, 6, 30, 20, 30, tzinfo=UTC))
    trade.shop.sign_in_again()
    trade.shop.bill(clock.now())
    for month in ("2041-05", "2041-06"):
        created(trade.api.post("/v1/ledger/closings", json={"month": month}))

    created(trade.take_back(sold["document_id"]))
    created(ali.reverse(cheque))
    ok(ali.send(f"/v1/expenses/{owing['expense_id']}/reversal", {"reason": "recorded twice"}))

    assert trial(ali, june) == closed
    assert trial(ali) == {"cash:cash": 200_000, "dealer_wallets": -200_000}
    told = [ok(trade.api.get(f"/v1/profit-and-loss{month}"))["result"] for month in (june, july)]
    assert told == [99_999 - 12_000 - 1_000, -(99_999 - 12_000 - 1_000)]
    closing = ok(trade.api.get("/v1/ledger/closings/2041-06"))
    assert closing["differences"] == []


def test_a_dealers_sale_is_taken_back_after_the_money_of_another_payment_went(trade: Trade) -> None:
    ali, package = trade.customer("DLR-2"), trade.package(100_000)
    created(trade.move("DLR-2", "top-ups", 200_000))
    cheque = ali.pay(50_000, channel="cheque")
    half = trade.package(50_000)
    created(ali.send("recharges", {"package_id": half["package_id"]}))
    sold = created(trade.recharge(ali, package))["sale"]
    # The bounced cheque opens the newest paid invoice, which is the dealer's.
    created(ali.reverse(cheque))

    created(trade.take_back(sold["document_id"]))

    assert trial(ali) == {
        "receivable": 50_000,
        "cash:cash": 200_000,
        "dealer_wallets": -200_000,
        "revenue:recharge": -50_000,
    }
    by_number = sorted(ali.get("invoices")["items"], key=lambda one: str(one["number"]))
    assert [(one["state"], one["open"]["amount"]) for one in by_number] == [("open", 50_000), ("paid", 0)]
