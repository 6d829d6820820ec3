"""What remains of the books after an erasure and after a purge: the same, to the minor unit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from unittest.mock import patch

import pytest

from chalicelib.domain.books_audit import audit_account
from chalicelib.domain.ledger import LedgerRow
from chalicelib.domain.receipt_refunds import GatewayRefund, GatewayRefundState
from chalicelib.jobs.keys import keep_keys
from chalicelib.jobs.tenants import PassIncomplete
from chalicelib.local.gateway import Gateway
from chalicelib.ports.store import TenantStore
from chalicelib.store.holds import DynamoHolds
from chalicelib.usecases.books_audit import audit_books, audit_series
from chalicelib.usecases.ledger import read_trial_balance
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, sign_up_and_in
from tests.integration.counter import Counter, line, pkr
from tests.integration.endings import Ending, bills_name, little, visitor
from tests.integration.gatewaying import Till
from tests.integration.privacy_desk import Desk, complete, taken_in
from tests.integration.shop import Shop, created, ok
from tests.integration.test_privacy_requests import desk  # noqa: F401 - a fixture

FIRST, LAST = date(2041, 5, 1), date(2041, 5, 31)
YEARS_ON = datetime(2048, 7, 1, 12, tzinfo=UTC)


def trial_of(store: TenantStore) -> Sequence[LedgerRow]:
    """The trial balance of the month in which everything was posted: there is one, and it balances."""
    trial = read_trial_balance(store=store, first=FIRST, last=LAST, at=datetime(2041, 6, 1, tzinfo=UTC))
    assert sum(row.closing for row in trial.rows) == 0
    assert trial.rows
    return trial.rows


def figures(store: TenantStore, account_id: str) -> list[object]:
    """The trial balance, every number of each series, and an account with its documents."""
    reader = store.book_reader
    money = reader.money(account_id=account_id)
    audit = audit_account(money=money, documents=reader.documents(account_id=account_id))
    numbers = {name: audit_series(store=store, series=name, start=1, limit=100) for name in reader.series()}
    assert not audit.differences
    assert not any(one.differences for one in numbers.values())
    return [trial_of(store), numbers, (money.balance, money.credit, money.deposits), audit.postings]


def shown_to_staff(counter: Counter) -> list[str]:
    """An account's statement and documents, as staff read them."""
    return [json.dumps(counter.get(what)) for what in ("statement", "invoices", "documents")]


def test_after_an_erasure_the_books_are_the_same_and_money_moves_but_no_fee_is_charged(
    desk: Desk,  # noqa: F811
    clock: FakeClock,
) -> None:
    counter = Counter(desk)
    created(desk.tenant.api.post("/v1/late-fee-rules", json={"name": "Late", "grace_days": 1, "amount": 100}))
    credited, lost, owed = (counter.invoice(line(amount)) for amount in (30_000, 10_000, 40_000))
    cash, card = counter.pay(50), counter.pay(5_000, channel="bank_transfer")
    store = desk.services.stores.of(tenant_id=desk.tenant.tenant_id)
    account_id, numbers = counter.subscriber["subscriber_id"], store.consumer_numbers
    store.commit(*numbers.give(account_id=account_id, number="10000000001", serial=1, before=""))
    before = figures(store, account_id), shown_to_staff(counter)
    request = taken_in(desk, counter.subscriber, "deletion")

    ok(complete(desk, request, despite_debt=True, words="the debt is too small to be asked for"))

    assert (figures(store, account_id), shown_to_staff(counter)) == before
    assert (numbers.of(account_id=account_id), numbers.account_of(number="10000000001")) == ("", None)
    assert numbers.next_serial() == 2
    counter.credit(credited)
    for path, body in (
        (f"invoices/{lost['invoice_id']}/write-offs", {"reason": "uncollectible"}),
        (f"documents/{cash['document_id']}/refunds", {"amount": pkr(50), "channel": "cash"}),
        (f"documents/{card['document_id']}/chargebacks", {"case": "C-1"}),
    ):
        created(counter.send(f"/v1/{path}", body))
    assert audit_books(store=store).differences == []
    assert counter.now(owed)["open"]["amount"] > 0
    documents = counter.get("invoices")["items"]
    clock.advance(timedelta(days=9))  # due after seven days, and past grace after another
    desk.bill(clock.now())
    desk.sign_in_again()
    assert counter.get("late-fees")["items"] == []
    assert [one["number"] for one in counter.get("invoices")["items"]] == [one["number"] for one in documents]
    assert counter.books()["balance"] > 0


