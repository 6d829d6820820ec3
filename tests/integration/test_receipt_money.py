"""What becomes of a receipt over HTTP: moved, given back, charged back, printed, mailed; lines come back."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from chalicelib.domain.gateways import (
    Credentials,
    GatewayKind,
    GatewayRefused,
    GatewayUnavailable,
    Notice,
    NoticeStatus,
    Outcome,
    RefundAsked,
    RefundMade,
)
from chalicelib.domain.money import Money
from chalicelib.domain.payments import receive
from chalicelib.domain.receipt_refunds import GatewayRefundState, RefundAskedOnce, RefundTooOld
from chalicelib.ports.store import AuditNote
from chalicelib.usecases.gateway_events import Arrived, apply_notice
from chalicelib.usecases.posting import Books, post
from chalicelib.usecases.receipt_mails import send_receipt
from chalicelib.usecases.receipt_refunds import (
    GatewayAccess,
    begin_gateway_refund,
    finish_gateway_refund,
    refund_by_gateway,
)
from tests.fakes.api_client import ApiClient
from tests.fakes.services import InMemoryMailer
from tests.integration.books_check import check_books
from tests.integration.conftest import NOW, EngineServices, SignedIn
from tests.integration.counter import Counter, line, pkr
from tests.integration.gatewaying import Till
from tests.integration.importing import http_get
from tests.integration.shop import Item, Shop, created, if_match, ok


@pytest.fixture
def counter(services: EngineServices, signed_in: SignedIn) -> Counter:
    return Counter(Shop(signed_in, services))


def move(counter: Counter, receipt: Item, *parts: tuple[Item, int], **changes: object) -> Item:
    allocations = [{"invoice_id": one["invoice_id"], "amount": pkr(amount)} for one, amount in parts]
    body = {"allocations": allocations, **changes}
    return created(counter.send(f"/v1/documents/{receipt['document_id']}/reallocations", body))


def now(counter: Counter, receipt: Item) -> Item:
    return counter.get(f"/v1/documents/{receipt['document_id']}")


def test_a_receipt_is_moved_and_reversed_from_where_it_is(counter: Counter) -> None:
    first, second = counter.invoice(line(50_000)), counter.invoice(line(30_000))
    receipt = counter.pay(50_000, channel="cheque", reference="CHQ-77")

    journal = move(counter, receipt, (second, 30_000))

    assert (journal["reason"], journal["about"]) == ("reallocation", receipt["document_id"])
    assert (counter.now(first)["open"]["amount"], counter.now(second)["state"]) == (50_000, "paid")
    moved = now(counter, receipt)
    assert moved["settled"] == receipt["settled"]
    assert moved["pays"] == [{"invoice_id": second["invoice_id"], "amount": 30_000}]
    assert counter.books() == {"balance": 30_000, "credit": 20_000, "deposits": 0}
    move(counter, receipt, allocate="oldest_due")
    assert counter.now(first)["state"] == "paid"
    bounced = created(
        counter.send(
            f"/v1/documents/{receipt['document_id']}/reversal",
            {"reason": "no funds", "kind": "bounced_cheque", "fee": {"amount": pkr(2_000)}},
        )
    )
    assert (bounced["reason"], bounced["reference"]) == ("bounced_cheque", "CHQ-77")
    assert counter.books() == {"balance": 80_000, "credit": 0, "deposits": 0}
    [charge] = counter.shop.tenant.store.subscribers.get(
        subscriber_id=counter.subscriber["subscriber_id"]
    ).account.charges
    assert (charge.unit_price, charge.kind) == (2_000, "one_time")
    again = counter.send(f"/v1/documents/{receipt['document_id']}/reallocations", {})
    assert again.problem[:2] == (409, "already_reversed")


def test_no_more_is_given_back_than_was_paid_and_banks_take_what_they_want(counter: Counter) -> None:
    receipt, path = counter.pay(40_000), "/v1/documents/{}/{}"
    where = path.format(receipt["document_id"], "refunds")
    body = {"amount": pkr(30_000), "channel": "cash"}
    created(counter.send(where, body))

    assert counter.send(where, body).problem[:2] == (422, "exceeds_payment")
    charged = {"case": "dp_1"}
    where = path.format(receipt["document_id"], "chargebacks")
    key = secrets.token_hex(8)
    case = created(counter.send(where, charged, key))

    assert created(counter.send(where, charged, key)) == case
    assert counter.send(where, charged).problem[:2] == (409, "charged_back_already")
    assert case["amount"] == pkr(40_000)
    assert counter.now({"invoice_id": case["debit_note_id"]})["open"]["amount"] == 30_000
    assert counter.books() == {"balance": 30_000, "credit": 0, "deposits": 0}
    won = created(counter.send(path.format(receipt["document_id"], "chargeback-wins"), charged))
    assert won["state"] == "won"
    assert counter.send(path.format(receipt["document_id"], "chargeback-wins"), charged).problem[:2] == (
        409,
        "no_chargeback",
    )
    assert counter.books() == {"balance": -10_000, "credit": 10_000, "deposits": 0}
    assert [one["case"] for one in counter.get("/v1/chargebacks")["items"]] == ["dp_1"]
    assert now(counter, receipt)["refunded"] == pkr(30_000)
    check_books(counter.shop.services, counter.shop.tenant.tenant_id)


# -- refunds by a gateway -----------------------------------------------------------------------


@dataclass
class FakeGateway:
    """Gives back once for each key; fails as it is told to, before or after it did."""

    refunds: bool = True
    refunds_by_key: bool = True
    paid_back: dict[str, Money] = field(default_factory=dict)
    asked: int = 0
    fail_before: bool = False
    fail_after: bool = False
    refuse: bool = False

    def refund(self, *, asked: RefundAsked, credentials: Credentials, now: datetime) -> RefundMade:
        self.asked += 1
        if self.refuse:
            raise GatewayRefused("not refundable")
        if self.fail_before:
            raise GatewayUnavailable("away")
        self.paid_back[asked.key] = asked.amount
        if self.fail_after:
            raise GatewayUnavailable("answer lost")
        return RefundMade(f"re_{asked.key[-5:]}")


@dataclass
class Refunds:
    """A payment by a gateway that is given back by it."""

    counter: Counter
    gateway: FakeGateway
    receipt_id: str

    def note(self) -> AuditNote:
        return AuditNote("stf_1", "refund.made", self.receipt_id, NOW)

    def access(self, _receipt: object) -> GatewayAccess:
        return GatewayAccess(self.gateway, Credentials({}), "R1")  # type: ignore[arg-type]

    def begin(self, amount: int) -> str:
        begun = begin_gateway_refund(
            store=self.counter.shop.tenant.store,
            document_id=self.receipt_id,
            amount=Money(amount, "PKR"),
            gateway_of=self.access,
            at=NOW,
            note=self.note(),
        )
        return begun.refund_id

    def finish(self, refund_id: str, at: datetime = NOW) -> GatewayRefundState:
        store = self.counter.shop.tenant.store
        done = finish_gateway_refund(
            store=store, refund_id=refund_id, gateway_of=self.access, at=at, note=self.note()
        )
        return done.state

    def pending(self) -> tuple[str, ...]:
        page = self.counter.shop.tenant.store.money.gateway_refunds.pending(limit=10, after=None)
        return tuple(one.refund_id for one in page.items)


@pytest.fixture
def refunds(counter: Counter) -> Refunds:
    def paid(books: Books) -> object:
        return receive(account=books.subscriber.account, amount=50_000, channel="stripe", reference="pi_1")

    note = AuditNote("stf_1", "payment.recorded", "x", NOW)
    account_id = counter.subscriber["subscriber_id"]
    store = counter.shop.tenant.store
    posted = post(store=store, subscriber_id=account_id, make=paid, at=NOW, note=note)  # type: ignore[arg-type]
    return Refunds(counter, FakeGateway(), posted.documents[0].document_id)


def test_a_refund_that_dies_at_any_step_is_finished_by_the_next_try_once(refunds: Refunds) -> None:
    gateway = refunds.gateway
    refund_id = refunds.begin(20_000)  # and here it dies: nobody asked the gateway
    assert refunds.pending() == (refund_id,)
    for failing in ({"fail_before": True}, {"fail_after": True}):
        refunds.gateway = replace(gateway, **failing, paid_back=gateway.paid_back)
        with pytest.raises(GatewayUnavailable):
            refunds.finish(refund_id)
        assert refunds.pending() == (refund_id,)
    refunds.gateway = gateway

    assert [refunds.finish(refund_id) for _ in range(2)] == [GatewayRefundState.DONE] * 2

    assert (gateway.asked, gateway.paid_back) == (1, {refund_id: Money(20_000, "PKR")})
    assert refunds.pending() == ()
    assert refunds.counter.books() == {"balance": -30_000, "credit": 30_000, "deposits": 0}


def test_a_gateway_that_may_have_forgotten_is_not_asked_again(
    refunds: Refunds, services: EngineServices
) -> None:
    made, lost = refunds.begin(20_000), refunds.begin(10_000)
    services.clock.set(NOW + timedelta(hours=21))  # type: ignore[attr-defined]
    refunds.counter.shop.sign_in_again()
    path = "/v1/documents/{}/{}"
    with pytest.raises(RefundTooOld):
        refunds.finish(made, at=services.clock.now())
    body = {"note": "seen on the dashboard"}
    for refund_id, outcome in ((made, "done"), (lost, "refused")):
        body["outcome"] = outcome
        said = refunds.counter.send(path.format(refund_id, "refund-outcome"), body)
        assert (said.status, said.json["state"]) == (200, outcome)
    again = refunds.counter.send(path.format(made, "refund-outcome"), body)
    assert again.problem[:2] == (409, "refund_ended")
    assert (refunds.gateway.asked, refunds.pending()) == (0, ())
    assert refunds.counter.books() == {"balance": -30_000, "credit": 30_000, "deposits": 0}


def test_a_gateway_that_knows_no_keys_is_asked_once(refunds: Refunds) -> None:
    refunds.gateway = replace(refunds.gateway, refunds_by_key=False, fail_after=True)
    lost = refund_by_gateway(
        store=refunds.counter.shop.tenant.store,
        document_id=refunds.receipt_id,
        amount=Money(20_000, "PKR"),
        gateway_of=refunds.access,
        at=NOW,
        note=refunds.note(),
    )

    with pytest.raises(RefundAskedOnce):
        refunds.finish(lost.refund_id)

    assert refunds.gateway.asked == 1
    assert refunds.pending() == (lost.refund_id,)


def test_what_a_gateway_refuses_is_credit_again_and_may_be_asked_anew(refunds: Refunds) -> None:
    refunds.gateway.refuse = True
    refund_id = refunds.begin(50_000)

    assert [refunds.finish(refund_id) for _ in range(2)] == [GatewayRefundState.REFUSED] * 2

    assert refunds.counter.books() == {"balance": -50_000, "credit": 50_000, "deposits": 0}
    refunds.gateway.refuse = False
    assert refunds.finish(refunds.begin(50_000)) is GatewayRefundState.DONE
    check_books(refunds.counter.shop.services, refunds.counter.shop.tenant.tenant_id)


# -- lines that come back -------------------------------------------------------------------------


def test_a_payment_brings_back_what_was_suspended_for_it_and_nothing_else(
    counter: Counter, services: EngineServices
) -> None:
    shop = counter.shop
    lines = [shop.subscribe(counter.subscriber, shop.package()) for _ in range(3)]
    due = counter.invoice(line(50_000), due_on=(NOW + timedelta(days=0)).date().isoformat())
    services.clock.set(NOW + timedelta(days=2))  # type: ignore[attr-defined]
    shop.sign_in_again()
    for one, reason in zip(lines, ("non_payment", "other", None), strict=True):
        change = {"state": "suspended"} | ({"suspended_for": reason} if reason else {})
        shop.change(one, **change)

    counter.pay(49_999)
    assert states(counter, lines) == ["suspended"] * 3
    counter.pay(1)

    assert states(counter, lines) == ["active", "suspended", "suspended"]
    assert counter.now(due)["state"] == "paid"
    store = services.stores.of(tenant_id=shop.tenant.tenant_id)
    after = services.clock.now() + timedelta(seconds=1)
    [event] = store.money.outbox.read(before=after, limit=10, after=None).items
    assert (event.kind, event.details) == ("line.restored", {"subscriptions": [lines[0]["subscription_id"]]})
    audit = ok(shop.tenant.api.get(f"/v1/audit?object_id={counter.subscriber['subscriber_id']}"))["items"]
    assert "line.restored" in {one["action"] for one in audit}
    assert shop.try_to_change(
        ok(shop.tenant.api.get(f"/v1/subscriptions/{lines[0]['subscription_id']}")),
        suspended_for="non_payment",
    ).problem[:2] == (422, "invalid_value")


def states(counter: Counter, lines: list[Item]) -> list[str]:
    return [counter.get(f"/v1/subscriptions/{one['subscription_id']}")["state"] for one in lines]


# -- on paper and by mail ---------------------------------------------------------------------------


def test_receipts_are_printed_and_mailed_once(
    counter: Counter, services: EngineServices, mailbox: InMemoryMailer
) -> None:
    shop, api = counter.shop, counter.shop.tenant.api
    invoice, quiet = counter.invoice(line(50_000)), counter.pay(10_000)
    address = "ali@raza.example"
    changed = {"email": address}
    mailbox.sent.clear()
    where = f"/v1/documents/{quiet['document_id']}/mails"
    assert api.post(where).problem[:2] == (409, "no_address")
    ok(api.patch(counter.path, json=changed, headers=if_match(ok(api.get(counter.path)))))
    ok(api.patch("/v1/tenant", json={"receipt_mails": True}, headers=if_match(ok(api.get("/v1/tenant")))))

    receipt = counter.pay(20_000)

    [mail] = [one for one in mailbox.sent if one.to == address]
    assert receipt["number"] in mail.subject
    assert f"Invoice {invoice['number']}" in mail.text
    assert "PKR 200.00" in mail.text
    again = {"store": shop.tenant.store, "mailer": mailbox, "at": services.clock.now()}
    send_receipt(document_id=receipt["document_id"], **again)  # type: ignore[arg-type]
    assert len(mailbox.sent) == 1
    mailbox.broken = True
    assert api.post(where).status == 202  # the worker's failure is the queue's to repeat
    mailbox.broken = False
    send_receipt(document_id=quiet["document_id"], **again)  # type: ignore[arg-type]
    assert [one.subject for one in mailbox.sent[1:]] == [f"Receipt {quiet['number']}"]
    paths = (f"/v1/documents/{receipt['document_id']}/pdf", f"/v1/invoices/{invoice['invoice_id']}/pdf")
    files = [ok(api.get(path)) for path in paths]
    assert [http_get(one["url"])[:5] for one in files] == [b"%PDF-"] * 2
    assert [one["file_name"] for one in files] == [f"{one['number']}.pdf" for one in (receipt, invoice)]
    journal = created(
        counter.send(f"/v1/invoices/{invoice['invoice_id']}/write-offs", {"reason": "goodwill"})
    )
    assert api.get(f"/v1/documents/{journal['document_id']}/pdf").problem[:2] == (409, "not_printed")


# -- told by a gateway ------------------------------------------------------------------------------


def test_what_a_gateway_tells_of_money_that_goes_back_is_done_once(
    counter: Counter, services: EngineServices, api: ApiClient
) -> None:
    till = Till.open(counter.shop, api, counter)
    invoice, collection = till.invoice_and_collection(50_000)
    till.notify(collection, transaction="txn_1")
    [receipt] = counter.get("documents?kind=receipt")["items"]
    move(counter, receipt)
    refunded = counter.send(
        f"/v1/documents/{receipt['document_id']}/gateway-refunds", {"amount": pkr(20_000)}
    )
    assert (refunded.status, refunded.json["state"]) == (201, "done")
    assert counter.get("/v1/pending-refunds")["items"] == []
    completed = counter.shop.tenant.api.post(f"/v1/documents/{refunded.json['document_id']}/completion")
    assert ok(completed)["state"] == "done"

    def tell(status: NoticeStatus, event: str, amount: int) -> Outcome:
        notice = Notice(event, collection["reference"], status, Money(amount, "PKR"), "txn_1")
        arrived = Arrived(GatewayKind.SANDBOX, notice, services.clock.now())
        store = services.stores.of(tenant_id=counter.shop.tenant.tenant_id)
        return apply_notice(ports=services.gateways, store=store, arrived=arrived)

    told = [
        (NoticeStatus.REFUNDED, "e1", 20_000, Outcome.DONE),  # that it was asked for
        (NoticeStatus.REFUNDED, "e2", 20_000, Outcome.PARKED),  # and that somebody did elsewhere
        (NoticeStatus.CHARGEBACK, "e3", 50_000, Outcome.DONE),
        (NoticeStatus.CHARGEBACK, "e3", 50_000, Outcome.REPEATED),
        (NoticeStatus.CHARGEBACK_WON, "e4", 50_000, Outcome.DONE),
        (NoticeStatus.CHARGEBACK_WON, "e4", 50_000, Outcome.REPEATED),
    ]
    assert [tell(*one[:3]) for one in told] == [one[3] for one in told]
    assert [one["reason"] for one in till.parked()] == ["refunded"]
    [case] = counter.get("/v1/chargebacks")["items"]
    assert (case["case"], case["state"], case["amount"]) == ("txn_1", "won", pkr(50_000))
    assert counter.now(invoice)["open"]["amount"] == 50_000
    check_books(services, counter.shop.tenant.tenant_id)
