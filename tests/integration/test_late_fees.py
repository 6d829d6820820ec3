"""Late and reconnect fees on the engine: charged once, billed with the next bill, waived, to be paid."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.accounts import ChargeKind
from chalicelib.domain.documents import DocumentKind, Entry, NewDocument, allocate, entry_of
from chalicelib.domain.invoices import CREDIT, RECEIVABLE, Posting
from chalicelib.domain.runs import RunShard
from chalicelib.jobs.billing import work_billing
from chalicelib.ports.store import AuditNote
from chalicelib.usecases.billing import ShardTask
from chalicelib.usecases.late_fees import FeePass, charge_late_fees
from chalicelib.usecases.posting import Books, post
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.shop import Item, Shop, created, if_match, ok

WHOLE = RunShard(0, 255)
RULE = {"name": "Late payment fee", "grace_days": 2, "share_millionths": 20_000}


@pytest.fixture
def shop(services: EngineServices, signed_in: SignedIn) -> Shop:
    """A shop of today; its days go on from there."""
    return Shop(signed_in, services)


def day(shop: Shop, on: date) -> datetime:
    """Let it be noon of a date in Karachi (five hours ahead), staff signed in."""
    clock = shop.services.clock
    assert isinstance(clock, FakeClock)
    at = datetime(on.year, on.month, on.day, 7, 0, tzinfo=UTC)
    clock.set(at)
    shop.sign_in_again()
    return at


def today(shop: Shop) -> date:
    return shop.tenant.store.profile().local_date(at=shop.services.clock.now())


def rule(shop: Shop, **changes: object) -> Item:
    return created(shop.tenant.api.post("/v1/late-fee-rules", json={**RULE, **changes}))


def sold(shop: Shop) -> Item:
    """Return a subscriber of a package of Rs 1,000.00 a month from today, untaxed, billed today."""
    subscriber = shop.subscriber()
    shop.subscribe(subscriber, shop.package(price={"amount": 100_000, "currency": "PKR"}))
    return subscriber


def pay(shop: Shop, subscriber: Item, amount: int) -> None:
    """Pay at the counter: the oldest first, what is left becomes credit."""

    def make(books: Books) -> Entry:
        settled = allocate(amount=amount, invoices=books.open_invoices())
        paid = sum(one.amount for one in settled)
        postings = [Posting("cash:cash", amount), Posting(RECEIVABLE, -paid), Posting(CREDIT, paid - amount)]
        kept = tuple(posting for posting in postings if posting.amount)
        receipt = NewDocument(DocumentKind.RECEIPT, amount, kept, channel="cash")
        return entry_of(account=books.subscriber.account, documents=[receipt], settled=settled)

    at = shop.services.clock.now()
    note = AuditNote("stf_1", "payment.taken", subscriber["subscriber_id"], at)
    store = shop.services.stores.of(tenant_id=shop.tenant.tenant_id)
    post(store=store, subscriber_id=subscriber["subscriber_id"], make=make, at=at, note=note)


def fees(shop: Shop, subscriber: Item) -> list[Item]:
    reply = shop.tenant.api.get(f"/v1/subscribers/{subscriber['subscriber_id']}/late-fees")
    return list(ok(reply)["items"])


def lines(shop: Shop, subscriber: Item, kind: ChargeKind = ChargeKind.LATE_FEE) -> list[int]:
    """The net of each billed line of a kind."""
    return [line["net"] for one in shop.invoices(subscriber) for line in one["lines"] if line["kind"] == kind]


def bill_through(shop: Shop, on: date) -> None:
    """Let the days pass, each billed on itself, up to a date."""
    state = shop.tenant.store.billing_state()
    while (following := state.completed_through + timedelta(days=1)) <= on:
        shop.bill(day(shop, following))
        state = shop.tenant.store.billing_state()
    day(shop, on)


def test_an_unpaid_invoice_is_charged_once_on_the_day_after_grace_and_billed_that_day(shop: Shop) -> None:
    made, first = rule(shop), today(shop)
    late, paid = sold(shop), sold(shop)
    bill_through(shop, first)
    due_on = first + timedelta(days=7)  # the tenant's terms
    assert shop.invoices(late)[0]["due_on"] == due_on.isoformat()

    bill_through(shop, due_on + timedelta(days=2))  # the last day of grace
    assert fees(shop, late) == []
    pay(shop, paid, 100_000)

    bill_through(shop, due_on + timedelta(days=3))
    (fee,) = fees(shop, late)
    assert (fee["rule_id"], fee["amount"], fee["state"]) == (made["rule_id"], 2_000, "charged")
    assert fee["charged_on"] == (due_on + timedelta(days=3)).isoformat()
    assert lines(shop, late) == [2_000]
    bill = shop.invoices(late)[-1]
    assert bill["issued_on"] == (due_on + timedelta(days=3)).isoformat()
    assert fees(shop, paid) == []
    assert lines(shop, paid) == []

    bill_through(shop, due_on + timedelta(days=40))
    # The second month's invoice was late too; the fee's own invoice is charged nothing.
    assert lines(shop, late) == [2_000, 2_000]
    assert len(fees(shop, late)) == 2


def test_a_fee_rides_on_the_bill_of_its_day(shop: Shop) -> None:
    first = today(shop)
    subscriber = sold(shop)
    following = shop.package(price={"amount": 50_000, "currency": "PKR"})
    shop.subscribe(subscriber, following, starts_on=(first + timedelta(days=10)).isoformat())
    rule(shop)

    bill_through(shop, first + timedelta(days=10))

    assert [len(one["lines"]) for one in shop.invoices(subscriber)] == [1, 2]


def test_two_passes_at_once_and_again_charge_once(shop: Shop) -> None:
    rule(shop)
    first = today(shop)
    people = [sold(shop) for _ in range(4)]
    bill_through(shop, first + timedelta(days=9))
    at = day(shop, first + timedelta(days=10))
    task = ShardTask(shop.tenant.tenant_id, first + timedelta(days=10), WHOLE)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: shop.charge_late_fees(task, at), range(4))) == [True] * 4
    shop.bill(at)
    shop.charge_late_fees(task, at)
    shop.bill(at + timedelta(days=1))

    assert [lines(shop, one) for one in people] == [[2_000]] * 4
    assert [len(fees(shop, one)) for one in people] == [1] * 4


def test_a_killed_pass_is_gone_on_with(shop: Shop) -> None:
    """A child process is killed after some accounts; the next pass charges the others."""
    rule(shop)
    first = today(shop)
    people = [sold(shop) for _ in range(5)]
    bill_through(shop, first + timedelta(days=9))
    at = day(shop, first + timedelta(days=10))
    store = shop.services.stores.of(tenant_id=shop.tenant.tenant_id)
    asked = iter([False, False, False])

    def dies() -> bool:
        if next(asked, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return False

    child = os.fork()
    if child == 0:
        charge_late_fees(work=FeePass(store, first + timedelta(days=10), WHOLE, at, dies))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert sum(len(fees(shop, one)) for one in people) == 3

    shop.bill(at)

    assert [lines(shop, one) for one in people] == [[2_000]] * 5


def test_the_schedule_and_the_queue_charge_fees_before_they_bill(
    shop: Shop, services: EngineServices
) -> None:
    rule(shop)
    first = today(shop)
    subscriber = sold(shop)
    bill_through(shop, first + timedelta(days=9))
    day(shop, first + timedelta(days=10))
    task = ShardTask(shop.tenant.tenant_id, first + timedelta(days=10), WHOLE)
    assert shop.tenant.api.post("/v1/billing/runs").status == 202
    event = {"Records": [{"messageId": "m", "body": json.dumps(task.message())}]}
    assert work_billing(services, event) == {"batchItemFailures": []}

    assert lines(shop, subscriber) == [2_000]


def test_terms_that_changed_and_a_rule_that_came_later(shop: Shop) -> None:
    """What counts is the invoice's own due date, and no rule reaches back."""
    first = today(shop)
    early = sold(shop)
    bill_through(shop, first)
    settings = ok(shop.tenant.api.get("/v1/tenant"))
    ok(shop.tenant.api.patch("/v1/tenant", json={"payment_days": 1}, headers=if_match(settings)))
    bill_through(shop, first + timedelta(days=8))  # the first invoice is overdue
    quick = sold(shop)
    rule(shop, grace_days=0)
    bill_through(shop, first + timedelta(days=10))  # billed the day before, to be paid today
    assert fees(shop, quick) == []

    bill_through(shop, first + timedelta(days=11))

    assert lines(shop, quick) == [2_000]
    assert fees(shop, early) == []