def test_after_a_purge_the_books_are_the_same_until_the_year_that_its_certificate_names(
    gateway: Gateway, services: EngineServices, clock: FakeClock
) -> None:
    shop = Shop(sign_up_and_in(visitor(gateway), services), services)
    counter, ending = Counter(shop), Ending(shop, services)
    counter.tax()
    counter.credit(counter.invoice(line(70_000, tax_group="internet")))
    counter.invoice(line(50_000, tax_group="internet"))
    counter.pay(1_000_000)
    store, account_id = services.stores.of(tenant_id=ending.tenant_id), counter.subscriber["subscriber_id"]
    rent = {"category": "rent", "amount": pkr(5_000), "on": "2040-06-01"}
    created(counter.send("/v1/expenses", rent))
    before = figures(store, account_id)
    # The purge begins half an hour before the fiscal year ends in Lahore, and is done in the next.
    clock.set(datetime(2041, 5, 31, 18, 30, tzinfo=UTC))
    shop.sign_in_again()
    ending.cancel()

    ending.purge()

    assert ending.state == "purged"
    assert figures(services.stores.of(tenant_id=ending.tenant_id), account_id) == before
    (certificate,) = ending.certificates()
    (until,) = {one["until"] for one in json.loads(certificate["certificate"])["kept"]}
    assert until.startswith("the end of fiscal year 2048")
    clock.set(YEARS_ON - timedelta(days=1))
    ending.keep()
    assert ending.state == "purged"
    clock.set(YEARS_ON)
    ending.keep()
    assert ending.state == "shredded"
    assert [item["sk"]["S"] for item in shop.items()] == ["PROFILE"]


def test_a_hold_that_is_set_while_a_year_is_shredded_keeps_it(
    gateway: Gateway, services: EngineServices, clock: FakeClock
) -> None:
    ending, read = little(gateway, services), DynamoHolds.categories
    hold = {"tenant_id": ending.tenant_id, "category": "billing", "reason": "a tax audit"}

    def held_meanwhile(holds: DynamoHolds) -> object:
        found = read(holds)
        if vars(holds)["_tenant_id"] == ending.tenant_id:  # the pass looks at others before
            ending.order(hold=hold)
        return found

    clock.set(YEARS_ON)
    with patch.object(DynamoHolds, "categories", held_meanwhile), pytest.raises(PassIncomplete):
        keep_keys(services, {})
    keep_keys(services, {})

    assert ending.keys()["bill-2041#0001"]
    assert bills_name(ending) == {"Ali Raza"}


def test_nobody_is_erased_while_a_gateway_is_at_their_money(
    gateway: Gateway,
    desk: Desk,  # noqa: F811
    clock: FakeClock,
) -> None:
    till = Till.open(desk, visitor(gateway))
    request = taken_in(desk, till.counter.subscriber, "deletion")
    till.counter.pay(60_000)
    till.counter.invoice(line(60_000))
    till.begin(amount=pkr(5_000))

    assert complete(desk, request).problem == (409, "money_under_way", None)

    clock.advance(timedelta(minutes=31))
    ok(complete(desk, request))


def test_nobody_is_erased_while_a_gateway_gives_their_money_back(
    gateway: Gateway,
    desk: Desk,  # noqa: F811
) -> None:
    till = Till.open(desk, visitor(gateway))
    counter, store = till.counter, desk.tenant.store
    request = taken_in(desk, counter.subscriber, "deletion")
    receipt = f"rcp_{counter.subscriber['subscriber_id'].removeprefix('sbr_')}-20410515-201"
    refund = GatewayRefund(
        receipt.replace("rcp", "rfd"), receipt, "sandbox", 100, "PKR", desk.services.clock.now()
    )
    store.commit(*store.money.gateway_refunds.add(refund=refund))

    assert complete(desk, request).problem == (409, "money_under_way", None)

    store.commit(
        *store.money.gateway_refunds.change(
            before=refund, after=replace(refund, state=GatewayRefundState.DONE, version=2)
        )
    )
    ok(complete(desk, request))
