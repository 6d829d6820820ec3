"""Prepaid service over HTTP: the wallet pays, time is added, what runs out is renewed or ended once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.jobs.prepaid import expire_prepaid_lines
from chalicelib.ports.store import Write
from chalicelib.store.tenant import DynamoTenantStore
from chalicelib.usecases.prepaid_endings import EndingPass, EndingReport, see_to_endings
from tests.fakes.clock import FakeClock
from tests.integration.books_check import check_books
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.counter import Counter
from tests.integration.shop import Item, Shop, created, if_match, ok

# 1,649.00 with sales tax and advance income tax on the sum, as in Pakistan.
PRICE, TAXED = 164_900, 226_614
AT = datetime(2026, 11, 24, 5, 30, tzinfo=UTC)  # 10:30 in Karachi
KARACHI = "+05:00"


@pytest.fixture
def counter(services: EngineServices, clock: FakeClock, signed_in: SignedIn) -> Counter:
    clock.set(AT)
    shop = Shop(signed_in, services)
    shop.sign_in_again()
    found = Counter(shop)
    found.tax()
    return found


def monthly(counter: Counter, **changes: object) -> Item:
    changes = {"kind": "prepaid", "price": {"amount": PRICE, "currency": "PKR"}} | changes
    return counter.shop.package(**({"tax_group": "internet"} | changes))


def hourly(counter: Counter, **changes: object) -> Item:
    return monthly(counter, valid_minutes=60, tax_group=None, price={"amount": 1_000, "currency": "PKR"})


def recharge(counter: Counter, package: Item, **changes: object) -> Item:
    return created(counter.send("recharges", {"package_id": package["package_id"], **changes}))


def renewing(counter: Counter, line: Item) -> Item:
    path = f"/v1/prepaid/{line['subscription_id']}"
    return ok(counter.shop.tenant.api.patch(path, json={"auto_renew": True}, headers=if_match(line)))


def line_now(counter: Counter, line: Item) -> Item:
    return counter.get(f"/v1/prepaid/{line['subscription_id']}")


def store_of(counter: Counter) -> DynamoTenantStore:
    return counter.shop.services.stores.of(tenant_id=counter.shop.tenant.tenant_id)


def look(counter: Counter, at: datetime, store: Any = None) -> EndingReport:
    work = EndingPass(store=store or store_of(counter), at=at, out_of_time=lambda: False)
    return see_to_endings(work=work)


def audited(counter: Counter, action: str) -> int:
    return sum(item["action"]["S"] == action for item in counter.shop.items("AUD#"))


def test_a_recharge_is_paid_from_the_wallet_with_its_taxes(counter: Counter) -> None:
    package = monthly(counter)
    counter.pay(300_000)

    made = recharge(counter, package)

    assert made["valid_from"] == f"2026-11-24T10:30:00{KARACHI}"
    assert made["line"]["expires_at"] == made["valid_until"] == f"2026-12-24T10:30:00{KARACHI}"
    assert made["line"]["state"] == "running"
    invoice = made["invoice"]
    assert (invoice["state"], invoice["total"]["amount"], invoice["open"]["amount"]) == ("paid", TAXED, 0)
    (line,) = invoice["lines"]
    assert [tax["amount"] for tax in line["taxes"]] == [32_156, 29_558]
    assert "valid from 2026-11-24 05:30 UTC until 2026-12-24 05:30 UTC" in line["calculation"]
    assert counter.books() == {"balance": TAXED - 300_000, "credit": 300_000 - TAXED, "deposits": 0}
    assert counter.get("prepaid")["items"] == [made["line"]]
    check_books(counter.shop.services, counter.shop.tenant.tenant_id)


def test_what_the_wallet_does_not_hold_is_refused_and_nothing_changes(counter: Counter) -> None:
    package = monthly(counter)
    counter.pay(TAXED - 1)

    refused = counter.send("recharges", {"package_id": package["package_id"]})

    assert refused.problem == (409, "insufficient_credit", "pay")
    assert counter.books()["credit"] == TAXED - 1
    assert counter.get("prepaid")["items"] == []
    assert counter.get("invoices")["items"] == []


def test_time_is_added_to_the_same_package_and_another_begins_now(counter: Counter, clock: FakeClock) -> None:
    month, hour = monthly(counter), hourly(counter)
    counter.pay(1_000_000)
    recharge(counter, month)
    clock.advance(timedelta(days=2))
    counter.shop.sign_in_again()

    second = recharge(counter, month)
    assert second["line"]["expires_at"] == f"2027-01-24T10:30:00{KARACHI}"
    other = recharge(counter, hour)

    assert other["line"]["subscription_id"] == second["line"]["subscription_id"]
    assert other["line"]["expires_at"] == f"2026-11-26T11:30:00{KARACHI}"
    check_books(counter.shop.services, counter.shop.tenant.tenant_id)


def test_the_same_key_recharges_once(counter: Counter) -> None:
    package = hourly(counter)
    counter.pay(10_000)
    body = {"package_id": package["package_id"]}

    first, again = (counter.send("recharges", body, key="one") for _ in range(2))

    assert (first.status, again.status) == (201, 201)
    assert first.json == again.json
    assert counter.books()["credit"] == 9_000


def test_twenty_at_once_never_take_more_than_the_wallet_has(counter: Counter) -> None:
    package = hourly(counter)
    counter.pay(5_500)
    recharge(counter, package)

    with ThreadPoolExecutor(20) as pool:
        body = {"package_id": package["package_id"]}
        answers = list(pool.map(lambda _: counter.send("recharges", body), range(20)))

    sold = sum(one.status == 201 for one in answers)
    assert {one.status for one in answers} <= {201, 409, 503}
    assert sold <= 4
    assert counter.books()["credit"] == 4_500 - sold * 1_000
    while counter.send("recharges", body).status == 201:
        sold += 1
    assert sold == 4
    assert counter.books()["credit"] == 500
    (line,) = counter.get("prepaid")["items"]
    assert line["expires_at"] == f"2026-11-24T15:30:00{KARACHI}"
    check_books(counter.shop.services, counter.shop.tenant.tenant_id)


def test_no_run_looks_at_a_prepaid_line_and_its_slot_is_nobody_elses(counter: Counter) -> None:
    package = monthly(counter)
    counter.pay(TAXED)

    line = recharge(counter, package)["line"]

    assert counter.shop.filed() == []
    store = store_of(counter)
    assert store.subscribers.get(subscriber_id=line["subscriber_id"]).account.subscriptions == ()
    service = counter.shop.subscribe(counter.subscriber, counter.shop.package())
    assert line["subscription_id"].endswith("-1")
    assert service["subscription_id"].endswith("-2")


def test_a_line_is_renewed_once_for_each_end_however_often_anyone_looks(counter: Counter) -> None:
    counter.pay(3_000)
    line = renewing(counter, recharge(counter, hourly(counter))["line"])

    assert look(counter, AT + timedelta(minutes=50)).renewed == 0
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: look(counter, AT + timedelta(minutes=56)), range(4)))

    assert sum(one.renewed for one in reports) == 1
    assert look(counter, AT + timedelta(minutes=60)).renewed == 0
    now = line_now(counter, line)
    assert (now["expires_at"], now["ended"]) == (f"2026-11-24T12:30:00{KARACHI}", None)
    assert counter.books()["credit"] == 1_000
    assert audited(counter, "prepaid.renewed") == 1
    check_books(counter.shop.services, counter.shop.tenant.tenant_id)


class Dying:
    """A store whose process ends at its first commit, before it is made or after it was."""

    def __init__(self, store: DynamoTenantStore, *, made: bool) -> None:
        self._store = store
        self._made = made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, *writes: Write) -> None:
        if self._made:
            self._store.commit(*writes)
        raise KeyboardInterrupt


@pytest.mark.parametrize("made", [False, True])
@pytest.mark.parametrize("auto_renew", [False, True])
def test_killed_at_its_commit_the_next_pass_leaves_the_same(
    counter: Counter, *, made: bool, auto_renew: bool
) -> None:
    counter.pay(3_000)
    line = recharge(counter, hourly(counter))["line"]
    if auto_renew:
        line = renewing(counter, line)
    at = AT + timedelta(minutes=60)

    with pytest.raises(KeyboardInterrupt):
        look(counter, at, Dying(store_of(counter), made=made))
    look(counter, at)
    look(counter, at)

    now = line_now(counter, line)
    assert now["version"] == line["version"] + 1
    assert counter.books()["credit"] == (1_000 if auto_renew else 2_000)
    assert now["ended"] == (None if auto_renew else "expired")
    assert audited(counter, "prepaid.renewed") + audited(counter, "prepaid.ended") == 1


def test_without_money_a_line_is_tried_until_it_runs_out_and_then_ends(counter: Counter) -> None:
    counter.pay(1_000)
    line = renewing(counter, recharge(counter, hourly(counter))["line"])

    early = look(counter, AT + timedelta(minutes=56))
    assert (early.renewed, early.ended) == (0, 0)
    late = look(counter, AT + timedelta(minutes=61))

    assert (late.renewed, late.ended) == (0, 1)
    assert line_now(counter, line)["ended"] == "insufficient_credit"
    assert counter.books()["credit"] == 0
    assert look(counter, AT + timedelta(minutes=66)).ended == 0
    assert counter.shop.items("EXP") == []


def test_days_without_a_look_are_caught_up_and_service_goes_on_from_then(counter: Counter) -> None:
    counter.pay(3_000)
    line = renewing(counter, recharge(counter, hourly(counter))["line"])
    other = recharge(counter, hourly(counter), new_line=True)["line"]

    report = look(counter, AT + timedelta(days=3))

    assert (report.renewed, report.ended) == (1, 1)
    assert line_now(counter, line)["expires_at"] == f"2026-11-27T11:30:00{KARACHI}"
    assert line_now(counter, other)["ended"] == "expired"


def test_an_ended_line_begins_anew_with_the_next_recharge(counter: Counter, clock: FakeClock) -> None:
    package = hourly(counter)
    counter.pay(2_000)
    line = recharge(counter, package)["line"]
    look(counter, AT + timedelta(hours=2))
    clock.set(AT + timedelta(hours=3))

    again = recharge(counter, package)["line"]

    assert again["subscription_id"] == line["subscription_id"]
    assert (again["state"], again["ended"]) == ("running", None)
    assert len(counter.shop.items("EXP")) == 1


def test_a_recharge_taken_back_gives_the_money_and_takes_the_time(counter: Counter) -> None:
    package = monthly(counter)
    counter.pay(2 * TAXED)
    first, second = recharge(counter, package), recharge(counter, package)
    path = f"/v1/invoices/{first['invoice']['invoice_id']}/recharge-reversal"

    back = created(counter.send(path, {"reason": "the wrong subscriber"}))

    assert back["credit_note"]["amount"]["amount"] == TAXED
    assert back["line"]["expires_at"] == first["line"]["expires_at"]
    assert counter.books()["credit"] == TAXED
    again = counter.send(path, {"reason": "the wrong subscriber"})
    assert again.problem[:2] == (409, "nothing_to_credit")
    path = f"/v1/invoices/{second['invoice']['invoice_id']}/recharge-reversal"
    ended = created(counter.send(path, {"reason": "the wrong subscriber"}))["line"]
    assert (ended["state"], ended["ended"]) == ("expired", "recharge_reversed")
    assert counter.shop.items("EXP") == []
    check_books(counter.shop.services, counter.shop.tenant.tenant_id)


def test_what_may_not_be_bought_is_refused(counter: Counter, other_tenant: SignedIn) -> None:
    counter.pay(10_000)
    service, package = counter.shop.package(), hourly(counter)
    refusals: Sequence[tuple[Item, tuple[int, str, str | None]]] = [
        ({"package_id": service["package_id"]}, (422, "not_prepaid", "package_id")),
        ({"package_id": "pkg_none"}, (404, "not_found", "package_id")),
        ({"package_id": package["package_id"], "pay": "cash"}, (422, "invalid_value", "pay")),
        (
            {"package_id": package["package_id"], "subscription_id": "sbn_none"},
            (404, "not_found", "subscription_id"),
        ),
    ]
    for body, refusal in refusals:
        assert counter.send("recharges", body).problem == refusal
    invoice = counter.invoice({"description": "Router", "unit_price": {"amount": 1, "currency": "PKR"}})
    path = f"/v1/invoices/{invoice['invoice_id']}/recharge-reversal"
    assert counter.send(path, {"reason": "a mistake"}).problem[:2] == (409, "not_a_recharge")
    recharge(counter, package)
    line = recharge(counter, package, new_line=True)["line"]
    unclear = counter.send("recharges", {"package_id": package["package_id"]})
    assert unclear.problem == (409, "line_required", "subscription_id")
    theirs = other_tenant.api.get(f"/v1/prepaid/{line['subscription_id']}")
    assert theirs.status in {401, 404}
    stale = counter.shop.tenant.api.patch(
        f"/v1/prepaid/{line['subscription_id']}", json={"auto_renew": True}, headers={"If-Match": '"7"'}
    )
    assert stale.status == 412


def test_the_schedule_sees_to_every_tenant(counter: Counter, clock: FakeClock) -> None:
    counter.pay(3_000)
    line = renewing(counter, recharge(counter, hourly(counter))["line"])
    clock.set(AT + timedelta(minutes=57))

    expire_prepaid_lines(counter.shop.services, {})

    assert line_now(counter, line)["expires_at"] == f"2026-11-24T12:30:00{KARACHI}"