def test_an_invoice_by_hand_and_its_debit_note_are_charged_by_their_own_dates(shop: Shop) -> None:
    """However far ahead they are due, and though all the runs until then are made at once."""
    rule(shop)
    first = today(shop)
    subscriber = shop.subscriber()
    path = f"/v1/subscribers/{subscriber['subscriber_id']}/invoices"
    body = {
        "lines": [{"description": "Router", "unit_price": {"amount": 100_000, "currency": "PKR"}}],
        "due_on": (first + timedelta(days=120)).isoformat(),
    }
    invoice = created(shop.tenant.api.post(path, json=body, headers={"Idempotency-Key": "one"}))
    about = f"/v1/invoices/{invoice['invoice_id']}/debit-notes"
    created(shop.tenant.api.post(about, json=body, headers={"Idempotency-Key": "two"}))

    shop.bill(day(shop, first + timedelta(days=122)))
    assert fees(shop, subscriber) == []
    shop.bill(day(shop, first + timedelta(days=123)))

    assert [fee["amount"] for fee in fees(shop, subscriber)] == [2_000, 2_000]
    assert lines(shop, subscriber) == [2_000, 2_000]


def test_a_fee_is_waived_before_it_is_charged_before_it_is_billed_and_not_after(shop: Shop) -> None:
    made, first = rule(shop), today(shop)
    one, two, three = sold(shop), sold(shop), sold(shop)
    bill_through(shop, first + timedelta(days=9))
    assert waive(shop, shop.invoices(one)[0], made) == 200
    at = day(shop, first + timedelta(days=10))
    shop.charge_late_fees(ShardTask(shop.tenant.tenant_id, first + timedelta(days=10), WHOLE), at)
    assert waive(shop, shop.invoices(two)[0], made) == 200
    assert waive(shop, shop.invoices(two)[0], made) == 200

    shop.bill(at)

    assert [lines(shop, who) for who in (one, two, three)] == [[], [], [2_000]]
    assert [fee["state"] for who in (one, two) for fee in fees(shop, who)] == ["waived", "waived"]
    assert fees(shop, two)[0]["reason"] == "Outage in the area"
    assert waive(shop, shop.invoices(three)[0], made) == 409


