"""Valid requests that move money."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from chalicelib.adapters.payments.sandbox import SIGNATURE_HEADER, SandboxGateway, signature
from chalicelib.domain.gateways import GatewayUnavailable
from chalicelib.jobs.imports import work_imports
from tests.fakes.queues import AtOnce
from tests.integration.counter import Counter, line, pkr
from tests.integration.field import AREA, Field, receipt
from tests.integration.gatewaying import CREDENTIALS, Till
from tests.integration.importing import http_put
from tests.integration.shop import created, ok
from tests.integration.trading import TENTH, Trade
from tests.integration.voucher_desk import VoucherDesk
from tests.security.asking import (
    WHY,
    Valid,
    api_of,
    firm_of,
    owing,
    reachable,
    shop_of,
    stepped,
    visitor_of,
)
from tests.security.races import Company


def credited(company: Company) -> Valid:
    counter, names = owing(company)
    counter.pay(60_000, allocate="none")
    return Valid({"source": "credit"}, names)


def won_chargeback(company: Company) -> Valid:
    path = f"/v1/documents/{company.isp.ids['document_id']}/chargebacks"
    stepped(company, path, {"case": "dp_1"})
    return Valid({"case": "dp_1"})


def trade_of(company: Company) -> Trade:
    trade = Trade(shop_of(company), firm_of(company), company.isp.ids["fund_id"])
    trade.company.invited = 9
    parent = trade.dealer("DLR-8", commission=TENTH)
    trade.dealer("DLR-9", parent_dealer_id=parent["dealer_id"], commission=TENTH)
    created(trade.move("DLR-9", "top-ups", 900_000))
    created(trade.move("DLR-8", "top-ups", 900_000))
    return trade


def dealers_customer(company: Company) -> Valid:
    trade = trade_of(company)
    names = {"subscriber_id": trade.customer("DLR-9").subscriber["subscriber_id"]}
    return Valid({"package_id": trade.package()["package_id"]}, names)


def dealers_payment(company: Company) -> Valid:
    trade = trade_of(company)
    customer = trade.customer("DLR-9")
    customer.invoice(line(1_000))
    return Valid({"amount": pkr(1_000)}, {"subscriber_id": customer.subscriber["subscriber_id"]})


def dealers_sale(company: Company) -> Valid:
    trade = trade_of(company)
    customer = trade.customer("DLR-9")
    customer.invoice(line(1_000))
    sold = stepped(company, f"{customer.path}/dealer-payments", {"amount": pkr(1_000)})
    return Valid(WHY, {"document_id": (sold.get("receipt") or sold)["document_id"]})


def withdrawn(company: Company) -> Valid:
    trade = trade_of(company)
    body = {"fund_id": trade.till, "amount": pkr(1_000)}
    return Valid(body, {"dealer_id": trade.dealers["DLR-9"]["dealer_id"]})


def transferred(company: Company) -> Valid:
    trade = trade_of(company)
    body = {"to_dealer_id": trade.dealers["DLR-9"]["dealer_id"], "amount": pkr(1_000)}
    return Valid(body, {"dealer_id": trade.dealers["DLR-8"]["dealer_id"]})


def own_transfer(company: Company) -> Valid:
    trade = trade_of(company)
    person = trade.company.join("dealer", dealer_id="DLR-8")
    body = {"to_dealer_id": trade.dealers["DLR-9"]["dealer_id"], "amount": pkr(1_000)}
    return Valid(body, api=person.api)


def renamed_dealer(company: Company) -> Valid:
    return Valid({"name": "Gulberg II", "commission": TENTH})


def another_fund(company: Company) -> dict[str, Any]:
    return created(api_of(company).post("/v1/funds", json={"name": "Bank", "channel": "bank_transfer"}))


def empty_fund(company: Company) -> Valid:
    return Valid(names={"fund_id": another_fund(company)["fund_id"]})


def between_funds(company: Company) -> Valid:
    Counter(shop_of(company)).pay(1_000)
    return Valid({"amount": pkr(1_000), "to_fund_id": another_fund(company)["fund_id"]})


def own_fund(company: Company) -> Valid:
    return Valid({"name": "Bank", "channel": "bank_transfer"})


def in_the_field(company: Company) -> tuple[Field, Counter]:
    firm = firm_of(company)
    till = ok(api_of(company).get(f"/v1/funds/{company.isp.ids['fund_id']}"))
    firm.invited = 7
    there = Field(shop_of(company), firm, firm.join("collector", areas=[AREA]), till)
    customer = there.customer(1_000)
    return there, customer


def collected(company: Company) -> Field:
    there, customer = in_the_field(company)
    taken = receipt(customer.subscriber["subscriber_id"], 1_000)
    ok(there.collector.api.post("/v1/field-receipts", json={"receipts": [taken]}))
    return there


def field_receipts(company: Company) -> Valid:
    there, customer = in_the_field(company)
    who = customer.subscriber["subscriber_id"]
    return Valid({"receipts": [receipt(who, 1_000), receipt(who, 2_000)]}, api=there.collector.api)


def offered(company: Company) -> Valid:
    return Valid({"amount": pkr(500)}, api=collected(company).collector.api)


def counted(company: Company) -> Valid:
    there = collected(company)
    found = created(there.offer(500))
    return Valid(
        {"counted": pkr(500), "fund_id": there.till["fund_id"]}, {"hand_over_id": found["hand_over_id"]}
    )


def miscounted(company: Company) -> Valid:
    there = collected(company)
    found = created(there.offer(500))
    ok(there.count(found, 400))
    return Valid({"counted": pkr(400)}, {"hand_over_id": found["hand_over_id"]}, there.collector.api)


def till_of(company: Company) -> Till:
    return Till.open(shop_of(company), visitor_of(company), reachable(company))


def paid_online(company: Company) -> tuple[Till, str]:
    till = till_of(company)
    _, collection = till.invoice_and_collection()
    till.notify(collection)
    [receipt] = till.counter.get("documents?kind=receipt")["items"]
    stepped(company, f"/v1/documents/{receipt['document_id']}/reallocations", {"allocations": []})
    return till, str(receipt["document_id"])


def online_payment(company: Company) -> Valid:
    _, receipt_id = paid_online(company)
    return Valid({"amount": pkr(1_000)}, {"document_id": receipt_id})


def to_collect(company: Company) -> Valid:
    till_of(company)
    _, names = owing(company)
    return Valid({"gateway": "sandbox", "invoice_id": names["invoice_id"]}, names)


def unused_gateway(company: Company) -> Valid:
    by_hand(company)
    return Valid(names={"gateway": "raast"})


def by_hand(company: Company) -> None:
    """Set a gateway up that tells nothing by itself."""
    settings = {"alias": "03001234567", "merchant_name": "Ravi Broadband", "city": "Lahore"}
    ok(api_of(company).put("/v1/gateways/raast", json={"enabled": True, "settings": settings}))


def seen_at_the_bank(company: Company) -> Valid:
    by_hand(company)
    counter, names = owing(company)
    body = {"gateway": "raast", "invoice_id": names["invoice_id"]}
    begun = created(api_of(company).post(f"{counter.path}/collections", json=body))
    return Valid({"transaction": "FT26329XK1"}, {"collection_id": begun["collection"]["collection_id"]})


def begun_refund(company: Company) -> Valid:
    _, receipt_id = paid_online(company)
    with patch.object(SandboxGateway, "refund", side_effect=GatewayUnavailable("it is away")):
        made = stepped(company, f"/v1/documents/{receipt_id}/gateway-refunds", {"amount": pkr(1_000)})
    assert made["state"] == "pending"
    return Valid(names={"document_id": made["document_id"]})


def told_paid(company: Company) -> Valid:
    till = till_of(company)
    _, collection = till.invoice_and_collection()
    return heard(till, till.told(collection))


def heard(till: Till, body: bytes) -> Valid:
    signed = signature(body=body, credentials=CREDENTIALS, at=till.at)
    headers = {"content-type": "application/json", SIGNATURE_HEADER: signed}
    names = {"callback_key": urlsplit(till.callback).path.rpartition("/")[2]}
    return Valid(body, names, till.visitor, headers)


def vouched(company: Company) -> Valid:
    desk = VoucherDesk(shop_of(company))
    [code] = desk.codes(desk.batch(1))
    return Valid({"code": code})


def void_batch(company: Company) -> Valid:
    stepped(company, f"/v1/voucher-batches/{company.isp.ids['batch_id']}/void", WHY, status=200)
    return Valid(WHY)


def void_voucher(company: Company) -> Valid:
    ids = company.isp.ids
    stepped(company, f"/v1/voucher-batches/{ids['batch_id']}/vouchers/{ids['serial']}/void", WHY, status=200)
    return Valid(WHY)


def compared(company: Company, *, start: bool = True) -> str:
    data = b"Transaction ID,Order Id,Amount,Fee,Status,Currency\nT9,O9,300,3,paid,PKR\n"
    body = {"channel": "jazzcash", "on": "2041-05-15", "file_name": "x.csv", "size_bytes": len(data)}
    begun = created(api_of(company).post("/v1/settlements", json=body))
    path = f"/v1/settlements/{begun['settlement']['settlement_id']}"
    assert http_put(begun["upload"]["url"], data, begun["upload"]["headers"]) == 200
    if start:
        queue = AtOnce(company.services, work_imports)
        with patch.dict(vars(company.services), import_queue=queue):
            assert api_of(company).post(f"{path}/start").status == 202
    return path


def settlement_to_start(company: Company) -> Valid:
    return Valid(names={"settlement_id": compared(company, start=False).rpartition("/")[2]})


def a_line(company: Company) -> dict[str, str]:
    path = compared(company)
    [found, *_] = ok(api_of(company).get(f"{path}/lines?result=missing_here"))["items"]
    return {"settlement_id": path.rpartition("/")[2], "line_id": found["line_id"]}


def line_to_resolve(company: Company) -> Valid:
    return Valid({"kind": "explained", "note": "x"}, a_line(company))


def resolved_line(company: Company) -> Valid:
    found = line_to_resolve(company)
    path = f"/v1/settlements/{found.names['settlement_id']}/lines/{found.names['line_id']}/resolution"
    stepped(company, path, found.body)
    return Valid(names=found.names)


def closed_month(company: Company) -> Valid:
    stepped(company, "/v1/ledger/closings", {"month": "2041-04"})
    return Valid({"reason": "x"}, {"month": "2041-04"})
