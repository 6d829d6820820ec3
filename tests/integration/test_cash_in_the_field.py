"""Cash in the field: receipts once however often they are sent, hand-overs by two, and the day's end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from chalicelib.domain.errors import StaleVersion
from chalicelib.domain.hand_overs import HandOverState, ended
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.books_check import check_books
from tests.integration.conftest import NOW, EngineServices, SignedIn
from tests.integration.counter import line, pkr
from tests.integration.field import AREA, Field, receipt, send, sync
from tests.integration.shop import Shop, created, ok
from tests.integration.staffing import CHOSEN, Company


@pytest.fixture
def field(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Field:
    return Field.of(Shop(signed_in, services), Company(signed_in, services, api))


def test_each_receipt_is_answered_by_itself_and_is_once(field: Field, services: EngineServices) -> None:
    ali, collector = field.customer(owes=1_000), field.collector.api
    abroad = field.shop.subscriber(area="Model Town")["subscriber_id"]
    sbr = ali.subscriber["subscriber_id"]
    good, more = receipt(sbr, 600, note="half of it"), receipt(sbr, 500)

    first = sync(
        collector,
        good,
        receipt(abroad, 500),
        receipt("sbr_01JD0000000000000000000000", 500),
        receipt(sbr, 0),
        receipt(sbr, -5),
        receipt(sbr, 10**15),
        {**receipt(sbr, 5), "amount": {"amount": 5, "currency": "USD"}},
        receipt(sbr, 5, taken_at="2041-05-15T11:06:00+05:00"),
        receipt(sbr, 5, taken_at="2041-04-15T10:59:00+05:00"),
        {**good, "amount": pkr(601)},
        more,
    )
    again = sync(collector, more, good, {**good, "note": "all of it"})

    told = [(one["state"], (one["refused"] or {}).get("code"), one["number"]) for one in first]
    absent, amount = ("refused", "not_found", None), ("refused", "invalid_amount", None)
    taken_at = ("refused", "taken_at_refused", None)
    assert told == [
        ("recorded", None, "RCP-2041-000001"),
        absent,
        absent,
        amount,
        amount,
        amount,
        ("refused", "currency_mismatch", None),
        taken_at,
        taken_at,
        ("conflict", "receipt_repeated", None),
        ("recorded", None, "RCP-2041-000002"),
    ]
    assert [(one["state"], one["number"]) for one in again] == [
        ("repeated", "RCP-2041-000002"),
        ("repeated", "RCP-2041-000001"),
        ("conflict", None),
    ]
    kept = ok(field.owner.get(f"/v1/documents/{first[0]['document_id']}"))
    fund_id = f"fnd_{field.collector.staff_id.removeprefix('stf_')}"
    assert (kept["channel"], kept["about"], kept["note"]) == ("in_hand", fund_id, "half of it")
    assert ali.books() == {"balance": -100, "credit": 100, "deposits": 0}
    assert (field.held(collector), field.in_till()) == (1_100, 0)
    moves = ok(collector.get(f"/v1/funds/{fund_id}/movements"))["items"]
    assert [(one["amount"], one["document_id"]) for one in moves] == [
        (500, first[-1]["document_id"]),
        (600, first[0]["document_id"]),
    ]
    check_books(services, field.shop.tenant.tenant_id)


def test_a_sync_repeated_on_several_workers_makes_one_receipt_of_each(
    field: Field, services: EngineServices
) -> None:
    subscribers = [field.customer(owes=500).subscriber["subscriber_id"] for _ in range(2)]
    batch = [receipt(one, 500) for one in subscribers]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: sync(field.collector.api, *batch), range(4)))

    for place in range(2):
        states = sorted(answer[place]["state"] for answer in answers)
        assert states == ["recorded", "repeated", "repeated", "repeated"]
        assert len({answer[place]["number"] for answer in answers}) == 1
    assert field.held() == 1_000
    check_books(services, field.shop.tenant.tenant_id)


def test_whose_hands_cash_is_in_and_what_a_reversal_takes(field: Field, services: EngineServices) -> None:
    ali = field.customer(owes=1_000)
    body = {"amount": pkr(400), "channel": "cash"}
    by_collector = created(send(field.collector.api, f"{ali.path}/payments", body))
    by_cheque = created(send(field.collector.api, f"{ali.path}/payments", {**body, "channel": "cheque"}))
    ali.pay(100)
    assert (by_collector["channel"], by_cheque["channel"]) == ("in_hand", "cheque")
    assert (field.held(), field.in_till()) == (400, 100)

    case = send(field.owner, f"/v1/documents/{by_collector['document_id']}/chargebacks", {"case": "dp_1"})
    assert case.problem == (409, "not_by_bank", None)
    offered = created(field.offer(400))
    ok(field.count(offered, 400))
    created(ali.reverse(by_collector))

    assert (field.held(), field.in_till()) == (-400, 500)
    assert ok(field.owner.get(ali.path))["balance"]["amount"] == 500
    check_books(services, field.shop.tenant.tenant_id)


def test_two_people_agree_before_money_moves(field: Field, services: EngineServices) -> None:
    ali = field.customer()
    sync(field.collector.api, receipt(ali.subscriber["subscriber_id"], 1_000))
    other = field.company.join("collector", areas=[AREA])
    clerk = field.company.join("billing").api

    assert field.offer(1_001).problem == (409, "insufficient_funds", "amount")
    assert field.offer(0).problem == (422, "invalid_amount", "amount.amount")
    offered = created(field.offer(900))
    assert field.count(offered, 0, by=clerk).problem == (422, "invalid_amount", "counted.amount")
    assert field.count(offered, 1_001, by=clerk).problem == (409, "insufficient_funds", "counted")
    assert field.offer(100).problem == (409, "hand_over_open", None)
    path = f"/v1/hand-overs/{offered['hand_over_id']}"
    assert field.accept(offered, 900).problem == (409, "not_counted", None)
    counted = ok(field.count(offered, 850, by=clerk))
    assert (counted["state"], field.held(), field.in_till()) == ("counted", 1_000, 0)
    for what in ("", "/withdrawal"):
        foreign = other.api.post(f"{path}{what}") if what else other.api.get(path)
        assert foreign.problem == (404, "not_found", "hand_over_id")
    assert field.accept(offered, 900).problem == (409, "count_changed", "counted")
    done = ok(field.accept(offered, 850))
    assert (done["state"], field.held(), field.in_till()) == ("confirmed", 150, 850)
    assert field.count(offered, 900).problem == (409, "hand_over_ended", None)
    refused = created(field.offer(150))
    ok(clerk.post(f"/v1/hand-overs/{refused['hand_over_id']}/refusal", json={"reason": "torn notes"}))
    withdrawn = created(field.offer(150))
    ok(field.collector.api.post(f"/v1/hand-overs/{withdrawn['hand_over_id']}/withdrawal"))
    listed = ok(field.collector.api.get("/v1/hand-overs"))["items"]
    assert {(one["state"], one["reason"]) for one in listed} == {
        ("withdrawn", ""),
        ("refused", "torn notes"),
        ("confirmed", ""),
    }
    assert ok(other.api.get("/v1/hand-overs"))["items"] == ok(other.api.get("/v1/funds"))["items"] == []
    assert field.held() == 150
    check_books(services, field.shop.tenant.tenant_id)


def test_nobody_counts_their_own_and_two_counts_at_once_move_once(
    field: Field, services: EngineServices
) -> None:
    ali = field.customer()
    sync(field.owner, receipt(ali.subscriber["subscriber_id"], 300))
    own = created(send(field.owner, "/v1/hand-overs", {"amount": pkr(300)}))
    for amount in (300, 299):
        assert field.count(own, amount).problem == (409, "own_hand_over", None)

    clerk = field.company.join("billing").api
    with ThreadPoolExecutor(3) as pool:
        counts = list(pool.map(lambda _: field.count(own, 300, by=clerk), range(3)))

    assert sorted(one.status for one in counts) == [200, 409, 409]
    assert field.in_till() == 300
    check_books(services, field.shop.tenant.tenant_id)


def test_a_hand_over_that_moved_since_it_was_read_is_not_changed(
    field: Field, services: EngineServices
) -> None:
    sync(field.collector.api, receipt(field.customer().subscriber["subscriber_id"], 300))
    offered = created(field.offer(300))
    store = services.stores.of(tenant_id=field.shop.tenant.tenant_id)
    read = store.hand_overs.get(hand_over_id=offered["hand_over_id"])
    ok(field.collector.api.post(f"/v1/hand-overs/{offered['hand_over_id']}/withdrawal"))

    refused = ended(hand_over=read, state=HandOverState.REFUSED, at=NOW)
    with pytest.raises(StaleVersion):
        store.commit(*store.hand_overs.change(before=read, after=refused))


def test_the_days_end_posts_what_is_missing_and_may_be_counted_again(
    field: Field, services: EngineServices
) -> None:
    field.customer().pay(1_000)
    path = f"/v1/funds/{field.till['fund_id']}/closings"
    collectors = ok(field.owner.get("/v1/funds?kind=collector"))["items"]
    assert collectors == []

    silent = send(field.owner, path, {"counted": pkr(950)})
    assert silent.problem == (422, "invalid_value", "reason")
    with ThreadPoolExecutor(2) as pool:
        body = {"counted": pkr(950), "reason": "change given twice"}
        both = list(pool.map(lambda _: created(send(field.owner, path, body)), range(2)))
    after = created(send(field.owner, path, {"counted": pkr(980), "reason": "found again"}))
    even = created(send(field.owner, path, {"counted": pkr(980)}))

    assert sorted(one["difference"]["amount"] for one in both) == [-50, 0]
    assert (after["difference"]["amount"], even["document_id"], field.in_till()) == (30, None, 980)
    listed = ok(field.owner.get(path))["items"]
    assert {one["closing_id"] for one in listed} == {one["closing_id"] for one in (*both, after, even)}
    rows = {one["account"]: one["closing"] for one in ok(field.owner.get("/v1/ledger/trial-balance"))["rows"]}
    assert (rows["cash_difference"], rows["cash:cash"]) == (20, 980)
    check_books(services, field.shop.tenant.tenant_id)


def test_the_route_sheet_is_who_owes_in_the_collectors_areas(field: Field, clock: FakeClock) -> None:
    paid, ali = field.customer(owes=500), field.customer(owes=700, code="A-1", name="Ali Raza")
    ali.pay(200, allocations=[])
    ali.invoice(line(50), due_on="2041-05-20")
    paid.pay(500)
    field.shop.subscriber(area="Model Town")
    sana = field.customer(owes=300, code="A-2", address="Street 7, Lahore", phone="+92 300 1234567")

    sync(field.collector.api, receipt(paid.subscriber["subscriber_id"], 5))

    clock.set(NOW + timedelta(days=20))
    field.shop.sign_in_again()
    collector = field.company.sign_in(field.collector.email, CHOSEN)
    sheet = ok(collector.get("/v1/route-sheet"))

    assert [(one["code"], one["to_pay"]["amount"], one["days_overdue"]) for one in sheet["items"]] == [
        ("A-1", 550, 15),
        ("A-2", 300, 13),
    ]
    assert (sheet["to_pay"], sheet["next_cursor"]) == (850, None)
    found = sheet["items"][1]
    assert (found["subscriber_id"], found["phone"], found["address"], found["map_link"]) == (
        sana.subscriber["subscriber_id"],
        "+92 300 1234567",
        "Street 7, Lahore",
        "geo:0,0?q=Street%207%2C%20Lahore",
    )
    assert (found["oldest_due_on"], found["status"]) == ("2041-05-22", "new")
    idle = [len(ok(field.owner.get(f"/v1/funds?idle_days={days}"))["items"]) for days in (20, 21)]
    assert idle == [1, 0]
    first = ok(collector.get("/v1/route-sheet?limit=1"))
    assert [one["code"] for one in first["items"]] == ["A-1"]
    rest = ok(collector.get(f"/v1/route-sheet?limit=1&cursor={first['next_cursor']}"))
    assert [one["code"] for one in rest["items"]] == ["A-2"]
    for api, area in ((collector, "Model+Town"), (field.owner, "Nowhere")):
        empty = ok(api.get(f"/v1/route-sheet?area={area}"))
        assert (empty["items"], empty["to_pay"], empty["next_cursor"]) == ([], 0, None)