def waive(shop: Shop, invoice: Item, made: Item) -> int:
    path = f"/v1/invoices/{invoice['invoice_id']}/late-fees/{made['rule_id']}/waive"
    return shop.tenant.api.post(path, json={"reason": "Outage in the area"}).status


def test_a_rule_is_changed_ended_and_refused(shop: Shop) -> None:
    made = rule(shop, cap=50_000)
    path = f"/v1/late-fee-rules/{made['rule_id']}"

    changed = ok(shop.tenant.api.patch(path, json={"cap": None}, headers=if_match(made)))
    assert (changed["cap"], changed["version"]) == (None, 2)
    assert shop.tenant.api.patch(path, json={"cap": 1}, headers=if_match(made)).status == 412
    both = shop.tenant.api.patch(path, json={"amount": 5}, headers=if_match(changed))
    assert (both.status, both.json["code"]) == (422, "invalid_late_fee_rule")
    ended = ok(shop.tenant.api.patch(path, json={"active": False}, headers=if_match(changed)))
    assert ended["active"] is False
    listed = ok(shop.tenant.api.get("/v1/late-fee-rules"))["items"]
    assert listed == [ended] == [ok(shop.tenant.api.get(path))]
    bad: list[tuple[dict[str, Any], str]] = [
        ({"share_millionths": 1_010_000}, "share_millionths"),
        ({"tax_group": "nowhere"}, "tax_group"),
        ({"active_from": "2020-01-01"}, "active_from"),
        ({"active_from": "9999-12-31", "grace_days": 366}, "grace_days"),
        ({"amount": -1}, "amount"),
    ]
    for wrong, param in bad:
        reply = shop.tenant.api.post("/v1/late-fee-rules", json={**RULE, **wrong})
        assert (reply.status, reply.json["param"]) == (422, param)
        assert (reply.json["code"] == "unknown_tax_group") == (param == "tax_group")
    assert len(ok(shop.tenant.api.get("/v1/late-fee-rules"))["items"]) == 1


def test_the_same_rule_twice_would_charge_twice(shop: Shop) -> None:
    created(shop.tenant.api.post("/v1/late-fee-rules", json=RULE))

    again = shop.tenant.api.post("/v1/late-fee-rules", json={**RULE, "name": str(RULE["name"]).upper()})

    assert again.problem == (409, "late_fee_rule_taken", "name")


def test_restoring_waits_for_must_pay_fees_and_costs_a_fee(shop: Shop) -> None:
    rule(shop)
    first = today(shop)
    setting = ok(shop.tenant.api.get("/v1/reconnect-fee"))
    assert (setting["amount"], setting["version"]) == (0, 1)
    fee = {"amount": 50_000}
    ok(shop.tenant.api.put("/v1/reconnect-fee", json=fee, headers=if_match(setting)))
    subscriber = shop.subscriber()
    package = shop.package(price={"amount": 100_000, "currency": "PKR"})
    subscription = shop.subscribe(subscriber, package)
    bill_through(shop, first + timedelta(days=10))
    must_pay = f"/v1/subscribers/{subscriber['subscriber_id']}/must-pay"
    assert ok(shop.tenant.api.get(must_pay))["total"]["amount"] == 2_000
    shop.change(subscription, state="suspended")

    now = shop.tenant.api.get(f"/v1/subscriptions/{subscription['subscription_id']}").json
    refused = shop.try_to_change(now, state="active")
    assert (refused.status, refused.json["code"]) == (409, "must_pay")
    # The oldest is paid first, then the fee's invoice.
    pay(shop, subscriber, 102_000)
    assert ok(shop.tenant.api.get(must_pay))["items"] == []
    assert shop.change(subscription, state="active")["state"] == "active"
    (waiting,) = ok(shop.tenant.api.get(must_pay))["items"]
    assert (waiting["kind"], waiting["open"]["amount"], waiting["number"]) == ("reconnect_fee", 50_000, None)

    shop.change(subscription, state="suspended")
    now = shop.tenant.api.get(f"/v1/subscriptions/{subscription['subscription_id']}").json
    assert shop.try_to_change(now, state="active").status == 409
    again = shop.change(subscription, state="active", must_pay_override="restored after our own fault")
    assert again["state"] == "active"
    bill_through(shop, first + timedelta(days=11))
    assert lines(shop, subscriber, ChargeKind.RECONNECT_FEE) == [50_000, 50_000]
